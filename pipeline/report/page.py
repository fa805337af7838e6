"""`emo report`: one HTML file that holds all it needs, for people who do not program."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from pipeline.report import charts
from pipeline.report.content import Absent, Report, gather
from pipeline.report.faces import SHOWN_PAIRS
from pipeline.runtime.errors import EmoError, reason
from pipeline.runtime.files import write_text
from pipeline.runtime.paths import PAGE
from pipeline.versions.writable import free_place

_ENDINGS = (".html", ".htm")


def write_report(path: Path = PAGE, *, faces: bool = True) -> Report:
    """Write the page about the project in the current folder; raise EmoError where it cannot be written.

    An older page is replaced, but no other file, and nothing that DVC or Git keeps.
    """
    with _written(path):
        _check_name(path)
    report = gather(faces=faces)
    with _written(path):
        write_text(path, render(report))
    return report


@contextmanager
def _written(path: Path) -> Iterator[None]:
    """Raise EmoError in place of an OSError about the page's place."""
    try:
        yield
    except OSError as error:
        raise EmoError(f"{path}: cannot be written: {reason(error)}; name another file") from None


def _check_name(path: Path) -> None:
    if path.is_dir():
        raise EmoError(f"{path}: is a folder; name a file, such as {path / PAGE.name}")
    if path.suffix.lower() not in _ENDINGS:
        raise EmoError(f"{path}: not a page's name; end it with {', '.join(_ENDINGS)}")
    free_place(path)


def render(report: Report) -> str:
    """Return the page; all that comes from tables is escaped."""
    page = _environment().get_template("template.html")
    return page.render(r=report, shown_pairs=SHOWN_PAIRS)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["frame"] = charts
    environment.tests["absent"] = lambda part: isinstance(part, Absent)
    environment.filters |= {"percent": _percent, "css": _css, "count": _count, "shade": _shade, "code": _code}
    return environment


def _percent(share: float, digits: int = 1) -> str:
    return f"{share * 100:.{digits}f}\N{NO-BREAK SPACE}%"


def _css(share: float) -> str:
    """Return a share as a length within the style sheet."""
    return f"{share:.2%}"


def _code(text: str) -> Markup:
    """Return a text with what stands in backticks, commands mostly, as code; all of it escaped."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _count(n: float) -> str:
    return f"{n:,}"


def _shade(n: float, most: float) -> int:
    """Return how dark a cell is, 0 to 45 per cent: text stays readable on it."""
    return round(45 * n / most) if most else 0

"""`emo report`: one self-contained HTML page for readers who do not program."""

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
from pipeline.versions.withdrawn_meanwhile import kept_unless_withdrawn
from pipeline.versions.writable import free_place

_ENDINGS = (".html", ".htm")


def write_report(path: Path = PAGE, *, faces: bool = True) -> Report:
    """Write the page about the project in the current folder.

    It replaces an older page, but no other file. Raises EmoError if it cannot be written, or if DVC or Git
    keeps that path; ConsentError if a subject withdraws meanwhile.
    """
    with _write_errors(path):
        _check_name(path)
    with kept_unless_withdrawn("report") as written:
        report = gather(faces=faces)
        with _write_errors(path):
            write_text(path, render(report))
        written.append(path)
    return report


@contextmanager
def _write_errors(path: Path) -> Iterator[None]:
    """Raise EmoError in place of an OSError."""
    try:
        yield
    except OSError as error:
        raise EmoError(f"{path}: cannot be written: {reason(error)}; give another path") from None


def _check_name(path: Path) -> None:
    if path.is_dir():
        raise EmoError(f"{path}: is a folder; give the path of a file, such as {path / PAGE.name}")
    if path.suffix.lower() not in _ENDINGS:
        raise EmoError(f"{path}: not an HTML file name; end it with {' or '.join(_ENDINGS)}")
    free_place(path)


def render(report: Report) -> str:
    """Return the HTML; all values from tables are escaped."""
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
    environment.globals["axes"] = charts
    environment.tests["absent"] = lambda part: isinstance(part, Absent)
    environment.filters |= {"percent": _percent, "css": _css, "count": _count, "shade": _shade, "code": _code}
    return environment


def _percent(share: float, digits: int = 1) -> str:
    return f"{share * 100:.{digits}f}\N{NO-BREAK SPACE}%"


def _css(share: float) -> str:
    """Return a share as a CSS length."""
    return f"{share:.2%}"


def _code(text: str) -> Markup:
    """Return an escaped text in which words between backticks, mostly commands, are code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _count(n: float) -> str:
    return f"{n:,}"


def _shade(n: float, most: float) -> int:
    """Return how dark a cell is, in per cent: at most 45, so that text on it stays readable."""
    return round(45 * n / most) if most else 0

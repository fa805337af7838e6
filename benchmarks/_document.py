"""Write the figures of results.json into docs/benchmarks.md, between its markers."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from _results import Row, cells, load

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"


def write_document() -> None:
    """Put the figures of results.json into docs/benchmarks.md; the text around them stays."""
    text = DOCUMENT.read_text(encoding="utf-8")
    for name, part in load().items():
        text = with_figures(text, name, part)
    DOCUMENT.write_text(text, encoding="utf-8")


def with_figures(text: str, name: str, part: dict[str, Any]) -> str:
    """Return the document with the figures of one program between `<!-- name -->` and `<!-- end -->`."""
    figures = "\n".join(_lines(name, part))
    return re.sub(
        rf"(<!-- {name} -->\n).*?(<!-- end -->)", lambda m: m[1] + figures + m[2], text, flags=re.DOTALL
    )


def _lines(name: str, part: dict[str, Any]) -> Iterator[str]:
    machine = part["machine"]
    libraries = ", ".join(f"{library} {version}" for library, version in machine["libraries"].items())
    processors = f"{machine['processors']} x {machine['processor']}"
    yield f"`python benchmarks/{name}.py`; {processors}, {machine['system']}, Python {machine['python']}, "
    yield f"{libraries}:\n"
    yield "| | compared with | emo | other | judged | target | met |\n|---|---|---|---|---|---|---|"
    for values in part["rows"]:
        yield f"| {' | '.join(cells(Row(**values)))} |"
    yield ""

"""Readable output: lists, counts, and tables for a terminal and for Markdown."""

from collections.abc import Iterable, Sequence

TextTable = tuple[str, list[str], list[list[str]]]
"""Title, header and rows of a printed table."""


def listed(values: Iterable[object], limit: int = 8) -> str:
    """Join values for a message: `a, b, c and 12 more`."""
    texts = [str(value) for value in values]
    if len(texts) <= limit:
        return ", ".join(texts)
    return f"{', '.join(texts[:limit])} and {len(texts) - limit} more"


def counted(number: int, thing: str) -> str:
    """Return a number with its noun, in the plural unless the number is 1."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def markdown_table(header: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """Return a table in Markdown; vertical bars in cells are escaped."""
    lines = [header, ["---"] * len(header), *rows]
    cells = ([str(cell).replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def one_line(error: BaseException) -> str:
    """Return an error's type and message in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__

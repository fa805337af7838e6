"""Readable output: lists, counts, and tables for a terminal and for Markdown."""

import json
import re
from collections.abc import Iterable, Sequence

_UNSAFE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f"  # control characters, and with them the sequences of terminals
    "\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # invisible, direction
    "\ud800-\udfff\U000e0000-\U000e007f]"  # surrogates, which cannot be encoded, and tags
)
"""What can rewrite, reorder or hide other text; the joiners that some languages need are not among it."""

_MARKUP = re.compile(r"[\\`*\[\]<~]|&(?=[#\w])|(?<!\w)_|_(?!\w)")
"""What starts an element of Markdown or HTML within a line; underscores within words do not."""

_LINKS = re.compile(r"\w:(?=//)|www\.")
"""What GitHub turns into a link without any markup."""

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


class Markdown(str):
    """A text that is Markdown already."""

    __slots__ = ()


def markdown_table(header: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """Return a table in Markdown; cells are shown as they are, except those of type `Markdown`."""
    lines = [header, [Markdown("---")] * len(header), *rows]
    cells = ([as_markdown(cell).replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def as_markdown(value: object) -> Markdown:
    """Return Markdown, for use within a line, that shows a text as it is.

    HTML, links, images and emphasis in the text have no effect.
    """
    if isinstance(value, Markdown):
        return value
    text = _MARKUP.sub(r"\\\g<0>", " ".join(printable(str(value)).split("\n")))
    return Markdown(_LINKS.sub(lambda found: found[0][:-1] + "\\" + found[0][-1], text))


def as_code(text: str) -> Markdown:
    """Return Markdown that shows a text as code; a backtick, which would end it, becomes an apostrophe."""
    return Markdown(f"`{' '.join(printable(text).split()).replace('`', chr(39))}`")


def printable(text: str) -> str:
    """Return a text with its control characters as escapes: they could rewrite or reorder what is shown.

    Escaped are terminal sequences, characters that change the direction of writing, and invisible ones. Line
    feeds stay.
    """
    return _UNSAFE.sub(_escape, text)


def printable_json(text: str) -> str:
    """Return JSON text in which such characters, which are within strings, are escapes of JSON."""
    return _UNSAFE.sub(lambda found: json.dumps(found[0])[1:-1], text)


def shown(value: object, longest: int = 80) -> str:
    """Return a value for a message: its repr, shortened."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer of more than 4,300 digits, for example
        text = f"a {type(value).__name__} that is too large to show"
    return text if len(text) <= longest else f"{text[: longest - 4]} ..."


def one_line(error: BaseException) -> str:
    """Return an error's type and message in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape", "surrogatepass").decode("ascii")

"""Reading YAML of any content: bounded in size, nesting and references, and with one kind of error.

PyYAML raises other errors than its own for some scalars (a date 2020-13-45, `!!int abc`), and a file of 300
bytes whose references repeat each other becomes an object of a billion parts.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from pipeline.runtime.errors import EmoError, reason
from pipeline.runtime.regular_files import LARGEST_SETTINGS, read_regular

_Fast = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is ten times as fast

_DEEPEST = 60
"""Deepest nesting of lists and mappings."""

_MOST_REFERENCES = 200
"""Largest number of references (`*name`)."""

_MOST_NODES = 5_000_000
"""Largest number of values, counting those that references repeat."""

_LONGEST_NUMBER = 1000
"""Characters of the longest number; Python refuses to print integers of more than 4,300 digits."""

_LONG_NUMBER = re.compile(rf"[-+]?[0-9][0-9a-fA-FxobX_.:]{{{_LONGEST_NUMBER},}}")

_NO_YAML = (AttributeError, LookupError, OverflowError, RecursionError, TypeError, ValueError)
"""What PyYAML raises for scalars that do not fit their type, besides its own errors."""


_LARGEST_STRICT = 2**18
"""Largest file that is read with `StrictLoader`, bytes: it takes a second."""


class YamlError(ValueError):
    """A text that is not YAML, or that exceeds a limit."""

    def __init__(self, problem: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {problem}" if line else problem)


class StrictLoader(yaml.SafeLoader):
    """Refuses duplicate keys, as the YAML specification requires."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping of a node."""
        seen: set[str] = set()
        for key, _ in node.value:
            if str(key.value) in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"duplicate key {key.value}", key.start_mark
                )
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


def parse_yaml(text: str, loader: type = _Fast) -> Any:
    """Return the value of a YAML text; raise YamlError, with the line if it is known.

    Args:
        text: One document.
        loader: A SafeLoader or CSafeLoader, or a class derived from one.
    """
    try:
        _check_size(yaml.parse(text, Loader=loader))
        return yaml.load(text, loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise YamlError(f"not valid YAML: {problem}", mark.line + 1 if mark else 0) from None
    except YamlError:
        raise
    except _NO_YAML as error:
        detail = " ".join(str(error).split())[:100]
        raise YamlError(f"not valid YAML: a value that does not fit its type ({detail})") from None


def read_yaml_file(path: Path, loader: type = _Fast, *, remedy: str) -> Any:
    """Return the value of a YAML file; raise EmoError if it is missing, not a file or not valid.

    Args:
        path: The file.
        loader: As for `parse_yaml`.
        remedy: What to do about it, the end of each message.
    """
    return parse_yaml_of(read_yaml_text(path, loader, remedy=remedy), path, loader, remedy=remedy)


def read_yaml_text(path: Path, loader: type = _Fast, *, remedy: str) -> str:
    """Return the text of a YAML file; raise EmoError if it is missing, not a file, too large or not text."""
    largest = _LARGEST_STRICT if issubclass(loader, StrictLoader) else LARGEST_SETTINGS
    try:
        return read_regular(path, largest).decode("utf-8")
    except FileNotFoundError:
        raise EmoError(f"{path}: no such file; {remedy}") from None
    except UnicodeDecodeError:
        raise EmoError(f"{path}: not UTF-8 text; save it in UTF-8, or {remedy}") from None
    except OSError as error:
        raise EmoError(f"{path}: cannot be read: {reason(error)}; {remedy}") from None


def parse_yaml_of(text: str, path: Path, loader: type = _Fast, *, remedy: str) -> Any:
    """Return the value of the text of a YAML file; raise EmoError, with file and line, if it is not valid."""
    try:
        return parse_yaml(text, loader)
    except YamlError as error:
        raise EmoError(f"{path}: {error}; correct it, or {remedy}") from None


def mapping(value: object) -> Mapping[str, Any]:
    """Return a value if it is a mapping, else an empty mapping."""
    return value if isinstance(value, Mapping) else {}


def _check_size(events: Iterator[yaml.Event]) -> None:
    """Raise YamlError if a text is nested too deep or has too many references or values."""
    sizes: dict[str, int] = {}
    stack: list[tuple[str | None, int]] = [(None, 0)]
    references = 0
    for event in events:
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.CollectionStartEvent):
            stack.append((event.anchor, 1))
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, size = stack.pop()
            sizes |= {anchor: size} if anchor else {}
            stack[-1] = (stack[-1][0], stack[-1][1] + size)
        elif isinstance(event, yaml.NodeEvent):
            references += isinstance(event, yaml.AliasEvent)
            stack[-1] = (stack[-1][0], stack[-1][1] + _size(event, sizes, line))
        _check_counts(len(stack), references, stack[-1][1], line)


def _size(event: yaml.NodeEvent, sizes: dict[str, int], line: int) -> int:
    """Return the number of values of a scalar (1) or of what a reference repeats."""
    if isinstance(event, yaml.ScalarEvent):
        if event.style in (None, "") and _LONG_NUMBER.fullmatch(event.value):
            raise YamlError(f"a number of {len(event.value):,} digits", line)
        if event.anchor:
            sizes[event.anchor] = 1
        return 1
    if event.anchor not in sizes:
        raise YamlError(f"the reference *{event.anchor} refers to what contains it, or to nothing", line)
    return sizes[event.anchor]


def _check_counts(depth: int, references: int, nodes: int, line: int) -> None:
    if depth > _DEEPEST:
        raise YamlError(f"nested more than {_DEEPEST} levels deep", line)
    if references > _MOST_REFERENCES:
        raise YamlError(f"more than {_MOST_REFERENCES} references (*name)", line)
    if nodes > _MOST_NODES:
        raise YamlError(f"its references repeat more than {_MOST_NODES:,} values", line)

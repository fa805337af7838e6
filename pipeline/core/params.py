"""params.yaml: the only home of values, read into frozen dataclasses."""

import dataclasses
import math
import re
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml

from pipeline.core.errors import EmoError, listed
from pipeline.core.paths import PARAMS

SECTIONS = ("frames", "faces", "dedup", "split", "dataset", "train", "evaluate")
"""The sections of params.yaml: the stages that have settings."""

T = TypeVar("T")

_EXPONENT = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")


def load_params(section: str, schema: type[T], path: Path = PARAMS) -> T:
    """Read one section of params.yaml as an instance of the frozen dataclass `schema`.

    Raises EmoError where the file is missing or no YAML, a section or key is unknown or missing, or a
    value has the wrong type or is out of range (a ValueError of the dataclass's `__post_init__`).
    """
    values = read_params(path)
    if section not in values:
        raise EmoError(f"{path}: missing section: {section}")
    return build(schema, values[section], f"{path}: {section}")


def read_params(path: Path = PARAMS) -> dict[str, Any]:
    """Read params.yaml as plain values by section, unchecked: to tell about settings, not to use them.

    Raises EmoError where the file is missing or no YAML, or a section is unknown.
    """
    values = _read_yaml(path)
    unknown = sorted(set(values) - set(SECTIONS))
    if unknown:
        raise EmoError(f"{path}: unknown section: {unknown[0]}; the sections are {listed(SECTIONS)}")
    return values


def build(schema: type[T], values: object, where: str) -> T:
    """Build the dataclass `schema` from a mapping, recursively; `where` starts each message."""
    if not isinstance(values, Mapping):
        raise EmoError(f"{where}: expected keys and values, found {values!r}")
    fields = {field.name: field for field in dataclasses.fields(schema)}  # type: ignore[arg-type]
    for key in values:
        if key not in fields:
            raise EmoError(f"{where}: unknown key: {key}; the keys are {listed(fields, 30)}")
    for name in fields:
        if name not in values:
            raise EmoError(f"{where}: missing key: {name}")
    hints = typing.get_type_hints(schema)
    typed = {key: _value(hints[key], value, f"{where}: {key}") for key, value in values.items()}
    try:
        return schema(**typed)
    except ValueError as error:
        raise EmoError(f"{where}: {error}") from error


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Raise ValueError unless `low <= value <= high` (NaN fails)."""
    if not low <= value <= high:
        raise ValueError(f"{name}: {value} is not within {low}..{high}")


def check_choice(name: str, value: str, choices: typing.Iterable[str]) -> None:
    """Raise ValueError unless `value` is one of `choices`."""
    if value not in (known := tuple(choices)):
        raise ValueError(f"{name}: {value!r} is not one of {listed(known, 20)}")


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except FileNotFoundError:
        raise EmoError(f"{path}: no such file; restore it with `git checkout {path}`") from None
    except UnicodeDecodeError:
        raise EmoError(f"{path}: not UTF-8 text; save it in UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        raise EmoError(f"{path}: {line}not valid YAML: {getattr(error, 'problem', error)}") from None
    if not isinstance(values, dict):
        raise EmoError(f"{path}: expected sections such as `frames:`, found {values!r}")
    return {str(name): value for name, value in values.items()}


class _Loader(yaml.SafeLoader):
    """A SafeLoader that refuses a key that stands twice; YAML's own rule, but not PyYAML's."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if str(key.value) in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key.value} stands twice", key.start_mark
                )
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


def _value(hint: Any, value: object, where: str) -> Any:
    """Check one value against its annotation: a scalar, `X | None`, `tuple[X, ...]`, a dataclass."""
    if dataclasses.is_dataclass(hint):
        return build(hint, value, where)  # type: ignore[arg-type]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in arguments:
            return None
        return _value(next(a for a in arguments if a is not type(None)), value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise EmoError(f"{where}: expected a list, found {value!r}")
        return tuple(_value(arguments[0], item, where) for item in value)
    return _scalar(hint, value, where)


def _scalar(hint: type, value: object, where: str) -> Any:
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value) if abs(value) < 1 << 1000 else math.inf * (1 if value > 0 else -1)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        if hint is float and isinstance(value, str) and _EXPONENT.fullmatch(value):
            raise EmoError(
                f"{where}: YAML takes {value} for a text; write it as {float(value)!r} or with a "
                "point and a sign, as in 1.0e-4"
            )
        kinds = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
        raise EmoError(f"{where}: expected {kinds.get(hint, hint.__name__)}, found {value!r}")
    return value

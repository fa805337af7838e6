"""params.yaml, the only place for settings, read into frozen dataclasses."""

import dataclasses
import logging
import math
import re
import types
import typing
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pipeline.runtime.errors import EmoError
from pipeline.runtime.old_params import is_old, modernised
from pipeline.runtime.paths import PARAMS
from pipeline.runtime.stages import SECTIONS
from pipeline.runtime.text import listed, shown
from pipeline.runtime.yaml_files import StrictLoader, parse_yaml_of, read_yaml_text

T = TypeVar("T")

logger = logging.getLogger("emo.runtime")

_FIXED: dict[Path, str] = {}
"""Content of files of settings that `fixed_settings` holds, by path."""

_EXPONENT = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")


@dataclasses.dataclass(frozen=True)
class Within:
    """Range of a number, or of each number of a tuple: `low` to `high`, both included."""

    low: float
    high: float

    def check(self, name: str, value: float) -> None:
        """Raise ValueError unless `value` is in the range (NaN is not)."""
        check_range(name, value, self.low, self.high)


@dataclasses.dataclass(frozen=True)
class OneOf:
    """Allowed values of a text, or of each text of a tuple."""

    choices: tuple[str, ...]

    def check(self, name: str, value: str) -> None:
        """Raise ValueError unless `value` is one of `choices`."""
        check_choice(name, value, self.choices)


@dataclasses.dataclass(frozen=True)
class Checked:
    """A dataclass that checks its values: `fps: Annotated[float, Within(0.01, 240)]`.

    Raises ValueError that names the field, the value and what is allowed. None is always allowed if the type
    allows it.
    """

    def __post_init__(self) -> None:
        for name, limit in limits(type(self)).items():
            value = getattr(self, name)
            for item in value if isinstance(value, tuple) else (value,):
                if item is not None:
                    limit.check(name, item)


def limits(schema: type) -> dict[str, Within | OneOf]:
    """Return the limits in the annotations of a dataclass, by field; fields without a limit are left out."""
    hints = typing.get_type_hints(schema, include_extras=True)
    parts = {name: getattr(hint, "__metadata__", ()) for name, hint in hints.items()}
    return {name: part[0] for name, part in parts.items() if part}


def variant(chosen_by: str, registry: Mapping[str, type]) -> Any:
    """Return a dataclass field for the settings of one of several variants, such as one of the detectors.

    In params.yaml every variant has a section under its own name, beside the key `chosen_by` that names the
    one that is used. All sections are checked; the field holds the settings of the chosen one.
    """
    return dataclasses.field(metadata={"chosen_by": chosen_by, "registry": registry})


def load_params(section: str, schema: type[T], path: Path = PARAMS) -> T:
    """Read one section of params.yaml as an instance of the frozen dataclass `schema`.

    Raises EmoError if the file is missing or not YAML, a section or key is unknown or missing, or a
    value has the wrong type or is out of range (a ValueError of the dataclass's `__post_init__`).
    """
    values = read_params(path)
    if section not in values:
        raise EmoError(f"{path}: missing section: {section}")
    return build(schema, values[section], f"{path}: {section}")


def read_params(path: Path = PARAMS) -> dict[str, Any]:
    """Read params.yaml as plain values by section, unchecked: to describe settings, not to use them.

    Raises EmoError if the file is missing or not YAML, or a section is unknown.
    """
    values = read_yaml(path)
    if is_old(values):
        logger.warning("%s: written for an earlier version of emo; `emo upgrade` converts it", path)
        values = modernised(values)
    unknown = sorted(set(values) - set(SECTIONS))
    if unknown:
        raise EmoError(f"{path}: unknown section: {unknown[0]}; the sections are {listed(SECTIONS)}")
    return values


def build(schema: type[T], values: object, where: str) -> T:
    """Build the dataclass `schema` from a mapping, recursively; `where` starts each message."""
    if not isinstance(values, Mapping):
        raise EmoError(f"{where}: expected keys and values, found {shown(values)}")
    fields = {field.name: field for field in dataclasses.fields(schema)}  # type: ignore[arg-type]
    variants = {name: fields.pop(name) for name in list(fields) if "registry" in fields[name].metadata}
    sections = [name for field in variants.values() for name in field.metadata["registry"]]
    for key in values:
        if key not in (*fields, *sections):
            raise EmoError(f"{where}: unknown key: {key}; the keys are {listed((*fields, *sections), 30)}")
    for name in fields:
        if name not in values:
            raise EmoError(f"{where}: missing key: {name}")
    hints = typing.get_type_hints(schema)
    typed = {name: _value(hints[name], values[name], f"{where}: {name}") for name in fields}
    typed |= {name: _chosen(field.metadata, values, where) for name, field in variants.items()}
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


def _chosen(metadata: Mapping[str, Any], values: Mapping[str, Any], where: str) -> Any:
    """Build the settings of all variants that have a section; return those of the chosen one."""
    registry, key = metadata["registry"], metadata["chosen_by"]
    name = values[key]
    if name not in registry:
        raise EmoError(f"{where}: {key}: {name!r} is not one of {listed(registry, 20)}")
    if name not in values:
        raise EmoError(f"{where}: missing section: {name}, which {key} names")
    built = {
        other: build(registry[other], values[other], f"{where}: {other}")
        for other in registry
        if other in values
    }
    return built[name]


def flattened(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted key, value) of nested settings."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from flattened(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _remedy(path: Path) -> str:
    return f"restore it with `git checkout {path}`"


@contextmanager
def fixed_settings(texts: Mapping[Path, str]) -> Iterator[None]:
    """While the block runs, read these files of settings with this content, whatever they hold by then.

    So a stage uses one state of its settings, even if it reads them more than once.
    """
    before = dict(_FIXED)
    _FIXED.update(texts)
    try:
        yield
    finally:
        _FIXED.clear()
        _FIXED.update(before)


def read_yaml(path: Path) -> dict[str, Any]:
    """Return a YAML file of sections, unchecked; raise EmoError if it is missing or not valid."""
    return parse_settings(_FIXED[path] if path in _FIXED else read_settings_text(path), path)


def read_settings_text(path: Path) -> str:
    """Return the content of a file of settings; raise EmoError if it is missing or not text."""
    return read_yaml_text(path, StrictLoader, remedy=_remedy(path))


def parse_settings(text: str, path: Path) -> dict[str, Any]:
    """Return the sections of the text of a YAML file, unchecked; raise EmoError if it is not valid."""
    values = parse_yaml_of(text, path, StrictLoader, remedy=_remedy(path))
    if not isinstance(values, dict):
        raise EmoError(f"{path}: expected sections such as `frames:`, found {shown(values)}")
    return {str(name): value for name, value in values.items()}


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
            raise EmoError(f"{where}: expected a list, found {shown(value)}")
        return tuple(_value(arguments[0], item, where) for item in value)
    return _scalar(hint, value, where)


def _scalar(hint: type, value: object, where: str) -> Any:
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value) if abs(value) < 1 << 1000 else math.inf * (1 if value > 0 else -1)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        if hint is float and isinstance(value, str) and _EXPONENT.fullmatch(value):
            raise EmoError(
                f"{where}: YAML reads {value} as text; write it as {float(value)!r} or with a "
                "decimal point and a sign, as in 1.0e-4"
            )
        kinds = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
        raise EmoError(f"{where}: expected {kinds.get(hint, hint.__name__)}, found {shown(value)}")
    return value

"""data/used/<stage>.json: what a stage used, stored by the stage itself as one of its outputs.

dvc.lock says what DVC found after the stage had run; `emo audit` compares the two. The record is the same for
the same inputs on any machine: it has no time and no path outside the project, and names no subject.
"""

import importlib.metadata
import json
import platform
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.runtime.code import code_digest, library_versions
from pipeline.runtime.errors import EmoError, many
from pipeline.runtime.files import write_text
from pipeline.runtime.json_files import parse_json
from pipeline.runtime.params import fixed_settings
from pipeline.runtime.paths import USED
from pipeline.runtime.stage_inputs import Inputs, changes, declared, edited_code, snapshot

_LISTED = 20
"""Maximum number of changes listed; the others are counted."""


@dataclass(frozen=True)
class StageRecord:
    """What one run of a stage used."""

    stage: str
    params: Mapping[str, Mapping[str, Any]]
    "File of settings -> dotted key -> value."
    deps: Mapping[str, str]
    "MD5, as in dvc.lock, of each file and each folder of code that the stage depends on."
    code: str
    "Digest of all modules that the stage imports, and of the versions of their libraries."
    versions: Mapping[str, str]
    "Versions of emo, Python and the libraries that the stage imports."

    @property
    def settings(self) -> dict[str, Any]:
        """The settings by dotted key, as `StageLock.params` has them."""
        return {key: value for values in self.params.values() for key, value in values.items()}


def record_path(stage: str) -> Path:
    """Return the path of the record of a stage."""
    return USED / f"{stage}.json"


@contextmanager
def recorded(module: str) -> Iterator[None]:
    """Run a stage in this block: refuse it if its inputs change meanwhile, else store what it used.

    DVC records no run that ends with an error. A stage that dvc.yaml does not list is not recorded.

    Args:
        module: Name of the module of the stage.

    Raises:
        EmoError: Settings, files or code that the stage depends on changed in the block, one line for each.
    """
    stage = module.rpartition(".")[2]
    inputs = declared(stage)
    if inputs is None:
        yield
        return
    record_path(stage).unlink(missing_ok=True)  # it is about an earlier run
    before = snapshot(inputs)
    _refuse(edited_code(before), stage)
    record = _record(module, before)
    with fixed_settings(before.texts):
        yield
    _refuse(changes(before, snapshot(inputs)), stage)
    write_text(record_path(stage), json.dumps(asdict(record), indent=1, sort_keys=True) + "\n")


def read_record(data: bytes, where: str) -> StageRecord:
    """Parse the record of a stage; `where` starts the message of the EmoError if it is damaged."""
    try:
        record = StageRecord(**parse_json(data))
        if not all(isinstance(part, dict) for part in (record.params, record.deps, *record.params.values())):
            raise TypeError
    except (ValueError, TypeError):
        raise EmoError(
            f"{where}: damaged record of a stage; restore it with `dvc checkout --force`"
        ) from None
    return record


def _refuse(found: Iterable[str], stage: str) -> None:
    """Raise EmoError if something changed while a stage ran."""
    if lines := [f"{change} while the stage {stage} ran; run `dvc repro` again" for change in found]:
        raise many(lines, _LISTED)


def _record(module: str, inputs: Inputs) -> StageRecord:
    versions = {"emo": _emo_version(), "python": platform.python_version(), **library_versions(module)}
    return StageRecord(
        stage=module.rpartition(".")[2],
        params={path.as_posix(): _plain(values) for path, values in inputs.settings.items()},
        deps={path.as_posix(): md5 for path, md5 in inputs.deps.items()},
        code=code_digest(module),
        versions=versions,
    )


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as JSON gives them back: YAML also has dates, and keys that are no texts."""
    return dict(json.loads(json.dumps(values, default=str)))


def _emo_version() -> str:
    try:
        return importlib.metadata.version("emo")
    except importlib.metadata.PackageNotFoundError:  # run from its source, not installed
        return ""

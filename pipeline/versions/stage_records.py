"""The records of the stages (data/used/STAGE.json) of the workspace and of earlier versions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pipeline.runtime.dvc_hash import FOLDER_SUFFIX, file_md5
from pipeline.runtime.errors import EmoError
from pipeline.runtime.stage_record import StageRecord, read_record, record_path
from pipeline.runtime.stages import STAGES
from pipeline.versions.dvc_cache import cache_folder, object_path
from pipeline.versions.dvc_lock import LOCK, StageLock
from pipeline.versions.version import Version

_NONE = "none"
"""Shown for a setting that is not there."""


@dataclass
class RecordComparison:
    """How dvc.lock of some versions agrees with the records of their stages."""

    false: dict[str, list[str]] = field(default_factory=dict)
    "What dvc.lock states wrongly, in words -> the names of the versions."
    compared: int = 0
    "Number of records that agree or not."
    before: list[str] = field(default_factory=list)
    "Versions with stages that ran before emo kept records."
    absent: list[str] = field(default_factory=list)
    "Versions with records that are neither in the workspace nor in DVC's cache."


def compare_records(versions: Sequence[Version]) -> RecordComparison:
    """Compare dvc.lock of each version with the records of its stages."""
    store, found = _Store(), RecordComparison()
    for version in versions:
        for stage in (name for name in STAGES if name in version.lock):
            _compare(found, store, version, stage)
    return found


def false_entries(record: StageRecord, lock: StageLock) -> Iterator[str]:
    """Yield what dvc.lock states of a stage that its record contradicts."""
    settings = record.settings
    for key in dict.fromkeys([*settings, *lock.params]):
        used, stated = settings.get(key, _NONE), lock.params.get(key, _NONE)
        if used != stated:
            yield f"{record.stage}: {key}: {used!r} was used, {LOCK} says {stated!r}"
    for path in dict.fromkeys([*record.deps, *lock.deps]):
        is_data = path not in record.deps and lock.deps[path].endswith(FOLDER_SUFFIX)
        if not is_data and record.deps.get(path) != lock.deps.get(path):
            yield f"{record.stage}: {path}: not as it was used when the stage ran"


def _compare(found: RecordComparison, store: "_Store", version: Version, stage: str) -> None:
    lock = version.lock[stage]
    md5 = lock.outs.get(record_path(stage).as_posix())
    record = store.read(stage, md5) if md5 else None
    if record is None:
        names = found.absent if md5 else found.before
        names += [version.name] if version.name not in names else []
        return
    found.compared += 1
    for text in false_entries(record, lock):
        found.false.setdefault(text, []).append(version.name)


class _Store:
    """The records by MD5: files of the workspace, or objects of DVC's cache."""

    def __init__(self) -> None:
        self._known: dict[str, StageRecord | None] = {}
        self._files: Mapping[str, Path] = {
            file_md5(path): path for stage in STAGES if (path := record_path(stage)).is_file()
        }

    def read(self, stage: str, md5: str) -> StageRecord | None:
        """Return a record; None if it is not here. Raises EmoError if it is damaged."""
        if md5 not in self._known:
            path = self._files.get(md5) or (object_path(self._cache, md5) if self._cache else None)
            data = path.read_bytes() if path and path.is_file() else None
            self._known[md5] = read_record(data, str(record_path(stage))) if data is not None else None
        return self._known[md5]

    @cached_property
    def _cache(self) -> Path | None:
        try:
            return cache_folder(Path.cwd())
        except EmoError:  # no DVC here
            return None

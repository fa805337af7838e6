"""What has changed since the stages ran: settings, code and tables."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.runtime.dvc_hash import file_md5, folder_md5
from pipeline.runtime.errors import EmoError
from pipeline.runtime.params import flattened, read_params
from pipeline.runtime.paths import DATASET, PARAMS
from pipeline.versions.dvc_lock import StageLock
from pipeline.versions.version import Version

_TABLE = ".csv"

_EVALUATE = "evaluate"


def unbuilt(version: Version) -> list[str]:
    """Return the settings, code and tables of a workspace that changed since its outputs were made.

    Empty for a commit, whose files are not here.
    """
    if version.commit or not version.lock:
        return []
    try:
        now = dict(flattened(read_params(version.root / PARAMS)))
    except EmoError as error:
        return [str(error)]
    settings = [f"{PARAMS}: {key}" for key in other_settings(version.settings, now)]
    files = {path for lock in version.lock.values() for path in other_files(lock, version.root)}
    outs = {path for lock in version.lock.values() for path in lock.outs}
    unfetched = {
        path for path in files & outs if not (version.root / path).exists()
    }  # in a clone without `dvc pull`
    return [*settings, *sorted(files - unfetched)]


def other_settings(used: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that changed, by dotted key, with their present values."""
    return {key: now.get(key) for key, value in used.items() if now.get(key) != value}


def other_files(lock: StageLock, root: Path) -> tuple[str, ...]:
    """Return the folders of code and the tables of a stage that changed since it ran."""
    tables = {path: md5 for path, md5 in lock.deps.items() if Path(path).suffix == _TABLE}
    return tuple(path for path, md5 in sorted((tables | lock.code).items()) if _md5(root / path) != md5)


def not_evaluated(version: Version) -> tuple[str, ...]:
    """Return the folders of the dataset that changed since the model was evaluated; all files are hashed.

    Empty if the dataset is not here, as in a clone without `dvc pull`: then nothing is known to have changed.
    """
    if _EVALUATE not in version.lock or not (version.root / DATASET).is_dir():
        return ()
    deps = version.lock[_EVALUATE].deps
    read = {path: md5 for path, md5 in deps.items() if Path(path).is_relative_to(DATASET)}
    return tuple(path for path, md5 in sorted(read.items()) if folder_md5(version.root / path) != md5)


def _md5(path: Path) -> str:
    try:
        return folder_md5(path) if path.is_dir() else file_md5(path)
    except OSError:
        return ""

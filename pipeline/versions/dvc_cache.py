"""DVC's cache: the paths of the objects that dvc.lock names by MD5."""

from pathlib import Path

import pyarrow.parquet as pq

from pipeline.runtime.dvc_hash import FOLDER_SUFFIX
from pipeline.runtime.errors import EmoError
from pipeline.runtime.paths import DATASET
from pipeline.versions.dvc_lock import read_listing
from pipeline.versions.version import Version


def cache_folder(root: Path) -> Path:
    """Return the folder of a project's cache; DVC's configuration may place it outside the project."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(root)) as repo:
            return Path(repo.cache.local.path)
    except DvcException as error:
        raise EmoError(f"{root}: not a DVC repository ({error}); run `dvc init` in it") from None


def object_path(cache: Path, md5: str) -> Path:
    """Return the path of an object in the cache."""
    return cache / md5[:2] / md5[2:]


def listing(cache: Path, md5: str) -> dict[str, str] | None:
    """Return the files of a folder, relative path -> MD5; None if its list is not in the cache."""
    path = object_path(cache, md5)
    return read_listing(path.read_bytes()) if md5.endswith(FOLDER_SUFFIX) and path.is_file() else None


def dataset_shards(version: Version, cache: Path) -> dict[str, Path] | None:
    """Return the shards of a version's dataset by their path in it; None if some are missing.

    The shards of a workspace are files of data/dataset, those of a commit are objects in the cache.
    """
    if not version.commit:
        folder = version.root / DATASET
        found = {path.relative_to(folder).as_posix(): path for path in folder.glob("*/*.parquet")}
        return found or None
    files = listing(cache, version.out(DATASET)) or {}
    shards = {name: object_path(cache, md5) for name, md5 in files.items() if name.endswith(".parquet")}
    return shards if shards and all(path.is_file() for path in shards.values()) else None


def count_images(shard: Path) -> int:
    """Return the number of images in a shard."""
    return int(pq.read_metadata(shard).num_rows)

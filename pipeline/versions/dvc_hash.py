"""The MD5 by which DVC names files and folders."""

import hashlib
import json
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from pipeline.versions.dvc_cache import FOLDER_SUFFIX

_IGNORED = re.compile(r"(^|/)__pycache__/|\.py[co]$|/\.[^/]*\.sw.$|~$")
"""The patterns of .dvcignore."""

_md5 = partial(hashlib.md5, usedforsecurity=False)


def file_md5(path: Path) -> str:
    """Return the MD5 of a file's content; raise OSError if it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, _md5).hexdigest()


def folder_md5(folder: Path) -> str:
    """Return the MD5 of a folder: that of the list of its files, without those that .dvcignore names."""
    files = (path for path in folder.rglob("*") if path.is_file() and not _IGNORED.search(path.as_posix()))
    return listing_md5({path.relative_to(folder).as_posix(): file_md5(path) for path in files})


def listing_md5(listing: Mapping[str, str]) -> str:
    """Return the MD5 of a list of files, relative path -> MD5."""
    return _md5(listing_bytes(listing)).hexdigest() + FOLDER_SUFFIX


def listing_bytes(listing: Mapping[str, str]) -> bytes:
    """Return a list of files as DVC writes it; `dvc_lock.read_listing` reads it."""
    entries = [{"md5": listing[name], "relpath": name} for name in sorted(listing)]
    return json.dumps(entries, sort_keys=True).encode()

"""The MD5 by which DVC names files and folders."""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

FOLDER_SUFFIX = ".dir"
"""Ends the MD5 of a folder: that of the list of its files."""

_IGNORED = re.compile(r"(^|/)__pycache__/|\.py[co]$|/\.[^/]*\.sw.$|~$")
"""The patterns of .dvcignore."""

_md5 = partial(hashlib.md5, usedforsecurity=False)


def file_md5(path: Path) -> str:
    """Return the MD5 of a file's content; raise OSError if it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, _md5).hexdigest()


def folder_md5(folder: Path) -> str:
    """Return the MD5 of a folder: that of the list of its files, without those that .dvcignore names."""
    files = (path for path in files_in(folder) if path.is_file())
    return listing_md5({path.relative_to(folder).as_posix(): file_md5(path) for path in files})


def files_in(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder and its subfolders that DVC sees."""
    for top, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not _IGNORED.search(f"/{name}/")]
        yield from (path for name in names if not _IGNORED.search((path := Path(top, name)).as_posix()))


def listing_md5(listing: Mapping[str, str]) -> str:
    """Return the MD5 of a list of files, relative path -> MD5."""
    return _md5(listing_bytes(listing)).hexdigest() + FOLDER_SUFFIX


def listing_bytes(listing: Mapping[str, str]) -> bytes:
    """Return a list of files as DVC writes it; `dvc_lock.read_listing` reads it."""
    entries = [{"md5": listing[name], "relpath": name} for name in sorted(listing)]
    return json.dumps(entries, sort_keys=True).encode()

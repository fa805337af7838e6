"""The recordings that a manifest names: found whatever the Unicode form of their names."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.ingest.names import normal
from pipeline.runtime.errors import EmoError


@dataclass
class RecordingFinder:
    """Finds recordings by their paths; names with composed and with separate accents are the same name."""

    _names: dict[Path, tuple[str, ...]] = field(default_factory=dict)
    "Folder -> the names in it, sorted; each folder is read once."

    def find(self, folder: Path, name: str, where: str) -> Path:
        """Return the path of a recording.

        Args:
            folder: The folder to which `name` is relative.
            name: Path, as a manifest states it.
            where: Starts messages.

        Raises EmoError if there is no such file, or if two names differ only in their Unicode form.
        """
        path, hint = self._follow(folder, name, where)
        if not path and "\\" in name:  # written on Windows
            path, hint = self._follow(folder, name.replace("\\", "/"), where)
        if not path:
            raise EmoError(f"{where}: video: {name!r}: no such file; paths are relative to {folder}/{hint}")
        if not path.is_file():
            raise EmoError(f"{where}: video: {name!r}: not a file; give the path of the recording")
        return path

    def find_first(self, folder: Path, names: Sequence[str], where: str) -> Path:
        """Return the first of several paths that exists, or else the file of such a name in the folder.

        Programs such as ELAN and BORIS store paths of the machine on which they ran, and look for a missing
        file by its name next to their own file. Raises EmoError as `find` does, for the first path.
        """
        paths = [name.replace("\\", "/") for name in names if name]
        for name in (*paths, *(path.rpartition("/")[2] for path in paths)):
            path, _ = self._follow(folder, name, where)
            if path and path.is_file():
                return path
        return self.find(folder, paths[0], where)

    def _follow(self, folder: Path, name: str, where: str) -> tuple[Path | None, str]:
        """Return the path on disk; None and a hint if there is none."""
        here = folder
        for part in Path(os.path.normpath(name)).parts:
            found = self._found(here, part, where)
            if not found:
                return None, self._hint(folder, here, part)
            here = here / found
        return here, ""

    def _found(self, folder: Path, part: str, where: str) -> str:
        """Return the name on disk of one part of a path; empty if there is none."""
        exists = os.path.lexists(folder / part)
        if part == ".." or Path(part).is_absolute() or (exists and part.isascii()):
            return part
        same = [entry for entry in self._entries(folder) if normal(entry) == normal(part)]
        if len(same) > 1:
            raise EmoError(
                f"{where}: video: {folder}/ has {len(same)} names {normal(part)!r} that differ only in how "
                "accents are stored (Unicode NFC and NFD); rename one"
            )
        return same[0] if same else part if exists else ""

    def _hint(self, folder: Path, here: Path, part: str) -> str:
        """Return a question with the name that was probably meant, if there is one."""
        close = [entry for entry in self._entries(here) if _is_close(entry, part)]
        return f"; did you mean {shown_from(here / close[0], folder)}?" if close else ""

    def _entries(self, folder: Path) -> tuple[str, ...]:
        """Return the names in a folder, sorted; none if it cannot be read."""
        if folder not in self._names:
            try:
                self._names[folder] = tuple(sorted(entry.name for entry in folder.iterdir()))
            except OSError:
                self._names[folder] = ()
        return self._names[folder]


def shown_from(path: Path, folder: Path) -> Path:
    """Return a path relative to a folder in which it was looked up; others stay as they are."""
    return path.relative_to(folder) if path.is_relative_to(folder) else path


def _is_close(entry: str, part: str) -> bool:
    """Return whether two names differ only by case or by the suffix."""
    one, two = normal(entry).casefold(), normal(part).casefold()
    return one == two or Path(one).stem == two or Path(one).stem == Path(two).stem

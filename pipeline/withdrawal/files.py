"""Which files of the workspace, the memo and DVC's cache hold a person."""

import hashlib
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pipeline.core.digests import sha256_all
from pipeline.core.memo import memo_root
from pipeline.core.paths import (
    CALIBRATION_PLOT,
    CONFUSION_PLOT,
    CROISSANT,
    CURVES_PLOT,
    DATASET,
    DUPLICATES,
    FACES,
    FOLDS,
    FRAMES,
    FUNNEL_PLOT,
    METRICS,
    MODEL,
    NEAR_PAIRS,
    PREDICTIONS,
    PROTOCOLS,
    REPORTS,
    VIDEOS,
)
from pipeline.core.shards import read_facts
from pipeline.withdrawal.content import LEFTOVER, RECORDING, is_parquet, kind_of
from pipeline.withdrawal.objects import is_of
from pipeline.withdrawal.person import Person

PICTURE = "picture or page that may show the person"
NET = "net trained with the person"

_WITHOUT_FACES = (FUNNEL_PLOT, CURVES_PLOT, CONFUSION_PLOT, CALIBRATION_PLOT)
_PICTURES = (".png", ".jpg", ".jpeg", ".html", ".svg", ".pdf")


@dataclass(frozen=True)
class Held:
    """A file that holds the person."""

    path: Path
    kind: str

    @property
    def size_bytes(self) -> int:
        """The file's length; 0 where it is gone."""
        return self.path.stat().st_size if self.path.is_file() else 0


def in_workspace(person: Person, clean: Set[str]) -> list[Held]:
    """Return the files of raw/, data/, models/ and reports/ that hold the person.

    Pictures and nets are taken to hold the person unless their MD5 is among `clean`: those of versions
    without the person.
    """
    shared = [item for item in (*_reports(), *_models(person)) if _md5(item.path) not in clean]
    return [*_recordings(person), *_shards(person), *_figures(person), *shared]


def in_memo(person: Person) -> list[Held]:
    """Return the memo's shards of the person's recordings, and those that tell of no recording.

    The memo may be removed at any time: what is not known to be somebody else's goes.
    """
    held = []
    for path in sorted(memo_root().glob("*/*")):
        if not path.is_file():
            continue
        kind = kind_of(path, person)
        known = is_parquet(path) and _recording(path)
        if kind or not known:
            held.append(Held(path, kind or LEFTOVER))
    return held


def in_cache(person: Person, folder: Path, store: Path) -> Iterator[tuple[str, str]]:
    """Yield (MD5, what it is) of the cache's objects whose content is the person's.

    `store` remembers the SHA-256 of objects that may be recordings.
    """
    paths = [path for path in sorted(folder.glob("??/*")) if path.suffix != ".dir" and path.is_file()]
    digests = sha256_all([path for path in paths if not is_parquet(path)], store)
    for path in paths:
        if kind := kind_of(path, person, digests.get(path, "")):
            yield f"{path.parent.name}{path.name}", kind


def is_picture_or_net(path: Path) -> bool:
    """Tell by its first bytes whether a file is a PNG, a JPEG or the weights of a net (safetensors)."""
    with path.open("rb") as file:
        head = file.read(10)
    return head.startswith((b"\x89PNG", b"\xff\xd8\xff")) or head[8:10] == b'{"'


def _recordings(person: Person) -> Iterator[Held]:
    paths = sorted(path for path in VIDEOS.rglob("*") if path.is_file())
    digests = sha256_all(paths, memo_root() / "videos.json")
    for path in paths:
        name = path.relative_to(VIDEOS).as_posix()
        if name in person.videos or digests[path] in person.recordings:
            yield Held(path, RECORDING)


def _shards(person: Person) -> Iterator[Held]:
    for folder in (FRAMES, FACES, DATASET):
        for path in sorted(folder.rglob("*.parquet")):
            if kind := kind_of(path, person):
                yield Held(path, kind)
            elif is_of(person, path.relative_to(folder).as_posix()):
                yield Held(path, "shard under the person's name")
    yield from _with_rows((DUPLICATES, NEAR_PAIRS, CROISSANT), person)


def _with_rows(paths: Iterable[Path], person: Person) -> Iterator[Held]:
    for path in paths:
        if path.is_file() and (kind := kind_of(path, person)):
            yield Held(path, kind)


def _figures(person: Person) -> Iterator[Held]:
    yield from _with_rows((PREDICTIONS,), person)
    trainings = (PROTOCOLS, PROTOCOLS.with_suffix(".csv"), *sorted(FOLDS.glob("*.json")))
    names = (f'"{person.subject}"', f",{person.subject},")
    for path in (METRICS, *trainings):
        if path.is_file() and any(name in path.read_text(encoding="utf-8") for name in names):
            yield Held(path, "figures of the person")


def _reports() -> Iterator[Held]:
    for path in sorted(REPORTS.rglob("*")):
        if path.suffix.lower() in _PICTURES and path not in _WITHOUT_FACES:
            yield Held(path, PICTURE)


def _models(person: Person) -> Iterator[Held]:
    if person.trained:
        yield from (Held(path, NET) for path in sorted(MODEL.glob("*")) if path.is_file())


def _md5(path: Path) -> str:
    """Return the name that DVC gives a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, partial(hashlib.md5, usedforsecurity=False)).hexdigest()


def _recording(path: Path) -> str:
    try:
        return str(read_facts(path).get("recording", ""))
    except (OSError, ValueError):
        return ""

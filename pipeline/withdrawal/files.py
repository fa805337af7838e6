"""Which files of the workspace, the memo and DVC's cache hold a person."""

import re
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from pathlib import Path

from pipeline.runtime.cache import DEFAULT_CACHE, cache_root
from pipeline.runtime.digests import sha256_all
from pipeline.runtime.paths import (
    CALIBRATION_PLOT,
    CLIPS,
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
    MISTAKES_PLOT,
    MODEL,
    NEAR_PAIRS,
    PAGE,
    PREDICTIONS,
    PROTOCOLS,
    REPORTS,
    SHEETS,
    VIDEOS,
)
from pipeline.schema.clips import read_clips
from pipeline.versions.dvc_cache import FOLDER_MARK
from pipeline.versions.dvc_hash import file_md5
from pipeline.withdrawal.content import (
    LEFTOVER,
    PROVEN,
    RECORDING,
    bears_mark,
    is_parquet,
    kind_of,
    recording_of,
)
from pipeline.withdrawal.objects import is_of
from pipeline.withdrawal.stores import Store
from pipeline.withdrawal.subject import Person

PICTURE = "picture or page that may show the person"
NET = "net trained with the person"

_OF_ALL = (MISTAKES_PLOT, PROTOCOLS.with_suffix(".png"))
"""Pictures of many people that bear no mark, besides the sheets."""

_PAIRS = re.compile(r"near_pairs(-\d+)?\.png")
"""Pages of near-duplicates, on which older emos set no mark."""

_OF_NOBODY = (FUNNEL_PLOT, CURVES_PLOT, CONFUSION_PLOT, CALIBRATION_PLOT)
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


def with_unlisted(person: Person) -> Person:
    """Return the person with the recordings in their folder that no table lists: an ingest was killed.

    A copy of a recording that the table gives to somebody else is theirs. What lies in others' folders as
    well, such as a note on all, is the person's by its name alone.
    """
    folder = VIDEOS / person.subject
    files = {path.relative_to(VIDEOS).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    unlisted = sorted(files.keys() - person.taken - person.videos)
    if not unlisted:
        return person
    digests = _digests()
    elsewhere = {digest for path, digest in digests.items() if not path.is_relative_to(folder)}
    clips = read_clips() if CLIPS.is_file() else []
    others = {clip.sha256 for clip in clips if clip.subject != person.subject}
    mine = {name: digests[files[name]] for name in unlisted if digests[files[name]] not in others}
    sources = {name: digest for name, digest in mine.items() if digest not in elsewhere}
    return person | Person(
        person.subject,
        videos=frozenset(mine),
        recordings=frozenset(sources.values()),
        sources=sources,
    )


def in_workspace(person: Person, clean: Set[str]) -> list[Held]:
    """Return the files of raw/, data/, models/ and reports/ that hold the person.

    Pictures and nets are taken to hold the person unless their MD5 is among `clean`: those that were made
    from lists without the person.
    """
    emos = [Held(path, PICTURE) for path in _pictures() if _may_show(path, person)]
    shared = [item for item in (*emos, *_models()) if file_md5(item.path) not in clean]
    return [*_recordings(person), *_shards(person), *_figures(person), *shared]


def not_judged(person: Person, clean: Set[str]) -> list[Path]:
    """Return the pictures and pages of reports/ without a mark of emo's that DVC does not keep (`clean`)."""
    others = [path for path in _pictures() if path != PAGE and not _may_show(path, person)]
    return [path for path in others if not (bears_mark(path) or file_md5(path) in clean)]


def in_memo(person: Person) -> list[Held]:
    """Return the memo's shards of the person's recordings, of no known recording, and unfinished ones.

    The memo may be removed at any time: what of it is not known to be somebody else's goes.
    """
    roots = dict.fromkeys([cache_root(), DEFAULT_CACHE.resolve()])  # EMO_MEMO may not always have been set
    folders = [root / stage for root in roots for stage in ("frames", "faces")]
    unfinished = [path for folder in folders for path in folder.glob(".*.parquet.*.tmp")]
    held = [Held(path, kind_of(path, person, "") or LEFTOVER) for path in unfinished]
    for path in sorted(path for folder in folders for path in folder.glob("*.parquet")):
        if not is_parquet(path):
            continue
        if (kind := kind_of(path, person, "")) or not recording_of(path):
            held.append(Held(path, kind or LEFTOVER))
    return held


def in_store(person: Person, store: Store, known: Path, *, shared: bool) -> dict[str, str]:
    """Return the objects of a store on this machine whose content is the person's: MD5 -> what it is.

    `known` remembers the SHA-256 of objects that may be recordings. In a store that other projects may
    share, codes prove nothing: only what is told by the digest of a recording counts.
    """
    paths = {path: md5 for md5 in store.ids() if not md5.endswith(FOLDER_MARK) and (path := store.path(md5))}
    digests = sha256_all([path for path in paths if not is_parquet(path)], known)
    kinds = {md5: kind_of(path, person, digests.get(path, "")) for path, md5 in paths.items()}
    return {md5: kind for md5, kind in kinds.items() if kind and not (shared and kind not in PROVEN)}


def is_picture_or_net(path: Path) -> bool:
    """Tell by its first bytes whether a file is a PNG, a JPEG or the weights of a net (safetensors)."""
    with path.open("rb") as file:
        head = file.read(10)
    header = int.from_bytes(head[:8], "little")  # safetensors: the length of the JSON that follows
    is_net = head[8:10] == b'{"' and header < path.stat().st_size
    return is_net or head.startswith((b"\x89PNG", b"\xff\xd8\xff"))


def _recordings(person: Person) -> Iterator[Held]:
    for path, digest in _digests().items():
        if path.relative_to(VIDEOS).as_posix() in person.videos or digest in person.recordings:
            yield Held(path, RECORDING)


def _digests() -> dict[Path, str]:
    """Return the SHA-256 of every file below raw/videos."""
    paths = sorted(path for path in VIDEOS.rglob("*") if path.is_file())
    return sha256_all(paths, cache_root() / "videos.json")


def _shards(person: Person) -> Iterator[Held]:
    for folder in (FRAMES, FACES, DATASET):
        for path in sorted(folder.rglob("*.parquet")):
            if kind := kind_of(path, person, ""):
                yield Held(path, kind)
            elif is_of(person, path.relative_to(folder).as_posix()):
                yield Held(path, "shard under the person's name")
    yield from _with_rows((DUPLICATES, NEAR_PAIRS, CROISSANT), person)


def _with_rows(paths: Iterable[Path], person: Person) -> Iterator[Held]:
    for path in paths:
        if path.is_file() and (kind := kind_of(path, person, "")):
            yield Held(path, kind)


def _figures(person: Person) -> Iterator[Held]:
    yield from _with_rows((PREDICTIONS,), person)
    trainings = (PROTOCOLS, PROTOCOLS.with_suffix(".csv"), *sorted(FOLDS.glob("*.json")))
    for path in (METRICS, *trainings):
        if path.is_file() and _names(path, person):
            yield Held(path, "figures of the person")


def _names(path: Path, person: Person) -> bool:
    """Tell whether a value in JSON, CSV or HTML is, or begins with, the person's code."""
    text = path.read_text("utf-8", errors="replace")
    return bool(re.search(rf"[\",>]{re.escape(person.subject)}[\",<\s]", text))


def _pictures() -> Iterator[Path]:
    for path in sorted(REPORTS.rglob("*")):
        if path.suffix.lower() in _PICTURES and path not in _OF_NOBODY and path.is_file():
            yield path


def _may_show(path: Path, person: Person) -> bool:
    """Tell whether emo made a picture or page that shows everybody, or this person by its mark or text."""
    if bears_mark(path, person.subject) or path in _OF_ALL or path.parent == SHEETS:
        return True
    if path == PAGE:  # without faces it has no mark
        return _names(path, person)
    return path.parent == REPORTS and bool(_PAIRS.fullmatch(path.name)) and not bears_mark(path)


def _models() -> Iterator[Held]:
    yield from (Held(path, NET) for path in sorted(MODEL.rglob("*")) if path.is_file())

"""What is enrolled already."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.runtime.cache import cache_root
from pipeline.runtime.digests import sha256_all
from pipeline.runtime.errors import EmoError
from pipeline.runtime.paths import CLIPS, PARTICIPANTS, SPLIT, VIDEOS
from pipeline.schema.clips import Clip, read_enrolment
from pipeline.schema.participants import Participant, read_participants
from pipeline.schema.split import read_split
from pipeline.schema.withdrawals import read_withdrawn


@dataclass(frozen=True)
class State:
    """The tables before an ingest."""

    people: tuple[Participant, ...] = ()
    clips: tuple[Clip, ...] = ()
    assigned: frozenset[str] = frozenset()
    "subjects that have a place in the split: their sex decided it"
    withdrawn: Mapping[str, str] = field(default_factory=dict)
    "SHA-256 of recordings of people who withdrew -> subject"

    @property
    def digests(self) -> set[str]:
        """The SHA-256 of every enrolled recording."""
        return {clip.sha256 for clip in self.clips}


def read_state() -> State:
    """Read and check the tables, and that every recording they name is there, whole.

    Raises EmoError for nonsense in a table and for a missing or changed recording: tracking raw/videos
    without it would drop it from the next version.
    """
    assigned = frozenset(read_split()) if SPLIT.is_file() else frozenset()
    withdrawn = {row.sha256: row.subject for row in read_withdrawn()}
    if CLIPS.is_file():
        people, clips = read_enrolment()
        _check_recordings(clips)
        return State(tuple(people), tuple(clips), assigned, withdrawn)
    people = read_participants() if PARTICIPANTS.is_file() else []
    return State(tuple(people), (), assigned, withdrawn)


def unlisted(clips: Collection[Clip]) -> list[str]:
    """Return the files below raw/videos that no clip names."""
    listed = {clip.video for clip in clips}
    files = (path for path in VIDEOS.rglob("*") if path.is_file() and not path.name.startswith("."))
    return sorted(name for path in files if (name := path.relative_to(VIDEOS).as_posix()) not in listed)


def _check_recordings(clips: Sequence[Clip]) -> None:
    paths = {VIDEOS / clip.video: clip for clip in clips}
    missing = sorted(str(path) for path in paths if not path.is_file())
    if missing:
        raise EmoError(
            f"{missing[0]}: no such file ({len(missing)} of {len(paths)} recordings in {CLIPS} are missing); "
            f"run `dvc checkout {VIDEOS}.dvc` or `dvc pull {VIDEOS}.dvc` first"
        )
    digests = sha256_all(sorted(paths), cache_root() / "videos.json")
    changed = [path for path in sorted(paths) if digests[path] != paths[path].sha256]
    if changed:
        raise EmoError(_changed(changed))


def _changed(paths: Sequence[Path]) -> str:
    return "\n       ".join(
        f"{path}: not the recording that was enrolled (its SHA-256 is not the one in {CLIPS}); restore it "
        f"with `dvc checkout --force {VIDEOS}.dvc`"
        for path in paths
    )

"""The tables of raw/ before an ingest."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.runtime.cache import cache_root
from pipeline.runtime.digests import sha256_all
from pipeline.runtime.errors import EmoError
from pipeline.runtime.paths import CLIPS, PARTICIPANTS, SPLIT, VIDEOS
from pipeline.schema.clips import Clip, read_enrolment
from pipeline.schema.ledger import read_ledger
from pipeline.schema.participants import Participant, read_participants
from pipeline.schema.split import read_split
from pipeline.schema.withdrawals import read_withdrawn
from pipeline.versions.dvc_lock import POINTER


@dataclass(frozen=True)
class State:
    """What is enrolled, and what has been withdrawn."""

    participants: tuple[Participant, ...] = ()
    clips: tuple[Clip, ...] = ()
    assigned: frozenset[str] = frozenset()
    "Subjects in data/split.csv; their sex decided their split."
    labels: Mapping[str, str] = field(default_factory=dict)
    "Clip -> its expression, where a decision corrected it."
    withdrawn: Mapping[str, str] = field(default_factory=dict)
    "SHA-256 of each recording of a withdrawn subject -> the subject."

    @property
    def digests(self) -> set[str]:
        """SHA-256 of every enrolled recording."""
        return {clip.sha256 for clip in self.clips}


def read_state() -> State:
    """Read and check the tables and the recordings that they list.

    Raises EmoError for an invalid table and for a missing or changed recording: `dvc add` would drop a
    missing recording from the next version.
    """
    assigned = frozenset(read_split()) if SPLIT.is_file() else frozenset()
    withdrawn = {row.sha256: row.subject for row in read_withdrawn()}
    if CLIPS.exists():
        participants, clips = read_enrolment()
        _check_recordings(clips)
        ledger = read_ledger(clips)
        labels = {clip.clip: ledger.label(clip) for clip in clips if ledger.relabel_of(clip)}
        return State(tuple(participants), tuple(clips), assigned, labels, withdrawn)
    participants = read_participants() if PARTICIPANTS.exists() else []
    return State(tuple(participants), (), assigned, withdrawn=withdrawn)


def unlisted(clips: Collection[Clip]) -> list[str]:
    """Return the files below raw/videos that no clip names."""
    listed = {clip.video for clip in clips}
    files = (path for path in VIDEOS.rglob("*") if path.is_file() and not path.name.startswith("."))
    return sorted(name for path in files if (name := path.relative_to(VIDEOS).as_posix()) not in listed)


def _check_recordings(clips: Sequence[Clip]) -> None:
    expected = {VIDEOS / clip.video: clip.sha256 for clip in clips}
    missing = sorted(str(path) for path in expected if not path.is_file())
    if missing:
        raise EmoError(
            f"{missing[0]}: no such file ({len(missing)} of {len(expected)} recordings in {CLIPS} are "
            f"missing); run `dvc checkout {POINTER}` or `dvc pull {POINTER}` first"
        )
    digests = sha256_all(sorted(expected), cache_root() / "videos.json")
    changed = [path for path in sorted(expected) if digests[path] != expected[path]]
    if changed:
        raise EmoError(
            *(
                f"{path}: not the recording that was enrolled (its SHA-256 differs from {CLIPS}); restore it "
                f"with `dvc checkout --force {POINTER}`"
                for path in changed
            )
        )

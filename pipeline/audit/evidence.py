"""The evidence for all checks, read from the workspace and its history when a check first needs it."""

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.audit.branch_tables import BranchTables, read_branch_tables
from pipeline.audit.checks.faces import not_searched
from pipeline.audit.checks.images import FaceCrop, HashedImage, Key, alike, read_face_crops
from pipeline.audit.checks.near_duplicates import Pair, pairs_across
from pipeline.audit.checks.outputs import CountedShard, Status, read_shard
from pipeline.audit.checks.participants import Piece, Withdrawn
from pipeline.audit.gate.check import UnavailableError
from pipeline.audit.gate.evidence import GateEvidence
from pipeline.audit.pair_sheet import draw_pairs
from pipeline.dataset.images.selection import select
from pipeline.dataset.near_duplicates.collapse import DedupParams
from pipeline.dataset.split.subjects import SplitParams
from pipeline.faces.params import FacesParams
from pipeline.runtime.csv_files import read_csv
from pipeline.runtime.digests import sha256
from pipeline.runtime.errors import EmoError, NotBuiltError
from pipeline.runtime.executors import worker_count
from pipeline.runtime.params import load_params
from pipeline.runtime.paths import (
    CENSUS,
    CLIPS,
    DATASET,
    DUPLICATES,
    FACES,
    FRAMES,
    FUNNEL,
    PARTICIPANTS,
    SPLIT,
    VIDEOS,
    WITHDRAWALS,
)
from pipeline.runtime.progress import progress_bar
from pipeline.runtime.regular_files import read_regular
from pipeline.schema.census import CensusRow, read_census
from pipeline.schema.clip_shards import read_facts
from pipeline.schema.clips import Clip
from pipeline.schema.dataset import shard_path, shard_paths
from pipeline.schema.decisions import Decision
from pipeline.schema.duplicates import read_duplicates
from pipeline.schema.funnel import FunnelRow
from pipeline.schema.participants import WITHDRAWN, Participant, read_participants
from pipeline.schema.split import SplitRow, read_split
from pipeline.schema.withdrawals import erased_objects, read_withdrawn, unfinished
from pipeline.versions.dvc_cache import cache_folder, object_path
from pipeline.versions.dvc_lock import POINTER, read_length
from pipeline.versions.git import Repository
from pipeline.versions.history import earlier_versions
from pipeline.versions.stage_records import RecordComparison, compare_records
from pipeline.versions.version import DATASET_TABLES, Version, version_at, workspace

BUILT = (SPLIT, DATASET, CENSUS, FUNNEL)
"""Outputs of the stages without which no audit is possible."""


def check_built() -> None:
    """Raise NotBuiltError if some of these outputs are missing."""
    missing = [str(path) for path in BUILT if not path.exists()]
    if len(missing) == len(BUILT):
        raise NotBuiltError(f"{DATASET}: nothing is built yet; run `dvc repro`")
    if missing:
        raise NotBuiltError(f"{', '.join(missing)}: missing; run `dvc pull` or `dvc repro`")


class Evidence(GateEvidence):
    """The evidence for all checks; that of the gate is read again, and near pairs come from the pixels."""

    def __init__(self, *, deep: bool, since: str | None, ask_dvc: Callable[[], Status]) -> None:
        self.deep, self.since, self._ask_dvc = deep, since, ask_dvc

    @cached_property
    def participants(self) -> list[Participant]:
        """All enrolled participants, in that order."""
        return read_participants()

    @cached_property
    def clips(self) -> list[Clip]:
        """All clips of the table, unchecked: the checks report what is wrong with them."""
        return sorted(read_csv(CLIPS, Clip, key="clip"), key=lambda clip: clip.clip)

    @cached_property
    def processable_clips(self) -> list[Clip]:
        """The clips of the subjects who have not withdrawn."""
        return [clip for clip in self.clips if clip.subject in self.processable]

    @cached_property
    def near_pairs(self) -> list[dict[str, Any]]:
        """Near-duplicates among the images, found again from their pixels."""
        distance = load_params("dedup", DedupParams).pair_distance
        return alike(self.hashed, self.labelled, distance)

    @cached_property
    def status(self) -> Status:
        """The state of the workspace as DVC reports it."""
        return self._ask_dvc()

    @cached_property
    def split(self) -> dict[str, SplitRow]:
        """data/split.csv, by subject."""
        return read_split()

    @cached_property
    def split_params(self) -> SplitParams:
        """The settings of the split."""
        return load_params("split", SplitParams)

    @cached_property
    def census(self) -> list[CensusRow]:
        """data/census.csv."""
        return read_census()

    @cached_property
    def excluded_clips(self) -> frozenset[str]:
        """The clips that decisions exclude as a whole."""
        return frozenset(clip.clip for clip in self.clips if self.ledger.is_excluded(clip))

    @cached_property
    def searched(self) -> list[FunnelRow]:
        """reports/funnel.csv; raises UnavailableError if the detector does not search for faces."""
        if load_params("faces", FacesParams).settings.EXPECTS_CROPS:
            raise UnavailableError(not_searched(self.funnel))
        return self.funnel

    @cached_property
    def shards(self) -> list[CountedShard]:
        """The shards of the dataset, counted again."""
        paths = shard_paths()
        with ThreadPoolExecutor(worker_count()) as threads:  # hashing releases the interpreter lock
            return list(threads.map(read_shard, paths))

    @cached_property
    def hashed(self) -> list[HashedImage]:
        """The images of the dataset, with the digest and the perceptual hash of each."""
        return [image for shard in self.shards for image in shard.images]

    @cached_property
    def crops(self) -> dict[Key, FaceCrop]:
        """The accepted face crops of the clips with images; raises UnavailableError if none are here."""
        if not any(FACES.glob("*.parquet")):
            raise UnavailableError(f"{FACES}: missing; `dvc pull faces` or `dvc checkout faces`")
        with ThreadPoolExecutor(worker_count()) as threads:
            found = list(threads.map(read_face_crops, {image.clip for image in self.hashed}))
        return {key: crop for crops in found for key, crop in crops.items()}

    @cached_property
    def kept(self) -> frozenset[Key]:
        """The face crops that are no near-duplicates of others, and not excluded by decisions.

        Raises UnavailableError if the table of the stage dedup is not here.
        """
        if not DUPLICATES.is_file():
            raise UnavailableError(f"{DUPLICATES}: missing; `dvc pull dedup` or `dvc checkout dedup`")
        rows = read_duplicates(["clip", "frame"]).to_pylist()
        faces = {(row["clip"], row["frame"]) for row in rows}
        selection = select(self.processable_clips, self.ledger)
        excluded = {(clip, frame) for clip, frames in selection.excluded.items() for frame in frames}
        return frozenset(faces - excluded - selection.leaders.keys())

    @cached_property
    def files(self) -> list[Path]:
        """All files below data/dataset."""
        return [path for path in DATASET.rglob("*") if path.is_symlink() or not path.is_dir()]

    @cached_property
    def pairs(self) -> list[Pair]:
        """Near-duplicates across subjects, splits or labels, the worst first."""
        return pairs_across(self.near_pairs, self.labelled, self.split)

    @cached_property
    def pair_sheet(self) -> str:
        """The paths of the sheets of the pairs, drawn on first use, without subjects who may not be shown."""
        shards = {
            image.clip: shard_path(shard.split, shard.subject)
            for shard in self.shards
            for image in shard.images
        }
        return draw_pairs(self.pairs, self.showable, shards)

    @cached_property
    def lengths(self) -> dict[str, int]:
        """Bytes of the files below raw/videos, by their path there."""
        files = (path for path in VIDEOS.rglob("*") if path.is_file())
        return {path.relative_to(VIDEOS).as_posix(): path.stat().st_size for path in files}

    @cached_property
    def tracked(self) -> int | None:
        """Size of raw/videos in bytes by raw/videos.dvc; None if it has none."""
        if not POINTER.is_file():
            return None
        return read_length(read_regular(POINTER).decode("utf-8", errors="replace"), str(POINTER))

    @cached_property
    def digests(self) -> dict[str, str]:
        """SHA-256 of every file below raw/videos, by its path there, hashed now."""
        if not self.deep:
            raise UnavailableError("use --deep")
        if not self.lengths:
            raise UnavailableError(f"{VIDEOS}: missing")
        return _hashed(self.lengths)

    @cached_property
    def repository(self) -> Repository:
        """The history; raises UnavailableError if there is none."""
        repository = Repository(Path.cwd())
        try:
            if repository.has_commits:
                return repository
        except EmoError as error:  # no git
            raise UnavailableError(str(error)) from None
        raise UnavailableError("no Git history here")

    @property
    def cut_note(self) -> str:
        """The end of a message if older commits are missing here."""
        return self.repository.cut_note

    @cached_property
    def here(self) -> Version:
        """The workspace as a version."""
        return workspace(Path.cwd())

    @cached_property
    def earlier(self) -> list[Version]:
        """The versions up to HEAD, newest first; from `since` on, if given."""
        versions = earlier_versions(self.repository)
        if self.since is None:
            return versions
        older = {commit.id for commit in self.repository.log(DATASET_TABLES, self.since, full=True)}
        first = version_at(self.repository, self.since)
        return [*(version for version in versions if version.commit not in older), first]

    @cached_property
    def records(self) -> RecordComparison:
        """What the stages stored about their runs, compared with dvc.lock, here and in earlier versions."""
        try:
            earlier = self.earlier
        except UnavailableError:
            earlier = []
        return compare_records([self.here, *(version for version in earlier if not version.error)])

    @cached_property
    def earlier_decisions(self) -> frozenset[Decision]:
        """The decisions of earlier versions; none if there is no history."""
        try:
            return frozenset(row for version in self.earlier for row in version.decisions)
        except UnavailableError:
            return frozenset()

    @cached_property
    def erased_recordings(self) -> Mapping[str, str]:
        """SHA-256 of recordings of withdrawn subjects -> the subject."""
        return {row.sha256: row.subject for row in read_withdrawn() if row.sha256}

    @cached_property
    def branches(self) -> BranchTables:
        """What branches and tags list of subjects."""
        return read_branch_tables(self.repository)

    @cached_property
    def withdrawn(self) -> Withdrawn:
        """The subjects who withdrew by the tables, or by any branch or tag."""
        rows = read_withdrawn()
        try:
            recorded, note = self.branches.withdrawn, self.branches.note
        except UnavailableError as error:
            recorded, note = {}, f"; {error}"
        recorded |= {row.subject: str(WITHDRAWALS) for row in rows}
        recorded |= {p.subject: str(PARTICIPANTS) for p in self.participants if p.consent == WITHDRAWN}
        listed = {p.subject for p in self.participants if p.consent != WITHDRAWN}
        return Withdrawn(
            recorded,
            {row.sha256: row.subject for row in rows if row.sha256},
            note,
            still_listed=sorted(listed & {row.subject for row in rows}),
            unfinished=unfinished(),
            returned=_in_cache_again(erased_objects()),
        )

    @cached_property
    def pieces(self) -> list[Piece]:
        """All files that hold frames or images of subjects."""
        try:
            earlier = self.branches.clips
        except UnavailableError:
            earlier = {}
        subjects = earlier | {clip.clip: clip.subject for clip in self.clips}
        return [*self._recordings(), *_shards_of_clips(subjects), *_shards_of_subjects()]

    def _recordings(self) -> list[Piece]:
        listed = {clip.video: clip for clip in self.clips}
        digests = self.digests if self.deep and self.lengths else {}
        pieces = []
        for name in self.lengths:
            clip = listed.get(name)
            subject = clip.subject if clip else name.partition("/")[0]  # where ingest puts them
            digest = digests.get(name, clip.sha256 if clip else "")
            pieces.append(Piece(VIDEOS, subject, digest))
        return pieces


def _in_cache_again(erased: Collection[str]) -> int:
    """Return how many of these objects DVC's cache has again."""
    try:
        cache = cache_folder(Path.cwd()) if erased else None
    except EmoError:  # no DVC here
        return 0
    return sum(object_path(cache, md5).is_file() for md5 in erased) if cache else 0


def _shards_of_clips(subjects: dict[str, str]) -> list[Piece]:
    return [
        Piece(folder, subjects.get(path.stem, ""), _recording_of(path))
        for folder in (FRAMES, FACES)
        for path in sorted(folder.rglob("*.parquet"))
    ]


def _recording_of(shard: Path) -> str:
    """Return the SHA-256 of the recording that a shard is made of; raise EmoError if it cannot be read."""
    try:
        return str(read_facts(shard).get("recording", ""))
    except (OSError, ValueError):  # pyarrow's errors are either
        raise EmoError(f"{shard}: not a readable Parquet file; remove it and run `dvc repro`") from None


def _shards_of_subjects() -> list[Piece]:
    return [Piece(DATASET, path.stem) for path in sorted(DATASET.rglob("*.parquet"))]


def _hashed(names: Collection[str]) -> dict[str, str]:
    """Return the SHA-256 of files below raw/videos; raise EmoError for one that cannot be read."""
    pool = ThreadPoolExecutor(worker_count())  # hashing releases the interpreter lock
    try:
        with progress_bar("hashing", len(names)) as advance:
            jobs = {name: pool.submit(sha256, VIDEOS / name) for name in names}
            for _ in as_completed(jobs.values()):
                advance()
        return {name: job.result() for name, job in jobs.items()}
    except OSError as error:
        raise EmoError(
            f"{error.filename or VIDEOS}: {error.strerror}; check the disk and permissions"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)

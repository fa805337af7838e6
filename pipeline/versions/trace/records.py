"""The tables of the workspace that `emo trace` reads: raw/, dvc.lock, and the outputs of the stages."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.dataset.images.selection import Selection, select
from pipeline.runtime.errors import EmoError, NotBuiltError
from pipeline.runtime.params import flattened, read_params
from pipeline.runtime.paths import CENSUS, CLIPS, DUPLICATES, SPLIT
from pipeline.schema.census import read_census
from pipeline.schema.clips import Clip, read_enrolment
from pipeline.schema.dataset import shard_path, shard_paths
from pipeline.schema.duplicates import read_duplicates
from pipeline.schema.faces import faces_path
from pipeline.schema.ledger import Ledger, read_ledger
from pipeline.schema.participants import Participant, processable
from pipeline.schema.split import SplitRow, read_split
from pipeline.schema.withdrawals import read_withdrawn
from pipeline.versions.dvc_lock import StageLock, read_project_lock


@dataclass(frozen=True)
class Records:
    """The tables of the workspace; outputs of stages are read on first use."""

    participants: Mapping[str, Participant]
    "By subject, in the order of enrolment."
    clips: Mapping[str, Clip]
    "By id."
    lock: Mapping[str, StageLock]
    "By stage; empty if DVC has not run."

    @cached_property
    def withdrawn(self) -> frozenset[str]:
        """The subjects who have withdrawn consent, even if raw/participants.csv was reverted."""
        gone = {row.subject for row in read_withdrawn()}
        return frozenset(self.participants.keys() - processable(self.participants.values()) | gone)

    @cached_property
    def split(self) -> dict[str, SplitRow]:
        """The rows of data/split.csv by subject; empty before the stage split has run."""
        return read_split() if SPLIT.is_file() else {}

    @cached_property
    def shards(self) -> dict[str, Path]:
        """The files of the dataset by subject, by data/census.csv if it exists."""
        if CENSUS.is_file():
            return {row.subject: shard_path(row.split, row.subject) for row in read_census()}
        return {path.stem: path for path in shard_paths()}

    @cached_property
    def duplicates(self) -> pa.Table:
        """data/duplicates.parquet."""
        return read_duplicates(path=self.stored(DUPLICATES))

    @cached_property
    def ledger(self) -> Ledger:
        """The decisions of raters about all clips."""
        return read_ledger(self.clips.values())

    @cached_property
    def selection(self) -> Selection:
        """The faces that near-duplicates and decisions leave out."""
        self.stored(DUPLICATES)
        given = processable(self.participants.values())
        clips = [clip for clip in self.clips.values() if clip.subject in given]
        built = [clip for clip in clips if faces_path(clip.clip).is_file()]
        return select(built, self.ledger)

    @cached_property
    def settings_now(self) -> dict[str, Any]:
        """The values of params.yaml by dotted key."""
        return dict(flattened(read_params()))

    def settings(self, stage: str) -> dict[str, Any]:
        """Return the settings that a stage ran with (dvc.lock), else those of params.yaml, by dotted key."""
        values = self.lock[stage].params if stage in self.lock else self.settings_now
        return {key: value for key, value in values.items() if key.startswith(f"{stage}.")}

    def stored(self, path: Path) -> Path:
        """Return the path of an output of a stage; raise NotBuiltError if it is missing."""
        if path.is_file():
            return path
        outs = {Path(out) for stage in self.lock.values() for out in stage.outs}
        if outs & {path, *path.parents}:
            raise NotBuiltError(f"{path}: missing; run `dvc checkout`, `dvc pull` or `dvc repro`")
        raise NotBuiltError(f"{path}: not built yet; run `dvc repro`")


def read_records() -> Records:
    """Read the tables of the project in the current folder; raise EmoError if no clip is enrolled."""
    participants, clips = read_enrolment()
    if not clips:
        raise EmoError(f"{CLIPS}: no clips yet; enrol recordings with `emo ingest VIDEOS`, or run `emo demo`")
    lock = read_project_lock()
    return Records(
        {participant.subject: participant for participant in participants},
        {clip.clip: clip for clip in clips},
        lock,
    )

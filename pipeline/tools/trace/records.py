"""What `emo trace` looks things up in: the tables of raw/, dvc.lock, and the files that the stages wrote."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.core.dataset import DUPLICATES_SCHEMA, SPLITS, CensusRow, SplitRow, read_split, shard_path
from pipeline.core.enrolment import Clip, Participant, consenting, read_enrolment
from pipeline.core.errors import EmoError
from pipeline.core.params import read_params
from pipeline.core.paths import CENSUS, CLIPS, DATASET, DUPLICATES, SPLIT
from pipeline.core.tables import read_csv, read_parquet
from pipeline.core.withdrawn import read_withdrawn
from pipeline.history.lock import LOCK, StageLock, flattened, read_lock


@dataclass(frozen=True)
class Records:
    """The tables of the workspace, each read when it is first asked for."""

    people: Mapping[str, Participant]
    "by subject, in the order of enrolment"
    clips: Mapping[str, Clip]
    "by id"
    lock: Mapping[str, StageLock]
    "by stage; empty where DVC has not run"

    @cached_property
    def withdrawn(self) -> frozenset[str]:
        """Those who have withdrawn consent, also where a table was changed back."""
        gone = {row.subject for row in read_withdrawn()}
        return frozenset(self.people.keys() - consenting(self.people.values()) | gone)

    @cached_property
    def split(self) -> dict[str, SplitRow]:
        """The rows of data/split.csv by subject; empty before the stage split has run."""
        return read_split() if SPLIT.is_file() else {}

    @cached_property
    def shards(self) -> dict[str, Path]:
        """The files of the dataset by subject, those that should be there; empty before it is built."""
        if CENSUS.is_file():
            return {row.subject: shard_path(row.split, row.subject) for row in read_csv(CENSUS, CensusRow)}
        found = [path for split in SPLITS for path in sorted((DATASET / split).glob("*.parquet"))]
        return {path.stem: path for path in found}

    @cached_property
    def duplicates(self) -> pa.Table:
        """data/duplicates.parquet."""
        return read_parquet(self.stored(DUPLICATES), DUPLICATES_SCHEMA)

    @cached_property
    def settings_now(self) -> dict[str, Any]:
        """The values of params.yaml by dotted key."""
        return dict(flattened(read_params()))

    def settings(self, stage: str) -> dict[str, Any]:
        """Return the settings that a stage ran with (dvc.lock), else those of params.yaml, by dotted key."""
        values = self.lock[stage].params if stage in self.lock else self.settings_now
        return {key: value for key, value in values.items() if key.startswith(f"{stage}.")}

    def stored(self, path: Path) -> Path:
        """Return the path of what a stage wrote; raise EmoError where it is not here."""
        if path.is_file():
            return path
        outs = {Path(out) for stage in self.lock.values() for out in stage.outs}
        if outs & {path, *path.parents}:
            raise EmoError(f"{path}: not here; run `dvc checkout` or `dvc pull`, or `dvc repro` to build it")
        raise EmoError(f"{path}: not built yet; run `dvc repro`")


def read_records() -> Records:
    """Read the tables of the project in the current folder; raise EmoError where no clip is enrolled."""
    people, clips = read_enrolment()
    if not clips:
        raise EmoError(f"{CLIPS}: no clips yet; enrol recordings with `emo ingest VIDEOS` or `emo demo`")
    lock = read_lock(LOCK.read_text(encoding="utf-8"), str(LOCK)) if LOCK.is_file() else {}
    return Records({person.subject: person for person in people}, {clip.clip: clip for clip in clips}, lock)

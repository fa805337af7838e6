"""Appending decisions to raw/decisions.csv: all of a command, or none."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.dataset.images.params import declared_labels
from pipeline.decisions.proposals import Proposal
from pipeline.decisions.rules import Study, decide
from pipeline.ingest.enrol import RESUMES
from pipeline.runtime.errors import EmoError, disk_errors
from pipeline.runtime.paths import DECISIONS, PARAMS
from pipeline.schema.clips import Clip, read_enrolment
from pipeline.schema.decisions import RELABEL, Decision, read_decisions, write_decisions
from pipeline.schema.faces import OK, faces_path, read_faces
from pipeline.schema.ledger import bounds
from pipeline.schema.participants import WITHDRAWN
from pipeline.schema.withdrawals import read_withdrawn
from pipeline.versions.git import Repository
from pipeline.versions.study_lock import locked_study


@dataclass(frozen=True)
class Recorded:
    """The decisions that a command appended to the ledger."""

    decisions: tuple[Decision, ...]
    notes: tuple[str, ...]
    "One line each."

    def as_json(self) -> dict[str, Any]:
        """Return plain values for `--json`."""
        return {"recorded": [decision_json(row) for row in self.decisions], "notes": list(self.notes)}


def record(proposals: Sequence[Proposal], today: str, *, wait: bool = True) -> Recorded:
    """Append the decisions that a user asks for.

    Args:
        proposals: What is to be decided.
        today: The day, YYYY-MM-DD.
        wait: Whether to wait while another command changes the study.

    Raises EmoError with one line for each decision that is refused; then nothing is written.
    """
    with disk_errors("raw", RESUMES), locked_study(wait=wait):
        study = read_study()
        decided = decide(proposals, study, first=_next_number(study.decisions), today=today)
        write_decisions([*study.decisions, *decided])
    return Recorded(tuple(decided), tuple(_notes(decided, study)))


def read_study() -> Study:
    """Read the tables of raw/ and the classes of params.yaml."""
    participants, clips = read_enrolment()
    withdrawn = {one.subject for one in participants if one.consent == WITHDRAWN}
    return Study(
        clips={clip.clip: clip for clip in clips},
        decisions=read_decisions(),
        withdrawn=frozenset(withdrawn | {row.subject for row in read_withdrawn()}),
        declared=declared_labels(),
    )


def decision_json(row: Decision) -> dict[str, Any]:
    """Return a decision as plain values."""
    return {name: value for name, value in vars(row).items() if name != "extra"}


def _next_number(decisions: Sequence[Decision]) -> int:
    """Return a number that no decision of the workspace or of any commit here ever had."""
    return 1 + max({row.decision for row in decisions} | set(_committed_numbers()), default=0)


def _committed_numbers() -> Iterator[int]:
    """Yield the numbers of all decisions in any commit; none without Git."""
    repository = Repository(Path.cwd())
    try:
        texts = set(repository.read((commit, DECISIONS) for commit in repository.all_commits()).values())
    except EmoError:
        return
    for text in texts:
        rows = csv.DictReader(io.StringIO(text.decode("utf-8-sig", "replace").replace("\0", "")))
        yield from (int(number) for row in rows if (number := row.get("decision") or "").isdecimal())


def _notes(decided: Sequence[Decision], study: Study) -> Iterator[str]:
    labels = {row.value for row in decided if row.action == RELABEL} - set(study.declared)
    for label in sorted(labels):
        yield f"{label} is not a class ({PARAMS}: dataset: expressions), so its clips give no images"
    for row in decided:
        if row.is_stretch and _faces_within(row, study.clips[row.clip]) == 0:
            yield f"no image changes: no face was accepted in this stretch; see `emo trace {row.clip}`"


def _faces_within(row: Decision, clip: Clip) -> int | None:
    """Return the number of accepted faces in the stretch of a decision; None before the stage faces ran."""
    if not faces_path(clip.clip).is_file():
        return None
    start_s, end_s = bounds(clip) if row.start_s is None or row.end_s is None else (row.start_s, row.end_s)
    rows = read_faces(clip.clip, ["time_s", "status"]).to_pylist()
    return sum(face["status"] == OK and start_s <= round(face["time_s"], 3) < end_s for face in rows)

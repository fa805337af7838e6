"""`emo audit`: the checks of the gate and all others, on the files as they are."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.auditing import detector, images, near, outputs, people, recordings, splits
from pipeline.auditing.evidence import Evidence, check_built
from pipeline.auditing.finding import Finding, UnavailableError, skipped
from pipeline.auditing.outputs import PIPELINE, Status, read_status
from pipeline.core.errors import EmoError, listed
from pipeline.core.paths import PARAMS
from pipeline.core.subjectless import in_full
from pipeline.history.git import Repository
from pipeline.history.lock import POINTER
from pipeline.history.version import TABLES, short, workspace
from pipeline.stages import audit as gate
from pipeline.stages.dataset import faces_found
from pipeline.stages.faces import NONE

HEADER = ["check", "verdict", "evidence"]

UP_TO_DATE = "outputs up to date"

_MAKING = (*TABLES, POINTER, PARAMS, PIPELINE, Path("pipeline"))
"""Whose uncommitted changes are told: what makes a version, and what it is made by."""

_NOTHING = gate.Evidence(frozenset(), [], [], (), [])


def _of_gate(check: Callable[[gate.Evidence], gate.Check]) -> Callable[[Evidence], Finding]:
    def run(evidence: Evidence) -> Finding:
        made = check(evidence.gate)
        return Finding(made.ok, made.detail)

    return run


def _if_looked_for(check: Callable[[Evidence], Finding]) -> Callable[[Evidence], Finding]:
    def run(evidence: Evidence) -> Finding:
        if evidence.detector == NONE:
            raise UnavailableError(detector.not_looked_for(evidence.funnel))
        return check(evidence)

    return run


@dataclass(frozen=True)
class _OfTables:
    """A check whose figures are of all who are enrolled; those of the others are of subjects with images."""

    check: Callable[[Evidence], Finding]

    def __call__(self, evidence: Evidence) -> Finding:
        return self.check(evidence)


CHECKS: Mapping[str, Callable[[Evidence], Finding]] = {
    **{check(_NOTHING).name: _of_gate(check) for check in gate.CHECKS},
    "nothing left of who withdrew": _OfTables(lambda e: people.nothing_left(e.pieces, e.withdrawn)),
    "every clip of a participant": _OfTables(lambda e: people.clips_of_participants(e.clips, e.people)),
    "no recording enrolled twice": _OfTables(lambda e: recordings.enrolled_once(e.clips)),
    "no take under two labels": _OfTables(lambda e: recordings.takes_labelled_alike(e.clips)),
    "labels as the paths named them": _OfTables(lambda e: recordings.labelled_as_named(e.clips)),
    "no near-duplicate across subjects": lambda e: near.alike_across_subjects(e.pairs, e.picture),
    "no clip under two labels": lambda e: near.alike_under_two_labels(e.pairs, e.funnel, e.picture),
    "split as drawn": _OfTables(lambda e: splits.splits_as_drawn(e.people, e.split, e.split_params)),
    "sexes in their quota": _OfTables(lambda e: splits.sexes_in_quota(e.people, e.split, e.split_params)),
    "classes in proportion": lambda e: splits.classes_in_proportion(e.census),
    "nobody moved to another split": _OfTables(
        lambda e: splits.nobody_moved(e.here, e.earlier, e.repository.cut_note)
    ),
    "a face in most frames of each clip": _OfTables(
        _if_looked_for(lambda e: detector.clips_give_faces(e.funnel))
    ),
    "faces found alike in all": _OfTables(
        _if_looked_for(lambda e: detector.faces_found_alike(faces_found(e.funnel), e.people))
    ),
    "dataset as the census says": lambda e: outputs.dataset_as_counted(e.shards, e.census),
    "images as they were cut": lambda e: images.images_as_cut(e.pictures, e.cuts, e.kept),
    "nothing else in the dataset": lambda e: images.nothing_else(e.files, e.census),
    "folders as the split says": lambda e: outputs.shards_as_split(e.shards, e.split),
    UP_TO_DATE: _OfTables(lambda e: outputs.up_to_date(e.ask_dvc())),
    "recordings here": _OfTables(lambda e: recordings.recordings_here(e.consented, e.lengths, e.tracked)),
    "recordings as enrolled": _OfTables(lambda e: recordings.recordings_unchanged(e.consented, e.digests)),
}
"""In the order in which they are told: people, labels, splits, faces, files."""


def mark_of(name: str, evidence: Evidence) -> str:
    """Return what stands beside the figures of a check where images have no subject, or the empty text."""
    return evidence.mark if isinstance(CHECKS[name], _OfTables) else evidence.gate.mark


@dataclass(frozen=True)
class Check:
    """One check by its name, and what it came to."""

    name: str
    finding: Finding

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"name": self.name, **vars(self.finding)}

    def row(self) -> list[str]:
        """Return the row of the table."""
        word = "skipped" if self.finding.skipped else "ok" if self.finding.ok else "FAILED"
        return [self.name, word, self.finding.detail]


@dataclass(frozen=True)
class Audit:
    """What all checks came to, and what they looked at."""

    version: str
    "the workspace in words: `workspace of 1a2b3c4, with uncommitted changes in raw/clips.csv`"
    commit: str
    "full hash; empty where nothing is committed"
    uncommitted: tuple[str, ...]
    checks: tuple[Check, ...]
    mark: str = ""
    "what stands beside every figure where images have no subject; empty where all have one"

    @property
    def ok(self) -> bool:
        """Whether no check failed; some may have been skipped."""
        return all(check.finding.ok for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """Return plain values for `--json`."""
        return {
            "ok": self.ok,
            "version": self.version,
            "commit": self.commit,
            "uncommitted": list(self.uncommitted),
            **({"subjects": in_full(self.mark)} if self.mark else {}),
            "checks": [check.as_json() for check in self.checks],
        }

    def rows(self) -> list[list[str]]:
        """Return the rows of the table."""
        return [check.row() for check in self.checks]


def run_audit(*, deep: bool = False, since: str | None = None, skip: Sequence[str] = ()) -> Audit:
    """Make all checks but those named in `skip` on the project that is the current directory.

    `deep` hashes the recordings again; `since` is the earliest version that the split is compared with.
    Writes reports/near_pairs.png where there are near pairs. Raises EmoError where nothing is built, where
    a name in `skip` is unknown, where `since` is no revision, and where raw/*.csv cannot be read.
    """
    for name in skip:
        if name not in CHECKS:
            raise EmoError(f"--skip: no check is called {name!r}; they are: {', '.join(CHECKS)}")
    check_built()
    if since is not None:
        Repository(Path.cwd()).commit(since)
    with ThreadPoolExecutor(1) as pool:  # DVC takes a second or two, the other checks meanwhile
        asked = None if UP_TO_DATE in skip else pool.submit(_ask_dvc)
        evidence = Evidence(deep, since, asked.result if asked else _ask_dvc)
        # Nothing can be said where the tables or the dataset cannot be read: this raises.
        marks = {name: mark_of(name, evidence) for name in CHECKS}
        checks = tuple(Check(name, _marked(_made(name, evidence, skip), marks[name])) for name in CHECKS)
    version, commit, uncommitted = _told_version()
    return Audit(version, commit, tuple(uncommitted), checks, evidence.gate.mark or evidence.mark)


def _made(name: str, evidence: Evidence, skip: Sequence[str]) -> Finding:
    """Make one check. What cannot be read is at fault, and hides no other check."""
    if name in skip:
        return skipped("asked for: --skip")
    try:
        return CHECKS[name](evidence)
    except UnavailableError as why:
        return skipped(str(why))
    except EmoError as error:
        return Finding(False, str(error))


def _marked(finding: Finding, mark: str) -> Finding:
    return finding if finding.skipped else replace(finding, detail=gate.marked(finding.detail, mark))


def _ask_dvc() -> Status:
    return read_status(workspace(Path.cwd()))


def _told_version() -> tuple[str, str, list[str]]:
    """Return the workspace in words, the full hash of its commit, and its uncommitted changes."""
    repository = Repository(Path.cwd())
    try:
        if not repository.has_commits:
            return "workspace, not in Git yet", "", []
    except EmoError:
        return "workspace", "", []
    commit = repository.commit("HEAD")
    changed = repository.changed(_MAKING)
    words = f", with uncommitted changes in {listed(changed)}" if changed else ""
    return f"workspace of {short(commit)}{words}", commit, changed

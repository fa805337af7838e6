"""`emo audit`: the checks of the gate and all others, on the current files."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pipeline.audit.checks  # noqa: F401 (registers the checks)
from pipeline.audit.checks.outputs import Status, read_status
from pipeline.audit.evidence import Evidence, check_built
from pipeline.audit.gate.check import (
    Check,
    Finding,
    Scope,
    UnavailableError,
    registered,
    skipped,
    with_caveat,
)
from pipeline.runtime.errors import EmoError
from pipeline.runtime.paths import PARAMS, PIPELINE
from pipeline.runtime.text import listed
from pipeline.schema.image_subjects import full_caveat
from pipeline.versions.dvc_lock import POINTER
from pipeline.versions.git import Repository
from pipeline.versions.version import TABLES, short, workspace

HEADER = ["check", "verdict", "evidence"]

UP_TO_DATE = "outputs up to date"

CHECKS = registered()
"""All checks, by name, in the order in which they are listed."""

_MAKING = (*TABLES, POINTER, PARAMS, PIPELINE, Path("pipeline"))
"""Files whose uncommitted changes are listed: what makes a version, and the code that builds it."""


@dataclass(frozen=True)
class CheckResult:
    """One check by its name, and its finding."""

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
    """The findings of all checks, and which version they are about."""

    version: str
    "The workspace in words: `workspace of 1a2b3c4, with uncommitted changes in raw/clips.csv`."
    commit: str
    "Full hash of the commit; empty if nothing is committed."
    uncommitted: tuple[str, ...]
    checks: tuple[CheckResult, ...]
    caveat: str = ""
    "The caveat of all figures if images have no subject; empty if all have one."

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
            **({"subjects": full_caveat(self.caveat)} if self.caveat else {}),
            "checks": [check.as_json() for check in self.checks],
        }

    def rows(self) -> list[list[str]]:
        """Return the rows of the table."""
        return [check.row() for check in self.checks]


def run_audit(*, deep: bool = False, since: str | None = None, skip: Sequence[str] = ()) -> Audit:
    """Run all checks but those named in `skip` on the project in the current directory.

    `deep` hashes the recordings again; `since` is the earliest version that the split is compared with.
    Writes reports/near_pairs.png if there are near pairs. Raises EmoError if nothing is built, a name in
    `skip` is unknown, `since` is not a revision, or raw/*.csv cannot be read.
    """
    for name in skip:
        if name not in CHECKS:
            raise EmoError(f"--skip: no check is named {name!r}; the checks are: {', '.join(CHECKS)}")
    check_built()
    if since is not None:
        Repository(Path.cwd()).commit(since)
    with ThreadPoolExecutor(1) as pool:  # DVC takes a second or two, the other checks meanwhile
        asked = None if UP_TO_DATE in skip else pool.submit(_ask_dvc)
        evidence = Evidence(deep=deep, since=since, ask_dvc=asked.result if asked else _ask_dvc)
        # Raises if the tables or the dataset cannot be read: no check can run without them.
        caveats = {scope: evidence.caveat(scope) for scope in Scope}
        results = tuple(
            CheckResult(name, with_caveat(_run(check, evidence, skip), caveats[check.scope]))
            for name, check in CHECKS.items()
        )
    version, commit, uncommitted = _workspace_version()
    caveat = caveats[Scope.IMAGES] or caveats[Scope.ENROLLED]
    return Audit(version, commit, tuple(uncommitted), results, caveat)


def _run(check: Check, evidence: Evidence, skip: Sequence[str]) -> Finding:
    """Run one check. An input that cannot be read is a violation of this check; the others still run."""
    if check.name in skip:
        return skipped("by --skip")
    try:
        return check(evidence)
    except UnavailableError as why:
        return skipped(str(why))
    except EmoError as error:
        return Finding(False, str(error))


def _ask_dvc() -> Status:
    return read_status(workspace(Path.cwd()))


def _workspace_version() -> tuple[str, str, list[str]]:
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

"""`emo summary`: the content of the workspace, read from the tables of the stages."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.report.sources import expected, read_json
from pipeline.runtime.errors import NotBuiltError
from pipeline.runtime.paths import (
    AUDIT,
    CALIBRATION_PLOT,
    CENSUS,
    CONFUSION_PLOT,
    CURVES_PLOT,
    FUNNEL,
    FUNNEL_PLOT,
    METRICS,
    MISTAKES_PLOT,
    PARTICIPANTS,
    SHEETS,
    SPLIT,
)
from pipeline.runtime.text import TextTable, counted, listed
from pipeline.schema.census import CensusRow, read_census
from pipeline.schema.funnel import funnel_totals, read_funnel
from pipeline.schema.image_subjects import full_caveat
from pipeline.schema.participants import CONSENTS, UNKNOWN, read_participants
from pipeline.schema.split import SPLITS, read_split, split_caveat
from pipeline.versions.stale import not_evaluated
from pipeline.versions.version import workspace

_CALIBRATION = {"ece": "expected calibration error", "brier": "Brier score (0 to 2)"}


@dataclass(frozen=True)
class Summary:
    """The counts and metrics of the workspace; the parts that are not built yet are empty."""

    funnel: dict[str, int]
    census: list[CensusRow]
    audit: dict[str, Any]
    metrics: dict[str, Any]
    subjects: str = ""
    "The caveat of all metrics if images have no subject id; empty if all have one."
    figures: list[str] = field(default_factory=list)
    "Paths of the plots and contact sheets."
    consent: dict[str, list[str]] = field(default_factory=dict)
    "Subjects by consent: given, unknown or withdrawn; only those that occur."
    not_evaluated: tuple[str, ...] = ()
    "Folders of the dataset that changed since the model was evaluated on them."

    def as_json(self) -> dict[str, Any]:
        """Return plain values for `--json`."""
        return {
            **({"subjects": self.subjects} if self.subjects else {}),
            "not_evaluated": list(self.not_evaluated),
            "consent": self.consent,
            "funnel": self.funnel,
            "census": [vars(row) for row in self.census],
            "audit": self.audit,
            "metrics": self.metrics,
        }

    def tables(self) -> list[TextTable]:
        """Return (title, header, rows) of each part that is built."""
        tables = [
            self._consent(),
            self._funnel(),
            self._census(),
            self._audit(),
            self._metrics(),
            self._test(),
        ]
        return [table for table in tables if table[2]]

    def check(self) -> None:
        """Raise EmoError if the metrics or the audit are not in the format of this version of emo."""
        with expected(METRICS):
            self._metrics()
            self._test()
        with expected(AUDIT):
            self._audit()

    def _consent(self) -> TextTable:
        rows = [
            [consent, f"{len(subjects):,}" + (f": {listed(subjects)}" if consent == UNKNOWN else "")]
            for consent, subjects in self.consent.items()
        ]
        return "Consent", ["", "subjects"], rows

    def _funnel(self) -> TextTable:
        total = max(self.funnel.get("sampled", 0), 1)
        rows = [
            [name.replace("_", " "), f"{n:,}", f"{n / total:.1%}"] for name, n in self.funnel.items() if n
        ]
        return "Sampled frames by status", ["", "frames", "share"], rows

    def _census(self) -> TextTable:
        classes = sorted({row.expression for row in self.census})
        subjects = Counter(split for split, _ in {(row.split, row.subject) for row in self.census})
        images = Counter[tuple[str, str]]()
        for row in self.census:
            images[row.split, row.expression] += row.images
        rows = [
            [split, str(subjects[split]), *(str(images[split, name]) for name in classes)] for split in SPLITS
        ]
        return "Images", ["split", "subjects", *classes], rows if self.census else []

    def _audit(self) -> TextTable:
        checks = self.audit.get("checks", [])
        rows = [[c["name"], "ok" if c["ok"] else "FAILED", c["detail"]] for c in checks]
        return "Audit", ["check", "verdict", "evidence"], rows

    def _metrics(self) -> TextTable:
        names = ["loss", "accuracy", "macro_f1"]
        rows = [
            [split, *(f"{self.metrics[split][name]:.3f}" for name in names)]
            for split in SPLITS
            if split in self.metrics
        ]
        return "The trained model", ["split", *(name.replace("_", " ") for name in names)], rows

    def _test(self) -> TextTable:
        """Return the accuracy on the test subjects of each sex, and the calibration."""
        test = self.metrics.get("test", {})
        rows = [
            [f"accuracy, {sex}", f"{group['accuracy']:.3f}", counted(group["subjects"], "subject")]
            for sex, group in test.get("per_sex", {}).items()
        ]
        if difference := test.get("sex_difference"):
            interval = _interval_text(difference["interval_95"])
            rows.append(["accuracy, F - M", f"{difference['accuracy']:+.3f}", interval])
        calibration = test.get("calibration", {})
        rows += [
            [label, f"{calibration[name]:.3f}", ""]
            for name, label in _CALIBRATION.items()
            if name in calibration
        ]
        return "Test subjects", ["metric", "value", ""], rows


def _interval_text(interval: dict[str, float] | None) -> str:
    if not interval:
        return "no interval: too few subjects"
    return f"95 %: {interval['low']:+.3f} to {interval['high']:+.3f}"


def _by_consent() -> dict[str, list[str]]:
    """Return the subjects by consent, in the order of enrolment."""
    participants = read_participants()
    groups = {name: [one.subject for one in participants if one.consent == name] for name in CONSENTS}
    return {name: subjects for name, subjects in groups.items() if subjects}


def read_summary() -> Summary:
    """Read the outputs of the stages; raise NotBuiltError if nothing is built yet."""
    if not FUNNEL.is_file():
        raise NotBuiltError(f"{FUNNEL}: no such file: nothing is built yet; run `dvc repro`")
    plots = (FUNNEL_PLOT, CURVES_PLOT, CONFUSION_PLOT, CALIBRATION_PLOT, MISTAKES_PLOT)
    metrics, audit = _read_if_built(METRICS), _read_if_built(AUDIT)
    found = Summary(
        funnel=funnel_totals(read_funnel()),
        census=read_census() if CENSUS.is_file() else [],
        audit=audit,
        metrics=metrics,
        subjects=full_caveat(split_caveat(read_split().values())) if SPLIT.is_file() else "",
        figures=[str(path) for path in (*plots, *sorted(SHEETS.glob("*.png"))) if path.is_file()],
        consent=_by_consent() if PARTICIPANTS.is_file() else {},
        not_evaluated=not_evaluated(workspace(Path.cwd())) if metrics else (),
    )
    found.check()
    return found


def _read_if_built(path: Path) -> dict[str, Any]:
    return read_json(path) if path.exists() else {}

"""`emo summary`: what the workspace holds, read from the tables that the stages wrote."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.runtime.errors import EmoError
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
    SHEETS,
    SPLIT,
)
from pipeline.runtime.text import TextTable
from pipeline.schema.census import CensusRow, read_census
from pipeline.schema.funnel import funnel_totals, read_funnel
from pipeline.schema.image_subjects import full_caveat
from pipeline.schema.split import SPLITS, read_split, split_caveat
from pipeline.versions.stale import not_evaluated
from pipeline.versions.version import workspace


@dataclass(frozen=True)
class Summary:
    """The figures of one version of the workspace; what was not built yet is empty."""

    funnel: dict[str, int]
    census: list[CensusRow]
    audit: dict[str, Any]
    metrics: dict[str, Any]
    subjects: str = ""
    "what stands beside every figure where images have no subject; empty where all have one"
    pictures: list[str] = field(default_factory=list)
    not_evaluated: tuple[str, ...] = ()
    "folders of the dataset that are not those on which the metrics are"

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        census = [vars(row) for row in self.census]
        caveat: dict[str, Any] = {"subjects": self.subjects} if self.subjects else {}
        caveat |= {"not_evaluated": list(self.not_evaluated)}
        return caveat | {
            "funnel": self.funnel,
            "census": census,
            "audit": self.audit,
            "metrics": self.metrics,
        }

    def tables(self) -> list[TextTable]:
        """Return (title, header, rows) of what there is."""
        made = [self._funnel(), self._census(), self._audit(), self._metrics(), self._test()]
        return [table for table in made if table[2]]

    def _funnel(self) -> TextTable:
        total = max(self.funnel.get("sampled", 0), 1)
        counts = {name.replace("_", " "): n for name, n in self.funnel.items() if n}
        rows = [[name, f"{n:,}", f"{n / total:.1%}"] for name, n in counts.items()]
        return "What became of the sampled frames", ["", "frames", "share"], rows

    def _census(self) -> TextTable:
        if not self.census:
            return "Images", [], []
        import pandas as pd

        table = pd.DataFrame([vars(row) for row in self.census])
        images = table.pivot_table("images", "split", "expression", "sum", fill_value=0).reindex(SPLITS)
        subjects = table.groupby("split")["subject"].nunique().reindex(SPLITS)
        counts = pd.concat([subjects, images], axis=1).fillna(0).astype(int)
        rows = [
            [str(split), *map(str, row)] for split, row in zip(counts.index, counts.to_numpy(), strict=True)
        ]
        return "Images", ["split", "subjects", *images.columns], rows

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
        return "The trained net", ["split", *(name.replace("_", " ") for name in names)], rows

    def _test(self) -> TextTable:
        """Return what the net reaches on women and men, and how far its probabilities may be believed."""
        test = self.metrics.get("test", {})
        rows = [
            [
                f"accuracy, {sex}",
                f"{group['accuracy']:.3f}",
                f"{group['subjects']} subject{'s' * (group['subjects'] != 1)}",
            ]
            for sex, group in test.get("per_sex", {}).items()
        ]
        if apart := test.get("sex_difference"):
            rows.append(["accuracy, F - M", f"{apart['accuracy']:+.3f}", _limits(apart["interval_95"])])
        names = {"ece": "expected calibration error", "brier": "Brier score (0 to 2)"}
        found = test.get("calibration", {})
        rows += [[told, f"{found[name]:.3f}", ""] for name, told in names.items() if name in found]
        return "The test subjects", ["figure", "value", ""], rows


def _limits(interval: dict[str, float] | None) -> str:
    return f"95 %: {interval['low']:+.3f} to {interval['high']:+.3f}" if interval else "no interval: too few"


def read_summary() -> Summary:
    """Read what the stages wrote; raise EmoError where there is nothing yet."""
    if not FUNNEL.is_file():
        raise EmoError(f"{FUNNEL}: no such file: nothing is built yet; run `dvc repro`")
    drawn = (FUNNEL_PLOT, CURVES_PLOT, CONFUSION_PLOT, CALIBRATION_PLOT, MISTAKES_PLOT)
    pictures = [str(path) for path in (*drawn, *sorted(SHEETS.glob("*.png"))) if path.is_file()]
    metrics = json.loads(METRICS.read_text()) if METRICS.is_file() else {}
    return Summary(
        funnel=funnel_totals(read_funnel()),
        census=read_census() if CENSUS.is_file() else [],
        audit=json.loads(AUDIT.read_text()) if AUDIT.is_file() else {},
        metrics=metrics,
        subjects=full_caveat(split_caveat(read_split().values())) if SPLIT.is_file() else "",
        pictures=pictures,
        not_evaluated=not_evaluated(workspace(Path.cwd())) if metrics else (),
    )

"""The result of a benchmark: rows of a figure, its peer or limit, and the target it should meet."""

import argparse
import json
import os
import platform
import resource
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).with_name("results.json")


@dataclass(frozen=True)
class Row:
    """One claim: emo's figure and another's, measured in the same run."""

    claim: str
    "what is measured"
    against: str
    "the peer or the limit, with the number of clips that it ran on if that is a sample"
    emo: float
    other: float | None
    "the peer's or the limit's figure; None if the target is a bound of emo's own figure"
    unit: str
    "of both figures"
    judged: float
    "the figure that is compared with the target, such as the ratio of the two"
    judged_as: str
    "how it is computed: `other / emo`, `emo / other`, `emo`"
    target: float
    at_most: bool
    "whether the judged figure should be at most the target, or at least"

    @property
    def met(self) -> bool:
        """Whether the target is met."""
        return self.judged <= self.target if self.at_most else self.judged >= self.target


def faster(claim: str, against: str, figures: tuple[float, float], unit: str, at_least: float) -> Row:
    """Return a row with the ratio of the peer's time, `figures[1]`, to emo's, `figures[0]`."""
    emo, other = figures
    return Row(claim, against, emo, other, unit, other / emo, "other / emo", at_least, at_most=False)


def within(claim: str, against: str, figures: tuple[float, float], unit: str, at_most: float) -> Row:
    """Return a row with the ratio of emo's time, `figures[0]`, to the limit, `figures[1]`."""
    emo, other = figures
    return Row(claim, against, emo, other, unit, emo / other, "emo / other", at_most, at_most=True)


def bounded(claim: str, against: str, figure: float, unit: str, at_most: float) -> Row:
    """Return a row whose target is a bound on emo's own figure."""
    return Row(claim, against, figure, None, unit, figure, "emo", at_most, at_most=True)


def parser(doc: str | None) -> argparse.ArgumentParser:
    """Return the options that every benchmark has; its docstring is the help."""
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawTextHelpFormatter)
    made.add_argument("--quick", action="store_true", help="a small sample: shows that the program runs")
    return made


def record(program: str, rows: Sequence[Row], *, whole: bool) -> None:
    """Print rows as a table and replace the program's older rows in results.json by them.

    If the run is not `whole` (small samples, missing rows), the table is only printed.
    """
    Console(width=160).print(as_table(rows))
    if whole:
        known = load()
        known |= {Path(program).stem: {"machine": machine(), "rows": [asdict(row) for row in rows]}}
        RESULTS.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def load() -> dict[str, Any]:
    """Return results.json: program -> machine and rows."""
    found: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    return found


def as_table(rows: Sequence[Row]) -> Table:
    """Return rows as they are printed."""
    table = Table("claim", "compared with", "emo", "other", "judged", "target", "met")
    for row in rows:
        table.add_row(*cells(row))
    return table


def cells(row: Row) -> Iterator[str]:
    """Yield the cells of one row: figures with three significant digits."""
    yield row.claim
    yield row.against
    yield f"{number(row.emo)} {row.unit}"
    yield "-" if row.other is None else f"{number(row.other)} {row.unit}"
    yield number(row.judged) if row.judged_as == "emo" else f"{number(row.judged)} ({row.judged_as})"
    yield f"{'<=' if row.at_most else '>='} {number(row.target)}"
    yield "yes" if row.met else "NO"


def number(value: float) -> str:
    """Return a figure with three significant digits, without an exponent."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{float(f'{value:.3g}'):g}"


def peak_mb(usage: resource.struct_rusage) -> float:
    """Return the peak of resident memory, MB (10^6 bytes); macOS counts in bytes, Linux in kibibytes."""
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def machine() -> dict[str, Any]:
    """Return the processor, the system and the libraries of this measurement."""
    libraries = ("av", "opencv-python-headless", "numpy", "pyarrow", "torch", "dvc")
    return {
        "processor": _processor(),
        "processors": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in libraries},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "")

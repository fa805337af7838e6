"""The time of one recording among 40, 400 and 4,000 short ones.

    python benchmarks/scaling.py [--quick]

Runs `dvc repro dataset` from nothing. DVC's share is the time outside of the stages' commands: reading,
hashing, caching and linking their inputs and outputs. The recordings (320x240, 25 frames/s, 1 s, of up to 572
subjects) are sampled from start to end (frames: trim_start_s and trim_end_s 0).
"""

import re
import shutil
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from _corpus import Format, recordings
from _project import Project, enrol, new_project
from _results import Row, parser, record, within

SHORT = Format(320, 240, 25, 1.0)
SIZES, QUICK = (40, 400, 4000), (10, 40)


@dataclass(frozen=True)
class Cost:
    """Wall time for one recording, milliseconds."""

    stages_ms: float
    dvc_ms: float


def timed(project: Project) -> None:
    """Make the command of each stage print its start and end times."""
    path = project.root / "dvc.yaml"
    command = r"cmd: echo at $(date +%s.%N) && \1 && echo at $(date +%s.%N)"
    path.write_text(re.sub(r"cmd: (python .*)", command, path.read_text()))


def cost(folder: Path, videos: list[Path]) -> Cost:
    """Build a project of these recordings; return the time for one of them."""
    project = new_project(folder / "project")
    for name in ("trim_start_s", "trim_end_s"):
        project.edit("params.yaml", f"{name}: [0-9.]+", f"{name}: 0.0")
    timed(project)
    enrol(project, videos, folder / "videos")
    spent = project.repro("dataset")
    times = [float(text) for text in re.findall(r"^at ([\d.]+)$", spent.output, re.MULTILINE)]
    stages_s = sum(end - begin for begin, end in zip(times[::2], times[1::2], strict=True))
    print(f"{len(videos)} recordings: {spent.wall_s:.1f} s, the stages {stages_s:.1f} s", flush=True)
    return Cost(1e3 * stages_s / len(videos), 1e3 * (spent.wall_s - stages_s) / len(videos))


def rows_of(costs: dict[int, Cost]) -> list[Row]:
    """Compare each size with the one before."""
    rows = []
    for small, large in pairwise(sorted(costs)):
        claim, against = f"a recording among {large:,}", f"among {small:,}"
        stages = (costs[large].stages_ms, costs[small].stages_ms)
        dvc = (costs[large].dvc_ms, costs[small].dvc_ms)
        rows.append(within(f"{claim}: the stages", against, stages, "ms", 1.2))
        rows.append(within(f"{claim}: DVC's share", against, dvc, "ms", 1.2))
    return rows


def main() -> None:
    """Measure and record."""
    options = parser(__doc__).parse_args()
    sizes = QUICK if options.quick else SIZES
    videos = recordings(max(sizes), SHORT)
    costs = {}
    for size in sizes:
        folder = Path(tempfile.mkdtemp(dir=videos[0].parents[2]))
        try:
            costs[size] = cost(folder, videos[:size])
        finally:
            shutil.rmtree(folder)
    record(__file__, rows_of(costs), whole=not options.quick)


if __name__ == "__main__":
    main()

"""The time of a change: one more recording, a new label, a withdrawal, another split, another distance.

    python benchmarks/incremental.py [--quick]

A project of 280 recordings (as in recordings.py) is built under DVC up to the dataset, from nothing. Then one
change after the other is made and `dvc repro dataset` is run again; its output says how many recordings were
decoded and searched. Last, `dvc repro dataset` with nothing to do is compared with `dvc repro` in a project
of eight stages that only copy a word.
"""

import re
import shutil
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

import yaml
from _corpus import recordings
from _project import Project, Spent, enrol, new_project
from _results import Row, bounded, parser, record, within

CLIPS, QUICK = 280, 28
REPEATS = 5
EMPTY_STAGES = 8


def computed(spent: Spent) -> int:
    """Return how many recordings were decoded or how many were searched, whichever is more."""
    return max(
        (int(n) for n in re.findall(r"(?:frames|faces): (\d+) clips computed", spent.output)), default=0
    )


def relabel(project: Project) -> None:
    """Exchange two labels in all recordings of one participant."""
    path = project.root / "raw" / "clips.csv"
    lines = path.read_text().splitlines()
    other = {"happy": "sad", "sad": "happy"}
    mine = [re.sub(r",(happy|sad),", lambda m: f",{other[m[1]]},", x) if ",S003," in x else x for x in lines]
    path.write_text("\n".join(mine) + "\n")


CHANGES: dict[str, Callable[[Project], None]] = {
    "one participant relabelled": relabel,
    "one participant withdrawn": lambda p: p.edit(
        "raw/participants.csv", r"S004,(.*),unknown,", r"S004,\1,withdrawn,"
    ),
    "split.seed changed": lambda p: p.edit("params.yaml", r"(split:\n  seed:) \d+", r"\1 7"),
    "dedup.max_distance changed": lambda p: p.edit("params.yaml", r"max_distance: \d+", "max_distance: 20"),
}


def full_build(project: Project) -> Spent:
    """Build the dataset from nothing: both caches are empty, and there are no outputs."""
    project.forget(".emo", "data", ".dvc/cache", ".dvc/tmp")
    spent = project.repro("dataset")
    project.run("git", "add", ".")
    project.run("git", "-c", "user.name=b", "-c", "user.email=b@b", "commit", "--quiet", "--message", "built")
    return spent


def one_more(project: Project, video: Path, source: Path, full: Spent) -> list[Row]:
    """Enrol one more recording; return rows about the build that follows."""
    enrol(project, [video], source)
    spent = project.repro("dataset")
    print(f"one more: {spent.wall_s:.1f} s of {full.wall_s:.1f} s\n{spent.output}")
    claim = "dvc repro dataset after adding one recording"
    return [
        bounded("recordings decoded and searched after adding one", "-", computed(spent), "recordings", 1),
        within(claim, "building everything", (spent.wall_s, full.wall_s), "s", 0.05),
        bounded(claim, "-", spent.wall_s, "s", 10),
    ]


def changed(project: Project, claim: str, change: Callable[[Project], None]) -> list[Row]:
    """Make a change; return rows about the build that follows."""
    change(project)
    spent = project.repro("dataset")
    return [
        bounded(f"dvc repro dataset, {claim}", "-", spent.wall_s, "s", 10),
        bounded(f"recordings decoded and searched, {claim}", "-", computed(spent), "recordings", 0),
    ]


def nothing_to_do(project: Project, folder: Path) -> Row:
    """Compare `dvc repro dataset` with nothing to do with that of a project of trivial stages."""
    other = trivial(folder)
    other.repro()
    turns = [(project.repro("dataset").wall_s, other.repro().wall_s) for _ in range(REPEATS)]
    ours, theirs = (statistics.median(side) for side in zip(*turns, strict=True))
    return within("dvc repro dataset with nothing to do", "eight trivial stages", (ours, theirs), "s", 1.5)


def trivial(folder: Path) -> Project:
    """Return a DVC project of eight stages, each of which copies the word of the one before."""
    folder.mkdir()
    (folder / "0").write_text("word\n")
    stages = {
        f"s{n}": {"cmd": f"cp {n - 1} {n}", "deps": [str(n - 1)], "outs": [str(n)]}
        for n in range(1, EMPTY_STAGES + 1)
    }
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    project = Project(folder)
    project.run("git", "init", "--quiet")
    project.run("dvc", "init", "--quiet")
    return project


def measure(folder: Path, videos: list[Path]) -> list[Row]:
    """Build, change, build again; return all rows."""
    project, source = new_project(folder / "project"), folder / "videos"
    enrol(project, videos[:-1], source)
    full = full_build(project)
    rows = one_more(project, videos[-1], source, full)
    for claim, change in CHANGES.items():
        rows += changed(project, claim, change)
    return [*rows, nothing_to_do(project, folder / "trivial")]


def main() -> None:
    """Measure and record."""
    options = parser(__doc__).parse_args()
    videos = recordings((QUICK if options.quick else CLIPS) + 1)
    folder = Path(tempfile.mkdtemp(dir=videos[0].parents[2]))
    try:
        rows = measure(folder, videos)
    finally:
        shutil.rmtree(folder)
    record(__file__, rows, whole=not options.quick)


if __name__ == "__main__":
    main()

"""The time of read-only commands: `emo audit`, `diff`, `versions`, `trace`, `report` on 280 recordings,
25,000 images.

    python benchmarks/auditing.py [--quick]

280 recordings of 40 subjects (as in recordings.py), sampled so densely that each gives about 90 images, none
of them collapsed, are built under DVC up to the gate and committed. Then a label is corrected, and the
dataset is built and committed again. Each command is run as a program, its start included; the median of
three runs counts. Last, one participant is withdrawn, and the proof searches all files that are left.
"""

import json
import shutil
import statistics
import tempfile
from pathlib import Path

from _corpus import recordings
from _project import Project, enrol, new_project
from _results import Row, bounded, parser, record

CLIPS, QUICK = 280, 42
REPEATS = 3
FPS = 13.0
WITHDRAWN = "S003"


def build(folder: Path, videos: list[Path]) -> Project:
    """Return a project with two committed versions of a dataset."""
    project = new_project(folder / "project")
    project.edit("params.yaml", r"fps: \S+", f"fps: {FPS}")
    project.edit("params.yaml", "collapse: true", "collapse: false")
    enrol(project, videos, folder / "videos")
    project.repro("audit")
    commit(project, "Enrol everybody", "v1")
    project.edit("raw/clips.csv", r"(S002_\w+,.*),happy,", r"\1,sad,")
    project.repro("dataset")
    commit(project, "Correct a label", "v2")
    return project


def commit(project: Project, message: str, tag: str) -> None:
    """Commit all files that Git does not ignore."""
    project.run("git", "add", ".")
    project.run("git", "-c", "user.name=b", "-c", "user.email=b@b", "commit", "--quiet", "-m", message)
    project.run("git", "tag", tag)


def seconds(project: Project, *arguments: str) -> float:
    """Return the median wall time of a command; exit code 1 (a failing check) is accepted."""
    command = ("sh", "-c", 'python cli.py "$@" || true', "emo", *arguments)
    return statistics.median(project.run(*command).wall_s for _ in range(REPEATS))


def questions(project: Project) -> list[Row]:
    """Measure the commands that only read."""
    images = json.loads(project.emo("versions", "--json").output)[0]["images"]
    clip = next((project.root / "data/faces").glob("*.parquet")).stem
    frames = json.loads(project.emo("trace", clip, "--json").output)["frames"]
    name = next(frame["name"] for frame in frames if frame["fate"] == "image")
    return [
        bounded(f"emo audit, {images:,} images", "-", seconds(project, "audit"), "s", 10),
        bounded("emo diff v1 v2, image by image", "-", seconds(project, "diff", "v1", "v2"), "s", 2),
        bounded("emo versions", "-", seconds(project, "versions"), "s", 2),
        bounded("emo trace of an image", "-", seconds(project, "trace", name), "s", 2),
        bounded("emo trace of a clip", "-", seconds(project, "trace", clip), "s", 2),
        bounded("emo report, with the audit", "-", seconds(project, "report"), "s", 20),
    ]


def main() -> None:
    """Measure and record."""
    options = parser(__doc__).parse_args()
    videos = recordings(QUICK if options.quick else CLIPS)
    folder = Path(tempfile.mkdtemp(dir=videos[0].parents[2]))
    try:
        project = build(folder, videos)
        rows = questions(project)
        spent = project.emo("withdraw", WITHDRAWN, "--yes")
        print(spent.output)
        rows.append(bounded("emo withdraw: erasing and proving", "-", spent.wall_s, "s", 60))
    finally:
        shutil.rmtree(folder)
    record(__file__, rows, whole=not options.quick)


if __name__ == "__main__":
    main()

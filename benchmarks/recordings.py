"""From recordings to faces: compared with decoding alone, the usual script and tools from PyPI.

    python benchmarks/recordings.py [--quick] [--peers .venv-peers/bin/python]

280 recordings (40 subjects, 7 expressions; 1280x720, 25 frames/s, 8 s; busy background), sampled at 5 fps.
emo runs the stages frames and faces with an empty cache, without DVC. The limit decodes all frames with as
many processes and discards them. The peers run on a sample; their time is given for one recording. emo and
the limit take turns; the shortest time of each counts.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from _corpus import recordings
from _project import Project, Spent, enrol, new_project
from _results import Row, faster, parser, record, within

from pipeline.runtime.executors import worker_count

HERE = Path(__file__).parent
CLIPS, QUICK = 280, 14
TURNS = 2
PEERS = {"autocrop_tool": ("autocrop", 7), "dlib_tool": ("dlib", 14), "mediapipe_tool": ("MediaPipe", 28)}
"""Program -> name, and number of recordings that it runs on."""
USUAL_CLIPS = 7


def emo(project: Project) -> Spent:
    """Run both stages with an empty cache; return their total time."""
    project.forget(".emo", "data")
    frames, faces = project.stage("frames"), project.stage("faces")
    return Spent(frames.wall_s + faces.wall_s, frames.cpu_s + faces.cpu_s, "")


def limit(project: Project, videos: Sequence[Path]) -> Spent:
    """Decode all frames of the recordings."""
    names = [str(video) for video in videos]
    return project.run(sys.executable, str(HERE / "_decode.py"), str(worker_count()), *names)


def peer(python: str, program: str, videos: Sequence[Path]) -> dict[str, Any]:
    """Run the program of a peer on some recordings; return its JSON, with seconds per recording."""
    with tempfile.TemporaryDirectory() as folder:
        command = [python, str(HERE / "peers" / f"{program}.py"), folder, *map(str, videos)]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command[:2])} failed: {done.stderr.strip().splitlines()[-1]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result | {name: result[name] / len(videos) for name in ("seconds", "cpu_seconds")}


def spread(videos: Sequence[Path], count: int) -> list[Path]:
    """Return `count` of the recordings, taken evenly from all."""
    return [videos[i * len(videos) // count] for i in range(min(count, len(videos)))]


def own_rows(project: Project, videos: Sequence[Path]) -> tuple[list[Row], Spent]:
    """Measure emo and the limit in turns; return the row, and the shortest run of emo."""
    turns = [(emo(project), limit(project, videos)) for _ in range(TURNS)]
    best, floor = (min(side, key=lambda spent: spent.wall_s) for side in zip(*turns, strict=True))
    for name, spent in (("emo", best), ("limit", floor)):
        print(f"{name}: {spent.wall_s:.1f} s, {spent.cpu_s:.1f} CPU s", flush=True)
    claim = f"frames + faces, {len(videos)} recordings, {worker_count()} processes"
    return [within(claim, "decoding all frames", (best.wall_s, floor.wall_s), "s", 1.5)], best


def peer_rows(videos: Sequence[Path], best: Spent, python: str | None) -> list[Row]:
    """Measure the usual script and, if their environment is given, the peers."""
    rows = []
    sample = spread(videos, USUAL_CLIPS)
    usual = peer(sys.executable, "usual", sample)
    against = f"the usual script, {len(sample)} of them"
    wall_s, cpu_s = best.wall_s / len(videos), best.cpu_s / len(videos)
    rows.append(faster("from a recording to faces", against, (wall_s, usual["seconds"]), "s", 20))
    rows.append(faster("the same, processor time", against, (cpu_s, usual["cpu_seconds"]), "CPU s", 10))
    for program, (name, count) in PEERS.items() if python else ():
        sample = spread(videos, count)
        result = peer(str(python), program, sample)
        against = f"{name}, {len(sample)} of them"
        rows.append(faster("from a recording to faces", against, (wall_s, result["seconds"]), "s", 10))
        print(f"{name}: {result}", flush=True)
    return rows


def main() -> None:
    """Measure and record."""
    options_of = parser(__doc__)
    options_of.add_argument(
        "--peers", metavar="PYTHON", help="interpreter that has the packages of peers.txt"
    )
    options = options_of.parse_args()
    videos = recordings(QUICK if options.quick else CLIPS)
    folder = Path(tempfile.mkdtemp(dir=videos[0].parents[2]))
    try:
        project = new_project(folder / "project")
        enrol(project, videos, folder / "videos")
        rows, best = own_rows(project, videos)
        rows += peer_rows(videos, best, options.peers)
    finally:
        shutil.rmtree(folder)
    record(__file__, rows, whole=options.peers is not None and not options.quick)


if __name__ == "__main__":
    main()

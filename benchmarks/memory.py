"""Memory of a worker: an hour of 1920x1080 compared with a minute of it.

    python benchmarks/memory.py [--quick] [--dense]

The stages frames and faces run on one recording in a separate process, whose peak resident memory is read
from the system. The recording is a virtual participant before a busy background; its packets are repeated up
to the length. It is sampled as params.yaml says: a long recording more sparsely (`max_per_clip`). A worker
processes one recording after the other: the minute is also processed several times, to see that no memory is
kept from one to the next. With --dense also at 5 frames/s throughout, which takes five more minutes.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from _corpus import RECORDINGS, Format, lengthened, recordings
from _results import Row, bounded, parser, peak_mb, record, within

from pipeline.faces.clip_faces import write_faces
from pipeline.faces.params import FacesParams
from pipeline.runtime.params import load_params
from pipeline.video.clip_frames import ClipFrames, FramesParams, write_frames
from pipeline.video.decode import Sampling
from pipeline.video.probe import probe

MINUTE, QUICK = Format(1920, 1080, 25, 60.0), Format(1920, 1080, 25, 10.0)
LIMIT_MB = 400
TIMES = 6


def work(video: Path, max_per_clip: int) -> None:
    """Run the work of both stages on one recording."""
    params, length_s = load_params("frames", FramesParams), probe(video).duration_s
    step_s = max(1 / params.fps, length_s / max_per_clip)
    plan = ClipFrames(Sampling(0.0, length_s, step_s, params.max_side), params.jpeg_quality)
    with tempfile.TemporaryDirectory(dir=RECORDINGS) as folder:
        frames, faces = Path(folder) / "frames.parquet", Path(folder) / "faces.parquet"
        write_frames(video, plan, frames)
        write_faces(frames, load_params("faces", FacesParams), faces)


def peak_of_work(video: Path, max_per_clip: int, times: int = 1) -> float:
    """Return the peak resident memory of a process that does the work `times` times, in MB (10^6 bytes)."""
    command = [sys.executable, __file__, "--work", str(video), str(max_per_clip), str(times)]
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{video}: failed")
    return peak_mb(usage)


def rows_of(name: str, minute: Path, hour: Path, max_per_clip: int) -> list[Row]:
    """Measure one way of sampling."""
    short, long = peak_of_work(minute, max_per_clip), peak_of_work(hour, max_per_clip)
    claim = f"peak memory of a worker, one hour of 1080p, {name}"
    return [
        bounded(claim, "-", long, "MB", LIMIT_MB),
        within(claim, "one minute of it", (long, short), "MB", 1.1),
    ]


def main() -> None:
    """Measure and record."""
    options_of = parser(__doc__)
    options_of.add_argument(
        "--work", nargs=3, metavar=("VIDEO", "MAX_PER_CLIP", "TIMES"), help="only do the work"
    )
    options_of.add_argument("--dense", action="store_true", help="also at 5 frames/s throughout")
    options = options_of.parse_args()
    if options.work:
        for _ in range(int(options.work[2])):
            work(Path(options.work[0]), int(options.work[1]))
        return
    (minute,) = recordings(1, QUICK if options.quick else MINUTE)
    hour = lengthened(minute, minute.with_name("hour.mp4"), 3 if options.quick else 60)
    most = load_params("frames", FramesParams).max_per_clip
    rows = rows_of(f"at most {most} frames", minute, hour, most)
    many, once = peak_of_work(minute, most, TIMES), peak_of_work(minute, most)
    claim = f"peak memory of a worker, {TIMES} recordings of a minute"
    rows.append(within(claim, "one of them", (many, once), "MB", 1.1))
    if options.dense:
        rows += rows_of("5 frames/s", minute, hour, 10**6)
    hour.unlink()
    record(__file__, rows, whole=not options.quick)


if __name__ == "__main__":
    main()

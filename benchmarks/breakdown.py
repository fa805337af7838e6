"""Where the time goes from a recording to its faces: processor time of each step, for one sampled frame.

    python benchmarks/breakdown.py [--clips 20]

Runs the work of the stages frames and faces on recordings before a busy background (see recordings.py), in
one process with one thread. The time of a step excludes that of the steps it calls. The last line is the
limit: decoding all frames, of which one in five is sampled.
"""

import argparse
import inspect
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

from _corpus import LABORATORY, recordings
from _decode import decode
from rich.console import Console
from rich.table import Table

from pipeline.faces import clip_faces as faces
from pipeline.faces.detectors.haar import HaarDetector
from pipeline.faces.params import FacesParams
from pipeline.runtime.params import load_params
from pipeline.video import clip_frames as frames
from pipeline.video import container, picture, reader
from pipeline.video.clip_frames import ClipFrames, FramesParams
from pipeline.video.decode import Sampling

STEPS: dict[str, tuple[tuple[Any, str], ...]] = {
    "opening the file": ((container.av, "open"),),
    "demuxing, choosing frames": ((reader.Reader, "choose"),),
    "decoding": ((reader.Reader, "_decoded"),),
    "scaling, colours": ((picture.Converter, "image"),),
    "JPEG": ((frames, "encode_jpeg"),),
    "frames: Parquet and the rest": ((frames, "write_frames"),),
    "reading JPEG": ((faces, "decode_grey"),),
    "search around the last face": ((HaarDetector, "detect_near"),),
    "search of whole frames": ((HaarDetector, "detect"),),
    "tracking": ((faces, "track"),),
    "cropping, sharpness": ((faces, "crop_face"),),
    "PNG": ((faces, "encode_png"),),
    "perceptual hash": ((faces, "perceptual_hashes"),),
    "faces: Parquet and the rest": ((faces, "write_faces"),),
}


class Stopwatch:
    """Measures the processor time of steps; while one calls another, only the clock of the inner one runs."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()
        self._running: list[str] = []
        self._since = time.process_time()

    def enter(self, step: str) -> None:
        """Start the clock of a step and stop that of the step around it."""
        self._note()
        self._running.append(step)

    def leave(self) -> None:
        """Stop the clock of the innermost step."""
        self._note()
        self._running.pop()

    def _note(self) -> None:
        now = time.process_time()
        if self._running:
            self.spent[self._running[-1]] += now - self._since  # type: ignore[assignment]
        self._since = now

    def on(self, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with its time measured; of a generator, each of its steps."""

        @wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            self.enter(step)
            try:
                return function(*args, **kwargs)
            finally:
                self.leave()

        @wraps(function)
        def timed_steps(*args: Any, **kwargs: Any) -> Iterator[Any]:
            items = iter(function(*args, **kwargs))
            end = object()
            while (item := timed_next(items, end)) is not end:
                yield item

        timed_next = self.on(step, next) if inspect.isgeneratorfunction(function) else next
        return timed_steps if inspect.isgeneratorfunction(function) else timed


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--clips", type=int, default=20)
    every = recordings(280)
    videos = every[3 :: len(every) // parser.parse_args().clips]
    watch = Stopwatch()
    for step, places in STEPS.items():
        for owner, name in places:
            if hasattr(owner, name):
                setattr(owner, name, watch.on(step, getattr(owner, name)))
    sampled = 0
    with tempfile.TemporaryDirectory() as folder:
        for path in [
            videos[0],
            *videos,
        ]:  # the first one twice: the first run only warms up caches and libraries
            if path is videos[0]:
                watch.spent.clear()
                sampled = 0
            sampled += work(path, Path(folder))
    limit = time.process_time()
    for path in videos:
        decode(str(path))
    show(watch.spent, sampled, time.process_time() - limit)


def work(path: Path, folder: Path) -> int:
    """Run the work of both stages on one recording; return the number of sampled frames."""
    params = load_params("frames", FramesParams)
    end_s = LABORATORY.seconds - params.trim_end_s
    plan = ClipFrames(
        Sampling(params.trim_start_s, end_s, 1 / params.fps, params.max_side), params.jpeg_quality
    )
    tally = frames.write_frames(path, plan, folder / "frames.parquet")
    faces.write_faces(folder / "frames.parquet", load_params("faces", FacesParams), folder / "faces.parquet")
    return tally.wanted


def show(spent: Counter[str], sampled: int, limit_s: float) -> None:
    """Print the milliseconds of each step for one sampled frame."""
    table = Table("step", "ms", title=f"{sampled:,} sampled frames", title_justify="left")
    for step in STEPS:
        table.add_row(step, f"{1e3 * spent[step] / sampled:.2f}")
    table.add_row("all", f"{1e3 * sum(spent.values()) / sampled:.2f}")
    table.add_row("decoding all frames", f"{1e3 * limit_s / sampled:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()

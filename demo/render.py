"""Render a cohort of virtual participants who act seven facial expressions.

The head model comes from the PyPI package `anny`, which needs heavy packages (torch, warp-lang)
that emo itself does not need. Give it an environment of its own, outside the repository:

    python -m venv ~/emo-render
    ~/emo-render/bin/pip install -r demo/render-requirements.txt
    ~/emo-render/bin/python demo/render.py --participants 12 --seed 7 --out demo/clips

The same options give the same bytes on one machine, whatever the number of workers.
"""

import argparse
import csv
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

# Parallel work is one process a person; threads inside would only fight over the cores.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import cv2
import numpy as np
from numpy.typing import NDArray

from virtual.acting import EXPRESSIONS, Performance, draw_style, perform
from virtual.model import Anatomist, Floats
from virtual.paint import Canvas, make_canvas
from virtual.people import Person, draw_cohort
from virtual.scene import OVERSAMPLING, Actor, Camera, Setting, Stage, draw_setting, finish
from virtual.video import write_video


@dataclass(frozen=True)
class Job:
    """Options of one run."""

    participants: int
    seed: int
    out: Path
    seconds: float
    fps: int
    width_px: int
    height_px: int


def main(argv: list[str] | None = None) -> None:
    """Parse the command line and render."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--participants", type=int, default=12, help="people to render")
    parser.add_argument("--seed", type=int, default=7, help="decides everything at random")
    parser.add_argument("--out", type=Path, default=Path("demo/clips"), help="folder to fill")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of a clip")
    parser.add_argument("--fps", type=int, default=25, help="frames per second")
    parser.add_argument("--width", type=int, default=480, help="pixels")
    parser.add_argument("--height", type=int, default=360, help="pixels")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    options = parser.parse_args(argv)
    job = Job(
        participants=options.participants,
        seed=options.seed,
        out=options.out,
        seconds=options.seconds,
        fps=options.fps,
        width_px=options.width,
        height_px=options.height,
    )
    render_cohort(job, workers=options.workers)


def render_cohort(job: Job, *, workers: int) -> None:
    """Render all clips of a cohort and describe its people."""
    cohort = draw_cohort(job.participants, job.seed)
    write_participants(job.out / "participants.tsv", cohort)
    started = time.monotonic()
    with ProcessPoolExecutor(max_workers=workers) as pool:
        done = pool.map(render_person, [job] * len(cohort), cohort)
        for number, subject in enumerate(done, start=1):
            elapsed = time.monotonic() - started
            print(f"{subject}: {number} of {len(cohort)} people, {elapsed:.0f} s", flush=True)


def write_participants(path: Path, cohort: list[Person]) -> None:
    """Describe the people as BIDS does: participant_id, age, sex."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(["participant_id", "age", "sex"])
        table.writerows([person.subject, person.age, person.sex] for person in cohort)


@lru_cache(maxsize=1)
def _anatomy() -> tuple[Anatomist, Canvas]:
    """The head model, loaded once a process."""
    anatomist = Anatomist()
    return anatomist, make_canvas(anatomist.model)


def make_actor(person: Person, seed: int) -> Actor:
    """Build a person's mesh, skin and hair."""
    anatomist, canvas = _anatomy()
    rest = anatomist.rest(person.phenotype, person.local)
    return Actor(anatomist.model, canvas, rest, person, seed)


def render_person(job: Job, person: Person) -> str:
    """Render the clips of one person; returns the subject."""
    cv2.setNumThreads(1)
    actor = make_actor(person, job.seed)
    stage = Stage(job.width_px, job.height_px)
    style = draw_style(np.random.default_rng((job.seed, int(person.subject[1:]), 1)))
    for number, expression in enumerate(EXPRESSIONS):
        rng = np.random.default_rng((job.seed, int(person.subject[1:]), 2, number))
        times_s = np.arange(round(job.seconds * job.fps), dtype=np.float32) / job.fps
        performance = perform(expression, style, times_s, rng)
        setting = draw_setting(job.width_px, job.height_px, rng)
        camera = _draw_camera(job, rng)
        frames = _frames(stage, actor, performance, setting, camera, rng)
        path = job.out / person.subject / f"{expression}.mp4"
        write_video(path, frames, times_s.tolist(), fps=job.fps)
    return person.subject


def _draw_camera(job: Job, rng: np.random.Generator) -> Camera:
    """Head and shoulders, not always at the same place."""
    unit = job.height_px / 360
    return Camera(
        width_px=job.width_px,
        height_px=job.height_px,
        scale_px_per_m=float(rng.uniform(880, 1040)) * unit,
        eyes_px=(
            job.width_px / 2 + float(rng.normal(0, 10)) * unit,
            (150 + float(rng.normal(0, 5))) * unit,
        ),
    )


def _frames(
    stage: Stage,
    actor: Actor,
    performance: Performance,
    setting: Setting,
    camera: Camera,
    rng: np.random.Generator,
) -> Iterator[NDArray[np.uint8]]:
    """Finished RGB pictures (H, W, 3) of a clip."""
    size = (camera.width_px * OVERSAMPLING, camera.height_px * OVERSAMPLING)
    backdrop: Floats = cv2.resize(setting.backdrop, size, interpolation=cv2.INTER_LINEAR)
    for frame in range(len(performance.head_deg)):
        picture = backdrop.copy()
        stage.draw(actor, performance, frame, camera, setting.light, picture)
        yield finish(picture, setting, rng)


if __name__ == "__main__":
    sys.exit(main())

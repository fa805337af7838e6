"""Recordings to measure with: the virtual participants before a busy background, as from a laboratory camera.

Any number of subjects with 7 expressions each is made from the 12 virtual participants: their heads deformed
smoothly, mirrored, lit differently, before other backgrounds. The clips of `demo/clips` are played forwards
and backwards, scaled, cut out along a soft oval and placed before clutter; sensor noise is added.
"""

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np

from pipeline.schema.expressions import EXPRESSIONS

ROOT = Path(__file__).resolve().parents[1]
COHORT = ROOT / "demo" / "clips"
RECORDINGS = ROOT / ".emo" / "benchmarks"
"""Folder of the recordings, kept between runs (not in Git; `make clean` removes it)."""

_NOISE = 2.5  # grey levels
_MARGIN = 64  # pixels by which the noise is larger than the frame, so that it can be shifted

Planes = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Format:
    """Size, rate and length of a recording."""

    width: int = 1280
    height: int = 720
    fps: int = 25
    seconds: float = 8.0


@dataclass(frozen=True)
class _Job:
    target: Path
    number: int
    format: Format


LABORATORY = Format()
"""The format that most rows are measured on."""


def recordings(count: int, form: Format = LABORATORY) -> list[Path]:
    """Return `count` videos `S<nnn>/<expression>.mp4`; those that do not exist yet are made."""
    folder = RECORDINGS / f"{form.width}x{form.height}-{form.fps}fps-{form.seconds:g}s"
    numbers = range(count)
    jobs = [_Job(folder / f"S{n // 7 + 1:03d}" / f"{EXPRESSIONS[n % 7]}.mp4", n, form) for n in numbers]
    missing = [job for job in jobs if not job.target.is_file()]
    if missing:
        print(f"making {len(missing)} recordings of {form} in {folder}", flush=True)
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(os.cpu_count(), mp_context=context) as pool:
            list(pool.map(_make, missing))
    return [job.target for job in jobs]


def _make(job: _Job) -> None:
    """Encode one half of a recording and repeat it: it ends as it begins."""
    cv2.setNumThreads(1)
    job.target.parent.mkdir(parents=True, exist_ok=True)
    half = job.target.with_suffix(".half.mp4")
    with av.open(str(half), "w") as container:
        options = {"preset": "veryfast", "crf": "23", "threads": "1"}
        stream = container.add_stream("libx264", rate=job.format.fps, options=options)
        stream.width, stream.height, stream.pix_fmt = job.format.width, job.format.height, "yuv420p"
        for planes in _scene(job):
            container.mux(stream.encode(_as_frame(planes)))
        container.mux(stream.encode())
    lengthened(half, job.target, 2)
    half.unlink()


def _scene(job: _Job) -> Iterator[Planes]:
    """Yield the planes of every frame of one half of a recording."""
    form, rng = job.format, np.random.default_rng(job.number // 7)
    frames = round(form.fps * form.seconds / 2)
    source = COHORT / f"V{job.number // 7 % 12 + 1:02d}" / f"{EXPRESSIONS[job.number % 7]}.mp4"
    shown = _acted(source, frames // 2 + 1, form.height, rng)
    height, width = shown[0][0].shape
    back, light = clutter(form.width, form.height, rng, [shown[0][0]]), _light(height, width, rng)
    left = int(rng.integers(0, max(1, form.width - width))) // 2 * 2
    weights = _oval(height, width)
    noise = rng.normal(0, _NOISE, (height + _MARGIN, form.width + _MARGIN)).round()
    brighter, darker = np.clip(noise, 0, 255).astype(np.uint8), np.clip(-noise, 0, 255).astype(np.uint8)
    for i in range(frames):
        planes = shown[min(i, frames - i) % len(shown)]
        y, part = back.copy(), back[:, left : left + width]
        lit = cv2.multiply(planes[0], light, dtype=cv2.CV_8U)
        y[:, left : left + width] = cv2.blendLinear(lit, np.ascontiguousarray(part), weights, 1 - weights)
        top, side = rng.integers(0, _MARGIN, 2)
        place = np.s_[top : top + height, side : side + form.width]
        yield cv2.subtract(cv2.add(y, brighter[place]), darker[place]), *_chroma(planes, weights, left, form)


def _acted(source: Path, count: int, height: int, rng: np.random.Generator) -> list[Planes]:
    """Return the first frames of a clip of the virtual cohort as planes, deformed and scaled to `height`."""
    with av.open(str(source)) as container:
        decoded = islice(container.decode(video=0), count)
        frames: list[np.ndarray] = [frame.to_ndarray(format="bgr24") for frame in decoded]
    if frames[0].shape[0] > frames[0].shape[1]:  # the clip that is stored rotated
        frames = [np.rot90(frame, -1).copy() for frame in frames]
    places = _bend(frames[0].shape[:2], height, rng)
    bent = (cv2.remap(f, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT) for f in frames)
    return [_planes(frame) for frame in bent]


def _bend(shape: tuple[int, ...], height: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the source position (x, y) of each pixel of a frame of `height`, float32."""
    scale = height / shape[0]
    width = round(shape[1] * scale) // 2 * 2
    y, x = np.mgrid[:height, :width].astype(np.float32) / scale
    knots = rng.normal(0, 0.015 * shape[0], (2, 5, 5)).astype(np.float32)
    bent = [cv2.resize(k, (width, height), interpolation=cv2.INTER_CUBIC) for k in knots]
    mirrored = rng.random() < 0.5
    return (shape[1] - 1 - x if mirrored else x) + bent[0], y + bent[1]


def _planes(bgr: np.ndarray) -> Planes:
    """Split (H, W, 3) BGR into Y, U and V of 4:2:0."""
    height, width = bgr.shape[:2]
    flat = cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420).ravel()
    area = height * width
    half = (height // 2, width // 2)
    u, v = flat[area : area * 5 // 4].reshape(half), flat[area * 5 // 4 :].reshape(half)
    return flat[:area].reshape(height, width), u, v


def _chroma(planes: Planes, weights: np.ndarray, left: int, form: Format) -> tuple[np.ndarray, np.ndarray]:
    soft = np.ascontiguousarray(weights[::2, ::2])
    grey = np.full(soft.shape, 128, np.uint8)
    made = []
    for plane in planes[1:]:
        whole = np.full((form.height // 2, form.width // 2), 128, np.uint8)
        whole[:, left // 2 : left // 2 + plane.shape[1]] = cv2.blendLinear(plane, grey, soft, 1 - soft)
        made.append(whole)
    return made[0], made[1]


def _oval(height: int, width: int) -> np.ndarray:
    """Return (height, width) float32 weights: 1 on head and shoulders, 0 outside, soft between."""
    mask = np.zeros((height, width), np.float32)
    cv2.ellipse(mask, (width // 2, height // 2), (int(width * 0.33), int(height * 0.5)), 0, 0, 360, 1, -1)
    return cv2.GaussianBlur(mask, (0, 0), height / 60)


def _light(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Return (height, width) float32 factors: each subject is lit differently, or two would be copies."""
    coarse = np.exp(rng.normal(0, 0.15, (4, 4))).astype(np.float32)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).clip(0.5, 1.6)


def clutter(width: int, height: int, rng: np.random.Generator, patches: list[np.ndarray]) -> np.ndarray:
    """Draw (height, width) uint8 that provokes false detections: texture, ellipses, pieces of clothes."""
    image = np.full((height, width), 120, np.float32)
    for cell in (8, 16, 32, 64, 128):
        noise = rng.normal(0, 12, (height // cell + 2, width // cell + 2)).astype(np.float32)
        image += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    scene = np.clip(image, 16, 235).astype(np.uint8)
    for _ in range(150):
        centre = tuple(int(v) for v in rng.integers(0, (width, height)))
        axes = tuple(int(v) for v in rng.integers(height // 120, height // 9, 2))
        grey, thick = int(rng.integers(20, 230)), int(rng.choice([-1, -1, 4, 8]))
        cv2.ellipse(scene, centre, axes, float(rng.uniform(0, 180)), 0, 360, grey, thick)
    for patch in [p for p in patches for _ in range(12)]:
        side = int(rng.integers(height // 12, height // 4))
        y, x = (int(rng.integers(0, extent - side)) for extent in patch.shape)
        v, u = int(rng.integers(0, height - side)), int(rng.integers(0, width - side))
        piece = patch[y : y + side, x : x + side]
        scene[v : v + side, u : u + side] = np.rot90(piece, int(rng.integers(1, 4)))
    return scene


def _as_frame(planes: Planes) -> av.VideoFrame:
    frame = av.VideoFrame(planes[0].shape[1], planes[0].shape[0], "yuv420p")
    for plane, values in zip(frame.planes, planes, strict=True):
        rows = np.zeros((values.shape[0], plane.line_size), np.uint8)
        rows[:, : values.shape[1]] = values
        plane.update(rows.tobytes())
    return frame


def lengthened(source: Path, target: Path, repeats: int) -> Path:
    """Write the packets of a video `repeats` times in a row: makes a long recording within seconds."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_suffix(".part.mp4")
    with av.open(str(source)) as inside, av.open(str(temporary), "w") as outside:
        stream = inside.streams.video[0]
        out = outside.add_stream_from_template(stream)
        packets = [packet for packet in inside.demux(stream) if packet.size]
        length = round(Fraction(len(packets)) / (stream.average_rate or 25) / (stream.time_base or 1))
        content = [(bytes(packet), packet.pts, packet.dts, packet.is_keyframe) for packet in packets]
        time_base = stream.time_base or Fraction(1, 25)
        for turn in range(repeats):
            for data, pts, dts, key in content:
                packet = av.Packet(data)
                packet.stream, packet.time_base, packet.is_keyframe = out, time_base, key
                packet.pts, packet.dts = (pts or 0) + turn * length, (dts or 0) + turn * length
                outside.mux(packet)
    temporary.replace(target)
    return target

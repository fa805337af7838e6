"""What several tests make: numbered videos, drawn faces, rows of raw/ and a tiny project folder."""

import os
import struct
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import yaml

from pipeline.runtime.csv_files import write_csv
from pipeline.runtime.digests import sha256
from pipeline.runtime.paths import WITHDRAWALS
from pipeline.schema.clips import Clip
from pipeline.schema.decisions import Decision
from pipeline.schema.funnel import FunnelRow
from pipeline.schema.participants import Participant
from pipeline.schema.withdrawals import Withdrawal
from pipeline.video.decode import SampledFrame, Sampling, Tally, sample
from pipeline.video.probe import probe
from tests.support.faces import scene

TOP = Path(__file__).resolve().parents[2]

_BITS = 16
_TICK = Fraction(1, 1000)


# --- Videos ---------------------------------------------------------------------------------------


def numbered(index: int, width: int = 64, height: int = 64) -> np.ndarray:
    """Return a (height, width, 3) uint8 BGR picture of 4x4 black and white fields that spell `index`."""
    bits = [(index >> bit) & 1 for bit in range(_BITS)]
    fields = np.array(bits, np.uint8).reshape(4, 4) * 215 + 20
    grey = cv2.resize(fields, (width, height), interpolation=cv2.INTER_NEAREST)
    return np.ascontiguousarray(np.repeat(grey[:, :, None], 3, axis=2))


def number_of(picture: np.ndarray) -> int:
    """Return the index that `numbered` wrote into a picture, also after compression."""
    fields = cv2.resize(picture[:, :, 0], (4, 4), interpolation=cv2.INTER_AREA).ravel() > 127
    return sum(int(bit) << place for place, bit in enumerate(fields))


def write_video(
    path: Path,
    pictures: Iterable[np.ndarray] | int = 10,
    *,
    fps: int = 10,
    codec: str = "libx264",
    times_ms: Sequence[int] | None = None,
    aspect: Fraction | None = None,
    **options: str,
) -> Path:
    """Write a video of these BGR pictures, or of so many numbered ones; return its path.

    `times_ms` are presentation times, one a picture (variable frame rate); `options` go to the encoder.
    """
    frames = (numbered(i) for i in range(pictures)) if isinstance(pictures, int) else iter(pictures)
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps, options={"threads": "1", **options})
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        if times_ms is not None:
            stream.time_base = stream.codec_context.time_base = _TICK
        for index, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="bgr24")
            if not index:
                stream.width, stream.height = frame.width, frame.height
                if aspect:
                    stream.codec_context.sample_aspect_ratio = aspect
            if times_ms is not None:
                frame.pts, frame.time_base = times_ms[index], _TICK
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_sound(path: Path) -> Path:
    """Write an MP4 with sound and no picture."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def turn(path: Path, clockwise: int) -> None:
    """Set the rotation flag of an MP4: the matrix of its track header (ISO 14496-12, 8.3.2)."""
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd") + 4 + 40  # version 0: 40 bytes of times, id, layer and volume come first
    cosine, sine = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[clockwise]
    one, w = 1 << 16, 1 << 30
    data[start : start + 36] = struct.pack(
        ">9i", cosine * one, sine * one, 0, -sine * one, cosine * one, 0, 0, 0, w
    )
    path.write_bytes(data)


def damage(path: Path, first: float, last: float, seed: int = 1) -> None:
    """Overwrite a stretch of an MP4's picture data, given as shares of it, with noise."""
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    size = struct.unpack(">I", data[start - 8 : start - 4])[0] - 8
    low, high = start + int(first * size), start + int(last * size)
    data[low:high] = np.random.default_rng(seed).integers(0, 256, high - low, np.uint8).tobytes()
    path.write_bytes(data)


def decode_all(path: Path) -> list[np.ndarray]:
    """Return every frame as (H, W, 3) uint8 BGR by plain decoding from the start, nothing skipped."""
    with av.open(str(path)) as container:
        container.streams.video[0].codec_context.thread_count = 1
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


def take_sample(
    path: Path, start_s: float = 0.0, end_s: float = 1e9, step_s: float = 0.001, max_side: int = 4096
) -> tuple[list[SampledFrame], Tally]:
    """Sample a stretch of a video (by default every frame of it)."""
    tally = Tally()
    return list(sample(path, Sampling(start_s, end_s, step_s, max_side), tally)), tally


# --- Faces ----------------------------------------------------------------------------------------


def drawn_face(centre: tuple[float, float] = (160, 120), width: float = 100) -> np.ndarray:
    """Return a frame, (240, 320, 3) uint8 BGR, with a drawn face, which the Haar cascades detect."""
    return cv2.cvtColor(scene((*centre, width)), cv2.COLOR_GRAY2BGR)


# --- Projects -------------------------------------------------------------------------------------


def init_dvc(folder: Path = Path()) -> None:
    """Make a folder a DVC repository without Git, as `dvc init --no-scm` does in a second."""
    (folder / ".dvc").mkdir()
    (folder / ".dvc/config").write_text("[core]\n    no_scm = true\n")


def person(subject: str = "S1", **values: Any) -> Participant:
    """Return a participant; what is not given is plain."""
    plain: dict[str, Any] = {"sex": "F", "age": 30.0, "consent": "given", "enrolled": 1}
    plain["consent_source"] = "table"
    return Participant(subject=subject, **plain | values)


def clip(name: str = "c1", **values: Any) -> Clip:
    """Return a clip of a two-second video; what is not given is plain."""
    plain: dict[str, Any] = {
        "video": f"{name}.mp4",
        "subject": "S1",
        "expression": "happy",
        "start_s": None,
        "end_s": None,
        "take": name,
        "sha256": "0" * 64,
        "width": 64,
        "height": 64,
        "fps": 10.0,
        "duration_s": 2.0,
        "frames": 20,
        "codec": "h264",
        "rotation": 0,
    }
    return Clip(clip=name, **plain | values)


def decision(number: int = 1, action: str = "exclude", **values: Any) -> Decision:
    """Return a decision about the clip `c1` as `clip` makes it; what is not given is plain."""
    plain: dict[str, Any] = {
        "recording": "0" * 64,
        "clip": "c1",
        "start_s": None,
        "end_s": None,
        "value": "sad" if action == "relabel" else "",
        "reason": "blink",
        "rater": "r1",
        "date": "2026-11-28",
    }
    return Decision(decision=number, action=action, **plain | values)


def counted_row(
    name: str, subject: str, expression: str, split: str, problem: str = "", **counts: int
) -> FunnelRow:
    """Return the row of a clip in the funnel; counts that are not given are 0."""
    names = [field.name for field in fields(FunnelRow) if field.type is int]
    row: dict[str, Any] = dict.fromkeys(names, 0) | counts
    return FunnelRow(clip=name, subject=subject, expression=expression, split=split, problem=problem, **row)


def clip_of(name: str, video: Path, **values: Any) -> Clip:
    """Return the clip that enrols a video below raw/videos, as probing finds it."""
    info = probe(video)
    found = {
        key: getattr(info, key)
        for key in ("width", "height", "fps", "duration_s", "frames", "codec", "rotation")
    }
    return clip(name, video=video.name, sha256=sha256(video), **found | values)


def enrol(people: Sequence[Participant], clips: Sequence[Clip]) -> None:
    """Write both tables of raw/ below the current folder."""
    write_csv(Path("raw/participants.csv"), people, Participant)
    write_csv(Path("raw/clips.csv"), clips, Clip)


def withdraw_in_table(subject: str) -> None:
    """Record in raw/withdrawn.csv that a subject withdrew, as `emo withdraw` does first."""
    write_csv(WITHDRAWALS, [Withdrawal(subject, "")], Withdrawal)


def set_params(**sections: dict[str, Any]) -> None:
    """Write params.yaml into the current folder: this checkout's, with other values for some keys."""
    values = yaml.safe_load((TOP / "params.yaml").read_text(encoding="utf-8"))
    for section, changed in sections.items():
        values[section] |= changed
    Path("params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")


def run_module(module: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m module` in a project folder, as DVC does."""
    variables = {**os.environ, "PYTHONPATH": str(TOP), **environment}
    command = [sys.executable, "-m", module]
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)

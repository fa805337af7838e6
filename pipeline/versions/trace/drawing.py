"""`emo trace --out`: the frame that an image was cut from, or all sampled frames of a clip in a strip."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.figures.style import save_image
from pipeline.runtime.digests import sha256
from pipeline.runtime.errors import ConsentError, EmoError, NotBuiltError, reason
from pipeline.runtime.image_codec import decode_colour
from pipeline.runtime.parquet import read_parquet
from pipeline.runtime.paths import CLIPS, VIDEOS
from pipeline.runtime.text import counted
from pipeline.schema.clips import Clip
from pipeline.schema.frames import FRAMES_SCHEMA, frames_path
from pipeline.schema.subject_tags import subject_tag
from pipeline.versions.trace.clip_trace import DUPLICATE, IMAGE, ClipTrace, Frame
from pipeline.versions.trace.strips import Box, Cell, annotated_frame, cell, strip
from pipeline.versions.trace.trace import Trace
from pipeline.versions.writable import free_place
from pipeline.video.decode import Sampling, Tally, sample

_ENDINGS = (".png", ".jpg", ".jpeg")

_ONE_FRAME_S = 0.001
"""Length of the stretch sampled for one frame; `sample` tolerates half a millisecond."""


def draw(trace: Trace, out: Path, asked: Path) -> None:
    """Write the image of a frame or a clip to `out`, with the tag of its subject.

    It replaces an older file, but never `asked`. Raises ConsentError if consent is withdrawn,
    NotBuiltError if neither the recording nor the sampled frames exist, and EmoError if `out` cannot be
    written, or DVC or Git keeps that path.
    """
    if out.suffix.lower() not in _ENDINGS:
        raise EmoError(f"{out}: not an image file name; end it with {', '.join(_ENDINGS)}")
    free_place(out)
    if asked.exists() and out.exists() and out.samefile(asked):
        raise EmoError(f"{out}: is the file that is traced, and would be overwritten; give another path")
    subject = trace.clip_trace.participant.subject
    if trace.clip_trace.withdrawn:
        raise ConsentError(f"{trace.name}: {subject} has withdrawn consent; nothing is drawn")
    image = _draw_frame(trace, trace.frame) if trace.frame else _draw_clip(trace)
    try:
        save_image(image, out, subject_tag([subject]))
    except OSError as error:
        raise EmoError(f"{out}: cannot be written: {reason(error)}; give another path") from None


# --- The frame of an image ------------------------------------------------------------------------


def _draw_frame(trace: Trace, frame: Frame) -> Image.Image:
    clip, placement = trace.clip_trace.clip, trace.placement
    pixels, origin = source_frame(clip, frame)
    source = f"frame {frame.frame}, {frame.time_s:.3f} s, of {clip.video} ({origin})"
    expression = trace.clip_trace.expression
    subject = f"subject {clip.subject}, {expression}, take {clip.take}; {placement.split or 'no split'}"
    quality = f"score {frame.score:.0f}, sharpness {frame.sharpness or 0:.0f}"
    outcome = quality if frame.outcome == IMAGE else frame.reason
    box = _scaled(frame.box, pixels.shape[1] / clip.width)
    return annotated_frame(pixels, box, frame.outcome, (trace.name, source, f"{subject}; {outcome}"))


def source_frame(clip: Clip, frame: Frame) -> tuple[np.ndarray, str]:
    """Return the frame of the recording, (H, W, 3) uint8 BGR, and its origin in words.

    If the recording is missing, it is the smaller frame of data/frames. Raises NotBuiltError if both
    are missing, EmoError if the recording is not the one that was enrolled.
    """
    path = VIDEOS / clip.video
    if path.is_file():
        pixels = _decoded(path, clip, frame)
        return pixels, f"decoded, {pixels.shape[1]}x{pixels.shape[0]}"
    shard = frames_path(clip.clip)
    if not shard.is_file():
        raise NotBuiltError(
            f"{path}: missing, and so is {shard}; run `dvc pull {VIDEOS}.dvc` or `dvc checkout`"
        )
    pixels = decode_colour(_jpegs(shard, [frame])[frame.frame])
    return pixels, f"as stored, {pixels.shape[1]}x{pixels.shape[0]}; the recording is missing"


def _decoded(path: Path, clip: Clip, frame: Frame) -> np.ndarray:
    if sha256(path) != clip.sha256:
        raise EmoError(
            f"{path}: not the recording that was enrolled (its SHA-256 differs from {CLIPS}); "
            "restore it with `dvc checkout`"
        )
    sampling = Sampling(frame.time_s, frame.time_s + _ONE_FRAME_S, 1.0, max(clip.width, clip.height))
    found = [sampled for sampled in sample(path, sampling, Tally()) if sampled.frame == frame.frame]
    if not found:
        raise EmoError(f"{path}: has no frame {frame.frame} at {frame.time_s:g} s; run `dvc repro frames`")
    return found[0].pixels


# --- The strip of a clip --------------------------------------------------------------------------


def _draw_clip(trace: Trace) -> Image.Image:
    traced = trace.clip_trace
    shard = frames_path(traced.clip.clip)
    if not shard.is_file():
        raise NotBuiltError(f"{shard}: missing; run `dvc checkout`, `dvc pull` or `dvc repro`")
    jpegs = _jpegs(shard, traced.frames)
    cells = [_cell(traced, frame, jpegs[frame.frame]) for frame in traced.frames]
    legend = {
        outcome: f"{outcome.replace('_', ' ')} ({count})"
        for outcome, count in traced.counts().items()
        if outcome != "damaged"
    }
    return strip(_title(trace), cells, legend)


def _title(trace: Trace) -> tuple[str, str]:
    clip, placement = trace.clip_trace.clip, trace.placement
    corrupt = trace.clip_trace.corrupt
    damaged = f"; {counted(corrupt, 'damaged frame')} not shown" if corrupt else ""
    subject = f"subject {clip.subject}, {trace.clip_trace.expression}, {placement.split or 'no split'}"
    return clip.clip, f"{subject}; {clip.video}, {clip.width}x{clip.height}, {clip.fps:g} frames/s{damaged}"


def _cell(traced: ClipTrace, frame: Frame, jpeg: bytes) -> Cell:
    pixels = decode_colour(jpeg)
    box = _scaled(frame.box, pixels.shape[1] / traced.clip.width)
    lines = (f"{frame.time_s:.2f} s   frame {frame.frame}", outcome_text(traced, frame))
    return cell(pixels, box, frame.outcome, lines)


def outcome_text(traced: ClipTrace, frame: Frame) -> str:
    """Return the outcome of a frame in a few words, for the line below it."""
    if frame.outcome == DUPLICATE and frame.leader:
        return f"duplicate of {_short_name(frame.leader.name, traced)}, {frame.leader.distance} bits"
    if frame.outcome == IMAGE and frame.followers:
        return f"image, {counted(len(frame.followers), 'duplicate')} dropped"
    return frame.outcome.replace("_", " ")


def _short_name(name: str, traced: ClipTrace) -> str:
    """Return the number of a frame of the same clip, or the image name of another clip (another view)."""
    clip, _, number = name.removesuffix(".png").rpartition("_")
    return str(int(number)) if clip == traced.clip.clip else f"{clip}_{number}"


def _jpegs(shard: Path, frames: Sequence[Frame]) -> dict[int, bytes]:
    """Return the stored frames of a clip by their number; raise EmoError if one is missing."""
    table = read_parquet(shard, FRAMES_SCHEMA, ["frame", "jpeg"])
    found = dict(zip(table["frame"].to_pylist(), table["jpeg"].to_pylist(), strict=True))
    if missing := [frame.frame for frame in frames if frame.frame not in found]:
        raise EmoError(
            f"{shard}: has no frame {missing[0]}, unlike data/faces: the two are of different runs; "
            "run `dvc repro`"
        )
    return found


def _scaled(box: Box | None, scale: float) -> Box | None:
    if box is None:
        return None
    x, y, w, h = box
    return x * scale, y * scale, w * scale, h * scale

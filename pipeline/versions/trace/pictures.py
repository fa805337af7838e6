"""The pictures of `emo trace --out`: the frame that an image was cut from, or the strip of a clip."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.figures.style import save_image
from pipeline.runtime.digests import sha256
from pipeline.runtime.errors import EmoError, reason
from pipeline.runtime.image_codec import decode_colour
from pipeline.runtime.parquet import read_parquet
from pipeline.runtime.paths import CLIPS, FRAMES, VIDEOS
from pipeline.schema.clips import Clip
from pipeline.schema.frames import FRAMES_SCHEMA
from pipeline.schema.subject_tags import subject_tag
from pipeline.versions.trace.frames import DUPLICATE, IMAGE, Frame, Story
from pipeline.versions.trace.report import Trace
from pipeline.versions.trace.strips import Box, Cell, cell, marked_frame, strip
from pipeline.versions.writable import free_place
from pipeline.video.decode import Sampling, Tally, sample

_ENDINGS = (".png", ".jpg", ".jpeg")

_ONE_FRAME_S = 0.001
"""`sample` takes what starts within half a millisecond as on time."""


def draw(trace: Trace, out: Path, asked: Path) -> None:
    """Write the picture of an image or clip, with the mark of the subject.

    An older picture is replaced, but never `asked` itself, nor what DVC or Git keeps. Raises EmoError where
    consent is withdrawn, where there is nothing to draw from, and where nothing can be written.
    """
    if out.suffix.lower() not in _ENDINGS:
        raise EmoError(f"{out}: not a picture's name; end it with {', '.join(_ENDINGS)}")
    free_place(out)
    if asked.exists() and out.exists() and out.samefile(asked):
        raise EmoError(f"{out}: the picture that is asked about would be overwritten; give another name")
    subject = trace.story.person.subject
    if trace.story.withdrawn:
        raise EmoError(f"{trace.name}: {subject} has withdrawn consent; no picture is made")
    picture = _frame_picture(trace, trace.frame) if trace.frame else _strip_picture(trace)
    try:
        save_image(picture, out, subject_tag([subject]))
    except OSError as error:
        raise EmoError(f"{out}: cannot be written: {reason(error)}; name another file") from None


# --- The frame of an image ------------------------------------------------------------------------


def _frame_picture(trace: Trace, frame: Frame) -> Image.Image:
    clip, placement = trace.story.clip, trace.placement
    picture, origin = source_frame(clip, frame)
    where = f"frame {frame.frame}, {frame.time_s:.3f} s, of {clip.video} ({origin})"
    who = f"subject {clip.subject}, {clip.expression}, take {clip.take}; {placement.split or 'no split'}"
    box = _scaled(frame.box, picture.shape[1] / clip.width)
    return marked_frame(picture, box, frame.fate, (trace.name, where, f"{who}; {_said(frame)}"))


def source_frame(clip: Clip, frame: Frame) -> tuple[np.ndarray, str]:
    """Return the very frame of the recording, (H, W, 3) uint8 BGR, and in words where it is from.

    Without the recording it is the smaller picture in data/frames. Raises EmoError where neither is here,
    and where the recording is not the one that was enrolled.
    """
    path = VIDEOS / clip.video
    if path.is_file():
        picture = _decoded(path, clip, frame)
        return picture, f"decoded, {picture.shape[1]}x{picture.shape[0]}"
    shard = FRAMES / f"{clip.clip}.parquet"
    if not shard.is_file():
        raise EmoError(f"{path}: not here, nor is {shard}; run `dvc pull {VIDEOS}.dvc` or `dvc checkout`")
    picture = decode_colour(_jpegs(shard, [frame])[frame.frame])
    return picture, f"as stored, {picture.shape[1]}x{picture.shape[0]}; the recording is not here"


def _decoded(path: Path, clip: Clip, frame: Frame) -> np.ndarray:
    if sha256(path) != clip.sha256:
        raise EmoError(
            f"{path}: not the recording that was enrolled (its SHA-256 is not the one in {CLIPS}); "
            "restore it with `dvc checkout`"
        )
    sampling = Sampling(frame.time_s, frame.time_s + _ONE_FRAME_S, 1.0, max(clip.width, clip.height))
    found = [picture for picture in sample(path, sampling, Tally()) if picture.frame == frame.frame]
    if not found:
        raise EmoError(f"{path}: has no frame {frame.frame} at {frame.time_s:g} s; run `dvc repro frames`")
    return found[0].pixels


# --- The strip of a clip --------------------------------------------------------------------------


def _strip_picture(trace: Trace) -> Image.Image:
    story = trace.story
    shard = FRAMES / f"{story.clip.clip}.parquet"
    if not shard.is_file():
        raise EmoError(f"{shard}: not here; run `dvc checkout` or `dvc pull`, or `dvc repro` to build it")
    jpegs = _jpegs(shard, story.frames)
    cells = [_cell(story, frame, jpegs[frame.frame]) for frame in story.frames]
    words = {
        fate: f"{fate.replace('_', ' ')} ({n})" for fate, n in story.counts().items() if fate != "damaged"
    }
    return strip(_title(trace), cells, words)


def _title(trace: Trace) -> tuple[str, str]:
    clip, placement = trace.story.clip, trace.placement
    damaged = f"; {trace.story.corrupt} damaged frames are left out" if trace.story.corrupt else ""
    who = f"subject {clip.subject}, {clip.expression}, {placement.split or 'no split'}"
    return clip.clip, f"{who}; {clip.video}, {clip.width}x{clip.height}, {clip.fps:g} frames/s{damaged}"


def _cell(story: Story, frame: Frame, jpeg: bytes) -> Cell:
    picture = decode_colour(jpeg)
    box = _scaled(frame.box, picture.shape[1] / story.clip.width)
    lines = (f"{frame.time_s:.2f} s   frame {frame.frame}", _mark(story, frame))
    return cell(picture, box, frame.fate, lines)


def _mark(story: Story, frame: Frame) -> str:
    """Return what became of a frame in a few words."""
    if frame.fate == DUPLICATE and frame.leader:
        return f"duplicate of {_short(frame.leader.name, story)}, {frame.leader.distance} bits"
    if frame.fate == IMAGE and frame.followers:
        return f"image, stands for {len(frame.followers)} more"
    return frame.fate.replace("_", " ")


def _short(name: str, story: Story) -> str:
    """Return the number of a frame of the clip itself, else the name of the image of another view."""
    clip, _, number = name.removesuffix(".png").rpartition("_")
    return str(int(number)) if clip == story.clip.clip else f"{clip}_{number}"


def _said(frame: Frame) -> str:
    if frame.fate != IMAGE:
        return frame.reason
    return f"score {frame.score:.0f}, sharpness {frame.sharpness or 0:.0f}"


def _jpegs(shard: Path, frames: Sequence[Frame]) -> dict[int, bytes]:
    """Return the stored frames of a clip by their number; raise EmoError where one of `frames` is missing."""
    table = read_parquet(shard, FRAMES_SCHEMA, ["frame", "jpeg"])
    found = dict(zip(table["frame"].to_pylist(), table["jpeg"].to_pylist(), strict=True))
    if missing := [frame.frame for frame in frames if frame.frame not in found]:
        raise EmoError(
            f"{shard}: has no frame {missing[0]}; these frames are not those in which the faces were found: "
            "run `dvc repro`"
        )
    return found


def _scaled(box: Box | None, scale: float) -> Box | None:
    if box is None:
        return None
    x, y, w, h = box
    return x * scale, y * scale, w * scale, h * scale

"""The sampled frames of one clip: which ones, and how they are stored in data/frames."""

import math
from dataclasses import dataclass
from itertools import islice
from math import inf, isfinite
from pathlib import Path
from typing import Annotated, Any

from pipeline.runtime.cache import cache_root
from pipeline.runtime.digests import sha256_all
from pipeline.runtime.errors import EmoError
from pipeline.runtime.image_codec import encode_jpeg
from pipeline.runtime.params import Checked, Within
from pipeline.runtime.parquet import parquet_sink, table_of
from pipeline.runtime.paths import CLIPS, VIDEOS
from pipeline.schema.clip_shards import add_facts
from pipeline.schema.clips import Clip
from pipeline.schema.frames import FRAMES_SCHEMA
from pipeline.video.decode import SampledFrame, Sampling, Tally, sample, sample_ends
from pipeline.video.unusable import UnusableError

_GROUP = 64
"""Frames per row group: written, and later read, together."""

_LARGEST_TRIM = 0.25
"""Largest share of a recording that each trim may cut: short recordings keep their middle half."""

_ROUNDING = 1e-9
"""Steps by which a division may fall short of a whole number."""


@dataclass(frozen=True)
class FramesParams(Checked):
    """How frames are sampled from a clip and stored."""

    fps: Annotated[float, Within(0.01, 240)]
    "Frames sampled per second of recording."
    trim_start_s: Annotated[float, Within(0, 3600)]
    """Cut from the start of a whole recording (onset), seconds; at most a quarter of its length. Clips with
    times of their own are not trimmed."""
    trim_end_s: Annotated[float, Within(0, 3600)]
    """Cut from the end of a whole recording (offset), seconds; at most a quarter of its length. Clips with
    times of their own are not trimmed."""
    apex_window_s: Annotated[float, Within(0.01, 3600)]
    """Length of the stretch that is sampled of a clip with an apex, seconds: centred on the apex, which is
    one of the frames, and within the clip. Posed expressions are held for about a second;
    micro-expressions last at most half a second."""
    max_per_clip: Annotated[int, Within(1, 10**6)]
    "Maximum number of frames per clip; if there would be more, they are spread evenly."
    max_side: Annotated[int, Within(64, 8192)]
    "Longer side of a stored frame, pixels; larger frames are scaled down."
    jpeg_quality: Annotated[int, Within(1, 100)]
    "Quality of stored frames."


@dataclass(frozen=True)
class ClipFrames:
    """How the frames of one clip are sampled and stored."""

    sampling: Sampling
    "Which frames are sampled."
    jpeg_quality: int
    "Quality of stored frames."
    recording: str = ""
    "SHA-256 of the enrolled recording; empty for other videos. The shard records it."


@dataclass(frozen=True)
class UnusableClip:
    """A clip of which no frame can be sampled, as its row and the settings show."""

    problem: str
    "Why, in one line."
    recording: str
    "SHA-256 of the enrolled recording."


def plan_clip(clip: Clip, params: FramesParams) -> ClipFrames:
    """Return which frames of a clip are sampled: at least one, however short the clip.

    A clip with an apex is sampled around it, and the apex is one of its frames. Other clips with times of
    their own are sampled completely: someone chose these times. Whole recordings are trimmed at both ends,
    but keep at least their middle half. A still image is one frame.

    Raises EmoError if the clip starts, or has its apex, after the end of its recording.
    """
    if clip.is_still:
        sampling = Sampling(0.0, inf, 1 / params.fps, params.max_side)
        return ClipFrames(sampling, params.jpeg_quality, clip.sha256)
    _check_within_recording(clip)
    start_s, end_s = _apex_window(clip, params) if clip.apex_s is not None else _trimmed(clip, params)
    step_s = max(1 / params.fps, (end_s - start_s) / params.max_per_clip)
    if clip.apex_s is not None:
        # Samples are counted from the apex in both directions.
        start_s = clip.apex_s - math.floor((clip.apex_s - start_s) / step_s + _ROUNDING) * step_s
    return ClipFrames(Sampling(start_s, end_s, step_s, params.max_side), params.jpeg_quality, clip.sha256)


def _check_within_recording(clip: Clip) -> None:
    for name, time_s in (("start_s", clip.start_s), ("apex_s", clip.apex_s)):
        if time_s and time_s >= clip.duration_s:
            raise EmoError(
                f"{CLIPS}: {name} {time_s:g} of clip {clip.clip} is not before the end of "
                f"{VIDEOS / clip.video} ({clip.duration_s:g} s); correct it"
            )


def _apex_window(clip: Clip, params: FramesParams) -> tuple[float, float]:
    """Return the stretch around the apex, seconds; it is as long as one frame, so that it holds one."""
    apex_s, (first, end) = clip.apex_s or 0.0, clip.segment
    half_s = max(params.apex_window_s, 1 / clip.fps if clip.fps else 0.0) / 2
    return max(first, apex_s - half_s), min(end, clip.duration_s, apex_s + half_s)


def _trimmed(clip: Clip, params: FramesParams) -> tuple[float, float]:
    """Return the stretch of a clip without an apex, seconds: trimmed if it is a whole recording."""
    first, end = clip.segment
    if clip.start_s is not None or clip.end_s is not None:
        return first, min(end, clip.duration_s)
    most_s = clip.duration_s * _LARGEST_TRIM
    return min(params.trim_start_s, most_s), clip.duration_s - min(params.trim_end_s, most_s)


def write_shard(video: Path, plan: ClipFrames | UnusableClip, target: Path) -> None:
    """Sample one clip and write its shard, which is empty and states a `problem` if no frame can be sampled.

    The problem follows from the recording's content and the plan, so that the shard can be cached; an error
    of the disk is raised instead.

    Args:
        video: The recording.
        plan: Which frames are sampled, or why none can be.
        target: The shard, data/frames/<clip>.parquet.
    """
    if isinstance(plan, UnusableClip):
        _write_problem(target, Tally(), plan)
        return
    tally = Tally()
    try:
        write_frames(video, plan, target, tally)
    except UnusableError as error:
        _write_problem(target, tally, UnusableClip(error.finding, plan.recording))


def write_frames(video: Path, plan: ClipFrames, target: Path, tally: Tally | None = None) -> Tally:
    """Sample one clip and write its shard; raise UnusableError if no frame can be decoded.

    Args:
        video: The recording.
        plan: Which frames are sampled.
        target: The shard, data/frames/<clip>.parquet.
        tally: Is filled in, also if an error is raised.

    Returns:
        The tally: how many frames were sampled and how many of them were damaged.
    """
    tally = tally or Tally()
    rows = (_row(frame, plan.jpeg_quality) for frame in sample(video, plan.sampling, tally))
    with parquet_sink(target, FRAMES_SCHEMA) as sink:
        while group := list(islice(rows, _GROUP)):
            sink.write_table(table_of(group, FRAMES_SCHEMA))
        add_facts(sink, _facts(tally, plan.recording))
    if problem := _nothing(tally, plan.sampling):
        raise UnusableError(video, problem, "replace the recording")
    return tally


def check_stretch(path: Path, plan: ClipFrames) -> str:
    """Return why sampling a stretch of a recording would not work; empty if it would.

    Reads the times of the packets of the stretch, and decodes only its first and its last frame to sample.

    Args:
        path: A video or still image that probing accepts.
        plan: Which frames would be sampled.
    """
    tally = Tally()
    try:
        sample_ends(path, plan.sampling, tally)
    except UnusableError as error:
        return error.finding
    if problem := _nothing(tally, plan.sampling):
        return problem
    return f"a frame {_between(plan.sampling)} is damaged" if tally.corrupt else ""


def check_recordings(clips: list[Clip]) -> None:
    """Raise EmoError if a recording is missing or is not the one that was enrolled."""
    paths = {clip.video: VIDEOS / clip.video for clip in clips}
    missing = sorted(str(path) for path in paths.values() if not path.is_file())
    if missing:
        raise EmoError(
            f"{missing[0]}: no such file ({len(missing)} of {len(paths)} recordings missing); "
            "run `dvc checkout` or `dvc pull`"
        )
    digests = sha256_all(sorted(paths.values()), cache_root() / "videos.json")
    for clip in clips:
        if digests[paths[clip.video]] != clip.sha256:
            raise EmoError(
                f"{paths[clip.video]}: not the recording that was enrolled as {clip.clip} (its SHA-256 "
                f"is not the one in {CLIPS}); restore it with `dvc checkout`"
            )


def _nothing(tally: Tally, sampling: Sampling) -> str:
    """Return that no frame can be sampled, and why; empty if there is one."""
    if not tally.wanted:
        return f"the recording shows no frame {_between(sampling)}"
    if tally.wanted == tally.corrupt:
        return f"no frame can be decoded {_between(sampling)} ({tally.corrupt} damaged)"
    return ""


def _between(sampling: Sampling) -> str:
    end = f"{sampling.end_s:g} s" if isfinite(sampling.end_s) else "its end"
    return f"between {sampling.start_s:g} s and {end}"


def _facts(tally: Tally, recording: str) -> dict[str, Any]:
    return {
        "width": tally.width,
        "height": tally.height,
        "corrupt": tally.corrupt,
        "recording": recording,
    }


def _write_problem(target: Path, tally: Tally, clip: UnusableClip) -> None:
    with parquet_sink(target, FRAMES_SCHEMA) as sink:
        add_facts(sink, _facts(tally, clip.recording) | {"problem": clip.problem})


def _row(frame: SampledFrame, quality: int) -> dict[str, Any]:
    return {"frame": frame.frame, "time_s": frame.time_s, "jpeg": encode_jpeg(frame.pixels, quality)}

"""The sampled frames of one clip: which ones, and how they are stored in data/frames."""

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


@dataclass(frozen=True)
class FramesParams(Checked):
    """How frames are sampled from a clip and stored."""

    fps: Annotated[float, Within(0.01, 240)]
    "Frames sampled per second of recording."
    trim_start_s: Annotated[float, Within(0, 3600)]
    "Cut from the start of every clip (onset), seconds."
    trim_end_s: Annotated[float, Within(0, 3600)]
    "Cut from the end of every clip (offset), seconds."
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
    """Return which frames of a clip are sampled; a still image is not trimmed.

    Raises EmoError if the trims leave nothing of the clip, or it starts after the end of its recording.
    """
    if clip.is_still:
        sampling = Sampling(0.0, inf, 1 / params.fps, params.max_side)
        return ClipFrames(sampling, params.jpeg_quality, clip.sha256)
    first, end = clip.segment
    if first >= clip.duration_s:
        raise EmoError(
            f"{CLIPS}: start_s {first:g} is not before the end of {VIDEOS / clip.video} "
            f"({clip.duration_s:g} s); correct it"
        )
    start_s, end_s = first + params.trim_start_s, min(end, clip.duration_s) - params.trim_end_s
    if not start_s < end_s:
        raise EmoError(
            f"{VIDEOS / clip.video}: the trims leave nothing of clip {clip.clip} "
            f"({min(end, clip.duration_s) - first:g} s); lower frames: trim_start_s or trim_end_s"
        )
    step_s = max(1 / params.fps, (end_s - start_s) / params.max_per_clip)
    sampling = Sampling(start_s, end_s, step_s, params.max_side)
    return ClipFrames(sampling, params.jpeg_quality, clip.sha256)


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

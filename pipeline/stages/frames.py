"""Stage frames: recordings -> data/frames/<clip>.parquet, frames sampled by timestamp, as JPEG."""

from collections.abc import Iterable

import pipeline.runtime  # noqa: F401 (first: Ctrl-C while the others load)
from pipeline.runtime.cache import Shard, build_shards
from pipeline.runtime.errors import EmoError
from pipeline.runtime.params import load_params
from pipeline.runtime.paths import CLIPS, FRAMES, VIDEOS
from pipeline.runtime.stage import logger, run_stage
from pipeline.schema.clip_shards import read_facts
from pipeline.schema.clips import Clip, processable_clips
from pipeline.schema.frames import frames_path
from pipeline.video.clip_frames import (
    ClipFrames,
    FramesParams,
    UnusableClip,
    check_recordings,
    plan_clip,
    write_shard,
)


def main() -> None:
    """Sample the clips of all participants who have not withdrawn."""
    params = load_params("frames", FramesParams)
    clips = processable_clips()
    if not clips:
        raise EmoError(f"{CLIPS}: no clips yet; enrol recordings with `emo ingest VIDEOS` or `emo demo`")
    check_recordings(clips)
    shards = [Shard(clip.clip, VIDEOS / clip.video, clip.sha256, _plan(clip, params)) for clip in clips]
    build_shards("frames", shards, write_shard, FRAMES)
    _warn_of_problems(clips)


def _plan(clip: Clip, params: FramesParams) -> ClipFrames | UnusableClip:
    """Return which frames of a clip are sampled, or why none can be."""
    try:
        return plan_clip(clip, params)
    except EmoError as error:
        return UnusableClip(str(error), clip.sha256)


def _warn_of_problems(clips: Iterable[Clip]) -> None:
    """Name each clip without a frame; the other clips are complete."""
    for clip in clips:
        problem = read_facts(frames_path(clip.clip)).get("problem", "")
        if problem and not problem.startswith("raw/"):  # a finding about the recording: it names no file
            problem = f"{VIDEOS / clip.video}: {problem}"
        if problem:
            logger.warning(
                "clip %s: %s; replace the recording, or exclude the clip with `emo exclude %s --reason ...`",
                clip.clip,
                problem,
                clip.clip,
            )


if __name__ == "__main__":
    run_stage("pipeline.stages.frames")

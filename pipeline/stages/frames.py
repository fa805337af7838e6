"""Stage frames: recordings -> data/frames/<clip>.parquet, frames sampled by timestamp, as JPEG."""

from pipeline.runtime.cache import Shard, build_shards
from pipeline.runtime.errors import EmoError
from pipeline.runtime.params import load_params
from pipeline.runtime.paths import CLIPS, FRAMES, VIDEOS
from pipeline.runtime.stage import run_stage
from pipeline.schema.clips import processable_clips
from pipeline.video.clip_frames import FramesParams, check_recordings, plan_clip, write_frames


def main() -> None:
    """Sample the clips of all participants who have not withdrawn."""
    params = load_params("frames", FramesParams)
    clips = processable_clips()
    if not clips:
        raise EmoError(f"{CLIPS}: no clips yet; enrol recordings with `emo ingest VIDEOS` or `emo demo`")
    check_recordings(clips)
    shards, refused = [], []
    for clip in clips:
        try:
            plan = plan_clip(clip, params)
        except EmoError as error:
            refused.append(f"clip {clip.clip}: {error}")
        else:
            shards.append(Shard(clip.clip, VIDEOS / clip.video, clip.sha256, plan))
    build_shards("frames", shards, write_frames, FRAMES, refused)


if __name__ == "__main__":
    run_stage("pipeline.stages.frames")

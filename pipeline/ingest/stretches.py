"""What the current settings would sample of the new clips, and what of that would not work."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.ingest.inspection import ProgressBar, run_in_threads
from pipeline.ingest.plan import PlannedRecording
from pipeline.runtime.errors import EmoError
from pipeline.runtime.params import load_params
from pipeline.runtime.paths import PARAMS, VIDEOS
from pipeline.runtime.text import counted
from pipeline.schema.clips import Clip
from pipeline.video.clip_frames import FramesParams, check_stretch, plan_clip

_SHOWN = 5
"""Clips that are named; the others are counted."""


def check_stretches(recordings: Sequence[PlannedRecording], progress: ProgressBar) -> list[str]:
    """Return notes on the new clips that the stage `frames` could not sample as it should.

    Nothing is checked in a folder without params.yaml.
    """
    clips = [(recording, clip) for recording in recordings for clip in recording.clips if not clip.is_still]
    if not clips or not PARAMS.exists():
        return []
    params = load_params("frames", FramesParams)

    def check(item: tuple[PlannedRecording, Clip]) -> str:
        recording, clip = item
        return _problem(recording.source or VIDEOS / clip.video, clip, params)

    with progress("looking", len(clips)) as advance:
        found = run_in_threads(check, clips, advance)
    problems = [f"{clip.clip} ({why})" for (_, clip), why in zip(clips, found, strict=True) if why]
    if not problems:
        return []
    more = [f"{len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
    return [
        f"{counted(len(problems), 'clip')} cannot be sampled as params.yaml asks: "
        f"{'; '.join([*problems[:_SHOWN], *more])}; replace the recording, or leave the clip out with "
        "`emo exclude`"
    ]


def _problem(path: Path, clip: Clip, params: FramesParams) -> str:
    """Return why a clip cannot be sampled; empty if it can."""
    try:
        return check_stretch(path, plan_clip(clip, params))
    except EmoError as error:
        return str(error)

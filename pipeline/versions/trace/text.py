"""A trace as people read it: groups of lines, and a table of a clip's frames."""

import textwrap
from collections.abc import Iterator

from pipeline.runtime.paths import CLIPS, VIDEOS
from pipeline.runtime.text import TextTable
from pipeline.schema.clips import Clip
from pipeline.versions.trace.frames import Frame
from pipeline.versions.trace.report import Trace

Line = tuple[str, str]
"""A word, and what is told of it."""

_WIDTH, _MARGIN = 100, 14


def text(trace: Trace) -> str:
    """Return a trace in groups of lines, at most 100 columns wide."""
    lines = [_title(trace)]
    for heading, rows in _groups(trace):
        lines += ["", heading, *(line for row in rows for line in _wrapped(*row))]
    return "\n".join(lines)


def frame_table(trace: Trace) -> TextTable:
    """Return title, header and rows of the clip's sampled frames."""
    counts = ", ".join(f"{fate.replace('_', ' ')} {count}" for fate, count in trace.story.counts().items())
    header = ["time_s", "frame", "fate", "", "sharpness", "score"]
    return f"Its sampled frames: {counts}", header, [_row(frame) for frame in trace.story.frames]


def _row(frame: Frame) -> list[str]:
    sharp = "-" if frame.sharpness is None else f"{frame.sharpness:.0f}"
    score = f"{frame.score:.0f}" if frame.box else "-"
    why = f"of {frame.leader}" if frame.leader else frame.reason
    return [f"{frame.time_s:.3f}", str(frame.frame), frame.fate.replace("_", " "), why, sharp, score]


def _title(trace: Trace) -> str:
    if not trace.frame:
        return f"{trace.name}: a clip"
    told = "an image of the dataset" if trace.is_image else f"not in the dataset: {trace.frame.reason}"
    return f"{trace.name}: {told}"


def _groups(trace: Trace) -> Iterator[tuple[str, list[Line]]]:
    """Yield headings and their lines."""
    if trace.notes:
        yield "Note", [("-", note) for note in trace.notes]
    yield "Where it comes from", list(_source(trace))
    if trace.frame:
        yield "What was found", list(_face(trace.frame))
    yield "Where it is", list(_place(trace))
    if trace.frame:
        yield "How it was made", list(_making(trace))


def _source(trace: Trace) -> Iterator[Line]:
    clip = trace.story.clip
    if trace.target.by == "bytes":
        yield "found by", "its bytes: the file holds exactly this image"
    recorded = f"{clip.width}x{clip.height} px, {clip.fps:g} frames/s, {clip.duration_s:g} s, {clip.codec}"
    yield "recording", f"{VIDEOS / clip.video} (sha256 {clip.sha256[:12]}), {recorded}"
    if trace.frame:
        yield "frame", f"{trace.frame.frame} (the first is 0), at {trace.frame.time_s:.3f} s"
    yield "clip", f"{clip.clip}, {_stretch(clip)}"
    known = " (not a person: nobody knows of whom this image is)" if trace.story.person.is_image else ""
    yield "who, what", f"subject {clip.subject}{known}, {clip.expression}, take {clip.take}"
    if trace.label is not None:
        now = "" if trace.class_name == clip.expression else f"; it says {clip.expression} now"
        yield "label", f"{trace.label} ({trace.class_name}), from {CLIPS}{now}"


def _stretch(clip: Clip) -> str:
    start_s, end_s = clip.segment
    if start_s == 0 and clip.end_s is None:
        return "the whole recording"
    return f"{start_s:g} to {min(end_s, clip.duration_s):g} s of the recording"


def _face(frame: Frame) -> Iterator[Line]:
    yield "status", frame.status.replace("_", " ")
    if frame.box:
        x, y, w, h = frame.box
        sharp = "" if frame.sharpness is None else f", sharpness {frame.sharpness:.0f}"
        yield "face", f"{w:.0f}x{h:.0f} px at x {x:.0f}, y {y:.0f}; score {frame.score:.0f}{sharp}"
    if frame.followers:
        yield "stands for", "; ".join(map(str, frame.followers))


def _place(trace: Trace) -> Iterator[Line]:
    place = trace.placement
    yield "split", f"{place.split}, fold {place.fold}" if place.split else "none"
    yield "why", place.why
    yield "", place.rule
    if trace.is_image:
        yield "file", str(trace.shard)


def _making(trace: Trace) -> Iterator[Line]:
    for stage, made in trace.made.items():
        yield stage, str(made)
        if made.changes:
            yield "", f"now other: {made.changes}"
    yield "commit", str(trace.checkout or "none: the project is not in Git")


def _wrapped(word: str, told: str) -> list[str]:
    """Return a line of a group, broken where it is too long."""
    wrapper = textwrap.TextWrapper(_WIDTH, break_long_words=False, break_on_hyphens=False)
    wrapper.initial_indent, wrapper.subsequent_indent = f"  {word:<{_MARGIN - 2}}", " " * _MARGIN
    return wrapper.wrap(told)

"""A trace on the terminal: groups of lines, and a table of a clip's frames."""

import textwrap
from collections.abc import Iterator

from pipeline.runtime.paths import CLIPS, DECISIONS, VIDEOS
from pipeline.runtime.text import TextTable
from pipeline.schema.clips import Clip
from pipeline.versions.trace.clip_trace import Frame, decision_text
from pipeline.versions.trace.lookup import BYTES
from pipeline.versions.trace.trace import Trace

Line = tuple[str, str]
"""A name, and its value."""

_WIDTH, _MARGIN = 100, 14


def trace_text(trace: Trace) -> str:
    """Return a trace as groups of lines, at most 100 columns wide."""
    lines = [_title(trace)]
    for heading, rows in _groups(trace):
        lines += ["", heading, *(line for row in rows for line in _wrapped(*row))]
    return "\n".join(lines)


def frame_table(trace: Trace) -> TextTable:
    """Return title, header and rows of the clip's sampled frames."""
    counts = trace.clip_trace.counts().items()
    title = ", ".join(f"{outcome.replace('_', ' ')} {count}" for outcome, count in counts)
    header = ["time_s", "frame", "outcome", "", "sharpness", "score"]
    return f"Sampled frames: {title}", header, [_row(frame) for frame in trace.clip_trace.frames]


def _row(frame: Frame) -> list[str]:
    sharpness = "-" if frame.sharpness is None else f"{frame.sharpness:.0f}"
    score = f"{frame.score:.0f}" if frame.box else "-"
    why = f"of {frame.leader}" if frame.leader else frame.reason
    outcome = frame.outcome.replace("_", " ")
    return [f"{frame.time_s:.3f}", str(frame.frame), outcome, why, sharpness, score]


def _title(trace: Trace) -> str:
    if not trace.frame:
        return f"{trace.name}: a clip"
    if trace.is_image:
        return f"{trace.name}: an image of the dataset"
    return f"{trace.name}: not in the dataset: {trace.frame.reason}"


def _groups(trace: Trace) -> Iterator[tuple[str, list[Line]]]:
    """Yield headings and their lines."""
    if trace.notes:
        yield "Notes", [("-", note) for note in trace.notes]
    yield "Source", list(_source(trace))
    if trace.frame:
        yield "Face", list(_face(trace.frame))
    yield "Split", list(_split(trace))
    if trace.frame:
        yield "Stages", list(_stages(trace))


def _source(trace: Trace) -> Iterator[Line]:
    clip = trace.clip_trace.clip
    if trace.target.by == BYTES:
        yield "found by", "its bytes: the file is exactly this image"
    properties = f"{clip.width}x{clip.height} px, {clip.fps:g} frames/s, {clip.duration_s:g} s, {clip.codec}"
    yield "recording", f"{VIDEOS / clip.video} (sha256 {clip.sha256[:12]}), {properties}"
    if trace.frame:
        yield "frame", f"{trace.frame.frame} (the first is 0), at {trace.frame.time_s:.3f} s"
    yield "clip", f"{clip.clip}, {_stretch(clip)}"
    kind = " (an image without a subject id)" if trace.clip_trace.participant.is_image else ""
    yield "subject", f"{clip.subject}{kind}, asked for {clip.expression}, take {clip.take}"
    traced = trace.clip_trace
    if traced.relabel:
        yield "relabelled", f"{traced.expression}, by {decision_text(traced.relabel)}"
    if trace.label is not None:
        now = "" if trace.class_name == traced.expression else f"; now {traced.expression}"
        yield (
            "label",
            f"{trace.label} ({trace.class_name}), from {DECISIONS if traced.relabel else CLIPS}{now}",
        )


def _stretch(clip: Clip) -> str:
    start_s, end_s = clip.segment
    if start_s == 0 and clip.end_s is None:
        return "the whole recording"
    return f"{start_s:g} to {min(end_s, clip.duration_s):g} s of the recording"


def _face(frame: Frame) -> Iterator[Line]:
    yield "status", frame.status.replace("_", " ")
    if frame.box:
        x, y, w, h = frame.box
        sharpness = "" if frame.sharpness is None else f", sharpness {frame.sharpness:.0f}"
        yield "box", f"{w:.0f}x{h:.0f} px at x {x:.0f}, y {y:.0f}; score {frame.score:.0f}{sharpness}"
    if frame.followers:
        yield "duplicates", "; ".join(map(str, frame.followers))


def _split(trace: Trace) -> Iterator[Line]:
    placement = trace.placement
    yield "split", f"{placement.split}, fold {placement.fold}" if placement.split else "none"
    yield "why", placement.why
    yield "settings", placement.settings
    if trace.is_image:
        yield "file", str(trace.shard)


def _stages(trace: Trace) -> Iterator[Line]:
    for stage, run in trace.stage_runs.items():
        yield stage, str(run)
        if run.changes:
            yield "", f"changed since: {run.changes}"
    yield "commit", str(trace.checkout or "none: the project is not in Git")


def _wrapped(name: str, value: str) -> list[str]:
    """Return a line of a group, wrapped if it is too long."""
    wrapper = textwrap.TextWrapper(_WIDTH, break_long_words=False, break_on_hyphens=False)
    wrapper.initial_indent, wrapper.subsequent_indent = f"  {name:<{_MARGIN - 2}}", " " * _MARGIN
    return wrapper.wrap(value)

"""`emo trace`: the source of an image, or the outcome of every sampled frame of a clip."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.runtime.paths import SPLIT, VIDEOS
from pipeline.versions.trace.clip_trace import IMAGE, ClipTrace, Frame, decision_json, read_clip_trace
from pipeline.versions.trace.lookup import LIKENESS, Target, find
from pipeline.versions.trace.placement import Placement, place
from pipeline.versions.trace.records import read_records
from pipeline.versions.trace.stage_runs import Checkout, StageRun, read_checkout, read_stage_runs


@dataclass(frozen=True)
class Trace:
    """The source of an image or a clip."""

    target: Target
    clip_trace: ClipTrace
    frame: Frame | None
    "None: the whole clip."
    placement: Placement
    stage_runs: Mapping[str, StageRun]
    "By stage."
    checkout: Checkout | None
    "None without Git."
    shard: Path | None
    "The file of the subject's images; None if there is none."

    @property
    def name(self) -> str:
        """The name of the image or clip, and whether it is only the most similar one."""
        return f"most similar to {self.target.name}" if self.target.by == LIKENESS else self.target.name

    @property
    def is_image(self) -> bool:
        """Whether the trace is of an image of the dataset."""
        return self.frame is not None and self.frame.outcome == IMAGE

    @property
    def label(self) -> int | None:
        """The label of the image, as the dataset was built; None for a clip or a frame without an image."""
        return self.clip_trace.labels.get(self.frame.frame) if self.frame else None

    @property
    def class_name(self) -> str | None:
        """The expression of the label."""
        return None if self.label is None else self.clip_trace.classes[self.label]

    @property
    def notes(self) -> tuple[str, ...]:
        """Warnings, in one sentence each."""
        notes = list(self.target.notes)
        subject, split, drawn = (
            self.clip_trace.participant.subject,
            self.placement.split,
            self.placement.drawn,
        )
        if self.clip_trace.withdrawn:
            notes.append(
                f"{subject} withdrew consent, but files still exist; `emo withdraw {subject}` lists them"
            )
        if split not in ("", drawn):
            notes.append(f"{SPLIT} differs from the drawn split ({drawn}); run `dvc repro --force split`")
        if self.is_image and self.shard and split not in ("", self.shard.parent.name):
            notes.append(
                f"the dataset still has it in {self.shard.parent.name}, its earlier split; run `dvc repro`"
            )
        if changed := [stage for stage, run in self.stage_runs.items() if run.changes]:
            notes.append(
                f"settings, code or tables changed since {', '.join(changed)} ran; this trace is of what was "
                "built, `dvc repro` rebuilds it"
            )
        return tuple(notes)

    def as_json(self) -> dict[str, Any]:
        """Return plain values for `--json`; the keys are a contract."""
        clip, person = self.clip_trace.clip, self.clip_trace.participant
        columns = {key: value for key, value in asdict(clip).items() if key != "extra"}
        return {
            "name": self.target.name,
            "found_by": {"by": self.target.by, "distance": self.target.distance},
            **(self._frame_json(self.frame) if self.frame else self._clip_json()),
            "clip": columns | {"video": (VIDEOS / clip.video).as_posix()},
            "label": {
                "asked": clip.expression,
                "effective": self.clip_trace.expression,
                "decision": decision_json(self.clip_trace.relabel),
            },
            "participant": {key: getattr(person, key) for key in ("subject", "sex", "consent")},
            "placement": self.placement.as_json(),
            "stages": {stage: asdict(run) for stage, run in self.stage_runs.items()},
            "checkout": asdict(self.checkout) if self.checkout else None,
            "notes": list(self.notes),
        }

    def _frame_json(self, frame: Frame) -> dict[str, Any]:
        shard = self.shard.as_posix() if self.shard and self.is_image else None
        return {"frame": frame.as_json() | {"label": self.label, "class": self.class_name, "shard": shard}}

    def _clip_json(self) -> dict[str, Any]:
        frames = [frame.as_json() for frame in self.clip_trace.frames]
        return {"counts": self.clip_trace.counts(), "frames": frames}


def trace(asked: str, here: Path) -> Trace:
    """Return the source of an image, or the outcome of every sampled frame of a clip.

    `asked` is a clip, the name of an image, its path in the dataset, or an image file relative to `here`.
    Raises EmoError if it is none of these, NotBuiltError if an output is missing.
    """
    records = read_records()
    target = find(asked, here, records)
    traced = read_clip_trace(records.clips[target.clip], records)
    return Trace(
        target=target,
        clip_trace=traced,
        frame=None if target.frame is None else traced.at(target.frame),
        placement=place(traced.clip.subject, records),
        stage_runs=read_stage_runs(records),
        checkout=read_checkout(Path.cwd()),
        shard=records.shards.get(traced.clip.subject),
    )

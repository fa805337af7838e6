"""`emo trace`: where an image comes from, and what became of every sampled frame of a clip."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.runtime.paths import SPLIT, VIDEOS
from pipeline.versions.trace.frames import IMAGE, Frame, Story, read_story
from pipeline.versions.trace.lookup import Target, find
from pipeline.versions.trace.making import Checkout, Made, read_checkout, read_making
from pipeline.versions.trace.placement import Placement, place
from pipeline.versions.trace.records import read_records


@dataclass(frozen=True)
class Trace:
    """All that is known of an image or a clip."""

    target: Target
    story: Story
    frame: Frame | None
    "None: the whole clip"
    placement: Placement
    made: Mapping[str, Made]
    "by stage"
    checkout: Checkout | None
    "None without Git"
    shard: Path | None
    "the file of the subject's images; None where there is none"

    @property
    def name(self) -> str:
        """The name of the image or clip, and whether it is only likely."""
        return f"most like {self.target.name}" if self.target.by == "likeness" else self.target.name

    @property
    def is_image(self) -> bool:
        """Whether it is about an image of the dataset."""
        return self.frame is not None and self.frame.fate == IMAGE

    @property
    def label(self) -> int | None:
        """The label of the image, as the dataset was built; None for a clip or where it is not there."""
        return self.story.labels.get(self.frame.frame) if self.frame else None

    @property
    def class_name(self) -> str | None:
        """What the label stands for."""
        return None if self.label is None else self.story.classes[self.label]

    @property
    def notes(self) -> tuple[str, ...]:
        """What to be aware of."""
        found = list(self.target.notes)
        if self.story.withdrawn:
            subject = self.story.person.subject
            found.append(
                f"{subject} withdrew consent, but is still here; `emo withdraw {subject}` shows where"
            )
        if self.placement.split not in ("", self.placement.drawn):
            found.append(
                f"{SPLIT} is not what the rule gives ({self.placement.drawn}); `dvc repro --force split`"
            )
        if self.is_image and self.shard and self.placement.split not in ("", self.shard.parent.name):
            found.append(
                f"the dataset has it in {self.shard.parent.name}, as it was split before; run `dvc repro`"
            )
        if changed := [stage for stage, made in self.made.items() if made.changes]:
            old = "told is what was built, `dvc repro` builds it anew"
            found.append(f"something changed since {', '.join(changed)} ran: {old}")
        return tuple(found)

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        clip = {key: value for key, value in asdict(self.story.clip).items() if key != "extra"}
        return {
            "name": self.target.name,
            "found_by": {"by": self.target.by, "distance": self.target.distance},
            **(self._frame_json(self.frame) if self.frame else self._clip_json()),
            "clip": clip | {"video": (VIDEOS / self.story.clip.video).as_posix()},
            "participant": {key: getattr(self.story.person, key) for key in ("subject", "sex", "consent")},
            "placement": self.placement.as_json(),
            "stages": {stage: asdict(made) for stage, made in self.made.items()},
            "checkout": asdict(self.checkout) if self.checkout else None,
            "notes": list(self.notes),
        }

    def _frame_json(self, frame: Frame) -> dict[str, Any]:
        shard = self.shard.as_posix() if self.shard and self.is_image else None
        return {"frame": frame.as_json() | {"label": self.label, "class": self.class_name, "shard": shard}}

    def _clip_json(self) -> dict[str, Any]:
        return {"counts": self.story.counts(), "frames": [frame.as_json() for frame in self.story.frames]}


def trace(asked: str, here: Path) -> Trace:
    """Return where an image comes from, or what became of a clip.

    `asked` is a clip, an image's name, its path in the dataset, or a picture file relative to `here`.
    Raises EmoError where it is nothing of this project, or where what it is read from is not here.
    """
    records = read_records()
    target = find(asked, here, records)
    story = read_story(records.clips[target.clip], records)
    return Trace(
        target=target,
        story=story,
        frame=None if target.frame is None else story.at(target.frame),
        placement=place(story.clip.subject, records),
        made=read_making(records),
        checkout=read_checkout(Path.cwd()),
        shard=records.shards.get(story.clip.subject),
    )

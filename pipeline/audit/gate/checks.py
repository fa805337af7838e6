"""The checks of the gate: all must pass before a model is trained."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pipeline.audit.gate.check import Finding, Scope, Topic, check
from pipeline.audit.gate.evidence import Image
from pipeline.runtime.paths import PARAMS
from pipeline.runtime.text import listed
from pipeline.schema.clips import Clip
from pipeline.schema.dataset import image_name
from pipeline.schema.funnel import FunnelRow
from pipeline.schema.ledger import Ledger
from pipeline.schema.participants import REQUIRED, UNKNOWN, Participant, named_or_counted
from pipeline.schema.split import SPLITS

_TOLERANCE_S = 0.001
"""Timestamps are rounded to the container's clock."""


@check("no subject in two splits", Topic.GATE)
def subjects_in_one_split(images: Sequence[Image]) -> Finding:
    """No subject is in two splits."""
    found = _splits_by(images, lambda image: image.subject)
    bad = [f"{subject} in {listed(splits)}" for subject, splits in found.items() if len(splits) > 1]
    return _verdict(bad, f"{len(found)} subjects")


@check("no take in two splits", Topic.GATE)
def takes_in_one_split(images: Sequence[Image], clips: Sequence[Clip]) -> Finding:
    """No take, a performance recorded from several views, is in two splits."""
    takes = {clip.clip: clip.take for clip in clips}
    found = _splits_by(images, lambda image: takes.get(image.clip, image.clip))
    bad = [f"{take} in {listed(splits)}" for take, splits in found.items() if len(splits) > 1]
    return _verdict(bad, f"{len(found)} takes")


@check("no near-duplicate across splits", Topic.GATE)
def no_near_duplicates_across_splits(
    images: Sequence[Image], near_pairs: Sequence[Mapping[str, Any]]
) -> Finding:
    """No two images of different splits are near-duplicates."""
    split_of = {(image.clip, image.frame): image.split for image in images}
    bad = []
    for pair in near_pairs:
        here, there = (pair["clip"], pair["frame"]), (pair["other_clip"], pair["other_frame"])
        if split_of.get(here, "") != split_of.get(there, "") and here in split_of and there in split_of:
            names = f"{image_name(*here)} and {image_name(*there)}"
            bad.append(f"{names} ({split_of[here]}, {split_of[there]}; {pair['distance']} bits)")
    return _verdict(bad, f"{len(near_pairs)} near pairs, all within a split")


@check("every class in every split", Topic.GATE)
def every_class_in_every_split(images: Sequence[Image], classes: Sequence[str]) -> Finding:
    """Every split has an image of every class."""
    present = {(image.split, image.label) for image in images}
    wanted = [(split, name) for split in SPLITS for name in classes]
    bad = [f"no {name} in {split}" for split, name in wanted if (split, name) not in present]
    if bad or not classes:
        remedy = f"record more, or remove the class from {PARAMS}: dataset: expressions"
        return Finding(False, f"{listed(bad, 5) or 'no image'}; {remedy}")
    return Finding(True, f"{len(classes)} classes")


@check("every image traceable to a clip", Topic.GATE)
def every_image_traceable(images: Sequence[Image], labelled: Sequence[Clip]) -> Finding:
    """Every image belongs to a clip: its subject, its expression as asked or relabelled, within its time."""
    known = {clip.clip: clip for clip in labelled}
    bad = [
        image_name(image.clip, image.frame)
        for image in images
        if image.clip not in known or not _belongs(image, known[image.clip])
    ]
    return _verdict(bad, f"{len(images)} images")


def _belongs(image: Image, clip: Clip) -> bool:
    start_s, end_s = clip.segment
    is_in_time = start_s - _TOLERANCE_S <= image.time_s < end_s
    return is_in_time and (clip.subject, clip.expression) == (image.subject, image.label)


@check("no excluded image", Topic.GATE)
def no_excluded_image(images: Sequence[Image], clips: Sequence[Clip], ledger: Ledger) -> Finding:
    """No image is of a moment that a decision in raw/decisions.csv excludes."""
    known = {clip.clip: clip for clip in clips if ledger.exclusions(clip)}
    found = [(i, ledger.excluded_by(known[i.clip], i.time_s)) for i in images if i.clip in known]
    bad = [f"{image_name(i.clip, i.frame)} (decision {row.decision})" for i, row in found if row]
    some = f"{len(known)} of {len(clips)} clips are excluded in whole or in part"
    return _verdict(bad, some if known else "nothing is excluded")


@check("every clip could be read", Topic.GATE, Scope.ENROLLED)
def every_clip_read(
    funnel: Sequence[FunnelRow], clips: Sequence[Clip], ledger: Ledger, classes: Sequence[str]
) -> Finding:
    """Frames could be read of every clip of a class of the dataset, unless a decision excludes the clip."""
    out = {clip.clip for clip in clips if ledger.is_excluded(clip)}
    rows = [row for row in funnel if row.expression in classes]
    bad = [f"{row.clip}: {row.problem}" for row in rows if row.problem and row.clip not in out]
    if bad:
        return Finding(False, f"{listed(bad, 5)}; replace the recording, or `emo exclude CLIP --reason ...`")
    left_out = sum(bool(row.problem) for row in rows)
    return Finding(True, f"{len(rows)} clips" + (f", {left_out} unreadable but excluded" if left_out else ""))


@check("no subject without consent", Topic.GATE)
def no_subject_without_consent(
    images: Sequence[Image],
    participants: Sequence[Participant],
    processable: frozenset[str],
    consent_rule: str,
) -> Finding:
    """No subject with an image has withdrawn and, if `dataset: consent` is `required`, consent is given."""
    subjects = {image.subject for image in images}
    rows = [row for row in participants if row.subject in subjects]
    unknown = [row for row in rows if row.consent == UNKNOWN and row.subject in processable]
    left_out = [row for row in participants if row.consent == UNKNOWN and row.subject not in subjects]
    consent_unknown = _unknown("consent unknown", unknown, consent_rule)
    gone = sorted(subjects - processable)
    bad = [f"withdrawn or not enrolled: {listed(gone)}"] if gone else []
    if bad or (unknown and consent_rule == REQUIRED):
        return Finding(False, "; ".join(part for part in (*bad, consent_unknown) if part))
    without_images = _unknown("without images, consent unknown", left_out, consent_rule)
    parts = (f"{len(subjects)} subjects", consent_unknown, without_images, _assumed(rows))
    return Finding(True, "; ".join(part for part in parts if part))


def _unknown(what: str, participants: Sequence[Participant], consent_rule: str) -> str:
    """Return a note on participants whose consent is unknown; empty if there are none."""
    setting = f"({PARAMS}: dataset: consent: {consent_rule})"
    return f"{what}: {named_or_counted(participants)} {setting}" if participants else ""


def _assumed(participants: Sequence[Participant]) -> str:
    """Return a note on participants whose consent has no source; empty if there are none."""
    assumed = [row for row in participants if row.is_consent_assumed]
    if not assumed:
        return ""
    return (
        f"consent given without a source, as earlier versions of emo assumed it: {named_or_counted(assumed)}"
    )


def _splits_by(images: Iterable[Image], key: Callable[[Image], str]) -> dict[str, list[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for image in images:
        found[key(image)].add(image.split)
    return {name: sorted(splits) for name, splits in sorted(found.items())}


def _verdict(bad: Sequence[str], fine: str) -> Finding:
    return Finding(not bad, listed(bad, 5) if bad else fine)

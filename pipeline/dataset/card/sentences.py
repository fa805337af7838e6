"""What the dataset card and croissant.json say in words: both in the same."""

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

from pipeline.dataset.card.facts import Facts
from pipeline.runtime.text import counted
from pipeline.schema.clips import Clip
from pipeline.schema.image_subjects import full_caveat
from pipeline.schema.participants import GIVEN, WITHDRAWN, Participant
from pipeline.schema.split import SPLITS

NOT_KNOWN = "not known"

_SIMULATED = (
    "The expressions are simulated on request: they are not felt emotions, and a model trained on them does "
    "not measure any."
)


def summary(facts: Facts) -> str:
    """Say in two or three sentences what the dataset is."""
    if facts.caveat:
        return (
            f"{counted(facts.images, 'face image')}, labelled as {len(facts.classes)} expressions: "
            f"{', '.join(facts.classes)}. Built by emo. Subjects: {full_caveat(facts.caveat)}."
        )
    origin = in_kinds(facts.clips, "video recordings", "pictures")
    tested = ", so that test figures are about people whom a model has not seen."
    return (
        f"{counted(facts.images, 'face image')} of {counted(len(facts.subjects()), 'participant')} who "
        f"simulate {len(facts.classes)} expressions: {', '.join(facts.classes)}. Built by emo from {origin}; "
        f"every participant is in exactly one split{tested if 'test' in facts.splits else '; nobody tests.'}"
    )


def collection(clips: Sequence[Clip], alone: Set[str] = frozenset()) -> str:
    """Say how much was recorded of whom, and how the labels came about.

    `alone` are the subjects that are images.
    """
    people = [clip for clip in clips if clip.subject not in alone]
    images = len(clips) - len(people)
    found = (
        f"{counted(images, 'picture')} of nobody known, with the labels of the corpus that they are from: "
        "how they were taken and labelled, and whether the expressions are simulated, it must tell."
    )
    return " ".join([_recorded(people)] * bool(people) + [found] * bool(images))


def _recorded(clips: Sequence[Clip]) -> str:
    recordings = by_video(clips)
    videos = [clip for clip in recordings if not clip.is_still]
    what = in_kinds(
        clips,
        counted(len(videos), "video"),
        counted(len(recordings) - len(videos), "picture"),
        joined=" and ",
    )
    lasting = f"{_duration(sum(clip.duration_s for clip in videos))} of video in total, " if videos else ""
    return (
        f"{what} of {counted(len({c.subject for c in clips}), 'participant')}, {lasting}with "
        f"{counted(len(clips), 'labelled clip')} of {counted(len({c.take for c in clips}), 'performance')}. "
        "The participants simulated each expression on request; what was asked for is the label of the clip "
        "and of all images from it."
    )


def columns(facts: Facts) -> dict[str, str]:
    """Say what stands in the columns of a shard that tell where an image is from."""
    zero = "; 0 of a picture" if any(clip.is_still for clip in facts.clips) else ""
    stretch = in_kinds(facts.clips, "stretch of video", "picture", joined=" or ")
    return {
        "subject": "code of the participant" + (", or of the image itself" if facts.caveat else ""),
        "clip": f"the labelled {stretch} that the image was cut from",
        "frame": f"index in the video's stream{zero}",
        "time_s": f"seconds from the video's first frame{zero}",
    }


def preprocessing(params: Mapping[str, Any], clips: Sequence[Clip] = ()) -> list[str]:
    """Say what was done to the videos and pictures, in the order of the stages."""
    return [
        _sampling(params["frames"], clips),
        _searching(params["faces"]),
        _cropping(params["faces"]),
        _deduplicating(params["dedup"]),
    ]


def splitting(split: Mapping[str, Any]) -> str:
    """Say by which rule the participants were split."""
    shares = {"train": 1 - split["validation"] - split["test"]} | {n: split[n] for n in SPLITS[1:]}
    return (
        f"Participants are split, not images: {', '.join(f'{s:.0%} {name}' for name, s in shares.items())}. "
        f"In the order of enrolment, each is drawn at random (seed {split['seed']}) into one of the splits "
        "that keep every split within one person of its quota, both among the participants of the same sex "
        "and among all. Enrolling more people therefore moves nobody, and whoever withdraws leaves a place "
        f"that nobody takes. By the same rule each participant has one of {split['folds']} folds for "
        "cross-validation; they are in the project's data/split.csv, not in the dataset."
    )


def drawn_alone(facts: Facts) -> str:
    """Say how images without a subject were split; empty where all have one."""
    if not facts.caveat:
        return ""
    alike = "near-duplicates among such images were collapsed to one, whatever their labels"
    kept = "near-duplicates among such images were kept, and may be in several splits"
    return (
        " An image without a subject is drawn like a participant, by itself: its corpus's own sets are not "
        f"kept, and {alike if facts.params['dedup']['collapse'] else kept}."
    )


def limits(facts: Facts) -> list[str]:
    """Name what the dataset cannot tell."""
    fewest = min(len(facts.subjects(name)) for name in facts.splits)
    unknown = (
        f"Subjects: {full_caveat(facts.caveat)}. One person may be in several splits, which flatters every figure "
        "on the test images. Felt or simulated, expressions are no measure of what anybody feels."
    )
    return [
        *([unknown] if facts.caveat else [_SIMULATED]),
        "An image has the label of its clip; whether it shows that expression has not been checked.",
        "Images of one clip, and of one person, resemble each other: they are no independent samples. "
        f"The smallest split has {counted(fewest, facts.whose)}; intervals should come from resampling "
        "people, not images.",
    ]


def biases(facts: Facts) -> list[str]:
    """Name whom the dataset shows less well, with the figures that are known."""
    return [
        _found(facts),
        "The splits are balanced by number and sex only, not by age, ancestry or anything else.",
        "Groups of few people say little about others of their sex or age, and what is told about so few "
        "may give away who takes part.",
    ]


def _found(facts: Facts) -> str:
    if facts.params["faces"]["detector"] == "whole_frame":
        return "The pictures came as faces, cropped already: whom that left out is not known."
    return (
        "Haar cascades find frontal faces: heads that are turned away, masks and strong glare give no image. "
        + _yields(facts)
    )


def consent(people: Sequence[Participant]) -> list[str]:
    """Say who agreed, and what a participant can do."""
    images = sum(person.is_image for person in people)
    asked = [person for person in people if not person.is_image]
    gave, withdrew = (sum(person.consent == word for person in asked) for word in (GIVEN, WITHDRAWN))
    gone = f"{withdrew} withdrew it: nothing of theirs is in this version or in the figures above"
    rest = gone if withdrew else "nobody withdrew it"
    nobody = f"Who is on {counted(images, 'image')}, and whether they agreed, is for the corpus to tell."
    return [
        *([f"The consent of {counted(gave, 'participant')} is given; {rest}."] if asked else []),
        *([nobody] if images else []),
        "Faces identify people, whatever code stands for their name: the images are personal data.",
        "No licence is known. What may be done with the images is what the participants agreed to; ask those "
        "you have the dataset from before you pass it on.",
        "Participants who want to be erased tell those who recorded them, who run `emo withdraw` and ask "
        "everybody with a copy to replace it by the next version.",
    ]


def _sampling(frames: Mapping[str, Any], clips: Sequence[Clip]) -> str:
    videos = (
        f"Frames: {frames['fps']:g} a second, by timestamp, at most {frames['max_per_clip']} a clip, without "
        f"the first {frames['trim_start_s']:g} s and the last {frames['trim_end_s']:g} s, in which the "
        "expression comes and goes"
    )
    taken = in_kinds(clips, videos, "Pictures: each is one frame, of which nothing is trimmed", joined=". ")
    return f"{taken or videos}; longer side at most {frames['max_side']} pixels."


def _searching(faces: Mapping[str, Any]) -> str:
    if faces["detector"] == "whole_frame":
        return "Faces: the pictures are faces, cropped already; each was taken whole."
    search = faces["haar"]
    second = search["fallback_cascade"]
    return (
        f"Faces: found by the Haar cascade {search['cascade']}"
        + (f", or by {second} where that finds nothing" if second != "none" else "")
        + ", and followed through the clip; a frame counts where one person alone can be meant."
    )


def _cropping(faces: Mapping[str, Any]) -> str:
    crop, least = faces["crop"], faces["crop"]["min_sharpness"]
    around = f"the face with a margin of {crop['margin']:.0%} of its side"
    blurred = (
        f"blurred below a variance of the Laplacian of {least:g}" if least else "none is refused as blurred"
    )
    return (
        f"Crops: squares around {'the whole picture' if faces['detector'] == 'none' else around}, scaled to "
        f"{crop['side_px']}x{crop['side_px']} pixels, {crop['colour']}; contrast: {crop['contrast']}; "
        f"noise filter: {crop['denoise']}; {blurred}."
    )


def _deduplicating(dedup: Mapping[str, Any]) -> str:
    if not dedup["collapse"]:
        return "Near-duplicates: kept."
    return (
        f"Near-duplicates: of faces in one performance whose perceptual hashes of 256 bits differ by at most "
        f"{dedup['max_distance']} bits, the sharpest was kept."
    )


def _yields(facts: Facts) -> str:
    """Say in which share of the frames a face was accepted: over all, by sex, and of the worst subject."""
    sexes = {person.subject: person.sex or f"sex {NOT_KNOWN}" for person in facts.people}
    groups: dict[str, list[tuple[int, int]]] = {}
    for subject, counts in facts.found.items():
        groups.setdefault(sexes[subject], []).append(counts)
    by_sex = ", ".join(f"{sex} {_share(groups[sex])}" for sex in sorted(groups))
    worst = min(facts.found.values(), key=lambda counts: counts[0] / counts[1])
    return (
        f"A face was accepted in {_share(facts.found.values())} of the frames ({by_sex}); of the "
        f"{facts.whose} for whom the search did worst, in {_share([worst])}."
    )


def _share(counts: Iterable[tuple[int, int]]) -> str:
    faces, frames = map(sum, zip(*counts, strict=True))
    return f"{faces / frames:.1%}"


# --- Words ----------------------------------------------------------------------------------------


def in_kinds(clips: Sequence[Clip], videos: str, pictures: str, *, joined: str = " and ") -> str:
    """Return what is said of videos, of pictures, or of both, by which of them the clips are from."""
    stills = {clip.is_still for clip in clips}
    return joined.join(word for word, is_still in ((videos, False), (pictures, True)) if is_still in stills)


def by_video(clips: Sequence[Clip]) -> list[Clip]:
    """Return one clip of each video; what probing found is the same in all of them."""
    return list({clip.video: clip for clip in clips}.values())


def _duration(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds >= 3600 else f"{seconds / 60:.1f} minutes"

"""What is meant: an image or a clip by its name, or a picture file by its bytes or its likeness."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from pipeline.runtime.errors import EmoError, reason
from pipeline.runtime.paths import CLIPS, DATASET, FACES, FRAMES, VIDEOS
from pipeline.runtime.text import listed
from pipeline.schema.dataset import image_name, read_dataset_shard
from pipeline.schema.split import SPLITS
from pipeline.versions.trace.records import Records

_IMAGE = re.compile(r"(?P<clip>[A-Za-z0-9][A-Za-z0-9_-]*)_(?P<frame>[0-9]{6,18})(\.png)?")
"""What `image_name` makes, with or without its ending."""

_IN_SHARD = re.compile(r"\.parquet[/#:]+")
"""Stands between a shard's path and the name of an image in it."""


@dataclass(frozen=True)
class Target:
    """What was asked about, and how it was recognised."""

    clip: str
    frame: int | None = None
    "None: the whole clip"
    by: str = "name"
    "name, bytes (of a picture file: a proof) or likeness (no proof)"
    distance: int | None = None
    "bits of 256 by which a likeness differs"
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the image, or of the clip."""
        return self.clip if self.frame is None else image_name(self.clip, self.frame)


def find(asked: str, here: Path, records: Records) -> Target:
    """Return what a user names; `here` is the folder that paths are relative to.

    A recording or a shard of a clip is that clip; any other file that exists is a picture; else it is a name,
    a clip's before an image's. Raises EmoError with near matches where it is nothing.
    """
    try:
        if own := _find_own(here / asked, records):
            return own
        if (here / asked).is_file():
            return find_picture(here / asked, records)
    except OSError as error:
        raise EmoError(f"{asked}: cannot be read: {reason(error)}; name a file that can") from None
    except RuntimeError:  # of `resolve`
        raise EmoError(f"{asked}: a link that leads back to itself; name the file") from None
    shard, _, name = _IN_SHARD.sub(".parquet\0", asked, count=1).rpartition("\0")
    target = find_name(name, records)
    return replace(target, notes=(*target.notes, *_misplaced(Path(shard), target, records)))


def _misplaced(asked: Path, target: Target, records: Records) -> Iterator[str]:
    """Say so where an image is named as one of a shard of the dataset that it does not lie in."""
    lies_in = records.shards.get(records.clips[target.clip].subject)
    if lies_in and asked.parent.name in SPLITS and asked.parts[-2:] != lies_in.parts[-2:]:
        yield f"{target.name} was asked for in {asked}; the images of its subject lie in {lies_in}"


# --- Files of the project -------------------------------------------------------------------------


def _find_own(path: Path, records: Records) -> Target | None:
    """Return the clip of a recording or of a shard, here or not; None for any other path.

    Raises EmoError where several clips, or several images, are in it.
    """
    top, place = Path.cwd().resolve(), path.resolve()
    if place.is_relative_to(top / VIDEOS):
        video = place.relative_to(top / VIDEOS).as_posix()
        return _only([clip for clip in records.clips if records.clips[clip].video == video], path)
    if place.suffix != ".parquet":
        return None
    if place.parent in (top / FRAMES, top / FACES):
        return find_name(place.stem, records)
    if place.is_relative_to(top / DATASET):
        raise EmoError(f"{path}: holds many images; name one: {path}/CLIP_000000.png")
    return None


def _only(clips: Sequence[str], path: Path) -> Target:
    if not clips:
        raise EmoError(f"{path}: no recording that {CLIPS} lists")
    if len(clips) > 1:
        raise EmoError(f"{path}: the recording of {len(clips)} clips; name one: {listed(sorted(clips))}")
    return Target(clips[0], notes=(f"{path.name} is the recording of this clip",))


# --- Names ----------------------------------------------------------------------------------------


def find_name(name: str, records: Records) -> Target:
    """Return the clip or the image of this name; raise EmoError where its clip is not enrolled."""
    image = _IMAGE.fullmatch(name)
    if name in records.clips:
        return Target(name)
    if image and image["clip"] in records.clips:
        return Target(image["clip"], int(image["frame"]))
    raise EmoError(f"{name}: {_why_unknown(image['clip'] if image else name, records)}")


def _why_unknown(clip: str, records: Records) -> str:
    if (FACES / f"{clip}.parquet").is_file():
        return (
            f"its clip is not in {CLIPS} any more, and its faces are only in {FACES} until the next "
            "`dvc repro`; `emo versions` lists the versions that had it"
        )
    for subject in sorted(records.withdrawn):
        if clip.startswith(f"{subject}_"):
            return f"{subject} has withdrawn consent, and no such clip is in {CLIPS}"
    near = get_close_matches(clip, records.clips, n=3)
    remedy = f"clips with such a name: {listed(near)}" if near else f"{CLIPS} lists the clips"
    return f"no picture file, image or clip; {remedy}"


# --- Pictures -------------------------------------------------------------------------------------


def find_picture(path: Path, records: Records) -> Target:
    """Return the image whose bytes a file holds, else the face that it is most like.

    Raises EmoError where the file is no picture, or is like no face of the dataset.
    """
    data = path.read_bytes()
    names = list(_same_bytes(data, records))
    if not names:
        return _likest(path, data, records)
    also = (f"the same bytes are also those of {listed(names[1:])}",) if names[1:] else ()
    return _target(path, names[0], records, by="bytes", notes=also)


def _target(path: Path, name: str, records: Records, *, by: str, notes: tuple[str, ...]) -> Target:
    """Return an image that was found; say so where the file bears the name of another one."""
    found, bears = find_name(name, records), _IMAGE.fullmatch(path.stem)
    if bears and path.stem != Path(name).stem:
        notes = (*notes, f"the file bears the name of another image: {path.name}")
    return Target(found.clip, found.frame, by, notes=notes)


def _same_bytes(data: bytes, records: Records) -> Iterator[str]:
    """Yield the names of the images with exactly these bytes (equal bytes have an equal SHA-256).

    Raises EmoError where a shard that is not here may hold it.
    """
    found = False
    for shard in filter(Path.is_file, records.shards.values()):
        images = read_dataset_shard(shard, ["image"]).table.column("image")
        for chunk in images.chunks:
            for row, png in enumerate(chunk.field("bytes").to_pylist()):
                if png == data:
                    found = True
                    yield chunk.field("path")[row].as_py()
    if not found:
        for shard in records.shards.values():
            records.stored(shard)


def _likest(path: Path, data: bytes, records: Records) -> Target:
    """Return the face with the nearest perceptual hash; of equals one that was kept."""
    from pipeline.faces.perceptual_hash import BITS, hamming, hashes_from_bytes, perceptual_hash

    mine, table = perceptual_hash(_decoded(path, data)), records.duplicates
    if not table.num_rows:
        raise EmoError(f"{path}: no face to compare it with; run `dvc repro`")
    distances = hamming(hashes_from_bytes(table["hash"].to_pylist()), mine)
    best = int(np.lexsort((~np.array(table["kept"].to_pylist()), distances))[0])
    name = image_name(table["clip"][best].as_py(), table["frame"][best].as_py())
    distance, limit = int(distances[best]), int(records.settings("dedup")["dedup.max_distance"])
    if distance > limit:
        raise EmoError(
            f"{path}: like no face of this dataset: the nearest, {name}, differs in {distance} of {BITS} "
            f"bits, more than dedup.max_distance ({limit}); give a face as it was cropped, or a name"
        )
    told = f"a likeness, no proof: its bytes are no image's; {distance} of {BITS} bits of the hash differ"
    return replace(_target(path, name, records, by="likeness", notes=(told,)), distance=distance)


def _decoded(path: Path, data: bytes) -> np.ndarray:
    import cv2

    from pipeline.runtime.image_codec import decode_grey

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)  # what is damaged, the error tells
    try:
        return decode_grey(data)
    except (EmoError, cv2.error):
        raise EmoError(
            f"{path}: no picture that can be decoded; give a PNG or JPEG, or the name of an image or clip"
        ) from None

"""Recognise an image or a clip: by its name, or an image file by its bytes or its perceptual hash."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from pipeline.runtime.errors import EmoError, NotBuiltError, reason
from pipeline.runtime.paths import CLIPS, DATASET, FACES, FRAMES, VIDEOS
from pipeline.runtime.text import listed
from pipeline.schema.dataset import image_name, read_dataset_shard
from pipeline.schema.faces import faces_path
from pipeline.schema.split import SPLITS
from pipeline.versions.trace.records import Records

_IMAGE = re.compile(r"(?P<clip>[A-Za-z0-9][A-Za-z0-9_-]*)_(?P<frame>[0-9]{6,18})(\.png)?")
"""The result of `image_name`, with or without its suffix."""

_IN_SHARD = re.compile(r"\.parquet[/#:]+")
"""Separates the path of a shard from the name of an image in it."""


NAME, BYTES, LIKENESS = "name", "bytes", "likeness"


@dataclass(frozen=True)
class Target:
    """The clip or image that the user asked about, and how it was recognised."""

    clip: str
    frame: int | None = None
    "None: the whole clip."
    by: str = NAME
    "NAME, BYTES (an exact match of an image file) or LIKENESS (the nearest perceptual hash)."
    distance: int | None = None
    "Bits of 256 by which the perceptual hashes differ, for LIKENESS."
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the image, or of the clip."""
        return self.clip if self.frame is None else image_name(self.clip, self.frame)


def find(asked: str, here: Path, records: Records) -> Target:
    """Return the clip or image that the user asked about; `here` is the folder that paths are relative to.

    A recording or a shard of a clip is that clip; any other existing file is an image file; anything else is
    a name, of a clip rather than of an image. Raises EmoError with similar names if there is no match.
    """
    try:
        if own := _find_own(here / asked, records):
            return own
        if (here / asked).is_file():
            return find_image(here / asked, records)
    except OSError as error:
        raise EmoError(f"{asked}: cannot be read: {reason(error)}; give a readable file") from None
    except RuntimeError:  # of `resolve`
        raise EmoError(f"{asked}: a symbolic link to itself; give the file") from None
    shard, _, name = _IN_SHARD.sub(".parquet\0", asked, count=1).rpartition("\0")
    target = find_name(name, records)
    return replace(target, notes=(*target.notes, *_misplaced(Path(shard), target, records)))


def _misplaced(asked: Path, target: Target, records: Records) -> Iterator[str]:
    """Yield a note if the image is not in the shard that the user named."""
    shard = records.shards.get(records.clips[target.clip].subject)
    if shard and asked.parent.name in SPLITS and asked.parts[-2:] != shard.parts[-2:]:
        yield f"{target.name} is not in {asked}; the images of its subject are in {shard}"


# --- Files of the project -------------------------------------------------------------------------


def _find_own(path: Path, records: Records) -> Target | None:
    """Return the clip of a recording or of a shard, existing or not; None for any other path.

    Raises EmoError if it has several clips or images.
    """
    top, target = Path.cwd().resolve(), path.resolve()
    if target.is_relative_to(top / VIDEOS):
        video = target.relative_to(top / VIDEOS).as_posix()
        return _only([clip for clip in records.clips if records.clips[clip].video == video], path)
    if target.suffix != ".parquet":
        return None
    if target.parent in (top / FRAMES, top / FACES):
        return find_name(target.stem, records)
    if target.is_relative_to(top / DATASET):
        raise EmoError(f"{path}: a shard of many images; give one of them: {path}/CLIP_000000.png")
    return None


def _only(clips: Sequence[str], path: Path) -> Target:
    if not clips:
        raise EmoError(f"{path}: not a recording listed in {CLIPS}")
    if len(clips) > 1:
        raise EmoError(f"{path}: the recording of {len(clips)} clips; give one: {listed(sorted(clips))}")
    return Target(clips[0], notes=(f"{path.name} is the recording of this clip",))


# --- Names ----------------------------------------------------------------------------------------


def find_name(name: str, records: Records) -> Target:
    """Return the clip or the image of this name; raise EmoError if its clip is not enrolled."""
    image = _IMAGE.fullmatch(name)
    if name in records.clips:
        return Target(name)
    if image and image["clip"] in records.clips:
        return Target(image["clip"], int(image["frame"]))
    raise EmoError(f"{name}: {_why_unknown(image['clip'] if image else name, records)}")


def _why_unknown(clip: str, records: Records) -> str:
    if faces_path(clip).is_file():
        return (
            f"its clip is no longer in {CLIPS}, and the next `dvc repro` removes its faces from {FACES}; "
            "`emo versions` lists the versions that had it"
        )
    for subject in sorted(records.withdrawn):
        if clip.startswith(f"{subject}_"):
            return f"{subject} has withdrawn consent, and the clip is not in {CLIPS}"
    near = get_close_matches(clip, records.clips, n=3)
    remedy = f"similar clips: {listed(near)}" if near else f"{CLIPS} lists the clips"
    return f"not an image file, an image or a clip; {remedy}"


# --- Image files ----------------------------------------------------------------------------------


def find_image(path: Path, records: Records) -> Target:
    """Return the image with the bytes of a file, else the face with the nearest perceptual hash.

    Raises EmoError if the file is not an image, or not similar to any face of the dataset.
    """
    data = path.read_bytes()
    names = list(_same_bytes(data, records))
    if not names:
        return _most_similar(path, data, records)
    also = (f"identical to {listed(names[1:])}, too",) if names[1:] else ()
    return _target(path, names[0], records, by=BYTES, notes=also)


def _target(path: Path, name: str, records: Records, *, by: str, notes: tuple[str, ...]) -> Target:
    """Return an image that was found, with a note if the file has the name of another image."""
    found = find_name(name, records)
    if _IMAGE.fullmatch(path.stem) and path.stem != Path(name).stem:
        notes = (*notes, f"the file has the name of another image: {path.name}")
    return Target(found.clip, found.frame, by, notes=notes)


def _same_bytes(data: bytes, records: Records) -> Iterator[str]:
    """Yield the names of the images with exactly these bytes.

    Raises NotBuiltError if there is none, but a shard is missing that may hold it.
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


def _most_similar(path: Path, data: bytes, records: Records) -> Target:
    """Return the face with the nearest perceptual hash; of equally near ones, a kept image."""
    from pipeline.faces.perceptual_hash import BITS, hamming, hashes_from_bytes, perceptual_hash

    asked, table = perceptual_hash(_decoded(path, data)), records.duplicates
    if not table.num_rows:
        raise NotBuiltError(f"{path}: there are no faces to compare it with; run `dvc repro`")
    distances = hamming(hashes_from_bytes(table["hash"].to_pylist()), asked)
    best = int(np.lexsort((~np.array(table["kept"].to_pylist()), distances))[0])
    name = image_name(table["clip"][best].as_py(), table["frame"][best].as_py())
    distance, limit = int(distances[best]), int(records.settings("dedup")["dedup.max_distance"])
    if distance > limit:
        raise EmoError(
            f"{path}: not similar to any face: the nearest, {name}, differs in {distance} of {BITS} bits, "
            f"more than dedup.max_distance ({limit}); give a face crop of this dataset, or a name"
        )
    note = f"similar, but not proven to be the same: {distance} of {BITS} bits of the perceptual hash differ"
    return replace(_target(path, name, records, by=LIKENESS, notes=(note,)), distance=distance)


def _decoded(path: Path, data: bytes) -> np.ndarray:
    import cv2

    from pipeline.runtime.image_codec import decode_grey

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)  # the EmoError below reports it
    try:
        return decode_grey(data)
    except (EmoError, cv2.error):
        raise EmoError(
            f"{path}: not an image that can be decoded; give a PNG or JPEG, or the name of an image or clip"
        ) from None

"""What the tests of versions and withdrawal share: searching projects for a subject, and small shards."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from dvc_data.hashfile.db.local import LocalHashFileDB
from dvc_objects.fs.local import LocalFileSystem

from pipeline.runtime.image_codec import encode_jpeg, encode_png
from pipeline.schema.clip_shards import add_facts
from pipeline.schema.clips import Clip
from pipeline.schema.frames import FRAMES_SCHEMA
from pipeline.withdrawal.stores import DVC_CACHE, Store
from tests.support.making import clip
from tests.support.projects import Project

# --- Searching real projects ------------------------------------------------------------------------


def needles_of(project: Project, subject: str, tag: str = "") -> dict[str, bytes]:
    """Return 48 bytes from the middle of every frame, face and image, and from all over the recordings."""
    found = {}
    for path in (project.root / "data").rglob("*.parquet"):
        if path.stem == subject or path.stem.startswith(f"{subject}_"):
            for column in set(pq.read_schema(path).names) & {"jpeg", "png", "image"}:
                for number, value in enumerate(pq.read_table(path, columns=[column])[column].to_pylist()):
                    data = value["bytes"] if isinstance(value, dict) else value
                    if len(data) > 200:
                        middle = len(data) // 2
                        found[f"{tag} {path.name} {column} {number}"] = data[middle : middle + 48]
    for path in (project.root / "raw/videos" / subject).iterdir():
        data = path.read_bytes()
        for at in range(4000, len(data) - 4000, 8000):
            found[f"{tag} {path.name} {at}"] = data[at : at + 48]
    return found


def search(project: Project, needles: dict[str, bytes]) -> list[str]:
    """Return which needles are in which files, by plain search in all of every file."""
    found = []
    for path in _files_of(project):
        data = path.read_bytes()
        found += [f"{path}: {name}" for name, needle in needles.items() if needle in data]
    return found


def shards(project: Project, without: str) -> dict[str, str]:
    """Return the digests of the shards and recordings of all subjects but one."""
    digests = project.digests("data/frames", "data/faces", "data/dataset", "raw/videos")
    kept = {name: digest for name, digest in digests.items() if without not in name}
    return {name: digest for name, digest in kept.items() if name.endswith((".parquet", ".mp4"))}


def _files_of(project: Project) -> Iterator[Path]:
    """Yield every file of a project and of its remote, except Git's and Python's own."""
    for root in (project.root, project.root.parent / "remote"):
        for folder, folders, names in os.walk(root):
            folders[:] = [name for name in folders if name not in (".git", "__pycache__")]
            yield from (Path(folder) / name for name in names)


# --- Small images, shards and stores ----------------------------------------------------------------


def noise_image(seed: int, side: int = 64) -> np.ndarray:
    """Return a (side, side) uint8 image of smooth noise."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 12, (side, side)).cumsum(0).cumsum(1)
    return ((noise - noise.min()) / np.ptp(noise) * 255).astype(np.uint8)


JPEGS = [encode_jpeg(noise_image(seed, 320), 92) for seed in range(6)]
PNGS = [encode_png(noise_image(seed)) for seed in range(6)]


def digest_of(text: str) -> str:
    """Return the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def clip_with_digest(subject: str) -> Clip:
    """Return the clip `<subject>_happy` of a recording whose content is the subject's id."""
    name = f"{subject}_happy"
    return clip(name, video=f"{subject}/{name}.mp4", subject=subject, sha256=digest_of(subject))


def write_frames(path: Path, images: list[bytes], recording: str) -> Path:
    """Write a shard of frames made from a recording, by its SHA-256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    numbers = list(range(len(images)))
    table = pa.table([numbers, [n / 5 for n in numbers], images], schema=FRAMES_SCHEMA)
    with pq.ParquetWriter(path, FRAMES_SCHEMA, compression="none") as writer:
        writer.write_table(table)
        add_facts(writer, {"recording": recording})
    return path


def local_store(folder: Path) -> Store:
    """Return a store of DVC in a folder."""
    return Store(DVC_CACHE, LocalHashFileDB(LocalFileSystem(), str(folder)))

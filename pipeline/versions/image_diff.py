"""Compares two versions image by image, if the shards of both are here."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.runtime.errors import EmoError
from pipeline.schema.dataset import read_dataset_shard
from pipeline.versions.diff import Diff
from pipeline.versions.dvc_cache import cache_folder, count_images, dataset_shards
from pipeline.versions.version import Version


@dataclass(frozen=True)
class ImageChanges:
    """Numbers of images that two versions share or not, by name (clip and frame)."""

    same: int
    added: int
    removed: int
    changed: int
    "Images with the same name and other pixels."
    relabelled: int
    "Images with the same name and pixels and another class."

    def as_json(self) -> dict[str, int]:
        """Return plain values."""
        return asdict(self)

    def __str__(self) -> str:
        counts = [f"{count:,} {name}" for name, count in asdict(self).items() if count]
        return ", ".join(counts) or "none"


def compare_images(diff: Diff) -> ImageChanges | None:
    """Return how the images differ; None if the shards of a version are not here."""
    before, after = _shards(diff.before), _shards(diff.after)
    if before is None or after is None:
        return None
    shared = {name for name in before.keys() & after.keys() if before[name].samefile(after[name])}
    old, new = _images(before, shared), _images(after, shared)
    both = [(old[name], new[name]) for name in old.keys() & new.keys()]
    changed = sum(a[1] != b[1] for a, b in both)
    relabelled = sum(a[1] == b[1] and a[0] != b[0] for a, b in both)
    return ImageChanges(
        same=len(both) - changed - relabelled + sum(count_images(before[name]) for name in shared),
        added=len(new.keys() - old.keys()),
        removed=len(old.keys() - new.keys()),
        changed=changed,
        relabelled=relabelled,
    )


def _shards(version: Version) -> dict[str, Path] | None:
    """Return the shards of a version; None if some of them, or DVC with its cache, are not here."""
    if not version.commit:
        return dataset_shards(version, version.root)
    try:
        return dataset_shards(version, cache_folder(version.root))
    except EmoError:
        return None


def _images(shards: Mapping[str, Path], without: set[str]) -> dict[str, tuple[str, bytes]]:
    """Return class and PNG of the images of the shards that are not in `without`, by image name."""
    wanted = [path for name, path in shards.items() if name not in without]
    return {name: image for path in wanted for name, image in _images_of(path).items()}


def _images_of(shard: Path) -> dict[str, tuple[str, bytes]]:
    """Return class and PNG of the images of a shard; its labels index the shard's own list of classes."""
    found = read_dataset_shard(shard, ["image", "label"])
    return {
        row["image"]["path"]: (found.classes[row["label"]], row["image"]["bytes"]) for row in found.rows()
    }

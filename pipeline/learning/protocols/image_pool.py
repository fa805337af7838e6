"""All images of a dataset in memory, whatever their split."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pipeline.learning.model.image_set import ImageSet
from pipeline.runtime.errors import EmoError


@dataclass(frozen=True, eq=False, repr=False)
class ImagePool:
    """All images of a dataset, in memory that several processes can share."""

    pixels: Tensor
    "(n, channels, side, side) uint8."
    labels: Tensor
    "(n,) int64, positions in `classes`."
    classes: tuple[str, ...]
    subjects: np.ndarray
    "(n,) str, subject of each image."

    @classmethod
    def of(cls, splits: Mapping[str, ImageSet]) -> "ImagePool":
        """Return the images of all splits, one after the other."""
        sets = list(splits.values())
        subjects = [row.subject for images in sets for row in images.provenance]
        pixels = torch.cat([images.pixels for images in sets])
        return cls(pixels, torch.cat([i.labels for i in sets]), sets[0].classes, np.array(subjects))

    def share(self) -> None:
        """Move the images to shared memory; raise EmoError if it is too small."""
        try:
            self.pixels.share_memory_()
        except RuntimeError as error:
            raise EmoError(
                f"shared memory: {self.pixels.nbytes / 1e6:.0f} MB of images do not fit ({error}); "
                "set EMO_WORKERS=1, or enlarge /dev/shm"
            ) from None

    def select(self, positions: np.ndarray) -> ImageSet:
        """Return the images at some positions, without their provenance."""
        where = torch.from_numpy(positions)
        return ImageSet(self.pixels[where], self.labels[where], self.classes, ())

    def counts(self, positions: np.ndarray) -> dict[str, int]:
        """Return the number of images by subject, of the images at some positions."""
        return dict(Counter(self.subjects[positions].tolist()))

    def digest(self) -> str:
        """Return the SHA-256 of pixels, labels, classes and subjects."""
        digest = hashlib.sha256(json.dumps([self.pixels.shape, self.classes, *self.subjects]).encode())
        for tensor in (self.pixels, self.labels):
            digest.update(tensor.numpy().data)
        return digest.hexdigest()

"""A trained net for use: face crops in, probabilities out."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from pipeline.learning.model.checkpoint import load_model
from pipeline.learning.model.device import choose_device
from pipeline.learning.model.inference import all_logits, shrink
from pipeline.runtime.errors import EmoError
from pipeline.runtime.paths import MODEL
from pipeline.schema.checkpoint import ModelCard


@dataclass(frozen=True)
class Predictor:
    """A net and what it expects."""

    model: nn.Module
    card: ModelCard

    @classmethod
    def load(cls, folder: Path = MODEL) -> "Predictor":
        """Read the net of a folder, on the device that `choose_device` picks."""
        return cls(*load_model(folder, choose_device()))

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the columns of `predict`."""
        return self.card.classes

    def predict(self, crops: np.ndarray) -> np.ndarray:
        """Return the probabilities of each class.

        Args:
            crops: (n, side, side) uint8 grey or (n, side, side, 3) uint8 RGB, cropped and scaled as the
                images that the net was trained on. The net standardises them itself.

        Returns:
            (n, classes) float32, rows add up to 1.
        """
        self._check(crops)
        pixels = torch.from_numpy(crops.reshape(*crops.shape[:3], self.card.channels)).permute(0, 3, 1, 2)
        return self.predict_pixels(pixels)

    def predict_pixels(self, pixels: torch.Tensor) -> np.ndarray:
        """As `predict`, for (n, channels, side, side) uint8."""
        if not len(pixels):
            return np.empty((0, len(self.classes)), np.float32)
        pixels = shrink(pixels, self.card.input_px)
        return all_logits(self.model, pixels).softmax(dim=1).cpu().numpy()

    def _check(self, crops: np.ndarray) -> None:
        side = self.card.side_px
        expected = (side, side) if self.card.channels == 1 else (side, side, 3)
        if crops.shape[1:] != expected or crops.dtype != np.uint8:
            raise EmoError(
                f"face crops: {crops.shape[1:]} {crops.dtype}, but the net was trained on "
                f"{expected} uint8; crop them as the dataset's, or train again"
            )

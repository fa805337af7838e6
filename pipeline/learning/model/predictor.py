"""A trained model for use: face crops in, probabilities of the classes out."""

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
    """A trained model with the description of its input and output."""

    model: nn.Module
    card: ModelCard

    @classmethod
    def load(cls, folder: Path = MODEL) -> "Predictor":
        """Read the checkpoint of a folder, onto the device that `choose_device` returns."""
        return cls(*load_model(folder, choose_device()))

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the columns that `predict` returns."""
        return self.card.classes

    def predict(self, crops: np.ndarray) -> np.ndarray:
        """Return the probabilities of each class.

        Args:
            crops: (n, side, side) uint8 grey or (n, side, side, 3) uint8 RGB, cropped and scaled like the
                training images. The model standardises them itself.

        Returns:
            (n, classes) float32; each row sums to 1.

        Raises:
            EmoError: The crops have another shape or dtype than the training images.
        """
        side = self.card.side_px
        expected = (side, side) if self.card.channels == 1 else (side, side, 3)
        if crops.shape[1:] != expected or crops.dtype != np.uint8:
            raise EmoError(
                f"face crops: {crops.shape[1:]} {crops.dtype}, but the model was trained on "
                f"{expected} uint8; crop them like the dataset's images, or train again"
            )
        pixels = torch.from_numpy(crops.reshape(*crops.shape[:3], self.card.channels)).permute(0, 3, 1, 2)
        return self.predict_pixels(pixels)

    def predict_pixels(self, pixels: torch.Tensor) -> np.ndarray:
        """Return the probabilities (n, classes) float32 of images (n, channels, side, side) uint8."""
        if not len(pixels):
            return np.empty((0, len(self.classes)), np.float32)
        pixels = shrink(pixels, self.card.input_px)
        return all_logits(self.model, pixels).softmax(dim=1).cpu().numpy()

"""The rows of reports/predictions.csv, from images and the probabilities of their classes."""

import numpy as np

from pipeline.learning.model.image_set import ImageSet
from pipeline.schema.predictions import Prediction


def predictions_of(images: ImageSet, probabilities: np.ndarray) -> list[Prediction]:
    """Return one row per image, in the order of the images.

    Args:
        images: n images with their provenance.
        probabilities: (n, classes) float.
    """
    names = images.classes
    rows = zip(images.provenance, images.labels.tolist(), probabilities, strict=True)
    return [
        Prediction(
            image=origin.path,
            subject=origin.subject,
            clip=origin.clip,
            frame=origin.frame,
            time_s=origin.time_s,
            actual=names[label],
            predicted=names[chances.argmax()],
            confidence=round(float(chances.max()), 6),
        )
        for origin, label, chances in rows
    ]

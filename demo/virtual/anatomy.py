"""Where things are on the template head, in metres relative to the midpoint of the eyes."""

import numpy as np

from .model import EYE, Floats, HeadModel

Point = tuple[float, float, float]

NECK_PIVOT = np.array([0.0, 0.085, -0.075], dtype=np.float32)
"About this point the head turns."
IRIS_RAD = 0.385
"Angle of the iris' edge seen from the centre of the eyeball."
# Height of the hairline for each depth y: forehead, temple, sideburn, above the ear, nape.
_HAIRLINE_Y = (-0.04, -0.015, 0.005, 0.025, 0.038, 0.050, 0.060, 0.068, 0.080, 0.098, 0.108, 0.120, 0.170)
_HAIRLINE_Z = (0.074, 0.072, 0.066, 0.052, 0.030, 0.000, -0.012, 0.006, 0.016, 0.012, -0.030, -0.052, -0.060)


def relative_template(model: HeadModel) -> Floats:
    """(V, 3) float32: the template with the midpoint of the eyes as origin."""
    return model.template - eye_midpoint(model, model.template)


def eye_midpoint(model: HeadModel, vertices: Floats) -> Floats:
    """(3,) mean of both eyeballs of any posed or resting vertices (V, 3)."""
    return vertices[model.vertices_of(EYE)].mean(axis=0)


def hairline_distance(position: Floats) -> Floats:
    """(...,) metres above the hairline (negative: below) of template positions (..., 3)."""
    line = np.interp(position[..., 1], _HAIRLINE_Y, _HAIRLINE_Z)
    # The forehead's corners recede a little.
    corner = np.exp(-(((np.abs(position[..., 0]) - 0.045) / 0.018) ** 2))
    front = np.clip((0.035 - position[..., 1]) / 0.02, 0, 1)
    return (position[..., 2] - line - 0.006 * corner * front).astype(np.float32)


def bump(position: Floats, centre: Point, radii: Point | float) -> Floats:
    """(...,) Gaussian bump 0..1 on both sides of the face, around +-x of `centre`, metres."""
    x = np.abs(position[..., 0]) - centre[0]
    y = position[..., 1] - centre[1]
    z = position[..., 2] - centre[2]
    rx, ry, rz = np.broadcast_to(np.asarray(radii, dtype=np.float32), 3)
    return np.exp(-((x / rx) ** 2) - (y / ry) ** 2 - (z / rz) ** 2).astype(np.float32)

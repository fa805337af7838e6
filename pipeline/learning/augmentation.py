"""Light random changes that leave the expression as it is; whole batches at once, on their device."""

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional

from pipeline.core.params import check_range

_KNOTS = 5  # points along a side that elastic bending moves on their own


@dataclass(frozen=True)
class AugmentationParams:
    """How far each change goes at most; zero (or false) switches it off."""

    flip: bool
    "mirror every other face: the expressions are symmetric"
    rotate_deg: float
    "in the picture's plane, either way"
    shift: float
    "of the face in both directions, as a share of the side"
    zoom: float
    "0.1: the face is 0.9 to 1.1 times as large"
    shear: float
    "sideways slant, as a share of the height"
    elastic: float
    "smooth bending (Simard, Steinkraus & Platt 2003): features move by this share of the side"
    brightness: float
    "added to all pixels, which are 0..1"
    contrast: float
    "0.2: differences from mid-grey times 0.8 to 1.2"
    shading: float
    "slope of light across the face: added at one edge, taken away at the opposite one"
    noise: float
    "standard deviation of the camera's noise; pixels are 0..1"
    erase: float
    "side of one grey square over the face, as a share of the side"

    def __post_init__(self) -> None:
        check_range("rotate_deg", self.rotate_deg, 0, 180)
        for name in ("shift", "shear", "elastic", "brightness", "shading", "noise", "erase"):
            check_range(name, getattr(self, name), 0, 1)
        check_range("zoom", self.zoom, 0, 0.9)
        check_range("contrast", self.contrast, 0, 1)


def augment(images: Tensor, params: AugmentationParams, generator: Generator) -> Tensor:
    """Return changed copies of images.

    Args:
        images: (n, channels, side, side) float32 in 0..1.
        params: The bounds of the changes.
        generator: The only source of chance, on the images' device.

    Returns:
        The same shape, dtype and range. Each image is changed in its own way.
    """
    images = _move(images, params, generator)
    images = _relight(images, params, generator)
    return _erase(images, params, generator)


def uniform(bound: float, shape: tuple[int, ...], generator: Generator) -> Tensor:
    """Return float32 values spread evenly over -bound..bound."""
    return (torch.rand(shape, generator=generator, device=generator.device) * 2 - 1) * bound


def _move(images: Tensor, params: AugmentationParams, generator: Generator) -> Tensor:
    """Mirror, turn, slant, scale and shift in one resampling; what comes in repeats the edge."""
    moves = (params.flip, params.rotate_deg, params.shift, params.zoom, params.shear, params.elastic)
    if not any(moves):
        return images
    n = len(images)
    angle = uniform(math.radians(params.rotate_deg), (n, 1), generator)
    scale = 1 / (1 + uniform(params.zoom, (n, 1), generator))
    slant = uniform(params.shear, (n, 1), generator)
    shift = uniform(2 * params.shift, (2, n, 1), generator)  # a side is 2 long in grid_sample's units
    cos, sin = angle.cos() * scale, angle.sin() * scale
    mirror = torch.where(uniform(0.5 * params.flip, (n, 1), generator) < 0, -1, 1)
    # For each pixel of the outcome the place (x, y) it is taken from; torch's affine_grid takes longer.
    place = _places(images)
    across = _outer(mirror * (cos * place + shift[0]), mirror * (slant * cos - sin) * place)
    down = _outer(sin * place + shift[1], (cos + slant * sin) * place)
    grid = torch.stack([across, down], dim=-1)
    if params.elastic:
        grid += _bends(images, params.elastic, generator)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _places(images: Tensor) -> Tensor:
    """Return the middles of a side's pixels, the whole side being -1..1."""
    side = images.shape[-1]
    return (torch.arange(side, device=images.device) * 2 + 1) / side - 1


def _outer(along_x: Tensor, along_y: Tensor) -> Tensor:
    """Add (n, side) over columns and (n, side) over rows to (n, side, side)."""
    return along_x[:, None, :] + along_y[:, :, None]


def _bends(images: Tensor, elastic: float, generator: Generator) -> Tensor:
    """Return (n, side, side, 2) displacements that change smoothly over the face."""
    knots = uniform(2 * elastic, (len(images), 2, _KNOTS, _KNOTS), generator)
    bends = functional.interpolate(knots, images.shape[-1], mode="bilinear", align_corners=True)
    return bends.permute(0, 2, 3, 1)


def _relight(images: Tensor, params: AugmentationParams, generator: Generator) -> Tensor:
    """Change each image's contrast and brightness, light it from one side, add noise."""
    n, changed = len(images), images
    if params.contrast or params.brightness or params.shading:
        gain = 1 + uniform(params.contrast, (n, 1, 1, 1), generator)
        offset = uniform(params.brightness, (n, 1), generator) + 0.5 * (1 - gain.view(n, 1))
        slope = uniform(params.shading, (2, n, 1), generator) * _places(images)
        changed = torch.addcmul(_outer(slope[0] + offset, slope[1])[:, None], images, gain)
    if params.noise:
        noise = torch.randn(images.shape, generator=generator, device=images.device)
        changed = torch.add(changed, noise, alpha=params.noise)
    return changed if changed is images else changed.clamp_(0, 1)


def _erase(images: Tensor, params: AugmentationParams, generator: Generator) -> Tensor:
    """Cover one square of each image by mid-grey, so that no single feature decides."""
    if not params.erase:
        return images
    centre = uniform(1, (2, len(images), 1), generator)
    down, across = (_places(images) - centre).abs() < params.erase
    return images.masked_fill((down[:, :, None] & across[:, None, :])[:, None], 0.5)

"""Light random changes that leave the expression as it is; whole batches at once, on their device."""

import functools
import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional

from pipeline.runtime.params import check_range

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
    """Mirror, turn, slant, scale, shift and bend in one resampling; what comes in repeats the edge."""
    moves = (params.flip, params.rotate_deg, params.shift, params.zoom, params.shear, params.elastic)
    if not any(moves):
        return images
    n, side = len(images), images.shape[-1]
    factors = _turns(n, params, generator)
    if params.elastic:
        knots = uniform(2 * params.elastic, (n, 2, _KNOTS**2), generator)
        factors = torch.cat([factors, knots], dim=2)
    # For each pixel of the outcome the place (x, y) it is taken from: one matrix product for all of it.
    places = (factors @ _patterns(side, images.device)[: factors.shape[2]]).view(n, 2, side, side)
    return functional.grid_sample(
        images, places.permute(0, 2, 3, 1), padding_mode="border", align_corners=False
    )


def _turns(n: int, params: AugmentationParams, generator: Generator) -> Tensor:
    """Return (n, 2, 3): by how much of x, of y and of 1 each pixel's x and y are to be replaced."""
    angle = uniform(math.radians(params.rotate_deg), (n,), generator)
    scale = 1 / (1 + uniform(params.zoom, (n,), generator))
    slant = uniform(params.shear, (n,), generator)
    shift = uniform(2 * params.shift, (2, n), generator)  # a side is 2 long in grid_sample's units
    mirror = torch.where(uniform(0.5 * params.flip, (n,), generator) < 0, -1, 1)
    cos, sin = angle.cos() * scale, angle.sin() * scale
    x = torch.stack([cos, slant * cos - sin, shift[0]]) * mirror
    y = torch.stack([sin, cos + slant * sin, shift[1]])
    return torch.stack([x, y]).permute(2, 0, 1)


@functools.cache
def _patterns(side: int, device: torch.device) -> Tensor:
    """Return (3 + knots, pixels): x, y and 1 at each pixel, then how much each knot bends it.

    The whole side is -1..1. Between knots the bend is interpolated linearly along both sides.
    """
    middles = (torch.arange(side) * 2 + 1) / side - 1
    along = functional.interpolate(torch.eye(_KNOTS)[None], side, mode="linear", align_corners=True)[0]
    y, x = torch.meshgrid(middles, middles, indexing="ij")
    planes = torch.stack([x, y, torch.ones(side, side)]).view(3, -1)
    return torch.cat([planes, torch.kron(along, along)]).to(device)


def _relight(images: Tensor, params: AugmentationParams, generator: Generator) -> Tensor:
    """Change each image's contrast and brightness, light it from one side, add noise."""
    n, changed = len(images), images
    if params.contrast or params.brightness or params.shading:
        gain = 1 + uniform(params.contrast, (n, 1), generator)
        offset = uniform(params.brightness, (n, 1), generator) + 0.5 * (1 - gain)
        slope = uniform(params.shading, (n, 2), generator)
        light = torch.cat([slope, offset], dim=1) @ _patterns(images.shape[-1], images.device)[:3]
        changed = torch.addcmul(light.view(n, 1, *images.shape[2:]), images, gain[:, :, None, None])
    if params.noise:
        noise = torch.randn(images.shape, generator=generator, device=images.device)
        changed = torch.add(changed, noise, alpha=params.noise)
    return changed if changed is images else changed.clamp_(0, 1)


def _erase(images: Tensor, params: AugmentationParams, generator: Generator) -> Tensor:
    """Cover one square of each image by mid-grey, so that no single feature decides."""
    if not params.erase:
        return images
    centre = uniform(1, (2, len(images), 1), generator)
    x, y = _patterns(images.shape[-1], images.device)[:2]
    away = torch.maximum((x - centre[0]).abs(), (y - centre[1]).abs())
    return images.masked_fill((away < params.erase).view(len(images), 1, *images.shape[2:]), 0.5)

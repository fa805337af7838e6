"""Random changes of images that keep the expression, for whole batches on their device."""

import functools
import math
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Generator, Tensor
from torch.nn import functional

from pipeline.runtime.params import Checked, Within

_KNOTS = 5
"""Number of control points along a side that elastic distortion changes independently."""


@dataclass(frozen=True)
class AugmentationParams(Checked):
    """Largest extent of each change; 0 or false switches it off. Pixel values are 0..1."""

    flip: bool
    "Mirror half of the images, at random: the expressions are symmetric."
    rotate_deg: Annotated[float, Within(0, 180)]
    "Rotation in the image plane, in degrees, in either direction."
    shift: Annotated[float, Within(0, 1)]
    "Shift along both axes, as a share of the side."
    zoom: Annotated[float, Within(0, 0.9)]
    "Scaling: with 0.1 the face is 0.9 to 1.1 times as large."
    shear: Annotated[float, Within(0, 1)]
    "Horizontal shear, as a share of the height."
    elastic: Annotated[float, Within(0, 1)]
    "Elastic distortion (Simard, Steinkraus & Platt 2003): largest shift, as a share of the side."
    brightness: Annotated[float, Within(0, 1)]
    "Value added to all pixels."
    contrast: Annotated[float, Within(0, 1)]
    "Contrast: with 0.2 differences from mid-grey are multiplied by 0.8 to 1.2."
    shading: Annotated[float, Within(0, 1)]
    "Brightness gradient: value added at one edge and subtracted at the opposite edge."
    noise: Annotated[float, Within(0, 1)]
    "Standard deviation of noise added to each pixel."
    erase: Annotated[float, Within(0, 1)]
    "Side of one grey square over the face, as a share of the image's side."


def augment(images: Tensor, params: AugmentationParams, generator: Generator) -> Tensor:
    """Return randomly changed copies of images, each changed independently.

    Args:
        images: (n, channels, side, side) float32 in 0..1.
        params: Largest extent of each change.
        generator: Source of all random numbers, on the images' device.

    Returns:
        Images of the same shape, dtype and range.
    """
    images = _warp(images, params, generator)
    images = _shade(images, params, generator)
    return _erase(images, params, generator)


def uniform(bound: float, shape: tuple[int, ...], generator: Generator) -> Tensor:
    """Return float32 values from the uniform distribution over -bound..bound."""
    return (torch.rand(shape, generator=generator, device=generator.device) * 2 - 1) * bound


def _warp(images: Tensor, params: AugmentationParams, generator: Generator) -> Tensor:
    """Mirror, rotate, shear, scale, shift and distort in one resampling; edge pixels repeat outside."""
    changes = (params.flip, params.rotate_deg, params.shift, params.zoom, params.shear, params.elastic)
    if not any(changes):
        return images
    n, side = len(images), images.shape[-1]
    factors = _affine(n, params, generator)
    if params.elastic:
        knots = uniform(2 * params.elastic, (n, 2, _KNOTS**2), generator)
        factors = torch.cat([factors, knots], dim=2)
    # For each output pixel the source position (x, y): one matrix product for all geometric changes.
    positions = (factors @ _patterns(side, images.device)[: factors.shape[2]]).view(n, 2, side, side)
    return functional.grid_sample(
        images, positions.permute(0, 2, 3, 1), padding_mode="border", align_corners=False
    )


def _affine(n: int, params: AugmentationParams, generator: Generator) -> Tensor:
    """Return affine matrices (n, 2, 3) from each output pixel's (x, y, 1) to its source position."""
    angle = uniform(math.radians(params.rotate_deg), (n,), generator)
    scale = 1 / (1 + uniform(params.zoom, (n,), generator))
    slant = uniform(params.shear, (n,), generator)
    shift = uniform(2 * params.shift, (2, n), generator)  # a side has length 2 in grid_sample's units
    mirror = torch.where(uniform(0.5 * params.flip, (n,), generator) < 0, -1, 1)
    cos, sin = angle.cos() * scale, angle.sin() * scale
    x = torch.stack([cos, slant * cos - sin, shift[0]]) * mirror
    y = torch.stack([sin, cos + slant * sin, shift[1]])
    return torch.stack([x, y]).permute(2, 0, 1)


@functools.cache
def _patterns(side: int, device: torch.device) -> Tensor:
    """Return (3 + knots, pixels): x, y and 1 at each pixel, then the weight of each knot's shift.

    A side spans -1..1. Between knots, shifts are interpolated bilinearly.
    """
    middles = (torch.arange(side) * 2 + 1) / side - 1
    along = functional.interpolate(torch.eye(_KNOTS)[None], side, mode="linear", align_corners=True)[0]
    y, x = torch.meshgrid(middles, middles, indexing="ij")
    planes = torch.stack([x, y, torch.ones(side, side)]).view(3, -1)
    return torch.cat([planes, torch.kron(along, along)]).to(device)


def _shade(images: Tensor, params: AugmentationParams, generator: Generator) -> Tensor:
    """Change contrast and brightness, add a brightness gradient and noise, each image independently."""
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
    """Cover one square of each image with mid-grey, so that the model relies on no single region."""
    if not params.erase:
        return images
    centre = uniform(1, (2, len(images), 1), generator)
    x, y = _patterns(images.shape[-1], images.device)[:2]
    away = torch.maximum((x - centre[0]).abs(), (y - centre[1]).abs())
    return images.masked_fill((away < params.erase).view(len(images), 1, *images.shape[2:]), 0.5)

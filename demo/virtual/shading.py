"""Light on skin, eyes, teeth, hair and cloth: one colour a pixel, compiled with numba."""

from typing import Any

import numpy as np
from numba import njit  # type: ignore[import-not-found]
from numpy.typing import NDArray

from .anatomy import IRIS_RAD
from .model import EYE, LASH, MOUTH, SKIN, TEETH
from .paint import FIRST_FURROW, GLOSS

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int32]

# Columns of the interpolated attributes of a pixel.
NORMAL, TEMPLATE, TEXEL = 0, 3, 6
ATTRIBUTES = 8
# Rows of the (N, 3) table of colours of a person.
SKIN_TONE, CLOTH_TONE, IRIS_TONE, HAIR_TONE, LASH_TONE = range(5)
# Rows of the (N, 3) table of a clip's light.
KEY_DIRECTION, KEY_COLOUR, FILL_DIRECTION, FILL_COLOUR, AMBIENT = range(5)
_EYE_X_M = 0.0313  # distance of an eye's centre from the middle of the face
_SHADOW_BIAS_M = 0.004


@njit(cache=True, fastmath=True)
def _sample(texture: Floats, x: float, y: float, out: Floats) -> None:
    """Colour and gloss bilinear; the soft furrows from the nearest texel, for speed."""
    height, width, channels = texture.shape
    x = min(max(x, 0.0), width - 1.001)
    y = min(max(y, 0.0), height - 1.001)
    i, j = int(y), int(x)
    fy, fx = y - i, x - j
    for c in range(FIRST_FURROW, channels):
        out[c] = texture[int(y + 0.5), int(x + 0.5), c]
    for c in range(FIRST_FURROW):
        top = texture[i, j, c] * (1 - fx) + texture[i, j + 1, c] * fx
        low = texture[i + 1, j, c] * (1 - fx) + texture[i + 1, j + 1, c] * fx
        out[c] = top * (1 - fy) + low * fy


@njit(cache=True, inline="always")
def _dot(a: Floats, b: Floats) -> float:
    """Inner product of two (3,) rows, without temporaries: this runs for every pixel."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@njit(cache=True, fastmath=True)
def _lit(shadow: Floats, axes: Floats, world: Floats, per_m: float) -> float:
    """Share 0..1 of the key light that reaches a point; soft over a few cells.

    shadow: (N, N) nearest distance towards the light; axes: (3, 3) right, up, towards the light.
    """
    size = shadow.shape[0]
    u = _dot(world, axes[0]) * per_m + size / 2
    v = _dot(world, axes[1]) * per_m + size / 2
    height = _dot(world, axes[2]) + 2.0
    clear = 0.0
    for tap in range(4):
        x = int(u + (1.3 if tap & 1 else -1.3) + 0.5)
        y = int(v + (1.3 if tap & 2 else -1.3) + 0.5)
        if not (0 <= x < size and 0 <= y < size):
            clear += 1.0
        else:
            gap = (shadow[y, x] - height - _SHADOW_BIAS_M) / 0.004
            clear += 1.0 - min(max(gap, 0.0), 1.0)
    return clear / 4.0


@njit(cache=True, fastmath=True)
def _eye(t: Floats, tones: Floats, out: Floats) -> None:
    """Colour of the eyeball at a template position: pupil, iris with rays, limbus, sclera."""
    x = abs(t[0]) - _EYE_X_M
    radius = np.sqrt(x * x + t[1] * t[1] + t[2] * t[2]) + 1e-9
    angle = np.arccos(min(1.0, max(-1.0, -t[1] / radius)))
    around = np.arctan2(t[2], x)
    if angle < 0.42 * IRIS_RAD:
        out[:] = 0.004
    elif angle < IRIS_RAD:
        rays = 0.85 + 0.25 * np.sin(around * 23.0) * np.sin(around * 9.0 + 1.0)
        depth = (angle / IRIS_RAD - 0.42) / 0.58
        ring = 1.15 - 0.95 * max(0.0, depth - 0.7) / 0.3
        for c in range(3):
            out[c] = tones[IRIS_TONE, c] * rays * ring
    else:
        edge = min(1.0, (angle - IRIS_RAD) / 0.05)
        veins = min(1.0, max(0.0, (angle - 0.7) / 0.5))
        out[0] = (0.54 - 0.04 * veins) * (0.25 + 0.75 * edge)
        out[1] = (0.515 - 0.11 * veins) * (0.25 + 0.75 * edge)
        out[2] = (0.50 - 0.11 * veins) * (0.25 + 0.75 * edge)


@njit(cache=True, fastmath=True)
def shade(
    ids: Ints, along: Floats, pixel: Floats, open_sky: Floats, material: NDArray[np.uint8],
    textured: NDArray[np.bool_], texture: Floats, tones: Floats, furrow: Floats, neckline: float,
    light: Floats, shadow: Floats, axes: Floats, per_m: float, tangents: Floats,
    strand_shade: Floats, out: Floats, depth: Floats, lens: Floats,
) -> None:
    """Write linear RGB (H, W, 3) where a triangle (ids >= 0) or a strand (ids <= -2) is seen.

    pixel: (H, W, ATTRIBUTES); open_sky: (H, W) 0..1 ambient occlusion, 1 is open; textured: (T,)
    whether a triangle has the face's texture; furrow: (K,) strengths of the lines of expression;
    neckline: height of the clothes; tangents: (S, 3) of the hair.
    """
    height, width = ids.shape
    base = np.empty(3, np.float32)
    n = np.empty(3, np.float32)
    world = np.empty(3, np.float32)
    texel = np.empty(texture.shape[2], np.float32)
    key, fill = light[KEY_DIRECTION], light[FILL_DIRECTION]
    half = key + np.array([0.0, -1.0, 0.0], np.float32)
    half /= np.sqrt((half**2).sum())
    for y in range(height):
        for x in range(width):
            t = ids[y, x]
            if t == -1:
                continue
            sky = open_sky[y, x]
            distance = 1.0 / depth[y, x]
            world[0] = (x - lens[0]) * lens[2] * distance
            world[1] = distance - lens[3]
            world[2] = (lens[1] - y) * lens[2] * distance
            if t <= -2:
                s = -2 - t
                tangent = tangents[s]
                dot_key = _dot(tangent, key)
                dot_half = _dot(tangent, half)
                diffuse = np.sqrt(max(0.0, 1 - dot_key * dot_key))
                glint = max(0.0, 1 - dot_half * dot_half) ** 24
                tip = 0.55 + 0.07 * along[y, x]
                reach = 0.35 + 0.65 * _lit(shadow, axes, world, per_m)
                for c in range(3):
                    tone = tones[HAIR_TONE, c] * strand_shade[s] * min(tip, 1.15)
                    lit = light[AMBIENT, c] * sky + 0.55 * light[KEY_COLOUR, c] * diffuse * reach
                    gloss = (0.035 + 0.25 * tone) * glint * light[KEY_COLOUR, c] * reach
                    out[y, x, c] = tone * (lit + 0.3 * light[FILL_COLOUR, c]) + gloss * sky
                continue
            kind = material[t]
            long = np.sqrt(_dot(pixel[y, x, NORMAL:], pixel[y, x, NORMAL:])) + 1e-9
            for c in range(3):
                n[c] = pixel[y, x, NORMAL + c] / long
            template = pixel[y, x, TEMPLATE:TEMPLATE + 3]
            gloss, power, wrap = 0.0, 20.0, 0.25
            if kind == SKIN:
                line = neckline + 0.55 * (template[1] - 0.04)
                if template[2] < line and not textured[t] or template[2] < line - 0.004:
                    wrap = 0.1
                    hem = 0.86 if template[2] > line - 0.012 else 1.0
                    rib = 1.0 + 0.04 * np.sin(template[0] * 1900.0)
                    for c in range(3):
                        base[c] = tones[CLOTH_TONE, c] * hem * rib
                elif textured[t]:
                    _sample(texture, pixel[y, x, TEXEL], pixel[y, x, TEXEL + 1], texel)
                    dark = 0.0
                    for k in range(len(furrow)):
                        dark += furrow[k] * texel[FIRST_FURROW + k]
                    dark = 1.0 - min(0.8, max(-0.15, dark))
                    gloss = texel[GLOSS]
                    for c in range(3):
                        # Blood gathers in folds: they are a little red.
                        base[c] = texel[c] * dark * (1.0 - 0.2 * c * (1.0 - dark))
                else:
                    gloss = 0.3
                    base[:] = tones[SKIN_TONE]
            elif kind == EYE:
                _eye(template, tones, base)
                lid = 1.0 - 0.55 * min(1.0, max(0.0, (template[2] + 0.001) / 0.009))
                sky *= lid
                gloss, power, wrap = 2.0, 90.0, 0.4
            elif kind == TEETH:
                back = np.exp(-max(0.0, template[1] + 0.022) / 0.012)
                base[0], base[1], base[2] = 0.82 * back, 0.78 * back, 0.68 * back
                gloss, power = 0.6, 40.0
            elif kind == LASH:
                base[:] = tones[LASH_TONE]
            else:
                back = np.exp(-max(0.0, template[1] + 0.026) / 0.014)
                red = 0.30 if kind == MOUTH else 0.42
                base[0], base[1], base[2] = red * back, 0.09 * back, 0.09 * back
                sky *= 0.75
                gloss = 0.25
            facing_key = _dot(n, key)
            facing_fill = max(0.0, (_dot(n, fill) + 0.3) / 1.3)
            reach = _lit(shadow, axes, world, per_m)
            up = 0.75 + 0.25 * n[2]
            shine = max(0.0, _dot(n, half))
            shine = shine**power if shine > 0.5 else 0.0
            rim = (1.0 - min(1.0, max(0.0, -n[1]))) ** 3
            for c in range(3):
                # Skin lets red light through: its terminator is soft and warm.
                w = wrap * (1.25 - 0.5 * c) if kind == SKIN else wrap
                soft = max(0.0, (facing_key + w) / (1 + w))
                lit = light[AMBIENT, c] * sky * up + light[FILL_COLOUR, c] * facing_fill * sky
                lit += light[KEY_COLOUR, c] * soft * reach * (0.4 + 0.6 * sky)
                spark = gloss * (0.16 * shine * reach * light[KEY_COLOUR, c] + 0.02 * rim) * sky
                out[y, x, c] = base[c] * lit + spark

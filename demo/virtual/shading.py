"""Light on skin, eyes, teeth, hair and cloth: one colour a pixel, compiled with numba."""

from typing import Any, NamedTuple

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


class Body(NamedTuple):
    """What a person's surfaces look like in one frame."""

    material: NDArray[np.uint8]
    "(T,)"
    textured: NDArray[np.bool_]
    "(T,) whether a triangle has the face's texture."
    texture: Floats
    "See `paint.paint`."
    tones: Floats
    "(5, 3) linear RGB: SKIN_TONE and following."
    furrows: Floats
    "(K,) strengths of the lines of expression."
    neckline_m: float
    tangents: Floats
    "(S, 3) unit directions of the hair's strands."
    strand_shade: Floats
    "(S,)"


class Lamps(NamedTuple):
    """The light of one frame."""

    table: Floats
    "(5, 3): KEY_DIRECTION and following."
    shadow: Floats
    "(N, N) how near to the key light the nearest surface is, metres."
    axes: Floats
    "(3, 3) rows: right, up, and towards the light, as the light sees it."
    cells_per_m: float


class Buffers(NamedTuple):
    """What is seen at each pixel."""

    ids: Ints
    "(H, W) triangle (>= 0), nothing (-1) or strand (-2 - strand)."
    depth: Floats
    "(H, W) 1/distance."
    along: Floats
    "(H, W) position along the strand, in knots."
    pixel: Floats
    "(H, W, ATTRIBUTES)"
    sky: Floats
    "(H, W) 0..1 ambient occlusion; 1 is open."
    lens: Floats
    "(4,) centre x and y in pixels, metres a pixel at distance 1, distance of the eyes."


class _Scratch(NamedTuple):
    """Memory that the pixels share one after the other: to allocate it for each is slow."""

    base: Floats
    "(3,) colour of the surface."
    normal: Floats
    "(3,)"
    texel: Floats
    "(channels of the texture,)"
    half: Floats
    "(3,) between key light and camera."


@njit(cache=True, fastmath=True, inline="always")
def _dot(a: Floats, b: Floats) -> float:
    """Inner product of two (3,) rows, without temporaries: this runs for every pixel."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@njit(cache=True, fastmath=True, inline="always")
def _clip01(value: float) -> float:
    return min(1.0, max(0.0, value))


@njit(cache=True, fastmath=True, inline="always")
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


@njit(cache=True, fastmath=True, inline="always")
def _lit(lamps: Lamps, world: Floats) -> float:
    """Share 0..1 of the key light that reaches a point (3,); soft over a few cells."""
    size = lamps.shadow.shape[0]
    u = _dot(world, lamps.axes[0]) * lamps.cells_per_m + size / 2
    v = _dot(world, lamps.axes[1]) * lamps.cells_per_m + size / 2
    height = _dot(world, lamps.axes[2]) + 2.0
    clear = 0.0
    for tap in range(4):
        x = int(u + (1.3 if tap & 1 else -1.3) + 0.5)
        y = int(v + (1.3 if tap & 2 else -1.3) + 0.5)
        if 0 <= x < size and 0 <= y < size:
            clear += 1.0 - _clip01((lamps.shadow[y, x] - height - _SHADOW_BIAS_M) / 0.004)
        else:
            clear += 1.0
    return clear / 4.0


@njit(cache=True, fastmath=True, inline="always")
def _eye(t: Floats, tones: Floats, base: Floats) -> None:
    """Colour of the eyeball at a template position: pupil, iris with rays, limbus, sclera."""
    x = abs(t[0]) - _EYE_X_M
    radius = np.sqrt(x * x + t[1] * t[1] + t[2] * t[2]) + 1e-9
    angle = np.arccos(min(1.0, max(-1.0, -t[1] / radius)))
    if angle < 0.42 * IRIS_RAD:
        base[:] = 0.004
    elif angle < IRIS_RAD:
        around = np.arctan2(t[2], x)
        rays = 0.85 + 0.25 * np.sin(around * 23.0) * np.sin(around * 9.0 + 1.0)
        depth = (angle / IRIS_RAD - 0.42) / 0.58
        ring = 1.15 - 0.95 * max(0.0, depth - 0.7) / 0.3
        for c in range(3):
            base[c] = tones[IRIS_TONE, c] * rays * ring
    else:
        edge = 0.25 + 0.75 * min(1.0, (angle - IRIS_RAD) / 0.05)
        veins = _clip01((angle - 0.7) / 0.5)
        base[0] = (0.54 - 0.04 * veins) * edge
        base[1] = (0.515 - 0.11 * veins) * edge
        base[2] = (0.50 - 0.11 * veins) * edge


@njit(cache=True, fastmath=True, inline="always")
def _skin(body: Body, t: int, pixel: Floats, texel: Floats, base: Floats) -> tuple[float, float]:
    """Colour of skin or of the clothes over it; returns gloss and how far light wraps around."""
    height = pixel[TEMPLATE + 2]
    line = body.neckline_m + 0.55 * (pixel[TEMPLATE + 1] - 0.04)
    if height < line - 0.004 or (height < line and not body.textured[t]):
        hem = 0.86 if height > line - 0.012 else 1.0
        rib = 1.0 + 0.04 * np.sin(pixel[TEMPLATE] * 1900.0)
        for c in range(3):
            base[c] = body.tones[CLOTH_TONE, c] * hem * rib
        return 0.0, 0.1
    if not body.textured[t]:
        base[:] = body.tones[SKIN_TONE]
        return 0.3, 0.25
    _sample(body.texture, pixel[TEXEL], pixel[TEXEL + 1], texel)
    dark = 0.0
    for k in range(len(body.furrows)):
        dark += body.furrows[k] * texel[FIRST_FURROW + k]
    dark = 1.0 - min(0.8, max(-0.15, dark))
    for c in range(3):
        # Blood gathers in folds: they are a little red.
        base[c] = texel[c] * dark * (1.0 - 0.2 * c * (1.0 - dark))
    return texel[GLOSS], 0.25


@njit(cache=True, fastmath=True, inline="always")
def _mouth(kind: int, template: Floats, base: Floats) -> float:
    """Colour of teeth, tongue and cavity, darker to the back; returns gloss."""
    if kind == TEETH:
        back = np.exp(-max(0.0, template[1] + 0.022) / 0.012)
        base[0], base[1], base[2] = 0.82 * back, 0.78 * back, 0.68 * back
        return 0.6
    back = np.exp(-max(0.0, template[1] + 0.026) / 0.014)
    base[0] = (0.30 if kind == MOUTH else 0.42) * back
    base[1] = base[2] = 0.09 * back
    return 0.25


@njit(cache=True, fastmath=True, inline="always")
def _surface(
    body: Body,
    lamps: Lamps,
    t: int,
    pixel: Floats,
    sky: float,
    reach: float,
    scratch: _Scratch,
    out: Floats,
) -> None:
    """Linear RGB (3,) of a pixel that shows triangle `t`.

    sky: 0..1 open sky; reach: 0..1 share of the key light.
    """
    base, n = scratch.base, scratch.normal
    length = np.sqrt(_dot(pixel[NORMAL:], pixel[NORMAL:])) + 1e-9
    for c in range(3):
        n[c] = pixel[NORMAL + c] / length
    template = pixel[TEMPLATE:TEXEL]
    kind = body.material[t]
    gloss, power, wrap = 0.0, 20.0, 0.25
    if kind == SKIN:
        gloss, wrap = _skin(body, t, pixel, scratch.texel, base)
    elif kind == EYE:
        _eye(template, body.tones, base)
        gloss, power, wrap = 2.0, 90.0, 0.4
        sky *= 1.0 - 0.55 * _clip01((template[2] + 0.001) / 0.009)  # the upper lid's shade
    elif kind == LASH:
        base[:] = body.tones[LASH_TONE]
    else:
        gloss = _mouth(kind, template, base)
        sky *= 0.75
    if kind == TEETH:
        # They lie deep, but are bright enough to be seen by what light gets there.
        sky, reach, power = 0.5 + 0.67 * sky, 0.45 + 0.55 * reach, 40.0
    table = lamps.table
    facing_key = _dot(n, table[KEY_DIRECTION])
    facing_fill = max(0.0, (_dot(n, table[FILL_DIRECTION]) + 0.3) / 1.3)
    shine = max(0.0, _dot(n, scratch.half))
    shine = shine**power if shine > 0.5 else 0.0
    rim = (1.0 - _clip01(-n[1])) ** 3
    for c in range(3):
        # Skin lets red light through: its terminator is soft and warm.
        w = wrap * (1.25 - 0.5 * c) if kind == SKIN else wrap
        soft = max(0.0, (facing_key + w) / (1 + w))
        lit = sky * (table[AMBIENT, c] * (0.75 + 0.25 * n[2]) + table[FILL_COLOUR, c] * facing_fill)
        lit += table[KEY_COLOUR, c] * soft * reach * (0.4 + 0.6 * sky)
        spark = gloss * (0.16 * shine * reach * table[KEY_COLOUR, c] + 0.02 * rim) * sky
        out[c] = base[c] * lit + spark


@njit(cache=True, fastmath=True, inline="always")
def _hair(
    body: Body,
    lamps: Lamps,
    strand: int,
    along: float,
    sky: float,
    reach: float,
    half: Floats,
    out: Floats,
) -> None:
    """Linear RGB (3,) of a pixel that shows hair (Kajiya and Kay 1989)."""
    table, tangent = lamps.table, body.tangents[strand]
    dot_key = _dot(tangent, table[KEY_DIRECTION])
    dot_half = _dot(tangent, half)
    diffuse = np.sqrt(max(0.0, 1 - dot_key * dot_key))
    glint = max(0.0, 1 - dot_half * dot_half) ** 24
    tip = min(0.55 + 0.07 * along, 1.15)
    reach = 0.35 + 0.65 * reach
    for c in range(3):
        tone = body.tones[HAIR_TONE, c] * body.strand_shade[strand] * tip
        lit = table[AMBIENT, c] * sky + 0.55 * table[KEY_COLOUR, c] * diffuse * reach
        gloss = (0.035 + 0.25 * tone) * glint * table[KEY_COLOUR, c] * reach
        out[c] = tone * (lit + 0.3 * table[FILL_COLOUR, c]) + gloss * sky


@njit(cache=True, fastmath=True)
def shade(seen: Buffers, body: Body, lamps: Lamps, picture: Floats) -> None:
    """Write linear RGB into the picture (H, W, 3) wherever the person is seen."""
    height, width = seen.ids.shape
    world = np.empty(3, np.float32)
    half = lamps.table[KEY_DIRECTION] + np.array([0.0, -1.0, 0.0], np.float32)
    half /= np.sqrt((half**2).sum())
    texel = np.empty(body.texture.shape[2], np.float32)
    scratch = _Scratch(np.empty(3, np.float32), np.empty(3, np.float32), texel, half)
    for y in range(height):
        for x in range(width):
            t = seen.ids[y, x]
            if t == -1:
                continue
            distance = 1.0 / seen.depth[y, x]
            world[0] = (x - seen.lens[0]) * seen.lens[2] * distance
            world[1] = distance - seen.lens[3]
            world[2] = (seen.lens[1] - y) * seen.lens[2] * distance
            sky, reach = seen.sky[y, x], _lit(lamps, world)
            out = picture[y, x]
            if t >= 0:
                _surface(body, lamps, t, seen.pixel[y, x], sky, reach, scratch, out)
            else:
                _hair(body, lamps, -2 - t, seen.along[y, x], sky, reach, half, out)

"""Hair as a few thousand strands, grown once for a person and carried along by the head."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree  # type: ignore[import-untyped]

from .anatomy import hairline_distance, relative_template
from .model import SKIN, Floats, HeadModel, Ints
from .raster import vertex_normals

_KNOTS = 14
_BEARD_STRANDS = 3500


@dataclass(frozen=True)
class Hairstyle:
    """How hair grows; lengths in metres."""

    name: str
    length_m: float
    lift: float
    "0: lies flat along the scalp; 1: stands off it."
    comb: tuple[float, float, float]
    "Direction in which it is combed: x by side of the parting, y to the back, z up."
    gravity: float
    "How fast strands bend downwards, per knot."
    cling: float
    "0..1: how much strands follow the head's surface."
    curl_m: float
    clearance_m: float
    "Least distance of hair from the skin, beyond its root."
    strands: int
    parting_m: float = 0.0
    "x of the parting."
    tie: tuple[float, float, float] | None = None
    "Where hair is tied together, relative to the eyes; None: worn loose."
    recession_m: float = 0.0
    "How far the hairline has gone back."
    crown: float = 1.0
    "Density on top of the head: 0 is bald there."
    beard_m: float = 0.0
    "Length of a beard's hair; 0: none."


_STYLES = (
    Hairstyle(
        name="buzz",
        length_m=0.006,
        lift=0.35,
        comb=(0.0, 0.3, 0.0),
        gravity=0.0,
        cling=0.0,
        curl_m=0.0,
        clearance_m=0.001,
        strands=11000,
    ),
    Hairstyle(
        name="crop",
        length_m=0.030,
        lift=0.5,
        comb=(0.0, -0.35, 0.1),
        gravity=0.05,
        cling=0.1,
        curl_m=0.001,
        clearance_m=0.007,
        strands=10000,
    ),
    Hairstyle(
        name="side",
        length_m=0.075,
        lift=0.3,
        comb=(0.9, 0.3, 0.0),
        gravity=0.12,
        cling=0.25,
        curl_m=0.002,
        clearance_m=0.014,
        strands=10000,
    ),
    Hairstyle(
        name="back",
        length_m=0.085,
        lift=0.25,
        comb=(0.12, 1.0, 0.15),
        gravity=0.06,
        cling=0.35,
        curl_m=0.001,
        clearance_m=0.012,
        strands=10000,
    ),
    Hairstyle(
        name="curly",
        length_m=0.05,
        lift=0.8,
        comb=(0.0, 0.25, 0.1),
        gravity=0.05,
        cling=0.05,
        curl_m=0.009,
        clearance_m=0.008,
        strands=9000,
    ),
    Hairstyle(
        name="afro",
        length_m=0.045,
        lift=1.0,
        comb=(0.0, 0.05, 0.05),
        gravity=0.0,
        cling=0.0,
        curl_m=0.008,
        clearance_m=0.004,
        strands=14000,
    ),
    Hairstyle(
        name="bun",
        length_m=0.24,
        lift=0.05,
        comb=(0.0, 1.0, 0.12),
        gravity=0.0,
        cling=0.8,
        curl_m=0.0005,
        clearance_m=0.008,
        strands=9000,
        tie=(0.0, 0.110, 0.110),
    ),
    Hairstyle(
        name="bob",
        length_m=0.21,
        lift=0.12,
        comb=(0.8, 0.45, 0.0),
        gravity=0.8,
        cling=0.2,
        curl_m=0.002,
        clearance_m=0.024,
        strands=11000,
    ),
    Hairstyle(
        name="long",
        length_m=0.34,
        lift=0.12,
        comb=(0.75, 0.55, 0.0),
        gravity=1.2,
        cling=0.2,
        curl_m=0.004,
        clearance_m=0.026,
        strands=12000,
    ),
    Hairstyle(
        name="wavy",
        length_m=0.31,
        lift=0.16,
        comb=(0.75, 0.55, 0.0),
        gravity=1.0,
        cling=0.15,
        curl_m=0.010,
        clearance_m=0.028,
        strands=12000,
    ),
)
_CHOICES = {
    "F": ("long", "wavy", "bob", "bun", "curly", "side"),
    "M": ("crop", "side", "back", "buzz", "curly", "crop"),
}
_AFRICAN_CHOICES = {"F": ("afro", "bun", "curly", "bob"), "M": ("buzz", "crop", "afro", "buzz")}


def draw_hairstyle(sex: str, age: int, ancestry: str, rng: np.random.Generator) -> Hairstyle:
    """A hairstyle that goes with sex, age and ancestry."""
    choices = (_AFRICAN_CHOICES if ancestry == "african" else _CHOICES)[sex]
    name = choices[rng.integers(len(choices))]
    style = next(style for style in _STYLES if style.name == name)
    length_m = style.length_m * float(rng.uniform(0.85, 1.2))
    balding = sex == "M" and age > 35 and rng.random() < 0.5
    beard = sex == "M" and rng.random() < 0.35
    return replace(
        style,
        length_m=length_m,
        parting_m=float(rng.choice([-0.035, 0.0, 0.035]) if name != "bun" else 0.0),
        recession_m=float(rng.uniform(0.008, 0.028)) if balding else float(rng.uniform(0, 0.005)),
        crown=float(rng.uniform(0.1, 0.5)) if balding and age > 48 else 1.0,
        beard_m=float(rng.uniform(0.004, 0.009)) if beard else 0.0,
    )


@dataclass(frozen=True)
class Strands:
    """Grown hair of one person."""

    points: Floats
    "(S, K, 3) float32, metres, in the frame of the resting head."
    root_vertices: Ints
    "(S, 3) int32: the corners of the triangle each strand grows from."
    root_weights: Floats
    "(S, 3) float32: where on that triangle; zeros: the strand does not follow the skin."
    shade: Floats
    "(S,) float32: brightness of each strand around 1."


def scalp_density(position: Floats, style: Hairstyle) -> Floats:
    """(...,) 0..1: how densely the head's hair grows at template positions (..., 3)."""
    front = np.clip((0.06 - position[..., 1]) / 0.05, 0, 1)
    inside = hairline_distance(position) - style.recession_m * front
    density = np.clip(inside / 0.008 + 0.5, 0, 1)
    top = np.clip((position[..., 2] - 0.055) / 0.03, 0, 1)
    return (density * (1 - top * (1 - style.crown))).astype(np.float32)


def beard_density(position: Floats) -> Floats:
    """(...,) 0..1: where a beard grows: upper lip, chin, jaw and sideburns."""
    x, y, z = np.abs(position[..., 0]), position[..., 1], position[..., 2]
    jaw = np.clip((-0.052 - z - 0.35 * np.clip(x - 0.025, 0, 1) + 0.75 * np.clip(y, 0, 1)) / 0.008, 0, 1)
    jaw *= np.clip((0.062 - y) / 0.01, 0, 1) * np.clip((z + 0.145) / 0.02, 0, 1)
    moustache = np.exp(-(((z + 0.058) / 0.006) ** 2)) * np.clip((0.034 - x) / 0.008, 0, 1)
    moustache *= y < 0.0
    side = np.exp(-(((y - 0.055) / 0.008) ** 2)) * np.clip((0.0 - z) / 0.01, 0, 1)
    side *= np.clip((z + 0.09) / 0.02, 0, 1)
    return np.clip(np.maximum(np.maximum(jaw, moustache), side), 0, 1).astype(np.float32)


def grow(model: HeadModel, rest: Floats, style: Hairstyle, lips: Floats, rng: np.random.Generator) -> Strands:
    """Grow a person's hair on their resting vertices (V, 3).

    lips: (V,) 0..1, where no beard may grow.
    """
    position = relative_template(model)
    normals = vertex_normals(rest, model.vertex_triangles)
    scalp = _Scalp(model, rest, position, normals)
    density = scalp_density(position, style)
    count = int(style.strands * np.clip(density.mean() / 0.2, 0.3, 1.3))
    planted = [scalp.draw(density, count, rng)]
    grown = [_grow_head(scalp, planted[0], style, rng)]
    if style.tie:
        grown.append(_wind_bun(scalp.on_skin(style.tie), rng))
        planted.append(planted[0].unrooted(len(grown[1])))
    if style.beard_m:
        hairy = beard_density(position) * (1 - lips) * (1 - np.clip(density, 0, 1))
        planted.append(scalp.draw(hairy, _BEARD_STRANDS, rng))
        grown.append(_grow_beard(planted[-1], style, rng))
    points = np.concatenate(grown).astype(np.float32)
    return Strands(
        points=points,
        root_vertices=np.concatenate([roots.vertices for roots in planted]),
        root_weights=np.concatenate([roots.weights for roots in planted]),
        shade=rng.lognormal(0, 0.22, len(points)).astype(np.float32),
    )


@dataclass(frozen=True)
class _Roots:
    """Where strands grow from; one row a strand."""

    point: Floats
    "(S, 3) metres."
    normal: Floats
    "(S, 3) outward unit vectors."
    template: Floats
    "(S, 3) template position."
    vertices: Ints
    "(S, 3) see `Strands.root_vertices`."
    weights: Floats
    "(S, 3) see `Strands.root_weights`."

    def unrooted(self, count: int) -> "_Roots":
        """`count` roots that follow no vertex."""
        nowhere = np.zeros((count, 3), np.float32)
        return _Roots(nowhere, nowhere, nowhere, np.zeros((count, 3), np.int32), nowhere)


def _is_ear(position: Floats) -> NDArray[np.bool_]:
    """(N,) whether template positions (N, 3) belong to an ear: hair passes beneath it."""
    x, y, z = np.abs(position[:, 0]), position[:, 1], position[:, 2]
    return (x > 0.070) & (y > 0.055) & (y < 0.115) & (z < 0.014) & (z > -0.066)


class _Scalp:
    """Draws root positions on the skin and keeps hair outside of it."""

    def __init__(self, model: HeadModel, rest: Floats, position: Floats, normals: Floats) -> None:
        self.triangles = model.vertex_triangles[model.material == SKIN]
        self.rest, self.position, self.normals = rest, position, normals
        skin = model.vertices_of(SKIN)
        skin = skin[~_is_ear(position[skin])]
        self._surface = cKDTree(rest[skin])
        self._surface_points, self._surface_normals = rest[skin], normals[skin]

    def draw(self, density: Floats, count: int, rng: np.random.Generator) -> _Roots:
        """`count` roots, as dense as `density` (V,) says."""
        corners = self.rest[self.triangles]
        cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        area = np.linalg.norm(cross, axis=1) * density[self.triangles].mean(axis=1)
        chosen = self.triangles[rng.choice(len(area), count, p=area / area.sum())]
        weights = rng.dirichlet([1, 1, 1], count).astype(np.float32)
        mix = weights[:, :, None]
        return _Roots(
            point=(self.rest[chosen] * mix).sum(axis=1),
            normal=_unit((self.normals[chosen] * mix).sum(axis=1)),
            template=(self.position[chosen] * mix).sum(axis=1),
            vertices=chosen.astype(np.int32),
            weights=weights,
        )

    def on_skin(self, point: tuple[float, float, float]) -> Floats:
        """(3,) the vertex of the skin that is nearest to a point."""
        _, nearest = self._surface.query(point)
        return self._surface_points[nearest]

    def settle(self, points: Floats, clearance: Floats, cling: float) -> Floats:
        """Move points to `clearance` (S,) from the skin: fully if nearer, by `cling` if farther."""
        _, nearest = self._surface.query(points)
        normal = self._surface_normals[nearest]
        height = ((points - self._surface_points[nearest]) * normal).sum(axis=1)
        gap = clearance - height
        return points + normal * np.where(gap > 0, gap, cling * gap)[:, None]


def _unit(vectors: Floats) -> Floats:
    return vectors / (np.linalg.norm(vectors, axis=-1, keepdims=True) + 1e-9)


def _grow_head(scalp: _Scalp, roots: _Roots, style: Hairstyle, rng: np.random.Generator) -> Floats:
    """(S, K, 3) strands of the scalp."""
    start, normal, template, count = roots.point, roots.normal, roots.template, len(roots.point)
    side = np.clip((template[:, 0] - style.parting_m) / 0.015, -1, 1)
    comb = np.stack(
        [style.comb[0] * side, np.full(count, style.comb[1]), np.full(count, style.comb[2])], 1
    ) + rng.normal(0, 0.09, (count, 3))
    flat = comb - (comb * normal).sum(axis=1, keepdims=True) * normal
    direction = _unit(style.lift * normal + (1 - style.lift) * _unit(flat))
    length = style.length_m * rng.uniform(0.8, 1.1, count)
    # Short at the neck and the ears, as hair is cut.
    if style.length_m < 0.12:
        length *= np.clip(0.35 + (template[:, 2] + 0.03) / 0.08, 0.35, 1.0)
    if style.tie:
        length = np.linalg.norm(scalp.on_skin(style.tie) - start, axis=1) * 1.25
    step = (length / (_KNOTS - 1))[:, None]
    pull = np.array([0.0, 0.0, -1.0]) * style.gravity
    layer = style.clearance_m * rng.uniform(0.2, 1.0, count)
    curls = _curls(count, style, rng)
    points = np.empty((count, _KNOTS, 3))
    points[:, 0] = start - 0.001 * normal
    for k in range(1, _KNOTS):
        moved: Floats = points[:, k - 1] + step * direction
        moved = _off_the_face(moved)
        moved = scalp.settle(moved, layer * min(1.0, k / 3), style.cling)
        direction = _unit(_unit(moved - points[:, k - 1]) + pull + rng.normal(0, 0.04, (count, 3)))
        if style.tie:
            direction = _unit(scalp.on_skin(style.tie) - moved)
        points[:, k] = moved
    return points + curls


def _off_the_face(points: Floats) -> Floats:
    """Keep strands (S, 3) that hang below the hairline behind the cheekbones."""
    hanging = np.clip((0.062 - points[:, 2]) / 0.03, 0, 1)
    hanging = hanging * np.clip((points[:, 2] + 0.16) / 0.03, 0, 1)
    back = points.copy()
    back[:, 1] = np.maximum(points[:, 1], 0.048 * hanging - 0.1 * (1 - hanging))
    return back


def _curls(count: int, style: Hairstyle, rng: np.random.Generator) -> Floats:
    """(S, K, 3) offsets of a helix that widens from the root."""
    phase = rng.uniform(0, 2 * np.pi, (count, 1))
    turns = style.length_m / 0.035
    angle = phase + np.linspace(0, 2 * np.pi * turns, _KNOTS)[None]
    growth = style.curl_m * np.linspace(0, 1, _KNOTS) ** 0.6
    return np.stack(
        [growth * np.cos(angle), growth * np.sin(angle), growth * np.sin(angle + 1.3)], axis=2
    ).astype(np.float32)


def _wind_bun(centre: Floats, rng: np.random.Generator) -> Floats:
    """(S, K, 3) strands wound around a ball that sits on `centre` (3,)."""
    count, radius_m = 1500, 0.030
    axis = _unit(rng.normal(0, 0.5, (count, 3)) + np.array([0.0, 0.6, 1.0]))
    across = _unit(np.cross(axis, rng.normal(0, 1, (count, 3))))
    third = np.cross(axis, across)
    angle = np.linspace(0, 2.6, _KNOTS)[None, :, None]
    height = rng.uniform(-0.9, 0.9, (count, 1, 1))
    ring = across[:, None] * np.cos(angle) + third[:, None] * np.sin(angle)
    ball = np.sqrt(1 - height**2) * ring + height * axis[:, None]
    ball = radius_m * ball * rng.uniform(0.85, 1.05, (count, 1, 1))
    return ball + centre + np.array([0.0, 0.006, 0.020])


def _grow_beard(roots: _Roots, style: Hairstyle, rng: np.random.Generator) -> Floats:
    """(S, K, 3) short strands that hang down along the jaw."""
    count = len(roots.point)
    down = np.array([0.0, -0.1, -1.0]) + rng.normal(0, 0.25, (count, 3))
    direction = _unit(0.5 * roots.normal + 0.8 * down)
    reach = style.beard_m * rng.uniform(0.6, 1.2, (count, 1, 1))
    along = np.linspace(0, 1, _KNOTS)[None, :, None]
    start = roots.point - 0.0005 * roots.normal
    return start[:, None] + reach * along * direction[:, None]

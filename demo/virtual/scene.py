"""Puts a person before a camera: pose, buffers, light and backdrop; gives finished pictures."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree  # type: ignore[import-untyped]

from . import shading
from .acting import Performance
from .anatomy import NECK_PIVOT, eye_midpoint, relative_template
from .hair import Strands, grow
from .model import EYE, LASH, SKIN, Floats, HeadModel
from .paint import FURROWS, Canvas, on_canvas, paint, texture_pixels
from .people import Person
from .raster import draw_strands, draw_triangles, gather, vertex_normals

OVERSAMPLING = 2
_CAMERA_DISTANCE_M = 1.1
_SHADOW_CELLS = 420
_SHADOW_CELLS_PER_M = 900.0
_CLOTH_THICKNESS_M = 0.005
_STRAND_WIDTH_M = 0.0010
# Which face units draw which lines of expression, and how strongly.
_FURROW_UNITS: dict[str, dict[str, float]] = {
    "frown": {"browDownLeft": 0.5, "browDownRight": 0.5},
    "forehead": {"browInnerUp": 0.45, "browOuterUpLeft": 0.3, "browOuterUpRight": 0.3},
    "smile": {
        "mouthSmileLeft": 0.4,
        "mouthSmileRight": 0.4,
        "noseSneerLeft": 0.4,
        "noseSneerRight": 0.4,
        "mouthStretchLeft": 0.15,
        "mouthStretchRight": 0.15,
    },
    "crow": {"cheekSquintLeft": 0.4, "cheekSquintRight": 0.4},
    "nose": {"noseSneerLeft": 0.5, "noseSneerRight": 0.5},
    "corner": {"mouthFrownLeft": 0.4, "mouthFrownRight": 0.4},
    "chin": {"mouthShrugLower": 0.8, "mouthFrownLeft": 0.15, "mouthFrownRight": 0.15},
}


@dataclass(frozen=True)
class Camera:
    """Where a person appears in the picture."""

    width_px: int
    height_px: int
    scale_px_per_m: float
    "At the distance of the eyes."
    eyes_px: tuple[float, float]
    "Where the midpoint of the resting eyes falls: x to the right, y downwards."


@dataclass(frozen=True)
class Setting:
    """What varies from recording to recording, whatever the expression."""

    light: Floats
    "(5, 3) float32: see shading.KEY_DIRECTION and following."
    backdrop: Floats
    "(H, W, 3) float32 linear RGB."
    exposure: float
    noise: float
    "Standard deviation of the sensor's noise, in levels of 255."


class Actor:
    """A person ready to be posed: resting mesh, painted skin and grown hair."""

    def __init__(self, model: HeadModel, canvas: Canvas, rest: Floats, person: Person, seed: int) -> None:
        """Build a person on their resting vertices (V, 3)."""
        rng = np.random.default_rng((seed, int(person.subject[1:]), 77))
        self.model, self.person = model, person
        self.position = relative_template(model)
        self.rest = _shorten_lashes(model, rest - eye_midpoint(model, rest), person)
        self.texture = paint(canvas, person, rng)
        self.textured = on_canvas(model.uv)[model.triangles].all(axis=1) & (model.material == SKIN)
        self.strands: Strands = grow(model, self.rest, person.hairstyle, self._lip_vertices(canvas), rng)
        self.rest = _dress(model, self.rest, self.position, person.looks.neckline_m)
        self.corner_texels = texture_pixels(model.uv)
        looks = person.looks
        lash = looks.brows * 0.15
        self.tones = np.stack([looks.skin, looks.cloth, looks.iris, looks.hair, lash]).astype(np.float32)
        self.eyeballs = [(index, self.rest[index].mean(axis=0)) for index in _eyeball_vertices(model)]

    def _lip_vertices(self, canvas: Canvas) -> Floats:
        """(V,) 0..1: the lips' mask at the vertices."""
        pixels = texture_pixels(self.model.uv).round().astype(int)
        inside = on_canvas(self.model.uv)
        height, width = canvas.lips.shape
        lips = np.zeros(len(self.model.template), np.float32)
        x, y = pixels[inside].T
        corner = self.model.corner_vertex[inside]
        lips[corner] = canvas.lips[y.clip(0, height - 1), x.clip(0, width - 1)]
        return lips

    def pose(self, performance: Performance, frame: int) -> tuple[Floats, Floats]:
        """Vertices (V, 3) and hair (S, K, 3) of one frame, metres, the resting eyes at 0."""
        vertices = self.rest.copy()
        for unit, strength in performance.units.items():
            if strength[frame] > 1e-3:
                vertices += strength[frame] * self.model.deltas[self.model.unit_index[unit]]
        pitch, yaw = np.radians(performance.gaze_deg[frame])
        for index, centre in self.eyeballs:
            rotation = _rotation(np.array([pitch, 0, yaw]))
            vertices[index] = (vertices[index] - centre) @ rotation.T + centre
        head = np.radians(performance.head_deg[frame])[[0, 2, 1]]
        body = np.radians(performance.body_deg[frame])
        turned = _turn(vertices, head, self.model.head_weight)
        shift = (vertices - self.rest)[self.strands.root_vertices]
        shift = (shift * self.strands.root_weights[:, :, None]).sum(axis=1)
        strands = (self.strands.points + shift[:, None]).reshape(-1, 3)
        hair = _turn(strands, head, np.ones(len(strands), np.float32))
        torso = _rotation(np.array([0, 0, body])).astype(np.float32)
        pivot = NECK_PIVOT
        return (
            ((turned - pivot) @ torso.T + pivot).astype(np.float32),
            ((hair - pivot) @ torso.T + pivot).astype(np.float32).reshape(self.strands.points.shape),
        )

    def body(self, performance: Performance, frame: int, hair: Floats) -> shading.Body:
        """What the surfaces look like in one frame; hair: (S, K, 3) as posed."""
        tangents = hair[:, 6] - hair[:, 3]
        tangents = tangents / (np.linalg.norm(tangents, axis=1, keepdims=True) + 1e-9)
        return shading.Body(
            material=self.model.material,
            textured=self.textured,
            texture=self.texture,
            tones=self.tones,
            furrows=self._furrows(performance, frame),
            neckline_m=self.person.looks.neckline_m,
            tangents=tangents.astype(np.float32),
            strand_shade=self.strands.shade,
        )

    def _furrows(self, performance: Performance, frame: int) -> Floats:
        """(K,) strength of the lines of expression in one frame."""
        depth = 0.2 + 0.4 * self.person.looks.lines
        rest = 0.35 * self.person.looks.lines**1.5
        values = []
        for name in FURROWS:
            total = sum(
                float(performance.units[unit][frame]) * share
                for unit, share in _FURROW_UNITS[name].items()
                if unit in performance.units
            )
            values.append(depth * min(total, 1.2) + 0.5 * rest)
        return np.array(values, np.float32)


def _shorten_lashes(model: HeadModel, rest: Floats, person: Person) -> Floats:
    """Trim MakeHuman's lashes, which are as long as in an advertisement."""
    keep = 0.35 + 0.35 * person.looks.make_up
    lashes = model.vertices_of(LASH)
    skin = model.vertices_of(SKIN)
    _, nearest = cKDTree(rest[skin]).query(rest[lashes])
    roots = rest[skin][nearest]
    trimmed = rest.copy()
    trimmed[lashes] = roots + keep * (rest[lashes] - roots)
    return trimmed


def _dress(model: HeadModel, rest: Floats, position: Floats, neckline_m: float) -> Floats:
    """Lift the skin below the neckline, where `shading` shows cloth."""
    normals = vertex_normals(rest, model.vertex_triangles)
    depth = neckline_m + 0.55 * (position[:, 1] - 0.04) - position[:, 2]
    thickness = _CLOTH_THICKNESS_M * np.clip(depth / 0.01, 0, 1)
    return (rest + normals * thickness[:, None]).astype(np.float32)


def _eyeball_vertices(model: HeadModel) -> list[NDArray[np.int64]]:
    both = model.vertices_of(EYE)
    return [both[model.template[both, 0] > 0], both[model.template[both, 0] <= 0]]


def _rotation(vector: Floats) -> Floats:
    """(3, 3) rotation about an axis by its length in radians; x: chin down, z: to the left."""
    matrix, _ = cv2.Rodrigues(np.asarray(vector, dtype=np.float64))
    return np.asarray(matrix, dtype=np.float64)


def _turn(points: Floats, angles: Floats, weight: Floats) -> Floats:
    """Rotate points (N, 3) about the neck, each by its share (N,) of the angles (Rodrigues)."""
    angle = float(np.linalg.norm(angles))
    if angle < 1e-6:
        return points
    axis = (angles / angle).astype(np.float32)
    moved = points - NECK_PIVOT
    theta = (angle * weight)[:, None].astype(np.float32)
    cos, sin = np.cos(theta), np.sin(theta)
    along = (moved @ axis)[:, None] * axis
    return moved * cos + np.cross(axis, moved) * sin + along * (1 - cos) + NECK_PIVOT


@dataclass(frozen=True)
class Shot:
    """A person who acts before a camera."""

    actor: Actor
    performance: Performance
    camera: Camera


class Stage:
    """The buffers of one picture size; reused from frame to frame."""

    def __init__(self, width_px: int, height_px: int) -> None:
        """Make buffers for pictures of this size."""
        size = (height_px * OVERSAMPLING, width_px * OVERSAMPLING)
        self.depth = np.zeros(size, np.float32)
        self.ids = np.full(size, -1, np.int32)
        self.bary = np.zeros((*size, 2), np.float32)
        self.along = np.zeros(size, np.float32)
        self.pixel = np.zeros((*size, shading.ATTRIBUTES), np.float32)
        self.shadow = np.zeros((_SHADOW_CELLS, _SHADOW_CELLS), np.float32)

    def draw(self, shot: Shot, frame: int, light: Floats, picture: Floats) -> None:
        """Draw a person over an oversampled picture (2H, 2W, 3) of linear RGB."""
        actor, performance, camera = shot.actor, shot.performance, shot.camera
        vertices, hair = actor.pose(performance, frame)
        model = actor.model
        self.depth[:], self.ids[:] = 0.0, -1
        corners = vertices[model.corner_vertex]
        screen = _project(corners, camera)
        draw_triangles(screen, model.triangles, model.two_sided, self.depth, self.ids, self.bary)
        normals = vertex_normals(vertices, model.vertex_triangles)
        attributes = np.concatenate(
            [normals[model.corner_vertex], actor.position[model.corner_vertex], actor.corner_texels], axis=1
        )
        gather(self.ids, self.bary, model.triangles, attributes, self.pixel)
        scale = camera.scale_px_per_m * OVERSAMPLING
        width = np.full(len(hair), max(1.0, _STRAND_WIDTH_M * scale), np.float32)
        draw_strands(_project(hair, camera), width, self.depth, self.ids, self.along)
        axes = _light_axes(light[shading.KEY_DIRECTION])
        self._cast_shadow(corners, model, axes)
        seen = shading.Buffers(
            self.ids, self.depth, self.along, self.pixel, self._open_sky(scale), _lens(camera)
        )
        lamps = shading.Lamps(light, self.shadow, axes, _SHADOW_CELLS_PER_M)
        shading.shade(seen, actor.body(performance, frame, hair), lamps, picture)

    def _cast_shadow(self, corners: Floats, model: HeadModel, axes: Floats) -> None:
        """Fill the shadow map: how near to the light the nearest surface is."""
        local = corners @ axes.T
        screen = local * np.float32(_SHADOW_CELLS_PER_M) + np.float32(_SHADOW_CELLS / 2)
        screen[:, 2] = local[:, 2] + 2.0
        self.shadow[:] = 0.0
        ids = np.empty(self.shadow.shape, np.int32)
        bary = np.empty((*self.shadow.shape, 2), np.float32)
        screen = screen.astype(np.float32)
        draw_triangles(screen, model.triangles, model.two_sided, self.shadow, ids, bary)

    def _open_sky(self, scale_px_per_m: float) -> Floats:
        """(H, W) 0..1: how little of the surroundings lies before each pixel.

        Deeper than its surroundings means less light: creases, nostrils, sockets, the mouth.
        """
        # At half the size: the result is soft anyway.
        nearness = np.ascontiguousarray(self.depth[::2, ::2])
        distance = 1.0 / np.maximum(nearness, np.float32(1 / (_CAMERA_DISTANCE_M + 0.35)))
        sky = np.ones_like(distance)
        for radius_m, drop_m, strength in ((0.004, 0.0035, 0.55), (0.016, 0.016, 0.6)):
            side = int(radius_m * scale_px_per_m / 2) * 2 + 1
            blurred = cv2.blur(cv2.blur(distance, (side, side)), (side, side))
            sky *= 1 - strength * np.clip((distance - blurred) / drop_m, 0, 1)
        height, width = self.depth.shape
        return np.asarray(cv2.resize(sky, (width, height), interpolation=cv2.INTER_LINEAR))


def _project(points: Floats, camera: Camera) -> Floats:
    """(..., 3) oversampled pixels and 1/distance of points in metres; perspective."""
    distance = points[..., 1] + _CAMERA_DISTANCE_M
    scale = camera.scale_px_per_m * _CAMERA_DISTANCE_M / distance
    x = camera.eyes_px[0] + points[..., 0] * scale
    y = camera.eyes_px[1] - points[..., 2] * scale
    return np.stack([x * OVERSAMPLING, y * OVERSAMPLING, 1 / distance], axis=-1).astype(np.float32)


def _lens(camera: Camera) -> Floats:
    """What `shading` needs to undo `_project`: see `shading.Buffers.lens`."""
    x, y = camera.eyes_px
    per_m = camera.scale_px_per_m * OVERSAMPLING * _CAMERA_DISTANCE_M
    return np.array([x * OVERSAMPLING, y * OVERSAMPLING, 1 / per_m, _CAMERA_DISTANCE_M], np.float32)


def _light_axes(direction: Floats) -> Floats:
    """(3, 3) orthonormal rows: right and up as the light sees it, and towards the light."""
    right = np.cross(direction, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(right, direction), direction]).astype(np.float32)


def finish(picture: Floats, setting: Setting, rng: np.random.Generator) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 sRGB of an oversampled linear picture: exposure, tone curve, noise."""
    height, width = picture.shape[0] // OVERSAMPLING, picture.shape[1] // OVERSAMPLING
    exposed = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA) * setting.exposure
    toned = exposed / (1 + 0.25 * exposed) * 1.12
    srgb = cv2.pow(np.clip(toned, 0, 1), 1 / 2.2) * 255
    grain = rng.standard_normal((height, width, 1), dtype=np.float32) * setting.noise
    return np.clip(srgb + grain + 0.5, 0, 255).astype(np.uint8)


def draw_setting(width_px: int, height_px: int, rng: np.random.Generator) -> Setting:
    """A recording's light, backdrop, exposure and noise; blind to who acts what."""
    return Setting(
        light=_draw_light(rng),
        backdrop=_draw_backdrop(width_px, height_px, rng),
        exposure=float(rng.uniform(0.9, 1.15)),
        noise=float(rng.uniform(0.8, 2.0)),
    )


def expose(setting: Setting, person: Person) -> Setting:
    """Open up for darker skin, as a camera that meters on the face does."""
    return replace(setting, exposure=setting.exposure * (0.93 + 0.52 * person.looks.melanin))


def _direction(yaw_deg: float, height_deg: float) -> Floats:
    """Unit vector towards a light; yaw 0 is from the camera, positive from the picture's right."""
    yaw, height = np.radians([yaw_deg, height_deg])
    return np.array([np.sin(yaw) * np.cos(height), -np.cos(yaw) * np.cos(height), np.sin(height)])


def _draw_light(rng: np.random.Generator) -> Floats:
    side = float(rng.choice([-1.0, 1.0]))
    warmth = rng.uniform(-1, 1)
    key = np.array([1 + 0.07 * warmth, 1.0, 1 - 0.09 * warmth]) * rng.uniform(0.75, 1.0)
    sky = np.array([1 - 0.03 * warmth, 1.0, 1 + 0.05 * warmth])
    return np.stack(
        [
            _direction(side * rng.uniform(8, 40), rng.uniform(18, 42)),
            key,
            _direction(-side * rng.uniform(35, 70), rng.uniform(0, 20)),
            sky * rng.uniform(0.15, 0.32),
            sky * rng.uniform(0.28, 0.38),
        ]
    ).astype(np.float32)


def _draw_backdrop(width_px: int, height_px: int, rng: np.random.Generator) -> Floats:
    """(H, W, 3) linear RGB: a wall out of focus, lit from one side, perhaps with furniture."""
    y, x = np.mgrid[0:height_px, 0:width_px].astype(np.float32)
    x, y = x / width_px - 0.5, y / height_px - 0.5
    base = rng.uniform(0.12, 0.6) * rng.uniform(0.9, 1.08, 3)
    picture = np.ones((height_px, width_px, 3), np.float32) * base.astype(np.float32)
    for _ in range(rng.integers(0, 4)):
        left = int(rng.uniform(-0.2, 1.0) * width_px)
        top = int(rng.uniform(-0.2, 0.7) * height_px)
        size = (rng.uniform(0.12, 0.45) * width_px, rng.uniform(0.25, 0.9) * height_px)
        colour = base * rng.uniform(0.45, 1.4) * rng.uniform(0.85, 1.15, 3)
        corner = (left + int(size[0]), top + int(size[1]))
        cv2.rectangle(picture, (left, top), corner, colour.tolist(), -1)
    blurred = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(5, 12)))
    slope = rng.uniform(-0.5, 0.5) * x + rng.uniform(-0.35, 0.1) * y
    vignette = 1 - rng.uniform(0.2, 0.7) * (x**2 + y**2)
    return np.clip(blurred * ((1 + slope) * vignette)[..., None], 0.01, 1).astype(np.float32)

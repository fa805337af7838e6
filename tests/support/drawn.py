"""Drawn faces: images whose identity and expression are known, in the dataset's own format."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa

from pipeline.runtime.parquet import write_parquet
from pipeline.schema.dataset import dataset_schema, shard_path
from pipeline.schema.expressions import EXPRESSIONS

# expression: brow height, brow slant (inner ends down), eye opening, mouth curve (up), mouth opening
_SHAPES = {
    "angry": (-3, 4, 2, -1, 0),
    "disgusted": (-2, 2, 1, -3, 3),
    "happy": (0, 0, 2, 5, 2),
    "neutral": (0, 0, 3, 0, 0),
    "sad": (1, -4, 2, -5, 0),
    "scared": (3, -3, 5, -2, 4),
    "surprised": (5, 0, 5, 0, 8),
}


def draw_face(expression: str, subject: np.random.Generator, chance: np.random.Generator) -> np.ndarray:
    """Return a drawn face (64, 64) uint8; `subject` determines the identity, `chance` the take."""
    skin, back = subject.integers(110, 220), subject.integers(0, 90)
    width, eyes, brow = subject.integers(20, 26), subject.integers(9, 13), subject.integers(1, 4)
    high, slant, opening, curve, gape = np.array(_SHAPES[expression]) + chance.normal(0, 0.4, 5)
    cx, cy = (32 + chance.normal(0, 1.2, 2)).round().astype(int)
    image = np.full((64, 64), back, np.uint8)
    cv2.ellipse(image, (cx, cy), (int(width), 29), 0, 0, 360, int(skin), -1)
    for side in (-1, 1):
        eye = (int(cx + side * eyes), cy - 6)
        cv2.ellipse(image, eye, (4, max(1, round(opening))), 0, 0, 360, 20, -1)
        inner = (int(cx + side * (eyes - 5)), int(cy - 14 - high + slant))
        outer = (int(cx + side * (eyes + 5)), int(cy - 14 - high - slant / 2))
        cv2.line(image, inner, outer, 30, int(brow))
    bend = np.linspace(-1, 1, 15)
    ys = cy + 15 + curve * (0.5 - bend**2)
    mouth = np.stack([cx + 9 * bend, ys], axis=1).round().astype(np.int32)
    cv2.polylines(image, [mouth], False, 25, 2)
    if gape >= 1:
        cv2.ellipse(image, (cx, cy + 16), (5, round(gape)), 0, 0, 360, 10, -1)
    noise = chance.normal(0, 4, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def draw_subject(seed: int, expressions: Sequence[str], each: int) -> list[tuple[str, np.ndarray]]:
    """Return `each` faces of every expression of one subject: (expression, image)."""
    return [
        (name, draw_face(name, np.random.default_rng(seed), np.random.default_rng([seed, label, take])))
        for label, name in enumerate(expressions)
        for take in range(each)
    ]


def write_shard(
    folder: Path,
    split: str,
    subject: str,
    faces: Sequence[tuple[str, np.ndarray]],
    expressions: Sequence[str] = EXPRESSIONS,
) -> Path:
    """Write the faces (expression, image) of one subject as a shard of the dataset; return its path."""
    columns: dict[str, list[object]] = {name: [] for name in dataset_schema(expressions).names}
    for frame, (name, image) in enumerate(faces):
        clip = f"{subject}_{name}"
        png = cv2.imencode(".png", image[..., ::-1] if image.ndim == 3 else image)[1].tobytes()
        columns["image"].append({"bytes": png, "path": f"{clip}/{frame:06d}.png"})
        columns["label"].append(list(expressions).index(name))
        columns["subject"].append(subject)
        columns["clip"].append(clip)
        columns["frame"].append(frame)
        columns["time_s"].append(frame * 0.2)
    path = shard_path(split, subject, folder)
    write_parquet(path, pa.table(columns, schema=dataset_schema(expressions)))
    return path


def write_dataset(
    folder: Path, splits: dict[str, int], expressions: Sequence[str] = EXPRESSIONS, each: int = 6
) -> None:
    """Write a drawn dataset: `splits` is the number of subjects of each split."""
    seed = 0
    for split, subjects in splits.items():
        for _ in range(subjects):
            seed += 1
            write_shard(folder, split, f"p{seed:02d}", draw_subject(seed, expressions, each), expressions)

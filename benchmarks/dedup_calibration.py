"""The distances between copies of a face, and between two subjects: prints the tables of docs/dedup.md.

    python benchmarks/dedup_calibration.py --clips demo/clips

The folder holds ``<subject>/<expression>.mp4``. Faces are cropped much as the stage faces crops them: the
cascade's box on a grey 640-pixel copy, with the margin of params.yaml, 64x64.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
import yaml

from pipeline.dataset.near_duplicates import search as neighbours
from pipeline.faces import perceptual_hash as phash

PARAMS = Path(__file__).resolve().parents[1] / "params.yaml"

Grey = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Hasher = Callable[[list[Grey]], npt.NDArray[np.bool_]]

SIDE_PX = 64
DISTANCE = 31


@dataclass(frozen=True)
class Face:
    """One detected face."""

    subject: str
    expression: str
    source: Grey
    box: tuple[float, float, float]
    "centre x, centre y and side of the crop, in source pixels"

    def crop(self) -> Grey:
        return crop(self.source, self.box)


class Detector:
    """The cascade's largest face on a grey 640-pixel copy."""

    def __init__(self) -> None:
        name = "haarcascade_frontalface_alt2.xml"
        self.cascade = cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / name))
        self.margin = float(yaml.safe_load(PARAMS.read_text())["faces"]["crop"]["margin"])

    def box(self, grey: Grey) -> tuple[float, float, float] | None:
        scale = 640 / max(grey.shape)
        small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        least = int(0.15 * min(small.shape))
        boxes = self.cascade.detectMultiScale(small, 1.1, 5, minSize=(least, least))
        if len(boxes) == 0:
            return None
        x, y, w, h = (float(v) / scale for v in max(boxes, key=lambda box: int(box[2])))
        return x + w / 2, y + h / 2, (1 + 2 * self.margin) * w


def crop(grey: Grey, box: tuple[float, float, float]) -> Grey:
    """Return the box as ``(64, 64) uint8``; beyond the frame its edge is repeated."""
    x, y, side = box
    low_x, low_y, size = round(x - side / 2), round(y - side / 2), round(side)
    pad = max(0, -low_x, -low_y, low_x + size - grey.shape[1], low_y + size - grey.shape[0])
    padded = cv2.copyMakeBorder(grey, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
    cut = padded[low_y + pad : low_y + pad + size, low_x + pad : low_x + pad + size]
    return cv2.resize(cut, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def read(video: Path) -> tuple[list[Grey], float]:
    """Return all frames in grey, and the frame rate."""
    with av.open(str(video)) as container:
        rate = container.streams.video[0].average_rate
        frames = [luma(frame) for frame in container.decode(video=0)]
    return frames, float(rate or 25)


def luma(frame: av.VideoFrame) -> Grey:
    return np.asarray(frame.to_ndarray(format="gray"), np.uint8)


def faces(video: Path, picks: list[Grey], detector: Detector) -> Iterator[Face]:
    for grey in picks:
        box = detector.box(grey)
        if box is not None:
            yield Face(video.parent.name, video.stem, grey, box)


# Copies -------------------------------------------------------------------------------------


def jpeg(grey: Grey, quality: int) -> Grey:
    coded = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE)  # type: ignore[return-value]


def rescaled(grey: Grey, factor: float) -> Grey:
    side = round(factor * SIDE_PX)
    there, back = cv2.INTER_AREA, cv2.INTER_LINEAR
    if factor > 1:
        there, back = back, there
    small = cv2.resize(grey, (side, side), interpolation=there)
    return cv2.resize(small, (SIDE_PX, SIDE_PX), interpolation=back)  # type: ignore[return-value]


def lit(grey: Grey, gain: float, gamma: float) -> Grey:
    return np.clip(gain * 255 * (grey / 255) ** gamma + 0.5, 0, 255).astype(np.uint8)


def shifted(grey: Grey, x: float, y: float, zoom: float = 1.0) -> Grey:
    """Return the crop shifted by pixels and enlarged about its centre."""
    rest = (1 - zoom) * SIDE_PX / 2
    matrix = np.array([[zoom, 0, x + rest], [0, zoom, y + rest]], np.float32)
    return cv2.warpAffine(grey, matrix, grey.shape, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[return-value]


def h264(grey: Grey, crf: int) -> Grey:
    """Return the last of three equal frames after H.264."""
    height, width = (side - side % 2 for side in grey.shape)
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": str(crf)})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        whole = np.ascontiguousarray(grey[:height, :width])
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(whole, "gray").reformat(format="yuv420p")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    file.seek(0)
    with av.open(file, "r") as coded:
        return [luma(frame) for frame in coded.decode(video=0)][-1]


def from_source(face: Face, crf: int) -> Grey:
    return crop(h264(face.source, crf), face.box)


def redetected(face: Face, crf: int, detector: Detector) -> Grey:
    grey = h264(face.source, crf)
    return crop(grey, detector.box(grey) or face.box)


def on_crop(change: Callable[..., Grey], *arguments: float) -> Callable[[Face], Grey]:
    return lambda face: change(face.crop(), *arguments)


def copies() -> dict[str, Callable[[Face], Grey]]:
    return {
        **{f"crop as JPEG, quality {q}": on_crop(jpeg, q) for q in (30, 50, 70, 95)},
        **{f"crop rescaled x{f}, back": on_crop(rescaled, f) for f in (0.5, 0.75, 2)},
        **{f"gain {g}": on_crop(lit, g, 1) for g in (0.7, 0.85, 1.15, 1.3)},
        **{f"gamma {g}": on_crop(lit, 1, g) for g in (0.6, 0.7, 1.4, 1.6)},
        **{f"source as H.264, crf {c}": partial(from_source, crf=c) for c in (18, 24, 28, 32)},
    }


def moved(detector: Detector) -> dict[str, Callable[[Face], Grey]]:
    return {
        "source as H.264, crf 24, face detected again": partial(redetected, crf=24, detector=detector),
        "box moved by 0.5 px of the crop": on_crop(shifted, 0.5, 0),
        "box moved by 1 px": on_crop(shifted, 1, 0),
        "box moved by 1 px both ways": on_crop(shifted, 1, 1),
        "box moved by 2 px": on_crop(shifted, 2, 0),
        "box larger by 2 px": on_crop(shifted, 0, 0, 62 / 64),
    }


# Tables -------------------------------------------------------------------------------------


def row(name: str, distance: Ints) -> str:
    low, mid, high = np.percentile(distance, (1, 50, 99))
    share = 100 * np.mean(distance <= DISTANCE)
    return (
        f"| {name} | {len(distance):,} | {distance.min()} | {low:.0f} | {mid:.0f} | {high:.0f} "
        f"| {distance.max()} | {share:.4g} % |"
    )


def header(title: str) -> None:
    print(f"\n| {title} | pairs | min | 1 % | median | 99 % | max | within {DISTANCE} |")
    print("|---|---|---|---|---|---|---|---|")


def print_copies(title: str, changed: dict[str, list[Grey]], found: list[Face]) -> None:
    original = phash.perceptual_hashes([face.crop() for face in found])
    header(title)
    every = []
    for name, crops in changed.items():
        every.append(phash.hamming(original, phash.perceptual_hashes(crops)))
        print(row(name, every[-1]), flush=True)
    print(row("all of these", np.concatenate(every)))


def codes(names: list[str]) -> Ints:
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def print_subjects(found: list[Face]) -> None:
    hashes = phash.perceptual_hashes([face.crop() for face in found])
    subject, label = codes([f.subject for f in found]), codes([f.expression for f in found])
    i, j = np.triu_indices(len(found), 1)
    distance = phash.hamming(hashes[i], hashes[j])
    other, same = subject[i] != subject[j], label[i] == label[j]
    header("different crops")
    print(row("two subjects, same expression", distance[other & same]))
    print(row("two subjects, other expression", distance[other & ~same]))
    print(row("one subject, two expressions", distance[~other & ~same]))
    print(row("one subject, one clip, other frame", distance[~other & same]))
    near = other & (distance <= DISTANCE)
    pairs = {
        tuple(sorted((found[a].subject, found[b].subject))) for a, b in zip(i[near], j[near], strict=True)
    }
    subjects = len(np.unique(subject))
    print(f"\nSubjects mistaken for one another: {len(pairs)} of {subjects * (subjects - 1) // 2} pairs.")


def dct_median(crops: list[Grey], side: int) -> npt.NDArray[np.bool_]:
    """pHash as usually written: is each low coefficient of the DCT above the median?"""
    small = [cv2.resize(c, (32, 32), interpolation=cv2.INTER_AREA) for c in crops]
    low = np.stack([cv2.dct(s.astype(np.float32))[:side, :side].ravel() for s in small])
    return low > np.median(low[:, 1:], axis=1, keepdims=True)


def difference(crops: list[Grey], side: int) -> npt.NDArray[np.bool_]:
    """dHash: is each block brighter than the one to its left?"""
    small = [cv2.resize(c, (side + 1, side), interpolation=cv2.INTER_AREA) for c in crops]
    return np.stack([(s[:, 1:] > s[:, :-1]).ravel() for s in small])


def block_mean(crops: list[Grey], side: int) -> npt.NDArray[np.bool_]:
    small = np.stack([cv2.resize(c, (side, side), interpolation=cv2.INTER_AREA).ravel() for c in crops])
    return small > np.median(small, axis=1, keepdims=True)


def ours(crops: list[Grey]) -> npt.NDArray[np.bool_]:
    return np.unpackbits(phash.perceptual_hashes(crops).view(np.uint8), axis=1).astype(bool)


HASHERS: dict[str, Hasher] = {
    "dHash, 64 bits": partial(difference, side=8),
    "dHash, 256 bits": partial(difference, side=16),
    "block mean, 256 bits": partial(block_mean, side=16),
    "pHash (DCT > median), 64 bits": partial(dct_median, side=8),
    "pHash (DCT > median), 256 bits": partial(dct_median, side=16),
    "sign of the DCT of the logarithm, 256 bits": ours,
}


def print_hashers(changed: dict[str, list[Grey]], found: list[Face]) -> None:
    """Print for each hash the most distant copy and the closest two subjects."""
    crops = [face.crop() for face in found]
    subject, label = codes([f.subject for f in found]), codes([f.expression for f in found])
    i, j = np.triu_indices(len(found), 1)
    different = (subject[i] != subject[j]) & (label[i] == label[j])
    i, j = i[different], j[different]
    print("\n| hash | copies: 99 % | copies: max | subjects: min | subjects: 1 % | min / max |")
    print("|---|---|---|---|---|---|")
    for name, hasher in HASHERS.items():
        bits = hasher(crops)
        copy = np.concatenate([(hasher(some) != bits).sum(axis=1) for some in changed.values()])
        apart = np.array([(bits[a] != bits[b]).sum() for a, b in zip(i, j, strict=True)])
        print(
            f"| {name} | {np.percentile(copy, 99):.0f} | {copy.max()} | {apart.min()} "
            f"| {np.percentile(apart, 1):.0f} | {apart.min() / max(1, copy.max()):.2f} |",
            flush=True,
        )


def print_within(videos: list[Path], detector: Detector) -> None:
    """Print how many frames of a clip remain after collapsing, by sampling rate."""
    print("\n| clip sampled at | clips | frames | kept | kept per clip: min, median, max |")
    print("|---|---|---|---|---|")
    clips = []
    for video in videos:
        frames, rate = read(video)
        clips.append((list(faces(video, frames, detector)), rate))
    for fps in (5.0, 25.0):
        total, kept = 0, []
        for found, rate in clips:
            crops = [face.crop() for face in found[:: max(1, round(rate / fps))]]
            if crops:
                sharpness = np.array([cv2.Laplacian(c, cv2.CV_64F).var() for c in crops])
                leader = neighbours.collapse(phash.perceptual_hashes(crops), sharpness, DISTANCE)
                kept.append(len(np.unique(leader)))
                total += len(crops)
        true = min(fps, clips[0][1])
        print(
            f"| {true:g} fps | {len(kept)} | {total} | {100 * sum(kept) / total:.0f} % "
            f"| {min(kept)}, {np.median(kept):g}, {max(kept)} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--clips", type=Path, default=Path("demo/clips"))
    parser.add_argument("--per-clip", type=int, default=3, help="crops taken from each clip")
    parser.add_argument("--copies", type=int, default=100, help="smallest number of crops to copy")
    parser.add_argument("--within", type=int, default=30, help="number of clips read frame by frame")
    options = parser.parse_args()
    videos = sorted(options.clips.glob("*/*.mp4"))
    if not videos:
        parser.error(f"{options.clips} holds no <subject>/<expression>.mp4")
    detector = Detector()
    found: list[Face] = []
    for video in videos:
        frames, _ = read(video)
        spread = np.linspace(0, len(frames) - 1, options.per_clip).astype(int)
        found.extend(faces(video, [frames[k] for k in spread], detector))
    print(f"{len(videos)} clips, {len(found)} crops, {len({f.subject for f in found})} subjects")
    some = found[:: max(1, len(found) // options.copies)]
    changed = {name: [change(face) for face in some] for name, change in copies().items()}
    print_hashers(changed, some)
    print_copies("copies", changed, some)
    changed = {name: [change(face) for face in some] for name, change in moved(detector).items()}
    print_copies("copies with another box", changed, some)
    print_subjects(found)
    print_within(videos[:: max(1, len(videos) // options.within)], detector)


if __name__ == "__main__":
    main()

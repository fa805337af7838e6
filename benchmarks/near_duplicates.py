"""Searching near-duplicates: exact, how fast, how much memory? Prints docs/dedup.md's table.

    python benchmarks/near_duplicates.py --sizes 10000 100000 1000000
    python benchmarks/near_duplicates.py --sizes --imagededup OTHER_ENV/bin/python

Hashes are simulated: uniform ones, the easy case, and ones as clustered as those of real faces.
The latter come from a nested normal model (subject, clip, frame) of the DCT coefficients that the
hash takes the signs of, fitted to the clips of a folder. 0.1 % of the hashes are then
overwritten by copies of others with up to `DISTANCE` bits flipped: all of them must be found.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from dedup_calibration import DISTANCE, Detector, Face, codes, faces, read

from pipeline.media import phash

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

CLIPS_A_SUBJECT = 7
FACES_A_CLIP = 90  # 25,000 faces of 40 people, as in the study this project re-creates


@dataclass(frozen=True)
class Model:
    """Deviations seen at each level; random mixtures of them have the same covariance."""

    mean: Floats
    subjects: Floats
    clips: Floats
    frames: Floats


def coefficients(crops: list[npt.NDArray[np.uint8]]) -> Floats:
    small = np.stack([phash._reduced(crop) for crop in crops])
    spectrum = phash._DCT @ phash._LOG[small] @ phash._DCT.T
    return np.asarray(spectrum[:, phash._ROWS, phash._COLUMNS], np.float32)


def fit(found: list[Face]) -> Model:
    values = coefficients([face.crop() for face in found])
    clip = codes([f"{face.subject}/{face.expression}" for face in found])
    subject = codes([face.subject for face in found])
    clips = np.stack([values[clip == k].mean(axis=0) for k in range(clip.max() + 1)])
    owner = np.array([subject[clip == k][0] for k in range(len(clips))])
    subjects = np.stack([clips[owner == k].mean(axis=0) for k in range(owner.max() + 1)])
    mean = subjects.mean(axis=0)
    return Model(mean, subjects - mean, clips - subjects[owner], values - clips[clip])


def mixtures(deviations: Floats, n: int, rng: np.random.Generator) -> Floats:
    weights = rng.standard_normal((n, len(deviations)), np.float32)
    return weights @ (deviations / np.float32(np.sqrt(len(deviations))))


def clustered(model: Model, n: int, rng: np.random.Generator) -> tuple[phash.Hashes, Ints]:
    """n hashes and the subject of each."""
    clips = -(-n // FACES_A_CLIP)
    people = -(-clips // CLIPS_A_SUBJECT)
    centres = model.mean + mixtures(model.subjects, people, rng)
    centres = centres[np.arange(clips) // CLIPS_A_SUBJECT] + mixtures(model.clips, clips, rng)
    hashes = np.empty((n, phash.WORDS), np.uint64)
    for start in range(0, n, 10_000):
        rows = np.arange(start, min(n, start + 10_000))
        values = centres[rows // FACES_A_CLIP] + mixtures(model.frames, len(rows), rng)
        hashes[rows] = phash._packed(values > 0)
    return hashes, np.arange(n) // (FACES_A_CLIP * CLIPS_A_SUBJECT)


def plant(hashes: phash.Hashes, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Overwrite 0.1 % of the hashes by near copies of others; which, and of which."""
    chosen = rng.permutation(len(hashes))[: 2 * (len(hashes) // 1000)]
    copy, original = np.array_split(chosen, 2)
    for to, of in zip(copy, original, strict=True):
        bits = np.zeros((1, phash.BITS), bool)
        bits[0, rng.permutation(phash.BITS)[: rng.integers(0, DISTANCE + 1)]] = True
        hashes[to] = hashes[of] ^ phash._packed(bits)[0]
    return np.minimum(copy, original), np.maximum(copy, original)


def brute_force(hashes: phash.Hashes, groups: Ints, rows: Ints) -> set[tuple[int, int]]:
    """The near pairs across groups in which one of `rows` takes part."""
    pairs = set()
    words = [np.ascontiguousarray(word) for word in hashes.T]
    for row in rows.tolist():
        distance = np.zeros(len(hashes), np.uint16)
        for word in words:
            distance += np.bitwise_count(word ^ word[row])
        for other in np.flatnonzero((distance <= DISTANCE) & (groups != groups[row])).tolist():
            pairs.add((min(row, other), max(row, other)))
    return pairs


def measure(name: str, hashes: phash.Hashes, groups: Ints, rng: np.random.Generator) -> float:
    """Print one row of the table; the seconds the search took."""
    n = len(hashes)
    planted = [p for p in zip(*plant(hashes, rng), strict=True) if groups[p[0]] != groups[p[1]]]
    wall, cpu = time.perf_counter(), time.process_time()
    i, j, _ = phash.near_pairs(hashes, DISTANCE, groups=groups)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    found = set(zip(i.tolist(), j.tolist(), strict=True))
    missed = len(set(planted) - found)
    sample = rng.permutation(n)[: min(n, 20_000_000 // n)]
    brute = time.process_time()
    expected = brute_force(hashes, groups, sample)
    brute = (time.process_time() - brute) * n / len(sample) / 2
    touched = set(sample.tolist())
    same = expected == {pair for pair in found if touched & set(pair)}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"| {name} | {n:,} | {len(planted)} | {missed} | {len(found)} | {'yes' if same else 'NO'} "
        f"| {wall:.1f} | {cpu:.1f} | {brute:,.0f} | {peak:.2f} |",
        flush=True,
    )
    return cpu


def print_search(sizes: list[int], folder: Path) -> None:
    detector = Detector()
    found: list[Face] = []
    for video in sorted(folder.glob("*/*.mp4")):
        found.extend(faces(video, read(video)[0][::10], detector))
    model = fit(found)
    print(f"model: {len(found)} crops of {folder}; distance {DISTANCE}\n")
    print(
        "| hashes | n | planted | missed | found | sample as brute force | wall s | CPU s "
        "| brute force, CPU s | peak GB |\n|---|---|---|---|---|---|---|---|---|---|"
    )
    seconds: dict[str, list[float]] = {"uniform": [], "clustered": []}
    for n in sizes:
        rng = np.random.default_rng(n)
        uniform = rng.integers(0, 2**64, (n, phash.WORDS), np.uint64)
        seconds["uniform"].append(measure("uniform", uniform, np.arange(n), rng))
        hashes, groups = clustered(model, n, rng)
        seconds["clustered"].append(measure("clustered", hashes, groups, rng))
    for name, spent in seconds.items():
        ratios = [f"x{after / before:.0f}" for before, after in itertools.pairwise(spent)]
        print(f"\n{name}: CPU time grows by {', '.join(ratios) or '-'} from size to size")


THEIRS = """
import json, sys, time
from imagededup.methods import PHash
start = time.perf_counter()
hashes = PHash(verbose=False).encode_images(sys.argv[1], num_enc_workers=2)
print(json.dumps([len(hashes), time.perf_counter() - start]))
"""


def print_hashing(python: str, n: int = 25_000) -> None:
    """Files to hashes: `imagededup`'s 64-bit PHash with two workers, ours with one."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        for k in range(n):
            noise = rng.integers(0, 256, (8, 8), np.uint8)
            image = cv2.resize(noise, (64, 64), interpolation=cv2.INTER_CUBIC)
            cv2.imwrite(f"{folder}/{k:05}.png", image)
        paths = sorted(Path(folder).iterdir())
        start = time.perf_counter()
        greys = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in paths]
        read_s = time.perf_counter() - start
        phash.perceptual_hashes(greys)  # type: ignore[arg-type]
        ours = time.perf_counter() - start
        answer = subprocess.run(
            [python, "-c", THEIRS, folder], capture_output=True, text=True, env=dict(os.environ)
        )
        if answer.returncode:
            sys.exit(f"{python} failed: {answer.stderr.strip()}")
        count, theirs = json.loads(answer.stdout.splitlines()[-1])
    print(f"\nimagededup PHash, {count:,} PNG files, 2 workers: {theirs:.1f} s")
    print(f"ours, 1 thread: {ours:.1f} s, of it reading the files {read_s:.1f} s")
    print(f"ratio {theirs / ours:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--clips", type=Path, default=Path("demo/clips"))
    parser.add_argument("--imagededup", metavar="PYTHON", help="an interpreter that has it")
    options = parser.parse_args()
    if options.sizes:
        print_search(options.sizes, options.clips)
    if options.imagededup:
        print_hashing(options.imagededup)


if __name__ == "__main__":
    main()

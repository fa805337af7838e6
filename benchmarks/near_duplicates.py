"""The search for near-duplicates among a million faces (exactness, time, memory), and the time of hashing.

    python benchmarks/near_duplicates.py --peers .venv-peers/bin/python

Hashes are simulated: uniform ones, the easy case, and ones as clustered as those of real faces. The latter
come from a nested normal model (subject, clip, frame) of the DCT coefficients whose signs the hash consists
of, fitted to real clips if there are any, else to the virtual participants. 0.1 % of the hashes are then
overwritten by copies of others with up to 31 bits flipped: all of them must be found.

Hashing is compared with imagededup, if --peers names an interpreter that has it: crops in memory, as the
stage faces hashes them, one after the other; and PNG files, read and decoded, on all processors.
"""

from __future__ import annotations

import json
import resource
import subprocess
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from _results import Row, bounded, faster, parser, peak_mb, record
from dedup_calibration import DISTANCE, Detector, Face, codes, faces, read

from pipeline.dataset.near_duplicates import search as neighbours
from pipeline.faces import perceptual_hash as phash
from pipeline.runtime.executors import worker_count
from pipeline.runtime.image_codec import decode_grey, encode_png

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

ROOT = Path(__file__).resolve().parents[1]
REAL = ROOT.parent / "shared" / "data" / "london" / "clips"
VIRTUAL = ROOT / "demo" / "clips"

CLIPS_A_SUBJECT = 7
FACES_A_CLIP = 90  # 25,000 faces of 40 subjects, as in the study this project re-creates
SIZES = (10_000, 100_000, 1_000_000)
PEER = "imagededup"


# Simulated hashes ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Model:
    """Deviations observed at each level; random mixtures of them have the same covariance."""

    mean: Floats
    subjects: Floats
    clips: Floats
    frames: Floats


def fitted(clips: int) -> Model:
    """Return the model of the faces in every tenth frame of the first clips."""
    folder = REAL if REAL.is_dir() else VIRTUAL
    detector = Detector()
    found: list[Face] = []
    for video in sorted(folder.glob("*/*.mp4"))[:clips]:
        found.extend(faces(video, read(video)[0][::10], detector))
    print(f"model: {len(found)} crops of {folder}; distance {DISTANCE}\n")
    return fit(found)


def fit(found: list[Face]) -> Model:
    """Return the deviations of subjects from all, of clips from their subject, of frames from their clip."""
    values = coefficients([face.crop() for face in found])
    clip = codes([f"{face.subject}/{face.expression}" for face in found])
    subject = codes([face.subject for face in found])
    clips = np.stack([values[clip == k].mean(axis=0) for k in range(clip.max() + 1)])
    owner = np.array([subject[clip == k][0] for k in range(len(clips))])
    subjects = np.stack([clips[owner == k].mean(axis=0) for k in range(owner.max() + 1)])
    mean = subjects.mean(axis=0)
    return Model(mean, subjects - mean, clips - subjects[owner], values - clips[clip])


def coefficients(crops: list[npt.NDArray[np.uint8]]) -> Floats:
    """Return the coefficients whose signs are the hash, ``(n, 256) float32``."""
    small = np.stack([phash._reduced(crop) for crop in crops])
    spectrum = phash._DCT @ phash._LOG[small] @ phash._DCT.T
    return np.asarray(spectrum[:, phash._ROWS, phash._COLUMNS], np.float32)


def mixtures(deviations: Floats, n: int, rng: np.random.Generator) -> Floats:
    """Return n normal vectors with the covariance of the deviations."""
    weights = rng.standard_normal((n, len(deviations)), np.float32)
    return weights @ (deviations / np.float32(np.sqrt(len(deviations))))


def clustered(model: Model, n: int, rng: np.random.Generator) -> tuple[phash.Hashes, Ints]:
    """Return n hashes and the subject of each."""
    clips = -(-n // FACES_A_CLIP)
    subjects = -(-clips // CLIPS_A_SUBJECT)
    centres = model.mean + mixtures(model.subjects, subjects, rng)
    centres = centres[np.arange(clips) // CLIPS_A_SUBJECT] + mixtures(model.clips, clips, rng)
    hashes = np.empty((n, phash.WORDS), np.uint64)
    for start in range(0, n, 10_000):
        rows = np.arange(start, min(n, start + 10_000))
        values = centres[rows // FACES_A_CLIP] + mixtures(model.frames, len(rows), rng)
        hashes[rows] = phash.packed(values > 0)
    return hashes, np.arange(n) // (FACES_A_CLIP * CLIPS_A_SUBJECT)


def plant(hashes: phash.Hashes, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Overwrite 0.1 % of the hashes by near copies of others; return each pair, the lower index first."""
    chosen = rng.permutation(len(hashes))[: 2 * (len(hashes) // 1000)]
    copy, original = np.array_split(chosen, 2)
    for to, of in zip(copy, original, strict=True):
        bits = np.zeros((1, phash.BITS), bool)
        bits[0, rng.permutation(phash.BITS)[: rng.integers(0, DISTANCE + 1)]] = True
        hashes[to] = hashes[of] ^ phash.packed(bits)[0]
    return np.minimum(copy, original), np.maximum(copy, original)


# Searching ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Search:
    """The result of one search, and its time and memory."""

    kind: str
    n: int
    planted: int
    missed: int
    found: int
    differing: int
    "pairs in which the search and brute force differ, for a sample of the hashes"
    wall_s: float
    cpu_s: float
    brute_cpu_s: float
    "extrapolated from the sample"
    peak_gb: float
    "of the whole process so far"

    def __str__(self) -> str:
        return (
            f"| {self.kind} | {self.n:,} | {self.planted} | {self.missed} | {self.found} | {self.differing} "
            f"| {self.wall_s:.1f} | {self.cpu_s:.1f} | {self.brute_cpu_s:,.0f} | {self.peak_gb:.2f} |"
        )


HEADER = (
    "| hashes | n | planted | missed | found | other than brute force | wall s | CPU s | brute force, CPU s "
    "| peak GB |\n|---|---|---|---|---|---|---|---|---|---|"
)


def measured(kind: str, hashes: phash.Hashes, groups: Ints, rng: np.random.Generator) -> Search:
    """Plant copies, search, and compare the result with them and with brute force."""
    planted = {p for p in zip(*plant(hashes, rng), strict=True) if groups[p[0]] != groups[p[1]]}
    wall, cpu = time.perf_counter(), time.process_time()
    i, j, _ = neighbours.near_pairs(hashes, DISTANCE, groups=groups)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = peak_mb(resource.getrusage(resource.RUSAGE_SELF)) / 1e3
    found = set(zip(i.tolist(), j.tolist(), strict=True))
    sample = rng.permutation(len(hashes))[: min(len(hashes), 20_000_000 // len(hashes))]
    start = time.process_time()
    expected = brute_force(hashes, groups, sample)
    brute = (time.process_time() - start) * len(hashes) / len(sample) / 2
    touched = set(sample.tolist())
    differing = len(expected ^ {pair for pair in found if touched & set(pair)})
    missed = len(planted - found)
    return Search(kind, len(hashes), len(planted), missed, len(found), differing, wall, cpu, brute, peak)


def brute_force(hashes: phash.Hashes, groups: Ints, rows: Ints) -> set[tuple[int, int]]:
    """Return the near pairs across groups that contain one of `rows`."""
    pairs = set()
    words = [np.ascontiguousarray(word) for word in hashes.T]
    for row in rows.tolist():
        distance = np.zeros(len(hashes), np.uint16)
        for word in words:
            distance += np.bitwise_count(word ^ word[row])
        for other in np.flatnonzero((distance <= DISTANCE) & (groups != groups[row])).tolist():
            pairs.add((min(row, other), max(row, other)))
    return pairs


def searches(sizes: Sequence[int], model: Model) -> list[Search]:
    """Search hashes of every size and both kinds; print a row for each."""
    done = []
    print(HEADER)
    for n in sizes:
        rng = np.random.default_rng(n)
        uniform = rng.integers(0, 2**64, (n, phash.WORDS), np.uint64), np.arange(n)
        for kind, (hashes, groups) in {"uniform": uniform, "clustered": clustered(model, n, rng)}.items():
            done.append(measured(kind, hashes, groups, rng))
            print(done[-1], flush=True)
    return done


def search_rows(done: Sequence[Search]) -> list[Row]:
    """Compare with the targets the largest clustered search, the last, and that of a tenth of it."""
    smaller, largest = done[-3], done[-1]
    hard = f"{largest.n:,} clustered hashes"
    growth = largest.cpu_s / smaller.cpu_s
    return [
        bounded("search for near-duplicates", hard, largest.wall_s, "s", 60),
        bounded("peak memory of the search", hard, largest.peak_gb, "GB", 2),
        bounded("CPU time for ten times the hashes", f"{hard}, {smaller.n:,}", growth, "x", 100),
        bounded("planted pairs missed", _all(done, "planted"), sum(s.missed for s in done), "pairs", 0),
        bounded(
            "pairs that differ from brute force",
            "samples of all searches",
            sum(s.differing for s in done),
            "pairs",
            0,
        ),
    ]


def _all(done: Sequence[Search], what: str) -> str:
    return f"{sum(getattr(search, what) for search in done):,} {what} in {len(done)} searches"


# Hashing ------------------------------------------------------------------------------------

PEERS_PROGRAM = """
import json, multiprocessing, sys, time, types
from pathlib import Path
import numpy as np
from PIL import Image
# Three modules import torch, torchvision and matplotlib; hashing uses none of them.
unused = {"methods.cnn": "CNN", "utils.models": "CustomModel", "utils.plotter": "plot_duplicates"}
for module, name in unused.items():
    sys.modules["imagededup." + module] = types.SimpleNamespace(**{name: None})
from imagededup.methods import PHash
multiprocessing.set_start_method("fork")
hasher, start = PHash(verbose=False), time.perf_counter()
count = len(hasher.encode_images(sys.argv[1], num_enc_workers=int(sys.argv[2])))
from_files = time.perf_counter() - start
crops = [np.array(Image.open(path)) for path in sorted(Path(sys.argv[1]).iterdir())]
start = time.perf_counter()
for crop in crops:
    hasher.encode_image(image_array=crop)
print(json.dumps([count, from_files, time.perf_counter() - start]))
"""


def hashing_rows(python: str | None, n: int) -> list[Row]:
    """Hash n crops in memory and from files; return no rows if there is no peer."""
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder)
        write_images(files, n)
        theirs = hashed_by_peer(python, files, n) if python else None
        ours = hashed(files)
    print(f"\nemo: {n:,} files in {ours[0]:.2f} s, crops in memory in {ours[1]:.2f} s")
    if theirs is None:
        print(f"hashing is not compared: give --peers an interpreter that has {PEER}")
        return []
    return [
        faster(f"hashing {n:,} crops of 64x64 in memory", f"{PEER}, PHash", (ours[1], theirs[1]), "s", 20),
        faster(f"hashing {n:,} PNG files of 64x64", f"{PEER}, PHash", (ours[0], theirs[0]), "s", 20),
    ]


def write_images(files: Path, n: int) -> None:
    """Write n textures of 64x64 as PNG files."""
    rng = np.random.default_rng(0)
    for k in range(n):
        (files / f"{k:05}.png").write_bytes(encode_png(texture(rng)))


def hashed(files: Path) -> tuple[float, float]:
    """Return the seconds for hashing all files, and for hashing their crops in memory."""
    paths = sorted(files.iterdir())
    batches = [paths[k : k + FACES_A_CLIP] for k in range(0, len(paths), FACES_A_CLIP)]
    start = time.perf_counter()
    with ThreadPoolExecutor(worker_count()) as threads:
        list(threads.map(lambda batch: phash.perceptual_hashes(crops_of(batch)), batches))
    from_files = time.perf_counter() - start
    crops = [crops_of(batch) for batch in batches]
    start = time.perf_counter()
    for batch in crops:
        phash.perceptual_hashes(batch)
    return from_files, time.perf_counter() - start


def crops_of(paths: Sequence[Path]) -> list[npt.NDArray[np.uint8]]:
    """Read PNG files as grey crops."""
    return [decode_grey(path.read_bytes()) for path in paths]


def texture(rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Return an image whose PNG is as large as that of a face: 3 kB."""
    coarse = rng.integers(0, 256, (8, 8), np.uint8)
    return cv2.resize(coarse, (64, 64), interpolation=cv2.INTER_CUBIC)  # type: ignore[return-value]


def hashed_by_peer(python: str, files: Path, n: int) -> tuple[float, float] | None:
    """Return the peer's seconds as `hashed` does; print why and return None if it cannot run."""
    command = [python, "-c", PEERS_PROGRAM, str(files), str(worker_count())]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print((getattr(error, "stderr", "") or str(error)).strip().splitlines()[-1])
        return None
    count, from_files, in_memory = json.loads(answer.stdout.splitlines()[-1])
    print(f"{PEER}: {count:,} files in {from_files:.2f} s, crops in memory in {in_memory:.2f} s")
    if count != n:
        raise RuntimeError(f"{PEER} hashed {count} images of {n}")
    return float(from_files), float(in_memory)


def main() -> None:
    """Measure searching and hashing, and record both."""
    options = parser(__doc__)
    options.add_argument("--peers", metavar="PYTHON", help=f"an interpreter that has {PEER}")
    given = options.parse_args()
    sizes, clips, images = (SIZES[:2], 28, 2_000) if given.quick else (SIZES, 1000, 25_000)
    rows = search_rows(searches(sizes, fitted(clips)))
    hashing = hashing_rows(given.peers, images)
    record(__file__, [*rows, *hashing], whole=bool(hashing) and not given.quick)


if __name__ == "__main__":
    main()

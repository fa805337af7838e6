"""Measure face detection, compared with the usual script and with a full search of every frame.

    python benchmarks/cascades.py [--fps 5] [--set london ...] [--method emo ...] [--sweep]

Prints one table for each set of clips (the figures in docs/faces.md). Times are processor time of one thread
for frames with a longest side of 640 px, without reading and decoding. Needs ../shared/data (real faces) and,
for the set `demo`, demo/clips.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from math import inf
from pathlib import Path

import cv2
import cv2.data
import numpy as np
import pandas as pd

from pipeline.faces.detector import Box
from pipeline.faces.detectors.haar import HaarSettings
from pipeline.faces.tracking import TrackedFace, TrackingParams, track
from pipeline.video.decode import Sampling, Tally, sample

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
HEIGHT, WIDTH = 360, 640  # of the busy scenes

HAAR = HaarSettings(
    cascade="frontalface_alt2",
    fallback_cascade="frontalface_alt",
    scale_factor=1.2,
    min_neighbors=5,
    min_score=5.0,
)
TRACKING = TrackingParams(
    min_face=0.15, max_face=1.0, full_search_every_s=1.0, min_detections=2, rival_share=0.5
)

Images = list[np.ndarray]
Found = list[Box]
"""All faces that a method accepts in one frame."""


@dataclass
class Clip:
    """Frames of one clip, and the true position of the participant's face, if it is known."""

    name: str
    subject: str
    frames: Images
    times_s: list[float]
    truth: list[Box | None] | None = None
    "for each frame the face, or None while it is hidden; None if the truth is not known"


# --- clips ---------------------------------------------------------------------------------------


def read(path: Path, fps: float, subject: str) -> Clip:
    """Sample a video as the stage `frames` does, in grey."""
    wanted = Sampling(0.0, inf, 1 / fps, 640)
    sampled = list(sample(path, wanted, Tally()))
    frames = [cv2.cvtColor(one.pixels, cv2.COLOR_BGR2GRAY) for one in sampled]
    return Clip(path.stem, subject, frames, [one.time_s for one in sampled])


def located(clip: Clip) -> Clip:
    """Set the truth to the best-scored face of an exhaustive search, for clips of exactly one face."""
    return replace(clip, truth=[_surest(f) for f in clip.frames])


def _surest(grey: np.ndarray) -> Box | None:
    low = int(0.15 * min(grey.shape))
    cascade = _cascade("frontalface_alt2")
    boxes, counts = cascade.detectMultiScale2(grey, scaleFactor=1.1, minNeighbors=1, minSize=(low, low))
    return _box(boxes[int(np.argmax(counts))]) if len(boxes) else None


@cache
def london(fps: float) -> list[Clip]:
    """51 real subjects: 46 with two clips of 2 s, 5 with one session of 4.5 s."""
    folders = sorted((DATA / "london" / "clips").glob("*/*.mp4"))
    clips = [read(p, fps, p.parent.name) for p in folders]
    sessions = sorted((DATA / "london" / "sessions").glob("*.mp4"))
    return clips + [read(p, fps, p.stem) for p in sessions]


def changed(clips: list[Clip], change: Callable[[np.ndarray], np.ndarray]) -> list[Clip]:
    """Change every frame of one clip of each subject."""
    return [replace(c, frames=[change(f) for f in c.frames]) for c in one_each(clips)]


def one_each(clips: list[Clip]) -> list[Clip]:
    """Keep one clip of each subject."""
    return list({c.subject: c for c in clips}.values())


def dark(grey: np.ndarray) -> np.ndarray:
    """A fifth of the light, with the noise of a sensor at high gain."""
    noise = np.random.default_rng(0).normal(0, 3, grey.shape)
    return np.clip(grey * 0.2 + noise, 0, 255).astype(np.uint8)


def side_light(grey: np.ndarray) -> np.ndarray:
    """Light from the right: the left side of the frame keeps a tenth of it."""
    fall = 0.1 + 0.9 / (1 + np.exp(-np.linspace(-6, 6, grey.shape[1])))
    return (grey * fall).astype(np.uint8)


def turned(grey: np.ndarray, degrees: float = 20) -> np.ndarray:
    """The head tilted towards the shoulder."""
    height, width = grey.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    return cv2.warpAffine(grey, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)


def busy(fps: float, *, second: bool = False) -> list[Clip]:
    """Put one London clip of each subject into a cluttered 640x360 scene, at 240 to 340 pixels.

    second: a second, smaller face is visible all the time, and the participant's face is covered for the
    middle fifth of the clip.
    """
    clips = [located(c) for c in one_each(london(fps))]
    rng = np.random.default_rng(7)
    return [_scene(c, clips[i - 1], rng, second=second) for i, c in enumerate(clips)]


def _scene(clip: Clip, other: Clip, rng: np.random.Generator, *, second: bool) -> Clip:
    back = clutter(rng, [clip.frames[0][300:], other.frames[0][300:]])
    side = int(rng.integers(240, 340))
    left = int(rng.integers(0, 120)) if second else int(rng.integers(0, WIDTH - side))
    top = int(rng.integers(0, HEIGHT - side))
    frames, truth = [], []
    n = len(clip.frames)
    for i in range(n):
        scene = back.copy()
        box = _paste(scene, clip, i, (left, top, side))
        hidden = second and 2 * n <= 5 * i < 3 * n
        if hidden:
            scene[top : top + side, left : left + side] = back[:side, -side:]
        if second:
            _paste(scene, other, i % len(other.frames), (470, 100, int(side * 0.5)))
        frames.append(scene)
        truth.append(None if hidden else box)
    return replace(clip, frames=frames, truth=truth)


def _paste(scene: np.ndarray, clip: Clip, i: int, place: tuple[int, int, int]) -> Box | None:
    """Paste a frame into the scene at (left, top, side); return the box of its face there."""
    left, top, side = place
    frame = clip.frames[i]
    k = side / max(frame.shape)
    small = cv2.resize(frame, (side, side), interpolation=cv2.INTER_AREA)
    oval = np.zeros((side, side), np.uint8)
    cv2.ellipse(oval, (side // 2, side // 2), (side // 3, side // 2), 0, 0, 360, 255, -1)
    part = scene[top : top + side, left : left + side]
    part[oval > 0] = small[oval > 0]
    box = clip.truth[i] if clip.truth else None
    return box and Box(box.x * k + left, box.y * k + top, box.w * k, box.h * k)


def clutter(rng: np.random.Generator, patches: Sequence[np.ndarray]) -> np.ndarray:
    """Draw a background that provokes false detections: texture, ellipses, pieces of clothes and necks."""
    image = np.full((HEIGHT, WIDTH), 120, np.float32)
    for cell in (4, 8, 16, 32, 64):
        noise = rng.normal(0, 12, (HEIGHT // cell + 2, WIDTH // cell + 2)).astype(np.float32)
        image += cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    scene = np.clip(image, 0, 255).astype(np.uint8)
    for _ in range(150):
        centre = tuple(int(v) for v in rng.integers(0, (WIDTH, HEIGHT)))
        axes = tuple(int(v) for v in rng.integers(3, 40, 2))
        grey, thick = int(rng.integers(20, 240)), int(rng.choice([-1, -1, 2, 4]))
        cv2.ellipse(scene, centre, axes, float(rng.uniform(0, 180)), 0, 360, grey, thick)
    for patch in [p for p in patches for _ in range(8)]:
        _put_piece(scene, patch, rng)
    return scene


def _put_piece(scene: np.ndarray, patch: np.ndarray, rng: np.random.Generator) -> None:
    k = int(rng.integers(30, 110))
    y, x = int(rng.integers(0, patch.shape[0] - k)), int(rng.integers(0, patch.shape[1] - k))
    v, u = int(rng.integers(0, HEIGHT - k)), int(rng.integers(0, WIDTH - k))
    scene[v : v + k, u : u + k] = np.rot90(patch[y : y + k, x : x + k], int(rng.integers(1, 4)))


def demo(fps: float) -> list[Clip]:
    """The ordinary clips of the virtual cohort."""
    table, clips = ROOT / "demo" / "difficult.csv", ROOT / "demo" / "clips"
    difficult = set(pd.read_csv(table)["video"]) if table.exists() else set()
    paths = sorted(clips.rglob("*.mp4"))
    easy = [p for p in paths if p.relative_to(clips).as_posix() not in difficult]
    return [read(p, fps, p.parent.name) for p in easy]


def edge(fps: float) -> list[Clip]:
    """A person leaves at 2.4 s, another enters at 4.0 s (0.1 s of black at the end), an empty scene."""
    seen = {"face_noface": (0.0, 2.37), "noface_face": (3.98, 6.33), "no_face": (9.0, 9.0)}
    clips = [read(p, fps, p.stem) for p in sorted((DATA / "edge").glob("*.m*"))]
    for clip in clips:
        start, end = seen[clip.name]
        visible = (start <= t < end for t in clip.times_s)
        pairs = zip(clip.frames, visible, strict=True)
        clip.truth = [_surest(f) if v else None for f, v in pairs]
    return clips


SETS: dict[str, Callable[[float], list[Clip]]] = {
    "london": lambda fps: [located(c) for c in london(fps)],
    "dark": lambda fps: changed(london(fps), dark),
    "side_light": lambda fps: changed(london(fps), side_light),
    "tilted": lambda fps: changed(london(fps), turned),
    "busy": busy,
    "second": lambda fps: busy(fps, second=True),
    "edge": edge,
    "demo": demo,
}

# --- methods -------------------------------------------------------------------------------------


@cache
def _cascade(name: str) -> cv2.CascadeClassifier:
    return cv2.CascadeClassifier(f"{cv2.data.haarcascades}haarcascade_{name}.xml")


def _box(values: Sequence[int]) -> Box:
    return Box(*(float(v) for v in values))


def usual(clip: Clip) -> list[Found]:
    """The usual script: frontalface_default, scale 1.3, 5 neighbours, no other restriction."""
    cascade = _cascade("frontalface_default")
    return [[_box(b) for b in cascade.detectMultiScale(f, 1.3, 5)] for f in clip.frames]


def full(clip: Clip, name: str = "frontalface_alt2") -> list[Found]:
    """A full search of every frame: scale 1.1, 5 neighbours, faces from 15 % of the short side."""
    low = int(0.15 * min(clip.frames[0].shape))
    cascade = _cascade(name)
    return [[_box(b) for b in cascade.detectMultiScale(f, 1.1, 5, minSize=(low, low))] for f in clip.frames]


def ours(clip: Clip, haar: HaarSettings = HAAR, tracking: TrackingParams = TRACKING) -> list[Found]:
    """emo: the participant's face, or none."""
    found: list[TrackedFace] = track(clip.frames, clip.times_s, haar.build(), tracking)
    return [[face.box] if face.status == "ok" and face.box else [] for face in found]


Method = Callable[[Clip], list[Found]]
REFERENCE = "full 1.1, alt2"
METHODS: dict[str, Method] = {
    "usual script": usual,
    "full 1.1, default": lambda clip: full(clip, "frontalface_default"),
    REFERENCE: full,
    "emo": ours,
}


def sweep() -> dict[str, Method]:
    """Return methods with other settings than the chosen ones, one change at a time."""
    changes: list[dict[str, object]] = [{}]
    changes += [{"fallback_cascade": s} for s in ("none", "frontalface_alt2", "frontalface_default")]
    changes += [{"cascade": c} for c in ("frontalface_alt", "frontalface_default")]
    changes += [{"scale_factor": 1.1}, {"scale_factor": 1.15}, {"scale_factor": 1.3}]
    changes += [{"min_neighbors": n} for n in (3, 8)]
    changes += [{"min_score": n} for n in (8.0, 12.0)]
    changes += [{"full_search_every_s": s} for s in (0.5, 2.0)]
    return {", ".join(f"{k} {v}" for k, v in c.items()) or "chosen": _with(c) for c in changes}


def _with(change: dict[str, object]) -> Method:
    own = {field.name for field in fields(TrackingParams)}
    haar = replace(HAAR, **{k: v for k, v in change.items() if k not in own})  # type: ignore[arg-type]
    tracking = replace(TRACKING, **{k: v for k, v in change.items() if k in own})  # type: ignore[arg-type]
    return lambda clip: ours(clip, haar, tracking)


# --- measures ------------------------------------------------------------------------------------


@dataclass
class Score:
    """The results of one method on one set of clips."""

    subjects: dict[str, list[bool]] = field(default_factory=dict)
    ious: list[float] = field(default_factory=list)
    false: int = 0
    judged: bool = False
    "whether the truth is known"
    several: int = 0
    lost: dict[str, list[bool]] = field(default_factory=dict)
    seconds: float = 0.0

    def add(self, clip: Clip, found: list[Found], reference: list[Found]) -> None:
        """Compare the faces of one clip with the truth and with the reference."""
        for i, faces in enumerate(found):
            truth = clip.truth[i] if clip.truth else None
            right = [b for b in faces if truth and iou(b, truth) > 0.3] if clip.truth else faces
            self.judged |= clip.truth is not None
            self.false += len(faces) - len(right)
            self.several += len(faces) > 1
            if truth or not clip.truth:
                self.subjects.setdefault(clip.subject, []).append(bool(right))
            self._compare(clip.subject, right, [b for b in reference[i] if _near(b, truth, clip)])

    def _compare(self, subject: str, faces: Found, reference: Found) -> None:
        if not reference:
            return
        best = max((iou(a, b) for a in faces for b in reference), default=0.0)
        self.lost.setdefault(subject, []).append(best < 0.3)
        if best >= 0.3:
            self.ious.append(best)

    def row(self) -> dict[str, object]:
        """Return one row of the table."""
        hits = {s: float(np.mean(h)) for s, h in self.subjects.items()}
        worst = min(hits, key=lambda s: hits[s], default="")
        lost = [v for values in self.lost.values() for v in values]
        n = sum(len(h) for h in self.subjects.values())
        found = sum(sum(h) for h in self.subjects.values())
        low, middle = np.percentile(self.ious, [1, 50]) if self.ious else (np.nan, np.nan)
        return {
            "found %": round(100 * found / n, 2) if n else np.nan,
            "worst subject %": round(100 * hits[worst], 1) if hits else np.nan,
            "who": worst,
            "false": self.false if self.judged else "",
            "several": self.several,
            "lost %": round(100 * float(np.mean(lost)), 2) if lost else np.nan,
            "worst lost %": round(
                100 * max((float(np.mean(v)) for v in self.lost.values()), default=np.nan), 1
            ),
            "IoU 1st pc": round(float(low), 2),
            "IoU median": round(float(middle), 2),
        }


def _near(box: Box, truth: Box | None, clip: Clip) -> bool:
    return clip.truth is None or (truth is not None and iou(box, truth) > 0.3)


def iou(a: Box, b: Box) -> float:
    """Return intersection over union, 0..1."""
    wide = min(a.x + a.w, b.x + b.w) - max(a.x, b.x)
    high = min(a.y + a.h, b.y + b.h) - max(a.y, b.y)
    common = max(wide, 0.0) * max(high, 0.0)
    return common / (a.w * a.h + b.w * b.h - common)


def measure(clips: list[Clip], methods: dict[str, Method]) -> pd.DataFrame:
    """Run every method on every clip; REFERENCE, if it is among them, is the reference."""
    scores = {name: Score() for name in methods}
    for clip in clips:
        found = {}
        for name, method in methods.items():
            start = time.process_time()
            found[name] = method(clip)
            scores[name].seconds += time.process_time() - start
        reference = found.get(REFERENCE, [[]] * len(clip.frames))
        for name, score in scores.items():
            score.add(clip, found[name], reference)
    n = sum(len(c.frames) for c in clips)
    rows = {m: {"ms/frame": round(1e3 * s.seconds / n, 1)} | s.row() for m, s in scores.items()}
    return pd.DataFrame.from_dict(rows, orient="index")


def tables(names: Sequence[str], fps: float, methods: dict[str, Method]) -> Iterator[str]:
    """Yield one table for each set of clips, as text."""
    for name in names:
        clips = SETS[name](fps)
        if not clips:
            yield f"\n{name}: no clips here"
            continue
        frames, subjects = sum(len(c.frames) for c in clips), len({c.subject for c in clips})
        head = f"\n{name}: {len(clips)} clips, {subjects} subjects, {frames} frames at {fps:g} fps"
        yield f"{head}\n{measure(clips, methods).to_string(na_rep='')}"


def main() -> None:
    """Parse the command line and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--fps", type=float, default=5.0)
    parser.add_argument("--set", nargs="+", choices=SETS, default=list(SETS), dest="sets")
    parser.add_argument("--method", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--sweep", action="store_true", help="vary emo's settings instead")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    methods = sweep() if options.sweep else {name: METHODS[name] for name in options.method}
    for text in tables(options.sets, options.fps, methods):
        print(text, flush=True)


if __name__ == "__main__":
    main()

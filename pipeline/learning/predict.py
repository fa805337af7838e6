"""`emo predict`: the expressions of the faces in pictures and videos, found as the pipeline finds them."""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pipeline.faces.clip_faces import StoredFrames, crop_face, find_participant
from pipeline.faces.detector import Box
from pipeline.faces.params import FacesParams
from pipeline.faces.tracking import TrackedFace, find_faces
from pipeline.learning.model.predictor import Predictor
from pipeline.runtime.errors import EmoError
from pipeline.runtime.image_codec import decode_colour, read_picture, write_picture
from pipeline.runtime.progress import progress_bar
from pipeline.schema.faces import OK
from pipeline.versions.dvc_lock import settings_as_built
from pipeline.video.clip_frames import ClipFrames, FramesParams, write_frames
from pipeline.video.decode import Sampling
from pipeline.video.encode import write_video
from pipeline.video.probe import is_video

_INK, _PAPER = (60, 220, 60), (20, 20, 20)


@dataclass(frozen=True)
class Settings:
    """How faces are found and cropped: as when the dataset was last built."""

    frames: FramesParams
    faces: FacesParams


@dataclass(frozen=True)
class Job:
    """One file to look at."""

    file: Path
    target: Path | None
    "where its annotated copy goes, without the ending"
    fps: float
    "frames of a video looked at per second"


@dataclass(frozen=True)
class FaceFound:
    """One face and the probabilities of its expressions."""

    time_s: float | None
    "of the frame in a video; None in a picture"
    box: Box
    "in pixels of the file's upright picture"
    probabilities: dict[str, float]

    @property
    def best(self) -> tuple[str, float]:
        """Return the most probable expression and its probability."""
        return max(self.probabilities.items(), key=lambda item: item[1])


@dataclass(frozen=True)
class FileResult:
    """What is found in one file."""

    file: Path
    looked_at: int
    "pictures or frames searched"
    faces: tuple[FaceFound, ...]

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "file": str(self.file),
            "frames": self.looked_at,
            "faces": [
                {"time_s": face.time_s, "box": vars(face.box), "probabilities": face.probabilities}
                for face in self.faces
            ],
        }

    def table(self) -> tuple[str, list[str], list[list[str]]]:
        """Return title, header and rows to print."""
        names = list(self.faces[0].probabilities) if self.faces else []
        rows = [
            [
                "-" if face.time_s is None else f"{face.time_s:.2f}",
                f"{face.box.x:.0f},{face.box.y:.0f} {face.box.w:.0f}x{face.box.h:.0f}",
                face.best[0],
                *(f"{face.probabilities[name]:.2f}" for name in names),
            ]
            for face in self.faces
        ]
        title = f"{self.file}: {len(self.faces)} faces in {self.looked_at} pictures"
        return title, ["time_s", "box", "expression", *names], rows


def predict_files(
    files: Sequence[Path], out: Path | None, fps: float, report: Callable[[FileResult], None]
) -> None:
    """Find the faces of every file, tell their expressions, and `report` each file as it is done.

    Writes annotated copies into `out`. Raises EmoError with a line for each file that cannot be read,
    after the others are done.
    """
    predictor, settings = Predictor.load(), read_settings()
    targets = _targets(files, out)
    bad: list[str] = []
    with progress_bar("predict", len(files)) as advance:
        for file in files:
            try:
                report(_predict(Job(file, targets.get(file), fps), predictor, settings))
            except EmoError as error:
                bad.append(str(error))
            advance()
    if bad:
        raise EmoError("\n       ".join(bad))


def _targets(files: Sequence[Path], out: Path | None) -> dict[Path, Path]:
    """Return where each annotated copy goes (its ending follows); never over a file that was given."""
    if out is None:
        return {}
    stems = Counter(file.stem for file in files)
    names = {f: f.stem if stems[f.stem] == 1 else f"{f.parent.name}_{f.stem}" for f in files}
    for name, count in Counter(names.values()).items():
        if count > 1 and len(set(files)) == len(files):
            raise EmoError(f"{out}: {count} files would be written as {name}_predicted; give them apart")
    return {file: out / f"{name}_predicted" for file, name in names.items()}


def read_settings() -> Settings:
    """Return the settings that the dataset was built with (dvc.lock), else those of params.yaml."""
    return Settings(settings_as_built("frames", FramesParams), settings_as_built("faces", FacesParams))


def _predict(job: Job, predictor: Predictor, settings: Settings) -> FileResult:
    if not job.file.is_file():
        raise EmoError(f"{job.file}: no such file; give pictures or videos")
    if is_video(job.file):
        return _predict_video(job, predictor, settings)
    return _predict_picture(job, predictor, settings)


def _predict_picture(job: Job, predictor: Predictor, settings: Settings) -> FileResult:
    picture = read_picture(job.file)
    scale = min(1.0, settings.frames.max_side / max(picture.shape[:2]))
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    found = find_faces(grey, settings.faces.settings.build(), settings.faces.tracking)
    seen = [(None, small, face) for face in found]
    faces = _judge(seen, 1 / scale, predictor, settings)
    if job.target:
        write_picture(job.target.with_name(f"{job.target.name}.png"), annotate(picture, faces, 1.0))
    return FileResult(job.file, 1, tuple(faces))


def _predict_video(job: Job, predictor: Predictor, settings: Settings) -> FileResult:
    """Follow the participant through a video, by the code of the stages frames and faces."""
    with tempfile.TemporaryDirectory() as folder:
        shard = Path(folder) / "frames.parquet"
        sampling = Sampling(0.0, float("inf"), 1 / job.fps, settings.frames.max_side)
        tally = write_frames(job.file, ClipFrames(sampling, settings.frames.jpeg_quality), shard)
        frames = StoredFrames(shard)
        times = frames.column("time_s")
        scale = tally.width / frames[0].shape[1]
        faces = _judge(list(_tracked(frames, times, settings)), scale, predictor, settings)
        if job.target:
            drawn = _drawn(frames, times, faces, 1 / scale)
            write_video(job.target.with_name(f"{job.target.name}.mp4"), drawn, job.fps)
    return FileResult(job.file, len(times), tuple(faces))


def _drawn(
    frames: StoredFrames, times: Sequence[float], faces: Sequence[FaceFound], scale: float
) -> Iterator[np.ndarray]:
    for index, time_s in enumerate(times):
        here = [face for face in faces if face.time_s == time_s]
        yield annotate(decode_colour(frames.jpeg(index)), here, scale)


def _tracked(
    frames: StoredFrames, times: Sequence[float], settings: Settings
) -> Iterator[tuple[float, np.ndarray, TrackedFace]]:
    for index, face in enumerate(find_participant(frames, settings.faces)):
        yield times[index], decode_colour(frames.jpeg(index)), face


def _judge(
    seen: Sequence[tuple[float | None, np.ndarray, TrackedFace]],
    scale: float,
    predictor: Predictor,
    settings: Settings,
) -> list[FaceFound]:
    """Crop the accepted faces and ask the net; `scale` turns searched pixels into the file's."""
    accepted = [(t, picture, s.box) for t, picture, s in seen if s.status == OK and s.box]
    if not accepted:
        return []
    crops = np.stack([_crop(picture, box, settings) for _, picture, box in accepted])
    return [
        FaceFound(time_s, _scaled(box, scale), dict(zip(predictor.classes, map(float, row), strict=True)))
        for (time_s, _, box), row in zip(accepted, predictor.predict(crops), strict=True)
    ]


def _crop(picture: np.ndarray, box: Box, settings: Settings) -> np.ndarray:
    crop = settings.faces.effective_crop
    if crop.colour == "colour":
        return cv2.cvtColor(crop_face(picture, box, crop)[0], cv2.COLOR_BGR2RGB)
    return crop_face(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), box, crop)[0]


def _scaled(box: Box, scale: float) -> Box:
    return Box(*(round(value * scale, 2) for value in (box.x, box.y, box.w, box.h)))


def annotate(picture: np.ndarray, faces: Sequence[FaceFound], scale: float) -> np.ndarray:
    """Return a copy of a (H, W, 3) uint8 BGR picture with boxes and labels; `scale` fits the boxes."""
    drawn = picture.copy()
    thick = max(1, round(min(picture.shape[:2]) / 480))
    for face in faces:
        box = _scaled(face.box, scale)
        corner, end = (round(box.x), round(box.y)), (round(box.x + box.w), round(box.y + box.h))
        name, probability = face.best
        cv2.rectangle(drawn, corner, end, _INK, 2 * thick, cv2.LINE_AA)
        _write(drawn, f"{name} {probability:.0%}", corner, thick)
    return drawn


def _write(drawn: np.ndarray, text: str, corner: tuple[int, int], thick: int) -> None:
    """Write a label above a corner, within the picture."""
    font, height = cv2.FONT_HERSHEY_SIMPLEX, 0.6 * thick
    (wide, high), _ = cv2.getTextSize(text, font, height, 3 * thick)
    place = (max(0, min(corner[0], drawn.shape[1] - wide)), max(high, corner[1] - 5 * thick))
    for ink, width in ((_PAPER, 3 * thick), (_INK, thick)):
        cv2.putText(drawn, text, place, font, height, ink, width, cv2.LINE_AA)

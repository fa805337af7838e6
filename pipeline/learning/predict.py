"""Expressions of the faces in images and videos, found as in the pipeline: the work of `emo predict`."""

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
from pipeline.runtime.errors import EmoError, disk_errors, writing
from pipeline.runtime.image_codec import decode_colour, write_picture
from pipeline.runtime.progress import progress_bar
from pipeline.runtime.text import TextTable, counted
from pipeline.schema.faces import OK
from pipeline.versions.dvc_lock import settings_as_built
from pipeline.versions.withdrawn_meanwhile import kept_unless_withdrawn
from pipeline.video.clip_frames import ClipFrames, FramesParams, write_frames
from pipeline.video.decode import Sampling
from pipeline.video.encode import write_video
from pipeline.video.probe import is_still_image
from pipeline.video.stills import read_still

_COLOUR, _OUTLINE = (60, 220, 60), (20, 20, 20)
"""Colours (BGR) of boxes and labels, and of the outline of labels."""


@dataclass(frozen=True)
class Settings:
    """How faces are found and cropped: the settings with which the dataset was last built."""

    frames: FramesParams
    faces: FacesParams


@dataclass(frozen=True)
class Job:
    """One file to process."""

    file: Path
    target: Path | None
    "Path of the annotated copy, without its ending; None for no copy."
    fps: float
    "Frames sampled per second of video."


@dataclass(frozen=True)
class FaceFound:
    """One face and the probabilities of its expressions."""

    time_s: float | None
    "Time of the frame in a video, in seconds; None for an image."
    box: Box
    "Bounding box in pixels of the file, rotated upright."
    probabilities: dict[str, float]
    "Probability by expression."

    @property
    def best(self) -> tuple[str, float]:
        """The most probable expression and its probability."""
        return max(self.probabilities.items(), key=lambda item: item[1])


@dataclass(frozen=True)
class FileResult:
    """The faces found in one file."""

    file: Path
    frames: int
    "Number of images or frames searched."
    faces: tuple[FaceFound, ...]
    copy: Path | None = None
    "The annotated copy, if one was written."

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "file": str(self.file),
            "frames": self.frames,
            "faces": [
                {"time_s": face.time_s, "box": vars(face.box), "probabilities": face.probabilities}
                for face in self.faces
            ],
        }

    def table(self) -> TextTable:
        """Return title, header and rows."""
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
        title = f"{self.file}: {counted(len(self.faces), 'face')} in {counted(self.frames, 'frame')}"
        return title, ["time_s", "box", "expression", *names], rows


def predict_files(
    files: Sequence[Path], out: Path | None, fps: float, report: Callable[[FileResult], None]
) -> None:
    """Find the faces of every file and predict their expressions.

    Args:
        files: Images and videos.
        out: Folder for annotated copies; None for no copies.
        fps: Frames sampled per second of video.
        report: Called with the result of each file as it is finished.

    Raises:
        EmoError: Some files cannot be read: one line per file, after all others are finished.
        ConsentError: A subject withdraws meanwhile; the annotated copies are removed.
    """
    targets = _targets(files, out)
    jobs = [Job(file, targets.get(file), fps) for file in files]
    with kept_unless_withdrawn("predict") as written:
        bad = list(_run(jobs, report, written))
    if bad:
        raise EmoError(*bad)


def _run(jobs: Sequence[Job], report: Callable[[FileResult], None], written: list[Path]) -> Iterator[str]:
    """Process all files; yield an error for each that cannot be read, and add the copies to `written`."""
    predictor, settings = Predictor.load(), read_settings()
    with progress_bar("predict", len(jobs)) as advance:
        for job in jobs:
            try:
                result = _predict(job, predictor, settings)
                written += [result.copy] if result.copy else []
                report(result)
            except EmoError as error:
                yield str(error)
            except FileNotFoundError:
                yield f"{job.file}: no such file; give images or videos"
            advance()


def _targets(files: Sequence[Path], out: Path | None) -> dict[Path, Path]:
    """Return the path of each annotated copy, without its ending; raise EmoError if two are the same."""
    if out is None:
        return {}
    with writing(out, "give a folder in which you may write"):
        out.mkdir(parents=True, exist_ok=True)
    stems = Counter(file.stem for file in files)
    names = {f: f.stem if stems[f.stem] == 1 else f"{f.parent.name}_{f.stem}" for f in files}
    for name, count in Counter(names.values()).items():
        if count > 1 and len(set(files)) == len(files):
            raise EmoError(
                f"{out}: {count} files would be written as {name}_predicted; process them one at a time"
            )
    return {file: out / f"{name}_predicted" for file, name in names.items()}


def read_settings() -> Settings:
    """Return the settings with which the dataset was built (dvc.lock), else those of params.yaml."""
    return Settings(settings_as_built("frames", FramesParams), settings_as_built("faces", FacesParams))


def _predict(job: Job, predictor: Predictor, settings: Settings) -> FileResult:
    if is_still_image(job.file):
        return _predict_image(job, predictor, settings)
    return _predict_video(job, predictor, settings)


def _predict_image(job: Job, predictor: Predictor, settings: Settings) -> FileResult:
    image = read_still(job.file)
    scale = min(1.0, settings.frames.max_side / max(image.shape[:2]))
    size = tuple(max(1, round(side * scale)) for side in image.shape[1::-1])
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    found = find_faces(grey, settings.faces.settings.build(), settings.faces.tracking_in(grey.shape))
    faces = _classify([(None, small, face) for face in found], 1 / scale, predictor, settings)
    copy = job.target.with_name(f"{job.target.name}.png") if job.target else None
    if copy:
        with writing(copy):
            write_picture(copy, annotate(image, faces, 1.0))
    return FileResult(job.file, 1, tuple(faces), copy)


def _predict_video(job: Job, predictor: Predictor, settings: Settings) -> FileResult:
    """Track the participant through a video with the code of the stages frames and faces."""
    with disk_errors(tempfile.gettempdir(), ""), tempfile.TemporaryDirectory() as folder:
        shard = Path(folder) / "frames.parquet"
        sampling = Sampling(0.0, float("inf"), 1 / job.fps, settings.frames.max_side)
        tally = write_frames(job.file, ClipFrames(sampling, settings.frames.jpeg_quality), shard)
        frames = StoredFrames(shard)
        times = frames.column("time_s")
        scale = tally.width / frames[0].shape[1]
        tracked = [
            (times[index], decode_colour(frames.jpeg(index)), face)
            for index, face in enumerate(find_participant(frames, settings.faces))
        ]
        faces = _classify(tracked, scale, predictor, settings)
        copy = job.target.with_name(f"{job.target.name}.mp4") if job.target else None
        if copy:
            with writing(copy):
                write_video(copy, _annotated(frames, times, faces, 1 / scale), job.fps)
    return FileResult(job.file, len(times), tuple(faces), copy)


def _annotated(
    frames: StoredFrames, times: Sequence[float], faces: Sequence[FaceFound], scale: float
) -> Iterator[np.ndarray]:
    for index, time_s in enumerate(times):
        here = [face for face in faces if face.time_s == time_s]
        yield annotate(decode_colour(frames.jpeg(index)), here, scale)


def _classify(
    tracked: Sequence[tuple[float | None, np.ndarray, TrackedFace]],
    scale: float,
    predictor: Predictor,
    settings: Settings,
) -> list[FaceFound]:
    """Crop the accepted faces and predict their expressions.

    Args:
        tracked: Time, frame (H, W, 3) uint8 BGR, and face.
        scale: Factor from pixels of the frame to pixels of the file.
        predictor: The model.
        settings: How to crop.
    """
    accepted = [
        (time_s, frame, face.box) for time_s, frame, face in tracked if face.status == OK and face.box
    ]
    if not accepted:
        return []
    crops = np.stack([_crop(frame, box, settings) for _, frame, box in accepted])
    return [
        FaceFound(time_s, _scaled(box, scale), dict(zip(predictor.classes, map(float, row), strict=True)))
        for (time_s, _, box), row in zip(accepted, predictor.predict(crops), strict=True)
    ]


def _crop(frame: np.ndarray, box: Box, settings: Settings) -> np.ndarray:
    crop = settings.faces.effective_crop
    if crop.colour == "colour":
        return cv2.cvtColor(crop_face(frame, box, crop)[0], cv2.COLOR_BGR2RGB)
    return crop_face(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), box, crop)[0]


def _scaled(box: Box, scale: float) -> Box:
    return Box(*(round(value * scale, 2) for value in (box.x, box.y, box.w, box.h)))


def annotate(image: np.ndarray, faces: Sequence[FaceFound], scale: float) -> np.ndarray:
    """Return a copy of an image (H, W, 3) uint8 BGR with boxes and labels, the boxes times `scale`."""
    drawn = image.copy()
    thick = max(1, round(min(image.shape[:2]) / 480))
    for face in faces:
        box = _scaled(face.box, scale)
        corner, end = (round(box.x), round(box.y)), (round(box.x + box.w), round(box.y + box.h))
        name, probability = face.best
        cv2.rectangle(drawn, corner, end, _COLOUR, 2 * thick, cv2.LINE_AA)
        _write(drawn, f"{name} {probability:.0%}", corner, thick)
    return drawn


def _write(drawn: np.ndarray, text: str, corner: tuple[int, int], thick: int) -> None:
    """Write a label above a corner, within the image."""
    font, height = cv2.FONT_HERSHEY_SIMPLEX, 0.6 * thick
    (wide, high), _ = cv2.getTextSize(text, font, height, 3 * thick)
    origin = (max(0, min(corner[0], drawn.shape[1] - wide)), max(high, corner[1] - 5 * thick))
    for colour, width in ((_OUTLINE, 3 * thick), (_COLOUR, thick)):
        cv2.putText(drawn, text, origin, font, height, colour, width, cv2.LINE_AA)

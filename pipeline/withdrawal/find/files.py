"""Which files of the workspace and of the cache hold a subject."""

import os
import re
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from pathlib import Path

from pipeline.runtime.cache import DEFAULT_CACHE, OLD_CACHE, cache_root
from pipeline.runtime.dvc_hash import file_md5
from pipeline.runtime.paths import (
    CALIBRATION_PLOT,
    CONFUSION_PLOT,
    CROISSANT,
    CURVES_PLOT,
    DATASET,
    DUPLICATES,
    FACES,
    FOLDS,
    FRAMES,
    FUNNEL_PLOT,
    METRICS,
    MISTAKES_PLOT,
    MODEL,
    NEAR_PAIRS,
    PAGE,
    PREDICTIONS,
    PROTOCOLS,
    REPORTS,
    SHEETS,
    VIDEOS,
    original,
)
from pipeline.withdrawal.find.content import LEFTOVER, RECORDING, has_tag, is_parquet, kind_of, recording_of
from pipeline.withdrawal.find.objects import has_name_of
from pipeline.withdrawal.subject import Subject, video_digests

IMAGE_OR_PAGE = "image or page that may show the subject"
MODEL_WITH = "model trained with the subject"

_SHOW_ALL = (MISTAKES_PLOT, PROTOCOLS.with_suffix(".png"))
"""Images of many subjects that have no tag, besides the sheets."""

_SHOW_NONE = (FUNNEL_PLOT, CURVES_PLOT, CONFUSION_PLOT, CALIBRATION_PLOT)

_NEAR_PAIRS = re.compile(r"near_pairs(-\d+)?\.png")
"""Pages of near-duplicates, which early versions of emo did not tag."""

_SUFFIXES = (".png", ".jpg", ".jpeg", ".html", ".svg", ".pdf")


@dataclass(frozen=True)
class HeldFile:
    """A file that holds something of the subject."""

    path: Path
    kind: str
    "What the file holds, in words."

    @property
    def size_bytes(self) -> int:
        """The file's length; 0 if it is gone."""
        return self.path.stat().st_size if self.path.is_file() else 0


def in_workspace(subject: Subject, clean: Set[str]) -> list[HeldFile]:
    """Return the files of raw/, data/, models/ and reports/ that hold the subject.

    Images of many subjects and models are assumed to hold the subject unless their MD5 is in `clean`: those
    made from lists without the subject.
    """
    images = [HeldFile(path, IMAGE_OR_PAGE) for path in _images() if _may_show(path, subject)]
    models = [HeldFile(path, MODEL_WITH) for path in sorted(MODEL.rglob("*")) if path.is_file()]
    shared = [item for item in (*images, *models) if file_md5(item.path) not in clean]
    return [*_recordings(subject), *_shards(subject), *_metrics(subject), *shared]


def not_judged(subject: Subject, clean: Set[str]) -> list[Path]:
    """Return the images and pages of reports/ without a tag of emo that DVC does not keep (`clean`)."""
    others = [path for path in _images() if path != PAGE and not _may_show(path, subject)]
    return [path for path in others if not (has_tag(path) or file_md5(path) in clean)]


def in_cache(subject: Subject) -> list[HeldFile]:
    """Return the cached shards of the subject's recordings and of unknown recordings, and unfinished ones.

    The cache may be removed at any time, so every shard that is not known to be another subject's goes.
    """
    folders = [root / stage for root in cache_folders() for stage in ("frames", "faces")]
    unfinished = [path for folder in folders for path in folder.glob(".*.parquet.*.tmp")]
    held = [HeldFile(path, kind_of(path, subject, "") or LEFTOVER) for path in unfinished]
    for path in sorted(path for folder in folders for path in folder.glob("*.parquet")):
        if not is_parquet(path):
            continue
        if (kind := kind_of(path, subject, "")) or not recording_of(path):
            held.append(HeldFile(path, kind or LEFTOVER))
    return held


def cache_folders() -> list[Path]:
    """Return the folders in which this or an earlier version of emo may have kept the cache, existing or not.

    The environment variables may not have been set in every run. Version 0.1 used .emo/memo, or EMO_MEMO.
    """
    tops = dict.fromkeys([Path.cwd(), original(Path.cwd())])
    defaults = [top / folder for top in tops for folder in (DEFAULT_CACHE, OLD_CACHE)]
    named = [Path(folder) for name in ("EMO_CACHE", "EMO_MEMO") if (folder := os.environ.get(name))]
    return list(dict.fromkeys(path.resolve() for path in (cache_root(), *named, *defaults)))


def _recordings(subject: Subject) -> Iterator[HeldFile]:
    for path, digest in video_digests().items():
        if path.relative_to(VIDEOS).as_posix() in subject.videos or digest in subject.recordings:
            yield HeldFile(path, RECORDING)


def _shards(subject: Subject) -> Iterator[HeldFile]:
    for folder in (FRAMES, FACES, DATASET):
        for path in sorted(folder.rglob("*.parquet")):
            if kind := kind_of(path, subject, ""):
                yield HeldFile(path, kind)
            elif has_name_of(subject, path.relative_to(folder).as_posix()):
                yield HeldFile(path, "shard with the subject's name")
    yield from _with_rows((DUPLICATES, NEAR_PAIRS, CROISSANT), subject)


def _with_rows(paths: Iterable[Path], subject: Subject) -> Iterator[HeldFile]:
    for path in paths:
        if path.is_file() and (kind := kind_of(path, subject, "")):
            yield HeldFile(path, kind)


def _metrics(subject: Subject) -> Iterator[HeldFile]:
    yield from _with_rows((PREDICTIONS,), subject)
    protocols = (PROTOCOLS, PROTOCOLS.with_suffix(".csv"), *sorted(FOLDS.glob("*.json")))
    for path in (METRICS, *protocols):
        if path.is_file() and _has_value(path, subject.code):
            yield HeldFile(path, "metrics of the subject")


def _has_value(path: Path, code: str) -> bool:
    """Whether a value in JSON, CSV or HTML is the subject's id, or begins with it."""
    text = path.read_text("utf-8", errors="replace")
    return bool(re.search(rf"[\",>]{re.escape(code)}[\",<\s]", text))


def _images() -> Iterator[Path]:
    for path in sorted(REPORTS.rglob("*")):
        if path.suffix.lower() in _SUFFIXES and path not in _SHOW_NONE and path.is_file():
            yield path


def _may_show(path: Path, subject: Subject) -> bool:
    """Whether emo made an image or page that shows all subjects, or this subject by its tag or text."""
    if has_tag(path, subject.code) or path in _SHOW_ALL or path.parent == SHEETS:
        return True
    if path == PAGE:  # a page without faces has no tag
        return _has_value(path, subject.code)
    return path.parent == REPORTS and bool(_NEAR_PAIRS.fullmatch(path.name)) and not has_tag(path)

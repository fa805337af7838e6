"""--manifest: a table that lists every clip, for recordings of several expressions or with unclear names."""

import difflib
import os
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from pipeline.ingest.names import normal, slug, subject_id
from pipeline.ingest.participants_table import check_no_consent, read_sex
from pipeline.ingest.proposals import Proposal, Proposals, Vocabulary, clip_hint
from pipeline.ingest.sources import IMAGE_SUFFIXES, check_outside
from pipeline.ingest.user_tables import read_table
from pipeline.runtime.csv_files import EXTRA
from pipeline.runtime.errors import EmoError
from pipeline.runtime.text import listed
from pipeline.schema.clips import check_segment
from pipeline.schema.expressions import canonical


@dataclass(frozen=True)
class ManifestRow:
    """One row of a manifest: a clip."""

    video: str
    "Path, relative to the manifest."
    subject: str
    expression: str
    start_s: float | None = None
    end_s: float | None = None
    take: str = ""
    "Shared by the clips of one performance, which have the same subject and expression."
    sex: str = ""
    extra: dict[str, str] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        for name in ("video", "subject", "expression"):
            if not getattr(self, name):
                raise ValueError(f"{name}: empty; every row needs video, subject and expression")
        check_segment(self.start_s, self.end_s)
        read_sex(self.sex)

    @property
    def path(self) -> str:
        """The path in normal form: `./a.mp4` is `a.mp4`."""
        return os.path.normpath(self.video)


def read_manifest(
    path: Path, mapping: Mapping[str, str], *, skip_unknown: bool, declared: Sequence[str] = ()
) -> Proposals:
    """Read the clips that a manifest lists; errors in single rows are collected, not raised."""
    rows = read_table(path, ManifestRow)
    if not rows:
        raise EmoError(f"{path}: no rows; add one row for each clip: video, subject, expression")
    proposals = Proposals("manifest", f"{path} lists {len(rows)} clips", notes=_other_columns(path, rows))
    vocabulary = Vocabulary(mapping, skip_unknown, declared)
    clips_per_video = Counter(row.path for _, row in rows)
    for line, row in rows:
        where = f"{path}: line {line}"
        name = vocabulary.read(row.expression, where)
        if name is None:
            continue
        try:
            whole = clips_per_video[row.path] == 1 and row.start_s is None and row.end_s is None
            proposals.clips.append(_proposal(path, where, row, name, whole=whole))
        except EmoError as error:
            proposals.errors.append(str(error))
    vocabulary.add_unknown_to(proposals)
    proposals.clips = _with_named(path.parent, proposals.clips)
    proposals.notes += _label_conflicts(proposals.clips)
    return proposals


def named_expression(path: Path, folder: Path) -> str:
    """Return the only expression in the path of a recording; empty if there is none or several.

    The folders below `folder`, the manifest's folder, and the stem of the file name count, as a whole and
    word by word. Of a path outside `folder` only the stem counts, because the folders above it describe the
    machine.
    """
    path = Path(os.path.normpath(path))
    below = path.relative_to(folder) if path.is_relative_to(folder) else Path(path.name)
    parts = [*below.parts[:-1], below.stem]
    words = [*parts, *(word for part in parts for word in re.findall(r"[^\W\d_]+", part))]
    names = {name for word in words if (name := canonical(word))}
    return names.pop() if len(names) == 1 else ""


def _with_named(folder: Path, clips: Sequence[Proposal]) -> list[Proposal]:
    """Set `named` of the clips, except where a recording has several expressions."""
    labels: dict[Path, set[str]] = defaultdict(set)
    for clip in clips:
        labels[clip.path].add(clip.expression)
    return [
        replace(clip, named=named_expression(clip.path, folder) if len(labels[clip.path]) == 1 else "")
        for clip in clips
    ]


def _label_conflicts(clips: Sequence[Proposal]) -> list[str]:
    """Return a note on labels that contradict paths. It omits the paths: they may identify a subject."""
    conflicts = [clip for clip in clips if clip.named and clip.named != clip.expression]
    return [
        f"{clip.where}: labelled {clip.expression}, but its path names {clip.named} ({len(conflicts)} such "
        "rows); correct the wrong one, or `emo audit` will report it"
        for clip in conflicts[:1]
    ]


def _other_columns(path: Path, rows: Sequence[tuple[int, ManifestRow]]) -> list[str]:
    """Return a note on columns that are not read; raise EmoError for a column that looks misspelt."""
    known = [entry.name for entry in fields(ManifestRow) if entry.name != EXTRA]
    others = [column for column in rows[0][1].extra if column]
    check_no_consent(path, others)
    for column in others:
        close = difflib.get_close_matches(column.lower(), known, n=1, cutoff=0.7)
        if close:
            raise EmoError(f"{path}: line 1: unknown column {column!r}; is it {close[0]!r}?")
    return [f"{path}: columns not read: {listed(others)}"] if others else []


def _proposal(manifest: Path, where: str, row: ManifestRow, expression: str, *, whole: bool) -> Proposal:
    path = manifest.parent / row.path
    if not path.is_file():
        raise EmoError(
            f"{where}: video: {row.video!r}: no such file; paths are relative to {manifest.parent}/"
        )
    check_outside(path)
    subject = subject_id(row.subject, f"{where}: subject")
    hint = clip_hint(subject, expression, slug(row.take))
    return Proposal(
        path=path,
        where=where,
        order=Path(row.path).parts,
        subject=subject,
        code=normal(row.subject),
        expression=expression,
        clip=hint,
        # Not the original file name, which may identify the subject.
        video=hint if whole else f"{subject}_recording",
        start_s=row.start_s,
        end_s=row.end_s,
        take=hint if row.take else "",
        sex=read_sex(row.sex),
        sex_from_user=True,
        still=path.suffix.lower() in IMAGE_SUFFIXES,
    )

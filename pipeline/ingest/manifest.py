"""--manifest: a table that names every clip, for recordings whose names say nothing or that hold several."""

import difflib
import os
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from pipeline.ingest.names import normal, slug, subject_id
from pipeline.ingest.participants import read_sex
from pipeline.ingest.proposals import Proposal, Proposals, Wording, clip_hint
from pipeline.ingest.sources import PICTURE_SUFFIXES, check_outside
from pipeline.ingest.user_tables import read_table
from pipeline.runtime.csv_files import EXTRA
from pipeline.runtime.errors import EmoError
from pipeline.runtime.text import listed
from pipeline.schema.clips import check_segment
from pipeline.schema.expressions import canonical


@dataclass(frozen=True)
class Row:
    """One row of a manifest."""

    video: str
    "path, relative to the manifest"
    subject: str
    expression: str
    start_s: float | None = None
    end_s: float | None = None
    take: str = ""
    "shared by the clips of one performance: of one subject and expression"
    sex: str = ""
    extra: dict[str, str] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        for name in ("video", "subject", "expression"):
            if not getattr(self, name):
                raise ValueError(f"{name}: empty; every row names video, subject and expression")
        check_segment(self.start_s, self.end_s)
        read_sex(self.sex)


def read_manifest(path: Path, mapping: Mapping[str, str], *, skip_unknown: bool) -> Proposals:
    """Return what a manifest names; faults of single rows are collected, not raised."""
    rows = read_table(path, Row)
    if not rows:
        raise EmoError(f"{path}: no rows; give one row a clip: video, subject, expression")
    proposals = Proposals("manifest", f"{path} names {len(rows)} clips", notes=_other_columns(path, rows))
    wording = Wording(mapping, skip_unknown)
    per_video = Counter(_video(row) for _, row in rows)
    unknown: dict[str, list[str]] = defaultdict(list)
    for line, row in rows:
        where = f"{path}: line {line}"
        name = wording.read(row.expression)
        if name is None:
            unknown[row.expression].append(where)
            continue
        try:
            whole = per_video[_video(row)] == 1 and row.start_s is None and row.end_s is None
            proposals.clips.append(_proposal(path, where, row, name, whole=whole))
        except EmoError as error:
            proposals.faults.append(str(error))
    faults, proposals.skipped = wording.unknown(unknown)
    proposals.faults += faults
    proposals.clips = _with_names(path.parent, proposals.clips)
    proposals.notes += _conflicts(proposals.clips)
    return proposals


def named_expression(path: Path, folder: Path) -> str:
    """Return the one expression that a path names, below the manifest's folder; empty for none or several.

    Folders and the file's stem count, whole and in their single words. Of a path elsewhere only the stem
    does: the folders above it tell about the machine.
    """
    path = Path(os.path.normpath(path))
    below = path.relative_to(folder) if path.is_relative_to(folder) else Path(path.name)
    parts = [*below.parts[:-1], below.stem]
    words = [*parts, *(word for part in parts for word in re.findall(r"[^\W\d_]+", part))]
    names = {name for word in words if (name := canonical(word))}
    return names.pop() if len(names) == 1 else ""


def _with_names(folder: Path, clips: Sequence[Proposal]) -> list[Proposal]:
    """Return the clips with what their paths name; a recording of several expressions is named by none."""
    labels: dict[Path, set[str]] = defaultdict(set)
    for clip in clips:
        labels[clip.path].add(clip.expression)
    alone = {path for path, names in labels.items() if len(names) == 1}
    return [replace(c, named=named_expression(c.path, folder) if c.path in alone else "") for c in clips]


def _conflicts(clips: Sequence[Proposal]) -> list[str]:
    """Return a note on labels other than the paths name; the paths themselves may give people away."""
    found = [clip for clip in clips if clip.named and clip.named != clip.expression]
    return [
        f"{clip.where}: labelled {clip.expression}, but its path names {clip.named} ({len(found)} such); "
        "correct what is wrong, or `emo audit` will ask"
        for clip in found[:1]
    ]


def _other_columns(path: Path, rows: Sequence[tuple[int, Row]]) -> list[str]:
    """Return a note on columns that are not read; raise EmoError for one that looks misspelt."""
    known = [entry.name for entry in fields(Row) if entry.name != EXTRA]
    others = [column for column in rows[0][1].extra if column]
    for column in others:
        close = difflib.get_close_matches(column.lower(), known, n=1, cutoff=0.7)
        if close:
            raise EmoError(f"{path}: line 1: unknown column {column!r}; is it {close[0]!r}?")
    return [f"{path}: columns not read: {listed(others)}"] if others else []


def _video(row: Row) -> str:
    """Return the path in one spelling: `./a.mp4` is `a.mp4`."""
    return os.path.normpath(row.video)


def _proposal(manifest: Path, where: str, row: Row, name: str, *, whole: bool) -> Proposal:
    path = manifest.parent / _video(row)
    if not path.is_file():
        raise EmoError(
            f"{where}: video: {row.video!r}: no such file; paths are relative to {manifest.parent}/"
        )
    check_outside(path)
    subject = subject_id(row.subject, f"{where}: subject")
    hint = clip_hint(subject, name, slug(row.take))
    return Proposal(
        path=path,
        where=where,
        order=Path(_video(row)).parts,
        subject=subject,
        written=normal(row.subject),
        expression=name,
        clip=hint,
        # Not the file's name: manifests are for recordings whose names may give people away.
        video=hint if whole else f"{subject}_recording",
        start_s=row.start_s,
        end_s=row.end_s,
        take=hint if row.take else "",
        sex=read_sex(row.sex),
        sex_said=True,
        still=path.suffix.lower() in PICTURE_SUFFIXES,
    )

"""--manifest: a table, or a file of ELAN or BORIS, that lists every clip with its subject and expression."""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.ingest.manifests.formats import read_any_manifest
from pipeline.ingest.manifests.media import shown_from
from pipeline.ingest.manifests.row import ManifestOptions, ManifestRow
from pipeline.ingest.names import normal, slug, subject_id
from pipeline.ingest.participants_table import read_sex
from pipeline.ingest.proposals import Proposal, Proposals, Vocabulary, clip_hint
from pipeline.ingest.sources import IMAGE_SUFFIXES, check_outside
from pipeline.runtime.errors import EmoError
from pipeline.schema.expressions import canonical


def read_manifest(path: Path, vocabulary: Vocabulary, options: ManifestOptions) -> Proposals:
    """Read the clips that a manifest lists; errors in single rows are collected, not raised."""
    manifest = read_any_manifest(path, options, _is_expression(vocabulary))
    if not (manifest.rows or manifest.errors):
        raise EmoError(f"{path}: no rows; add one row for each clip: video, subject, expression")
    proposals = Proposals("manifest", manifest.reason, errors=manifest.errors, notes=manifest.notes)
    clips_per_video = Counter(row.video for row in manifest.rows)
    for row in manifest.rows:
        name = vocabulary.read(row.expression, row.where)
        if name is None:
            continue
        try:
            whole = clips_per_video[row.video] == 1 and row.start_s is None and row.end_s is None
            proposals.clips.append(_proposal(manifest.folder, row, name, whole=whole))
        except EmoError as error:
            proposals.errors.append(str(error))
    vocabulary.add_unknown_to(proposals)
    proposals.clips = _with_named(manifest.folder, proposals.clips)
    proposals.notes += _label_conflicts(proposals.clips)
    return proposals


def _is_expression(vocabulary: Vocabulary) -> Callable[[str], bool]:
    """Return a function that recognises the words for expressions, without recording the others."""
    trial = replace(vocabulary, _unknown=defaultdict(list))
    return lambda word: trial.read(word, "") is not None


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


def _proposal(folder: Path, row: ManifestRow, expression: str, *, whole: bool) -> Proposal:
    check_outside(row.video)
    subject = subject_id(row.subject, f"{row.where}: subject")
    hint = clip_hint(subject, expression, slug(row.take))
    return Proposal(
        path=row.video,
        where=row.where,
        # Composed characters: the order of clips is the same whatever form the disk uses.
        order=tuple(normal(part) for part in shown_from(row.video, folder).parts),
        subject=subject,
        code=normal(row.subject),
        expression=expression,
        clip=hint,
        # Not the original file name, which may identify the subject.
        video=hint if whole else f"{subject}_recording",
        start_s=row.start_s,
        end_s=row.end_s,
        apex_s=row.apex_s,
        session=row.session,
        take=hint if row.take else "",
        sex=read_sex(row.sex),
        sex_from_user=True,
        still=row.video.suffix.lower() in IMAGE_SUFFIXES,
    )

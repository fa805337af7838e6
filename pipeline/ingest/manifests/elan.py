"""ELAN's annotation files as manifests: one tier holds the expressions."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pipeline.ingest.manifests.eaf import Annotation, ElanFile, ElanMedia, Tier, read_eaf
from pipeline.ingest.manifests.media import RecordingFinder
from pipeline.ingest.manifests.row import IsExpression, Manifest, ManifestOptions, ManifestRow
from pipeline.ingest.names import normal
from pipeline.ingest.sources import files_below
from pipeline.runtime.errors import EmoError
from pipeline.runtime.text import counted, listed

_SUFFIX = ".eaf"


def read_elan(path: Path, options: ManifestOptions, is_expression: IsExpression) -> Manifest:
    """Read an .eaf, or all .eaf files below a folder; errors of single files are collected.

    Raises EmoError if there is no such file, or if one subject is given for several files.
    """
    files = _files_at(path)
    if options.subject and len(files) > 1:
        raise EmoError(
            f"{path}: --subject {options.subject}, but {len(files)} files; set the participant of each tier "
            "in ELAN (Tier > Change Tier Attributes), or give one file at a time"
        )
    manifest = Manifest("", path if path.is_dir() else path.parent)
    finder, used = RecordingFinder(), Counter[str]()
    for file in files:
        try:
            elan = read_eaf(file)
            tier = choose_tier(elan.path, elan.tiers, options.tier, is_expression)
            used[tier.name] += 1
            _add_rows(manifest, elan, tier, options, finder)
        except EmoError as error:
            manifest.errors += error.lines
    manifest.reason = (
        f"{path}: {counted(len(manifest.rows), 'annotation')} of ELAN in {counted(len(files), 'file')}"
    )
    chosen = ", ".join(f"{name!r} ({counted(count, 'file')})" for name, count in sorted(used.items()))
    manifest.notes += [f"{path}: expressions are read from the tier {chosen}"] if used else []
    return manifest


def choose_tier(path: Path, tiers: Sequence[Tier], name: str, is_expression: IsExpression) -> Tier:
    """Return the tier of that name; without a name, the only one whose annotations are all expressions.

    Raises EmoError that lists the tiers, if there is no such tier or several.
    """
    filled = [tier for tier in tiers if tier.annotations]
    if not filled:
        raise EmoError(f"{path}: no annotations in it; annotate the expressions first")
    if name:
        found = [tier for tier in filled if normal(tier.name) == normal(name)]
        finding = f"no annotations in a tier {name!r}"
    else:
        found = [tier for tier in filled if all(is_expression(a.value) for a in tier.annotations)]
        finding = f"{len(found) or 'no'} tiers in which all annotations are expressions"
    if len(found) != 1:
        raise EmoError(f"{path}: {finding}; choose one with --tier: {'; '.join(map(_described, filled))}")
    return found[0]


def _described(tier: Tier) -> str:
    values = list(dict.fromkeys(annotation.value for annotation in tier.annotations))
    return f"{tier.name!r} ({len(tier.annotations)}: {listed(values, 4)})"


def _files_at(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = [file for file in files_below(path) if file.suffix.lower() == _SUFFIX and file.name[0] != "."]
    if not files:
        raise EmoError(
            f"{path}: no {_SUFFIX} in this folder; give a table, an {_SUFFIX}, or a folder of them"
        )
    return files


def _add_rows(
    manifest: Manifest, elan: ElanFile, tier: Tier, options: ManifestOptions, finder: RecordingFinder
) -> None:
    """Add the annotations of a tier to a manifest."""
    media = _only_video(elan)
    video = finder.find_first(elan.path.parent, media.names, str(elan.path))
    subject = _subject(elan.path, tier, options.subject)
    for annotation in tier.annotations:
        where = f"{elan.path}: tier {tier.name!r}: {_when(annotation)}"
        if annotation.start_ms is None or annotation.end_ms is None:
            manifest.errors.append(f"{where}: has no time of its own; align it in ELAN, or delete it")
            continue
        start_s, end_s = ((ms + media.origin_ms) / 1000 for ms in (annotation.start_ms, annotation.end_ms))
        try:
            manifest.rows.append(
                ManifestRow(where, video, subject, annotation.value, start_s=start_s, end_s=end_s)
            )
        except ValueError as error:
            manifest.errors.append(f"{where}: {error}")
    if media.origin_ms:
        manifest.notes.append(
            f"{elan.path}: ELAN's media offset of {media.origin_ms} ms is added to its times"
        )


def _only_video(elan: ElanFile) -> ElanMedia:
    if len(elan.videos) != 1:
        names = listed(media.names[0] for media in elan.videos if media.names)
        raise EmoError(
            f"{elan.path}: {len(elan.videos) or 'no'} videos are linked{f' ({names})' if names else ''}; "
            "link the one to enrol (ELAN: Edit > Linked Files)"
        )
    return elan.videos[0]


def _subject(path: Path, tier: Tier, given: str) -> str:
    """Return the subject of a tier; raise EmoError if none or two are stated."""
    if given and tier.participant and normal(given) != normal(tier.participant):
        raise EmoError(
            f"{path}: tier {tier.name!r} is of participant {tier.participant!r}, not of --subject {given}; "
            "correct one of them"
        )
    if not (given or tier.participant):
        raise EmoError(
            f"{path}: tier {tier.name!r} has no participant; set it in ELAN (Tier > Change Tier Attributes), "
            "or give the file alone with --subject CODE"
        )
    return tier.participant or given


def _when(annotation: Annotation) -> str:
    """Return an annotation with its time as ELAN shows it."""
    if annotation.start_ms is None:
        return repr(annotation.value)
    minutes, ms = divmod(annotation.start_ms, 60_000)
    return f"{annotation.value!r} at {minutes // 60:02}:{minutes % 60:02}:{ms / 1000:06.3f}"

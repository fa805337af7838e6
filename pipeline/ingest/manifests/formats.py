"""The kinds of manifests: recognises which one a file is, and reads it."""

from pathlib import Path

from pipeline.ingest.manifests.boris import boris_table, read_boris
from pipeline.ingest.manifests.elan import read_elan
from pipeline.ingest.manifests.elan_export import is_elan_export, read_elan_export, refuse_without_header
from pipeline.ingest.manifests.row import IsExpression, Manifest, ManifestOptions
from pipeline.ingest.manifests.table import read_clip_table
from pipeline.ingest.sources import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from pipeline.ingest.user_tables import parse_user_table, read_user_text
from pipeline.runtime.errors import EmoError

_PROJECTS = {
    ".boris": "a project of BORIS; export its events (Observations > Export events > Aggregated events)",
    ".pfsx": "ELAN's settings of a file; give the .eaf of the same name",
    ".etf": "a template of ELAN; give an .eaf",
}
"""Files of annotation programs that hold no annotations in a form that is read."""


def read_any_manifest(path: Path, options: ManifestOptions, is_expression: IsExpression) -> Manifest:
    """Read a manifest of any kind: a table of clips, ELAN's files or export, or an export of BORIS.

    Args:
        path: The file, or a folder of .eaf files.
        options: What the manifest does not state itself.
        is_expression: Whether a word names an expression; finds ELAN's tier.

    Raises EmoError if the file is not understood; errors of single rows are in the manifest.
    """
    suffix = path.suffix.lower()
    if suffix in _PROJECTS and not path.is_dir():
        raise EmoError(f"{path}: {_PROJECTS[suffix]}")
    if path.is_dir() or suffix == ".eaf":
        return read_elan(path, options, is_expression)
    if suffix in VIDEO_SUFFIXES | IMAGE_SUFFIXES:
        raise EmoError(f"{path}: a recording, not a table that lists recordings; give it without --manifest")
    text = read_user_text(path)
    refuse_without_header(text, path)
    if events := boris_table(text, path):
        _refuse_options(path, tier=options.tier)
        return read_boris(events, options, is_expression)
    table = parse_user_table(text, path)
    if is_elan_export(table):
        return read_elan_export(table, text, options, is_expression)
    _refuse_options(path, tier=options.tier, subject=options.subject)
    return read_clip_table(table)


def _refuse_options(path: Path, **options: str) -> None:
    """Raise EmoError for an option that this kind of manifest does not need."""
    for name, value in options.items():
        if value:
            raise EmoError(f"{path}: --{name} {value}: not for this kind of manifest; leave it out")

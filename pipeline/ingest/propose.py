"""What an ingest proposes to enrol: from the names of files, or from a manifest."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from pipeline.dataset.images.params import declared_labels
from pipeline.ingest.layouts.layout import Media
from pipeline.ingest.layouts.registry import (
    AUTO,
    LayoutChoice,
    NoMatchError,
    choose_layout,
    label_ending,
    layout_named,
)
from pipeline.ingest.manifest import read_manifest
from pipeline.ingest.manifests.row import ManifestOptions
from pipeline.ingest.proposals import Proposals, Vocabulary, propose_clips
from pipeline.ingest.request import Request
from pipeline.ingest.sources import find_sources, media_of
from pipeline.ingest.subject_pattern import OPTION, compile_pattern, read_by_pattern
from pipeline.runtime.errors import EmoError, reason
from pipeline.runtime.regular_files import read_regular


def propose(request: Request) -> Proposals:
    """Return what a request proposes to enrol; errors of single files are collected.

    Raises EmoError for options that contradict each other, and if nothing can be read.
    """
    _check_options(request)
    vocabulary = Vocabulary(request.mapping, request.skip_unknown, declared_labels())
    if request.manifest:
        return read_manifest(request.manifest, vocabulary, ManifestOptions(request.tier, request.subject))
    layout = layout_named(request.layout)
    media = layout.media if layout else media_of(request.sources)
    sources = find_sources(request.sources, media, label_ending(layout, media))
    labels = {PurePosixPath(source.path): _read_label(source.path) for source in sources.labels}
    names = [source.name for source in sources.files]
    # A word that is mapped is an expression, too.
    declared = (*vocabulary.declared, *request.mapping)
    try:
        choice = _choose(request, names, media, labels, declared)
    except NoMatchError as error:
        raise EmoError(f"{sources.files[0].path}: {error}") from None
    return propose_clips(sources, choice, vocabulary)


def _choose(
    request: Request,
    names: Sequence[PurePosixPath],
    media: Media,
    labels: Mapping[PurePosixPath, str],
    declared: tuple[str, ...],
) -> LayoutChoice:
    if request.subject_pattern:
        return read_by_pattern(compile_pattern(request.subject_pattern), names, declared)
    return choose_layout(names, request.layout, media, labels, declared)


def _check_options(request: Request) -> None:
    """Raise EmoError for options that contradict each other."""
    if request.manifest and request.sources:
        raise EmoError(
            f"{request.sources[0]}: --manifest already lists every clip; give either videos or a manifest"
        )
    if (request.tier or request.subject) and not request.manifest:
        raise EmoError("--tier and --subject are for --manifest; leave them out")
    if request.subject_pattern:
        _check_pattern_alone(request)


def _check_pattern_alone(request: Request) -> None:
    """Raise EmoError for a subject pattern beside what states the subjects, too."""
    if request.manifest:
        raise EmoError(f"{OPTION}: --manifest already states the subjects; give one of them")
    if request.layout != AUTO:
        raise EmoError(f"{OPTION}: --layout {request.layout} already states the subjects; give one of them")
    compile_pattern(request.subject_pattern)


def _read_label(path: Path) -> str:
    try:
        return read_regular(path).decode("utf-8-sig", errors="replace")
    except OSError as error:
        raise EmoError(
            f"{path}: the label cannot be read ({reason(error)}); copy it again, or remove it"
        ) from None

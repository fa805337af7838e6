"""What an ingest asks for: labelled stretches of files, before anyone looked into the files."""

import shlex
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from pipeline.ingest.layouts.layout import Media, Named, Skip, Unread
from pipeline.ingest.layouts.registry import Recognised
from pipeline.ingest.names import normal, slug, subject_id
from pipeline.ingest.sources import Source, Sources
from pipeline.runtime.errors import EmoError
from pipeline.runtime.text import listed
from pipeline.schema.expressions import EXPRESSIONS, canonical, expression


@dataclass(frozen=True)
class Proposal:
    """One labelled stretch of one file."""

    path: Path
    where: str
    "starts messages: the file, or the manifest's line"
    order: tuple[str, ...]
    "sorts the clips of a subject, whatever machine the files lie on"
    subject: str
    "empty where nobody is told: see `pictures.as_own_subjects`"
    written: str
    "the subject's code as written"
    expression: str
    clip: str
    "the id to take if it is free"
    video: str
    "the video's name to take if it is free, without suffix"
    start_s: float | None = None
    end_s: float | None = None
    take: str = ""
    "empty: the clip's id"
    sex: str = ""
    sex_said: bool = False
    "sex comes from the user (a manifest), not from a corpus's file names"
    source: str = ""
    "the file's name, for the record; empty: not to be recorded"
    still: bool = False
    "a picture, not a video"
    folder: str = ""
    "below raw/videos; empty: the subject"
    stands_for: str = ""
    "`image` where the subject is no person"
    named: str = ""
    "the one expression that a manifest's path names, for the audit; empty where it names none or several"


@dataclass
class Proposals:
    """All that an ingest asks for, and what it leaves out."""

    layout: str
    reason: str
    clips: list[Proposal] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Wording:
    """How expressions are called: the seven and their synonyms, and what the user maps."""

    mapping: Mapping[str, str]
    skip_unknown: bool

    def read(self, word: str) -> str | None:
        """Return the expression that a word names, None where it is none of the seven."""
        mapped = {_plain(name): target for name, target in self.mapping.items()}
        return mapped.get(_plain(word)) or canonical(word)

    def unknown(self, words: Mapping[str, Sequence[str]]) -> tuple[list[str], dict[str, int]]:
        """Return faults, or what is skipped, for unknown word -> where it stands."""
        if self.skip_unknown:
            return [], {f"expression {word!r}": len(places) for word, places in sorted(words.items())}
        return [_unknown(word, places) for word, places in sorted(words.items())], {}


def parse_mapping(texts: Iterable[str]) -> dict[str, str]:
    """Read `calm=neutral` texts as expression as written -> one of the seven."""
    mapping: dict[str, str] = {}
    for text in texts:
        word, equals, target = text.partition("=")
        if not equals or not word.strip():
            raise EmoError(f"--map: {text!r} is not of the form calm=neutral")
        name = expression(target, f"--map {text}")
        if mapping.setdefault(word.strip(), name) != name:
            raise EmoError(f"--map: {word.strip()!r} is mapped to {mapping[word.strip()]} and to {name}")
    return mapping


def name_clips(
    sources: Sources, recognised: Recognised, mapping: Mapping[str, str], *, skip_unknown: bool
) -> Proposals:
    """Return what the names of files say; faults are collected, not raised."""
    proposals = Proposals(recognised.layout, recognised.reason, skipped=dict(sources.skipped))
    proposals.notes += [recognised.note] if recognised.note else []
    wording = Wording(mapping, skip_unknown)
    skipped: Counter[str] = Counter()
    unknown: dict[str, list[str]] = defaultdict(list)
    for source in sources.files:
        reading = recognised.readings[source.name]
        if isinstance(reading, Unread):
            remedy = f"; {reading.remedy}" if reading.remedy else ""
            proposals.faults.append(f"{source.path}: {reading.reason}{remedy}")
        elif isinstance(reading, Skip):
            skipped[reading.reason] += 1
        elif (name := wording.read(reading.word)) is None:
            unknown[reading.word].append(str(source.path))
        else:
            try:
                clip = _proposal(source, reading, name)
                proposals.clips.append(replace(clip, still=sources.media is Media.PICTURES))
            except EmoError as error:
                proposals.faults.append(str(error))
    for source in sources.labels:
        told = recognised.readings.get(PurePosixPath(source.path))
        if isinstance(told, Unread):
            proposals.faults.append(f"{source.path}: {told.reason}")
        elif isinstance(told, Skip):
            skipped[told.reason] += 1
    faults, left_out = wording.unknown(unknown)
    proposals.faults += faults
    proposals.skipped |= skipped | left_out
    return proposals


def clip_hint(*parts: str) -> str:
    """Return a readable id from subject, expression and what else tells clips apart."""
    return slug("_".join(part for part in parts if part))


def _proposal(source: Source, named: Named, name: str) -> Proposal:
    subject = subject_id(named.subject, str(source.path)) if named.subject else ""
    hint = slug(named.clip) or clip_hint(subject, name, slug(named.part))
    return Proposal(
        path=source.path,
        where=str(source.path),
        order=source.name.parts,
        subject=subject,
        written=normal(named.subject),
        expression=name,
        clip=hint,
        video=hint,
        take=named.take,
        sex=named.sex,
        source=source.path.name.encode("utf-8", "replace").decode("utf-8"),
    )


def _unknown(word: str, places: Sequence[str]) -> str:
    also = f" and {len(places) - 1} more" if len(places) > 1 else ""
    return (
        f"{places[0]}{also}: expression {word!r} is none of {listed(EXPRESSIONS)}; leave them out with "
        f"--skip-unknown, or count them as one of the seven with --map {shlex.quote(word)}=neutral"
    )


def _plain(word: str) -> str:
    return " ".join(word.replace("_", " ").replace("-", " ").lower().split())

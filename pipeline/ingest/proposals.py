"""What an ingest proposes to enrol: labelled segments of files, before the files are opened."""

import math
import shlex
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pipeline.ingest.layouts.layout import Media, NameReading, ParsedName, SkippedFile, UnreadName
from pipeline.ingest.layouts.registry import LayoutChoice
from pipeline.ingest.names import normal, slug, subject_id
from pipeline.ingest.sources import Source, Sources
from pipeline.runtime.errors import EmoError
from pipeline.runtime.text import listed
from pipeline.schema.expressions import all_labels, canonical, expression, is_no_label, misspelt


@dataclass(frozen=True)
class Proposal:
    """One labelled segment of one file."""

    path: Path
    where: str
    "The file, or the line of the manifest; starts messages."
    order: tuple[str, ...]
    "Sort key of the clips of a subject, independent of the machine."
    subject: str
    "Empty if the corpus has no subject ids; see `subjectless_images`."
    code: str
    "Subject code as written."
    expression: str
    clip: str
    "Clip id to use if it is free."
    video: str
    "File name to use if it is free, without suffix."
    start_s: float | None = None
    "None: the start of the recording."
    end_s: float | None = None
    "None: the end of the recording."
    apex_s: float | None = None
    session: str = ""
    take: str = ""
    "Empty: the clip id."
    sex: str = ""
    "F, M, X, or empty."
    sex_from_user: bool = False
    "Whether a manifest states the sex, not a corpus's file name."
    source: str = ""
    "Name of the original file, for the record; empty: not recorded."
    still: bool = False
    "Whether the file must be a still image, not a video."
    folder: str = ""
    "Folder below raw/videos; empty: the subject."
    stands_for: str = ""
    "`image` if the subject is an image of a corpus without subject ids."
    named: str = ""
    "The only expression in the path of a manifest's recording, for the audit; else empty."

    @property
    def segment(self) -> tuple[float, float]:
        """The stretch as (start, end) in seconds; an end that is the recording's is infinite."""
        return (self.start_s or 0.0, math.inf if self.end_s is None else self.end_s)

    @property
    def label(self) -> str:
        """What the clip shows, for messages: `happy of S01`."""
        return f"{self.expression} of {self.subject}"


@dataclass
class Proposals:
    """All that an ingest proposes to enrol, and what it skips."""

    layout: str
    reason: str
    "Why this layout was chosen."
    clips: list[Proposal] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)
    "Reason -> number of files."
    notes: list[str] = field(default_factory=list)
    unread: dict[UnreadName, list[Path]] = field(default_factory=lambda: defaultdict(list))
    "Files whose names do not match the layout, by what is wrong: errors, unless their content is enrolled."


@dataclass
class Vocabulary:
    """Reads the words for expressions: the seven, their synonyms, declared labels and the user's mapping."""

    mapping: Mapping[str, str]
    "Expression as written -> label."
    skip_unknown: bool
    "Whether unknown words are skipped; otherwise they are errors."
    declared: Sequence[str] = ()
    "The labels that params.yaml declares, `dataset: expressions`."
    _unknown: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def read(self, word: str, where: str) -> str | None:
        """Return the expression that a word names; record the word and return None if it is unknown."""
        mapped = {_folded(name): target for name, target in self.mapping.items()}
        name = mapped.get(_folded(word)) or canonical(word, self.declared)
        if name is None:
            self._unknown[word].append(where)
        return name

    def add_unknown_to(self, proposals: Proposals) -> None:
        """Add the unknown words to the skipped files or to the errors; a cell without a label is an error."""
        for word, places in self._unknown.items():
            if is_no_label(word):
                proposals.errors.append(_no_expression(word, places))
            elif self.skip_unknown:
                proposals.skipped[f"expression {word!r}"] = len(places)
            else:
                proposals.errors.append(_unknown_expression(word, places, self.declared))


def parse_mapping(texts: Iterable[str], declared: Sequence[str] = ()) -> dict[str, str]:
    """Parse texts such as `fury=angry` as expression as written -> one of the seven or a declared label."""
    mapping: dict[str, str] = {}
    for text in texts:
        word, equals, target = text.partition("=")
        if not equals or not word.strip():
            raise EmoError(f"--map: {text!r} does not have the form fury=angry")
        name = expression(target, f"--map {text}", declared)
        if mapping.setdefault(word.strip(), name) != name:
            raise EmoError(f"--map: {word.strip()!r} is mapped to {mapping[word.strip()]} and to {name}")
    return mapping


def propose_clips(sources: Sources, choice: LayoutChoice, vocabulary: Vocabulary) -> Proposals:
    """Return the clips that the file names state; errors are collected, not raised."""
    proposals = Proposals(choice.layout, choice.reason, skipped=dict(sources.skipped))
    proposals.notes += [choice.note] if choice.note else []
    skipped: Counter[str] = Counter()
    for source, reading in _readings(sources, choice):
        match reading:
            case UnreadName():
                proposals.unread[reading].append(source.path)
            case SkippedFile(reason):
                skipped[reason] += 1
            case ParsedName(word=word):
                if name := vocabulary.read(word, str(source.path)):
                    try:
                        is_still = sources.media is Media.IMAGES
                        proposals.clips.append(_proposal(source, reading, name, is_still=is_still))
                    except EmoError as error:
                        proposals.errors.append(str(error))
    proposals.skipped |= skipped
    vocabulary.add_unknown_to(proposals)
    return proposals


def clip_hint(*parts: str) -> str:
    """Return a readable id from subject, expression and what else distinguishes a clip."""
    return slug("_".join(part for part in parts if part))


def _readings(sources: Sources, choice: LayoutChoice) -> list[tuple[Source, NameReading | None]]:
    """Return the reading of each file, and of each label file that has one."""
    files = [(source, choice.readings[source.name]) for source in sources.files]
    labels = [(source, choice.readings.get(PurePosixPath(source.path))) for source in sources.labels]
    return [*files, *labels]


def _proposal(source: Source, parsed: ParsedName, expression: str, *, is_still: bool) -> Proposal:
    subject = subject_id(parsed.subject, str(source.path)) if parsed.subject else ""
    hint = slug(parsed.clip) or clip_hint(subject, expression, slug(parsed.part))
    return Proposal(
        path=source.path,
        where=str(source.path),
        order=source.name.parts,
        subject=subject,
        code=normal(parsed.subject),
        expression=expression,
        clip=hint,
        video=hint,
        session=parsed.session,
        take=parsed.take,
        sex=parsed.sex,
        source=source.path.name.encode("utf-8", "replace").decode("utf-8"),
        still=is_still,
    )


def _no_expression(word: str, places: Sequence[str]) -> str:
    return f"{_where(places)}: expression: {word!r} is no label; write what the clip shows, or leave it out"


def _unknown_expression(word: str, places: Sequence[str], declared: Sequence[str]) -> str:
    if meant := misspelt(word, declared):
        return f"{_where(places)}: unknown expression {word!r}: did you mean {meant}? correct it"
    return (
        f"{_where(places)}: expression {word!r} is none of {listed(all_labels(declared), 20)}; skip it with "
        f"--skip-unknown, map it with --map {shlex.quote(word)}=EXPRESSION, or declare it as a label of its "
        "own in params.yaml: dataset: expressions"
    )


def _where(places: Sequence[str]) -> str:
    return places[0] + (f" and {len(places) - 1} more" if len(places) > 1 else "")


def _folded(word: str) -> str:
    return " ".join(word.replace("_", " ").replace("-", " ").lower().split())

"""A lab's own recordings, named by folders and files. S subject, E expression, T distinguishes takes.

    S/E[_T].mp4        S01/happy.mp4, S01/happy_2.mp4, S01/S01_happy.mp4, S01/ses1/happy_GX010012.mp4
    S/E/*.mp4          S01/happy/001.mp4
    E/S[_T].mp4        happy/S01.mp4, happy/S01_2.mp4
    E/S/*.mp4          happy/S01/001.mp4
    S_E[_T].mp4        S01_happy.mp4, S01_ses1_happy_2.mp4, 01_happy_S01.mp4, also below other folders

The folder given to the command is part of the path: `emo ingest S41` reads the subject S41.

The worst error here is to confuse subjects: merging two subjects, or separating one into two, puts a person
on both sides of the split. A subject is therefore read only if nothing else in the path could be one.
`name_tokens` says what each piece of a path can state, `path_subject` and `path_reading` read one path; this
module compares the readings of all paths of an ingest. The comparison only refuses names: what a name means
never depends on the other files, because those may come in another ingest.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from pipeline.ingest.layouts.layout import Layout, NameReading, NameReadings, ParsedName, UnreadName
from pipeline.ingest.name_tokens import is_padded
from pipeline.ingest.path_findings import AMBIGUOUS, NEITHER, RENAME, Finding
from pipeline.ingest.path_reading import PathReading, read_path
from pipeline.ingest.pattern_hints import hint, patterns
from pipeline.runtime.text import listed

PATTERN = "S01/happy.mp4, S01/happy/1.mp4, happy/S01.mp4 or S01_happy.mp4"

_Readings = Mapping[PurePosixPath, PathReading]


def read(paths: Sequence[PurePosixPath], declared: tuple[str, ...] = ()) -> NameReadings:
    """Read all the names of one ingest; `declared` are words for expressions beyond those that emo knows."""
    found = {path: read_path(path, declared) for path in paths}
    known = frozenset(reading.subject for reading in found.values() if isinstance(reading, PathReading))
    for path, reading in found.items():
        if isinstance(reading, Finding):
            found[path] = read_path(path, declared, known)
    for check in _CHECKS:
        found |= check({path: r for path, r in found.items() if isinstance(r, PathReading)})
    unread = _grouped({path: r for path, r in found.items() if isinstance(r, Finding)})
    parsed = {path: _parsed(r) for path, r in found.items() if isinstance(r, PathReading)}
    return {path: unread.get(path) or parsed[path] for path in paths}


def _parsed(reading: PathReading) -> NameReading:
    return ParsedName(
        reading.subject, reading.word, session=reading.session, part=reading.part, take=reading.take
    )


def _grouped(findings: Mapping[PurePosixPath, Finding]) -> dict[PurePosixPath, UnreadName]:
    """Return the findings as messages: names of one form have the same, about the first of them."""
    messages: dict[tuple[object, ...], UnreadName] = {}
    found = {}
    for path, finding in findings.items():
        key = (finding.reason, finding.remedy, patterns(path, finding.codes))
        if key not in messages:
            messages[key] = _message(path, finding)
        found[path] = messages[key]
    return found


def _message(path: PurePosixPath, finding: Finding) -> UnreadName:
    reason = f"{finding.reason} ({PATTERN})" if finding is NEITHER else finding.reason
    if len(finding.codes) > 1:
        reason = f"{reason}: subject {' or '.join(map(repr, finding.codes[:3]))}"
    elif finding.codes:
        reason = f"{reason}: {finding.codes[0]!r} may be the subject, or not"
    if finding.remedy is not None:
        return UnreadName("; ".join(filter(None, (reason, finding.remedy))))
    pattern = hint(path, finding.codes)
    return UnreadName(f"{reason}; {RENAME}" + (f", or give {pattern}" if pattern else ""))


def _one_code_below_several_folders(readings: _Readings) -> dict[PurePosixPath, Finding]:
    """Refuse `siteA/S01` beside `siteB/S01`: one subject, or two?"""
    above: dict[str, set[str]] = defaultdict(set)
    for reading in readings.values():
        above[reading.subject].add(reading.above)
    return {
        path: Finding(
            f"subject {subject!r} is below {listed(sorted(folder or '.' for folder in above[subject]))}: one "
            "subject or several?",
            remedy="ingest each folder by itself, or list the clips in a --manifest",
        )
        for path, reading in readings.items()
        if len(above[subject := reading.subject]) > 1
    }


def _several_folders_of_coded_files(readings: _Readings) -> dict[PurePosixPath, Finding]:
    """Refuse `anna/S01_happy` beside `bob/S03_happy`: the folders may be the subjects, the codes sessions."""
    rivals = {reading.rival for reading in readings.values() if reading.rival}
    return {
        path: Finding(AMBIGUOUS, (reading.rival, reading.subject))
        for path, reading in readings.items()
        if reading.rival and len(rivals) > 1
    }


def _single_word_with_numbers(readings: _Readings) -> dict[PurePosixPath, Finding]:
    """Refuse `recordings/happy_001` with one such folder: the numbers may be the subjects."""
    subjects: dict[str, set[str]] = defaultdict(set)
    for reading in readings.values():
        subjects[reading.shared].add(reading.subject)
    return {
        path: Finding(AMBIGUOUS, (reading.subject, reading.counters[0]))
        for path, reading in readings.items()
        if reading.shared and reading.counters and len(subjects[reading.shared]) == 1
    }


def _low_codes_with_numbers(readings: _Readings) -> dict[PurePosixPath, Finding]:
    """Refuse `S1/happy_2` unless the codes go beyond 9: S1 may be a session, and 2 the subject."""
    goes_on = any(is_padded(reading.subject) for reading in readings.values())
    return {
        path: Finding(AMBIGUOUS, (reading.subject, reading.unsure[0]))
        for path, reading in readings.items()
        if reading.unsure and not goes_on
    }


def _long_numbers_of_one_expression(readings: _Readings) -> dict[PurePosixPath, Finding]:
    """Refuse `4711_happy` unless every such number has several expressions: it may count the files."""
    expressions: dict[str, set[str]] = defaultdict(set)
    for reading in readings.values():
        if reading.shared == "number":
            expressions[reading.subject].add(reading.expression)
    return {
        path: Finding(AMBIGUOUS, (reading.subject,))
        for path, reading in readings.items()
        if reading.shared == "number" and any(len(found) < 2 for found in expressions.values())
    }


_CHECKS = (
    _one_code_below_several_folders,
    _several_folders_of_coded_files,
    _single_word_with_numbers,
    _low_codes_with_numbers,
    _long_numbers_of_one_expression,
)

LAYOUT = Layout("folders", PATTERN, read, takes_words=True, reads_any_name=True)

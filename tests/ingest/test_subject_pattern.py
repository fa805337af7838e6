from pathlib import PurePosixPath

import pytest

from pipeline.ingest.layouts.layout import ParsedName, UnreadName
from pipeline.ingest.subject_pattern import compile_pattern, read_by_pattern
from pipeline.runtime.errors import EmoError
from tests.support.ingest_project import IngestProject


def read(pattern: str, *names: str) -> list[ParsedName | UnreadName]:
    paths = [PurePosixPath(name) for name in names]
    found = read_by_pattern(compile_pattern(pattern), paths).readings
    return [reading for path in paths if isinstance(reading := found[path], ParsedName | UnreadName)]


def test_the_pattern_states_the_subject_and_names_state_the_rest() -> None:
    assert read(r"/(?P<subject>[a-z]+)_\d", "rec/anna_1_happy.mp4", "rec/bob_2_ses3_sad.mp4") == [
        ParsedName("anna", "happy", part="1"),
        ParsedName("bob", "sad", session="3", part="2_ses_3"),
    ]


def test_all_groups_are_read() -> None:
    pattern = r"(?P<expression>\w+)-(?P<session>\w+)/(?P<subject>[a-z]+)_(?P<take>\d)\."
    assert read(pattern, "rec/froh-b/anna_2.mp4") == [
        ParsedName("anna", "froh", session="b", part="b_2", take="anna_froh_b_2")
    ]


def test_names_that_do_not_match_are_refused_together() -> None:
    one, two, three = read(r"/(?P<subject>S\d+)_", "rec/S01_happy.mp4", "rec/x_sad.mp4", "rec/y_sad.mp4")
    assert isinstance(one, ParsedName)
    assert isinstance(two, UnreadName)
    assert two == three
    (unclear,) = read(r"/(?P<subject>S\d+)_", "rec/S01_happy_sad.mp4")
    assert isinstance(unclear, UnreadName)


@pytest.mark.parametrize(
    ("pattern", "finding"),
    [
        ("(?P<subject>S", r"'\(\?P<subject>S' is not a regular expression"),
        (r"S\d+", r"has no group \(\?P<subject>...\); write it like"),
        (r"(?P<subject>S\d+)_(?P<word>.*)", "unknown group 'word'"),
    ],
)
def test_patterns_with_errors_are_refused(pattern: str, finding: str) -> None:
    with pytest.raises(EmoError, match=f"^--subject-pattern: .*{finding}"):
        compile_pattern(pattern)


def test_an_ingest_by_pattern(project: IngestProject) -> None:
    project.video("anna1_happy.mp4", 1)
    project.video("anna2_happy.mp4", 2)
    error = project.ingest_error()
    assert "the codes anna1, anna2 may end with the number of a take or session" in error
    assert "--subject-pattern '/(?P<subject>[^\\W\\d_]+)' (anna)" in error
    outcome = project.ingest(subject_pattern=r"/(?P<subject>[a-z]+)\d_")
    assert [(s.subject, s.clips, s.new) for s in outcome.subjects] == [("anna", 2, True)]
    assert outcome.layout == "subject-pattern"


def test_a_pattern_replaces_layout_and_manifest(study: IngestProject) -> None:
    pattern = r"/(?P<subject>S\d+)/"
    assert "--layout mead already states" in study.ingest_error(subject_pattern=pattern, layout="mead")
    assert len(study.ingest(subject_pattern=pattern).added) == 4

"""Whatever emo accepts groups the recordings exactly by the person; otherwise it refuses."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import product
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.ingest.layouts.layout import Media, ParsedName, UnreadName
from pipeline.ingest.layouts.registry import LAYOUTS, choose_layout
from pipeline.ingest.participants_plan import plan_participants
from pipeline.ingest.plan_subjects import counted_codes
from pipeline.ingest.proposals import Proposal, Vocabulary, propose_clips
from pipeline.ingest.sources import Source, Sources
from pipeline.ingest.state import State
from pipeline.runtime.errors import EmoError
from tests.support.naming_schemes import CODES, SCHEMES, TOKENS, Recording, Scheme, Token


def understand(
    paths: Sequence[PurePosixPath], state: State | None = None
) -> tuple[list[Proposal], State] | str:
    """Read names as `emo ingest` does; return the clips and the tables after it, or why it refuses."""
    state = state or State()
    sources = Sources(tuple(Source(Path(path), path) for path in paths), Media.VIDEOS, (), {})
    try:
        choice = choose_layout(paths)
    except EmoError as error:
        return str(error)
    proposals = propose_clips(sources, choice, Vocabulary({}, skip_unknown=False))
    plan = plan_participants(proposals.clips, None, state)
    codes = counted_codes(proposals.clips, (p.subject for p in state.participants))
    if errors := [*proposals.errors, *plan.errors, *codes]:
        return errors[0]
    return proposals.clips, State((*state.participants, *plan.new), ())


def enrolled(recordings: Sequence[Recording], batches: int) -> dict[PurePosixPath, Proposal]:
    """Return the clips of the batches that emo accepts, one ingest after the other."""
    state, clips = State(), {}
    for number in range(batches):
        if batch := recordings[number::batches]:
            match understand([recording.path for recording in batch], state):
                case (found, after):
                    state = after
                    clips |= {PurePosixPath(*clip.order): clip for clip in found}
    return clips


@settings(max_examples=2000, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(scheme=SCHEMES, batches=st.sampled_from([1, 1, 2, 3]))
def test_accepted_names_are_grouped_by_person_and_have_the_right_expression(
    scheme: Scheme, batches: int
) -> None:
    recordings = scheme.recordings()
    # A code that another site used in an earlier ingest cannot be recognised; the plan shows it as enrolled.
    clips = enrolled(recordings, 1 if scheme.has_sites else batches)
    subjects, persons = defaultdict(set), defaultdict(set)
    for recording in recordings:
        if clip := clips.get(recording.path):
            subjects[recording.person].add(clip.subject)
            persons[clip.subject].add(recording.person)
            assert clip.expression == recording.expression, recording
    assert [found for found in subjects.values() if len(found) > 1] == []
    assert [found for found in persons.values() if len(found) > 1] == []


def scheme_of(codes: str, *tokens: Token, folder: bool, first: bool = True) -> Scheme:
    return Scheme(
        codes, 3, "rec", folder, False, first, False, tokens, "_", "as written", 0,
        ("happy", "sad", "angry"), per_site=False,
    )  # fmt: skip


CLEAR_CODES = ("S01", "P001", "sub-01", "VP_01", "VP1", "s001", "K07", "M01, W02", "V01", "subject 1")
CLEAR_TOKENS = sorted(
    set(TOKENS)
    - {"session, one letter", "order, large", "letter", "place", "light", "rater", "site", "site, letters"}
    - {"group", "study", "phase", "order", "order, long", "order, unpadded"}
)


@pytest.mark.parametrize("codes", CLEAR_CODES)
def test_what_says_what_it_is_may_be_anywhere(codes: str) -> None:
    for token, place, first in product(CLEAR_TOKENS, (0.1, 0.5, 0.9), (True, False)):
        for folder, in_folder in ((False, False), (True, False), (True, True)):
            scheme = scheme_of(codes, Token(token, place, in_folder, True), folder=folder, first=first)
            found = understand([recording.path for recording in scheme.recordings()])
            assert not isinstance(found, str), found
            assert {clip.code for clip in found[0]} == set(CODES[codes][:3])


@pytest.mark.parametrize("codes", [*CLEAR_CODES, "anna", "Anna", "AB12", "sub-anna"])
def test_codes_and_names_alone_are_accepted(codes: str) -> None:
    for folder in (True, False):
        found = understand([r.path for r in scheme_of(codes, folder=folder).recordings()])
        assert not isinstance(found, str), found


def test_a_reasonable_share_of_schemes_is_accepted() -> None:
    """Of each style of code with each further token, after the subject, in folders and in file names."""
    found = [
        isinstance(understand([recording.path for recording in scheme.recordings()]), tuple)
        for codes in CODES
        for token in TOKENS
        for folder in (True, False)
        for scheme in [scheme_of(codes, Token(token, 0.9, False, True), folder=folder)]
    ]
    assert sum(found) / len(found) > 0.5


_TEXT = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=12)
_PIECES = st.lists(
    st.sampled_from(["S", "01", "happy", "_", "-", " ", "anna", "(2)", "T", "2024", "\u00b2", "\u0663", "."])
    | _TEXT,
    min_size=1,
    max_size=6,
).map("".join)


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.lists(_PIECES, min_size=1, max_size=4), min_size=1, max_size=4))
def test_any_name_is_read_or_refused(names: list[list[str]]) -> None:
    paths = [PurePosixPath("/".join(parts) + ".mp4") for parts in names]
    for layout in ("folders", "bids"):
        readings = LAYOUTS[layout].read(paths)
        assert all(isinstance(readings[path], ParsedName | UnreadName) for path in paths)
    understand([path for path in dict.fromkeys(paths) if path.parts])

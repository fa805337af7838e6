import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.ingest.names import slug, subject_id, unique
from pipeline.runtime.errors import EmoError
from pipeline.schema.participants import ID


@pytest.mark.parametrize(
    ("code", "expected"),
    {
        "S01": "S01",
        "sub-01": "sub-01",
        "S01_": "S01_",
        "subject 1": "subject_1",
        "Mu\u0308ller": "Muller",
        "M\u00fcller": "Muller",
        "Anna 'K'": "Anna_K",
        " S01 ": "S01",
    }.items(),
)
def test_codes_become_ids(code: str, expected: str) -> None:
    assert subject_id(code, "here") == expected


@pytest.mark.parametrize("code", ["", "  ", "???", "\u674e1", "S\u00f8ren", "x" * 65])
def test_codes_without_a_plain_form_are_refused(code: str) -> None:
    with pytest.raises(EmoError, match=r"^here: subject code .* cannot be converted to an id"):
        subject_id(code, "here")


@settings(deadline=None)  # the machine may be busy
@given(st.text())
def test_slugs_are_ids_or_empty(text: str) -> None:
    assert slug(text) == "" or ID.fullmatch(slug(text))


def test_unique_numbers_without_regard_to_case() -> None:
    taken = {"s01_happy", "s01_happy_2"}
    assert [unique("S01_happy", taken) for _ in range(2)] == ["S01_happy_3", "S01_happy_4"]

from pathlib import Path

import pytest

from pipeline.ingest.participants_table import consent_like, read_participants_table, read_sex
from pipeline.ingest.words import read_age, read_consent
from pipeline.runtime.errors import EmoError


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "expected"),
    {
        "f": "F",
        "Female": "F",
        "W": "F",
        "Frau": "F",
        "femme": "F",
        "weiblich": "F",
        "KADIN": "F",
        "kad\u0131n": "F",
        "mujer": "F",
        "Mann": "M",
        "m\u00e4nnlich": "M",
        "ma\u0308nnlich": "M",
        "homme": "M",
        "hombre": "M",
        "erkek": "M",
        "male": "M",
        "M": "M",
        "o": "X",
        "Other": "X",
        "non-binary": "X",
        "n/a": "",
        "": "",
    }.items(),
)
def test_spellings_of_sex(text: str, expected: str) -> None:
    assert read_sex(text) == expected


def test_a_bids_participants_file(tmp_path: Path) -> None:
    path = tmp_path / "participants.tsv"
    table = read_participants_table(
        write(path, "participant_id\tage\tSex\thandedness", "sub-01\t24\tF\tright", "sub-02\t89+\tn/a\tn/a")
    )
    first, second = table.get("sub-01"), table.get("02")
    assert first
    assert second
    assert (first.sex, first.age) == ("F", 24.0)
    assert (second.sex, second.age, second.where) == ("", 89.0, f"{path}: line 3")
    assert table.get("03") is None
    assert table.others({"01"}) == ["02"]


def test_a_semicolon_table_with_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "participants.csv"
    path.write_text("Subject;Gender;Age\n\nS01;weiblich;30\n", encoding="utf-8-sig")
    row = read_participants_table(path).get("S01")
    assert row
    assert (row.sex, row.age, row.where) == ("F", 30.0, f"{path}: line 3")


@pytest.mark.parametrize(
    ("lines", "line", "value"),
    [
        (["name\tsex", "S01\tF"], 1, "participant_id"),
        (["subject\tsex", "S01\tF", "sub-S01\tM"], 3, "'sub-S01'"),
        (["subject\tsex", "S01\tyes"], 2, "sex: 'yes'"),
        (["subject\tsex", "S01\t1"], 2, "sex: which is '1'? write F or M"),
        (["subject\tage", "S01\t18-25"], 2, "age: '18-25' is a range, which has no single value"),
        (["subject\tage", "S01\t24;6"], 2, "age: '24;6' is not a number of years"),
        (["subject\tconsent", "S01\tmaybe"], 2, "consent: 'maybe'"),
        (["subject\tconsent", "S01\tyes?"], 2, "consent: 'yes?'"),
        (["subject\tconsent", "S01\t1"], 2, "consent: '1'"),
        (["subject\tconsent", "S01\tnone"], 2, "consent: 'none'"),
        (["subject\tconsent", "S01\t?"], 2, "consent: '?'"),
        (["subject\tsex", "1.0\tF"], 2, "subject '1.0' is a number that a spreadsheet made of a code"),
        (["subject\tconsent_given", "S01\tno"], 1, "is 'consent_given' the column 'consent'? rename it"),
        (["subject\tEinwilligung", "S01\tnein"], 1, "is 'Einwilligung' the column 'consent'? rename it"),
        (
            ["subject\tconsent\tconsent_video", "S01\tyes\tno"],
            1,
            "'consent_video' and 'consent': emo reads one",
        ),
        (["subject\tconsent_withdrawn", "S01\tyes"], 1, "'consent_withdrawn' states who did not consent"),
        (["subject\tSex\tsex ", "S01\tF\tM"], 1, "two columns, 'Sex' and 'sex '"),
        (["subject\tage", "S01\told"], 2, "age: 'old'"),
        (["subject\tage", "S01\t240"], 2, "age: 240 is not within 0..130"),
    ],
)
def test_invalid_tables(tmp_path: Path, lines: list[str], line: int, value: str) -> None:
    path = write(tmp_path / "participants.tsv", *lines)
    with pytest.raises(EmoError) as caught:
        read_participants_table(path)
    assert str(caught.value).startswith(f"{path}: line {line}: ")
    assert value in str(caught.value)


def test_the_message_states_file_value_and_remedy(tmp_path: Path) -> None:
    path = write(tmp_path / "participants.tsv", "subject\tsex", "S01\tyes")
    with pytest.raises(EmoError) as caught:
        read_participants_table(path)
    assert caught.value.lines == (
        f"{path}: line 2: sex: 'yes' is not one of F, M, X (female, male, other), empty or n/a",
    )


@pytest.mark.parametrize(
    ("text", "years"),
    {
        "24": 24.0,
        "24,5": 24.5,
        "24.0": 24.0,
        "24 years": 24.0,
        "24 ans": 24.0,
        "24 J": 24.0,
        "24y": 24.0,
        "89+": 89.0,
        "n/a": None,
        "": None,
    }.items(),
)
def test_ages_with_units_and_commas(text: str, years: float | None) -> None:
    assert read_age(text) == years


@pytest.mark.parametrize("text", ["18-25", "18 \u2013 25", "18 to 25", "<18", "> 60"])
def test_an_age_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is a range, which has no single value; write the age, or n/a"):
        read_age(text)


@pytest.mark.parametrize(
    ("text", "consent"),
    {
        **dict.fromkeys(("given", "Yes", "y", "TRUE", "ja", "oui", "si", "s\u00ed", "Evet"), "given"),
        **dict.fromkeys(("no", "N", "refused", "nein", "non", "hay\u0131r", "withdrawn"), "refused"),
        **dict.fromkeys(("", "n/a", "NaN", "-"), ""),
        "unknown": "unknown",
    }.items(),
)
def test_words_for_consent(text: str, consent: str) -> None:
    assert read_consent(text) == consent


def test_columns_that_look_like_consent() -> None:
    columns = [
        "consent",
        "Consent ",
        "informed_consent",
        "consented",
        "Einwilligung",
        "consentement",
        "zgoda",
    ]
    assert consent_like([*columns, "sex", "agreeableness", "contempt", "Onami", ""]) == columns


@pytest.mark.parametrize(
    "header", ["Participant ID", "participant-id", "Subject", "ID", "code", "subject_id"]
)
def test_headers_are_compared_without_case_blanks_and_signs(tmp_path: Path, header: str) -> None:
    table = read_participants_table(write(tmp_path / "p.csv", f"{header},Gender , AGE", "S01,f,24"))
    row = table.get("S01")
    assert row
    assert (row.sex, row.age, row.consent) == ("F", 24.0, "")
    assert table.not_read == ()


def test_columns_that_are_not_read_are_kept_by_name(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", "subject,code,name,consent,consent_date", "S01,x,Anna,yes,2024-05-01")
    assert read_participants_table(path).not_read == ("code", "name", "consent_date")
    path = write(tmp_path / "p.csv", "subject,consent_date", "S01,2024-05-01")
    with pytest.raises(EmoError, match="is 'consent_date' the column 'consent'"):
        read_participants_table(path)


def test_a_similar_code_is_found_only_if_there_is_one(tmp_path: Path) -> None:
    table = read_participants_table(write(tmp_path / "p.csv", "subject", "1", "s2", "S02", "sub-3"))
    similar = table.similar("001")
    assert similar
    assert similar.code == "1"
    assert table.similar("s002") is None  # s2 or S02?
    assert table.similar("sub-04") is None

"""Tables edited by hand: every fault gives one line with the file, the value and what is allowed."""

import math
from pathlib import Path

import pytest

from pipeline.runtime.csv_files import format_csv
from pipeline.runtime.errors import EmoError
from pipeline.schema.clips import processable_clips, read_clips, read_enrolment
from pipeline.schema.participants import Participant, read_participants
from tests.support.making import clip, enrol, person

PEOPLE, CLIPS = Path("raw/participants.csv"), Path("raw/clips.csv")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    enrol([person("S1"), person("s2", enrolled=2, sex="", age=None)], [clip("c1"), clip("c2", subject="s2")])


def refused() -> str:
    with pytest.raises(EmoError) as caught:
        read_enrolment()
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("raw/")
    return str(caught.value)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_both_tables_come_back() -> None:
    people, clips = read_enrolment()
    assert people == [person("S1"), person("s2", enrolled=2, sex="", age=None)]
    assert clips == [clip("c1"), clip("c2", subject="s2")]


def test_people_come_in_the_order_of_enrolment_and_keep_further_columns() -> None:
    PEOPLE.write_text("subject,sex,age,consent,enrolled,site\nB,M,20,given,1,Ulm\nA,F,,given,2,Bonn\n")
    people = read_participants()
    assert [(p.subject, p.age, p.extra) for p in people] == [
        ("B", 20.0, {"site": "Ulm"}),
        ("A", None, {"site": "Bonn"}),
    ]
    assert "A,F,,given,2,,Bonn" in format_csv(people, Participant)


def test_clips_of_people_who_withdrew_are_left_out() -> None:
    edit(PEOPLE, "30.0,given,1", "30.0,withdrawn,1")
    assert [c.clip for c in processable_clips()] == ["c2"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("S1,", "S 1,", "line 2: subject: 'S 1' is not an id"),
        ("S1,", ",", "line 2: subject: '' is not an id"),
        ("S1,", "-S1,", "'-S1' is not an id"),
        ("S1,", "S" * 65 + ",", "is not an id"),
        ("S1,", "../S1,", "'../S1' is not an id"),
        ("S1,", "S2,", "'S2' and 's2' differ only by case"),
        ("S1,F", "s2,F", "duplicate subject 's2'"),
        ("S1,F", "S1,f", "sex: 'f' is not one of F, M, X or empty"),
        (",30.0,", ",thirty,", "age: 'thirty' is not a number"),
        (",30.0,", ",-1,", "age: -1.0 is not within 0..130"),
        (",30.0,", ",nan,", "age: nan is not within 0..130"),
        ("given,1", "yes,1", "consent: 'yes' is not one of given, unknown, withdrawn"),
        ("given,1", "given,0", "enrolled: 0 is not 1 or more"),
        ("given,1", "given,2", "S1 and s2 have the same number 2"),
        ("given,1", "given,", "enrolled: '' is not a whole number"),
        ("sex", "gender", "missing column 'sex'"),
    ],
)
def test_nonsense_about_people(old: str, new: str, words: str) -> None:
    edit(PEOPLE, old, new)
    assert words in refused()


@pytest.mark.parametrize(
    ("values", "new", "words"),
    [
        ("c1,c1.mp4", "c/1,c1.mp4", "clip: 'c/1' is not an id"),
        ("c1,c1.mp4", "C2,c1.mp4", "'C2' and 'c2' differ only by case"),
        ("c1,c1.mp4", "c2,c1.mp4", "duplicate clip 'c2'"),
        ("c1.mp4", "", "video: '' is not a path below raw/videos"),
        ("c1.mp4", "../c1.mp4", "video: '../c1.mp4' is not a path below"),
        ("c1.mp4", "/c1.mp4", "video: '/c1.mp4' is not a path below"),
        ("c1.mp4", "c\0.mp4", "line 2: a NUL character"),
        ("S1,,happy", "S9,,happy", "clip c1: subject 'S9' is not in raw/participants.csv"),
        ("S1,,happy", "S1,,Joyful!", "expression: 'Joyful!' is not a label"),
        ("happy,,", "happy,5,2", "start_s 5.0 and end_s 2.0 are not 0 <= start < end"),
        ("happy,,", "happy,-1,2", "are not 0 <= start < end"),
        ("happy,,", "happy,nan,2", "are not 0 <= start < end"),
        ("happy,,", "happy,0,inf", "are not 0 <= start < end"),
        ("happy,,", "happy,a,", "start_s: 'a' is not a number"),
        ("0" * 64, "0" * 63, "is not 64 hexadecimal digits"),
        ("0" * 64, "G" * 64, "is not 64 hexadecimal digits"),
        (",64,64,", ",0,64,", "width: 0 is not within 1.."),
        (",64,64,", ",64,-3,", "height: -3 is not within 1.."),
        (",10.0,2.0,", ",10.0,nan,", "duration_s: nan is not within"),
        (",10.0,2.0,", ",10.0,-2,", "duration_s: -2.0 is not within"),
        (",10.0,2.0,", ",inf,2.0,", "fps: inf is not within"),
        (",20,h264,0", ",0,h264,0", "frames: 0 is not within 1.."),
        (",20,h264,0", ",20,h264,45", "rotation: 45 is not one of 0, 90, 180, 270"),
    ],
)
def test_nonsense_about_clips(values: str, new: str, words: str) -> None:
    edit(CLIPS, values, new)
    assert words in refused()


def test_two_labels_for_one_moment() -> None:
    stretches = [(None, 2.0), (3.0, 9.0), (4.0, 5.0)]
    clips = [clip(f"c{n}", video="v.mp4", start_s=a, end_s=b) for n, (a, b) in enumerate(stretches)]
    enrol([person("S1")], clips)
    assert "clips c1 and c2 overlap in v.mp4 at 4.0 s" in refused()
    enrol([person("S1")], [*clips[:2], clip("c2", video="v.mp4", start_s=9.0)])  # they may touch
    assert [c.segment for c in read_clips()] == [(0.0, 2.0), (3.0, 9.0), (9.0, math.inf)]


def test_missing_tables() -> None:
    CLIPS.unlink()
    assert refused() == "raw/clips.csv: no such file"

"""`emo exclude`, `emo include`, `emo relabel` and `emo decisions`: what is recorded, refused and listed."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.decisions.listing import list_decisions
from pipeline.decisions.proposals import Proposal, read_proposals
from pipeline.decisions.record import Recorded, record
from pipeline.runtime.csv_files import write_csv
from pipeline.runtime.errors import EmoError
from pipeline.schema.decisions import EXCLUDE, INCLUDE, RELABEL, read_decisions
from pipeline.schema.participants import Participant
from tests.support.making import TOP, clip, decision, enrol, init_dvc, person, set_params
from tests.support.shards import face_rows, write_face_shard

LEDGER = Path("raw/decisions.csv")
TODAY = "2026-11-28"


@pytest.fixture(autouse=True)
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two subjects with a clip each, and one who withdrew; not in Git."""
    monkeypatch.chdir(tmp_path)
    set_params()
    init_dvc()
    people = [person("S1"), person("S2", enrolled=2), person("S3", enrolled=3, consent="withdrawn")]
    clips = [
        clip("S1_happy", sha256="1" * 64),
        clip("S2_sad", subject="S2", expression="sad", sha256="2" * 64, start_s=1.0, end_s=1.5),
        clip("S3_sad", subject="S3", expression="sad", sha256="3" * 64),
    ]
    enrol(people, clips)
    return tmp_path


def propose(action: str = EXCLUDE, name: str = "S1_happy", **values: object) -> Proposal:
    plain: dict[str, object] = {"reason": "blink", "rater": "r1"}
    return Proposal(name, action, name, **plain | values)  # type: ignore[arg-type]


def ask(*proposals: Proposal) -> Recorded:
    return record(proposals, TODAY)


def refused(*proposals: Proposal) -> str:
    before = LEDGER.read_bytes() if LEDGER.is_file() else b""
    with pytest.raises(EmoError) as error:
        ask(*proposals)
    assert (LEDGER.read_bytes() if LEDGER.is_file() else b"") == before
    return str(error.value)


def table(text: str, action: str = EXCLUDE, **values: str) -> list[Proposal]:
    Path("t.csv").write_text(text)
    return read_proposals(Path("t.csv"), action, **values)


# --- What is recorded -----------------------------------------------------------------------------


def test_a_decision_is_keyed_by_recording_and_seconds() -> None:
    ask(propose(start_s=0.5, end_s=1.25))
    [row] = read_decisions()
    assert row == decision(1, recording="1" * 64, clip="S1_happy", start_s=0.5, end_s=1.25, date=TODAY)


def test_the_ledger_only_grows_and_numbers_go_on() -> None:
    ask(propose())
    before = LEDGER.read_text()
    ask(propose(INCLUDE), propose(RELABEL, value="sadness"))
    assert LEDGER.read_text().startswith(before)
    assert [(row.decision, row.action, row.value) for row in read_decisions()] == [
        (1, EXCLUDE, ""),
        (2, INCLUDE, ""),
        (3, RELABEL, "sad"),
    ]


def test_one_end_of_a_stretch_may_be_left_to_the_clip() -> None:
    ask(propose(name="S2_sad", end_s=1.2), propose(start_s=0.1234))
    assert [(row.start_s, row.end_s) for row in read_decisions()] == [(1.0, 1.2), (0.123, 2.0)]


def test_a_number_that_was_ever_committed_is_not_used_again(study: Path) -> None:
    ask(propose(), propose(name="S2_sad"))
    who = ("-c", "user.name=A Lab", "-c", "user.email=lab@example.org")
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run(["git", *who, *command], check=True, cwd=study)
    rows = read_decisions()[:1]  # as after a withdrawal of S2
    LEDGER.write_text("\n".join(LEDGER.read_text().splitlines()[:2]) + "\n")
    assert read_decisions() == rows
    assert [row.decision for row in ask(propose(RELABEL, value="sad")).decisions] == [3]


def test_a_label_beyond_the_seven_must_be_declared() -> None:
    assert "unknown expression 'calm'" in refused(propose(RELABEL, value="calm"))
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("- angry\n", "- angry\n  - calm\n"))
    ask(propose(RELABEL, value="Calm"))
    assert read_decisions()[0].value == "calm"


def test_a_label_that_is_no_class_is_noted() -> None:
    set_params(dataset={"expressions": ["happy", "sad"]})
    assert "angry is not a class" in ask(propose(RELABEL, value="angry")).notes[0]


def test_a_stretch_without_a_face_is_noted() -> None:
    write_face_shard("S1_happy", face_rows([1, None, 2]))  # at 0, 0.2 and 0.4 s
    assert ask(propose(start_s=0.4, end_s=0.5)).notes == ()
    assert "no face was accepted in this stretch" in ask(propose(start_s=0.1, end_s=0.3)).notes[0]


# --- What is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("proposal", "text"),
    [
        (propose(name="S1_hapy"), "did you mean S1_happy"),
        (propose(name=""), "clip: empty"),
        (propose(name="S3_sad"), "S3 has withdrawn consent"),
        (propose(name="S3_angry"), "S3 has withdrawn consent"),
        (propose(reason=" "), "--reason"),
        (propose(start_s=1.0, end_s=0.5), "the start must be before the end"),
        (propose(start_s=float("nan"), end_s=0.5), "the start must be before the end"),
        (propose(end_s=2.5), "0 to 2 s"),
        (propose(name="S2_sad", start_s=0.5), "1 to 1.5 s"),
        (propose(RELABEL), "expression: empty"),
        (propose(RELABEL, value="hapy"), "did you mean happy?"),
        (propose(RELABEL, value="sad", end_s=1.0), "exclude the stretch instead"),
        (propose(RELABEL, value="happy"), "labelled happy already; nothing to change"),
        (propose(INCLUDE), "is not excluded; nothing to change"),
        (propose(value="sad"), "only `relabel` has a value"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(proposal: Proposal, text: str) -> None:
    message = refused(proposal)
    assert message.startswith(f"{proposal.where}: ")
    assert text in message
    assert "\n" not in message


def test_what_holds_already_is_refused() -> None:
    ask(propose(start_s=0.5, end_s=1.5))
    assert refused(propose(start_s=0.6, end_s=1.0)) == (
        "S1_happy: is excluded already (decision 1); nothing to change"
    )
    ask(propose())  # more than holds
    ask(propose(INCLUDE))
    ask(propose())  # what was decided and taken back can be decided again


def test_a_withdrawal_that_only_the_table_of_withdrawals_knows() -> None:
    write_csv(Path("raw/participants.csv"), [person(f"S{n}", enrolled=n) for n in (1, 2, 3)], Participant)
    Path("raw/withdrawn.csv").write_text("subject,sha256\nS3,\n")
    assert "S3 has withdrawn consent" in refused(propose(name="S3_sad"))


# --- Tables ---------------------------------------------------------------------------------------


def test_many_decisions_of_a_table() -> None:
    ask(*table("clip;start_s;end_s;reason\nS1_happy;0.5;1;blink\nS2_sad;;;\n", reason="all", rater="r2"))
    assert [(row.clip, row.start_s, row.reason, row.rater) for row in read_decisions()] == [
        ("S1_happy", 0.5, "blink", "r2"),
        ("S2_sad", None, "all", "r2"),
    ]


def test_every_bad_line_is_listed_and_nothing_is_written() -> None:
    rows = ["S1_happy,0.5,1,blink", "S1_happy,0.6,0.7,again", "S9,,,x", "S2_sad,1 s,,x", "S2_sad,,,"]
    lines = refused(*table("clip,start_s,end_s,reason\n" + "\n".join(rows) + "\n")).split("\n")
    assert [line.split(": ")[1:3] for line in lines] == [
        ["line 3", "S1_happy"],
        ["line 4", "S9"],
        ["line 5", "S2_sad"],
        ["line 6", "S2_sad"],
    ]
    assert "excluded already (decision 1)" in lines[0]


def test_a_table_of_labels_has_a_column_expression_or_value() -> None:
    for number, column in enumerate(("expression", "value"), 1):
        word = ("angry", "fear")[number - 1]
        ask(*table(f"clip,{column},reason\nS1_happy,{word},x\n", RELABEL))
    assert [row.value for row in read_decisions()] == ["angry", "scared"]


@pytest.mark.parametrize(
    ("text", "message"),
    [("clip,reson\nS1_happy,x\n", "is it 'reason'"), ("clip,reason\n", "no rows"), ("a,b\n1,2\n", "clip")],
)
def test_a_table_that_is_none_is_refused(text: str, message: str) -> None:
    with pytest.raises(EmoError, match=message):
        table(text)


# --- The list -------------------------------------------------------------------------------------


def test_the_list_says_what_holds() -> None:
    ask(propose(start_s=0.5, end_s=1.0), propose(name="S2_sad"), propose(RELABEL, value="sad"))
    ask(propose(INCLUDE, start_s=0.5, end_s=0.7), propose(INCLUDE, "S2_sad"))
    ask(propose(RELABEL, value="angry"))
    found = list_decisions()
    assert [state for _, state in found.decisions] == [
        "in part",
        "no: superseded",
        "no: superseded",
        "yes",
        "yes",
        "yes",
    ]
    assert found.totals() == "now: 0 clips excluded, 1 clip excluded in part, 1 clip relabelled"
    one = list_decisions("S1_happy")
    assert [row.decision for row, _ in one.decisions] == [1, 3, 4, 6]
    assert one.summary() == ["S1_happy: labelled angry, asked for happy; excluded from 0.7..1 s"]


def test_a_decision_without_a_clip_is_listed_as_such() -> None:
    ask(propose())
    enrol([person("S1")], [clip("S1_sad", sha256="9" * 64)])
    assert [state for _, state in list_decisions().decisions] == ["no: no clip"]
    assert list_decisions("S1_happy").rows()[0][2] == "S1_happy"
    with pytest.raises(EmoError, match="did you mean S1_happy"):
        list_decisions("S1_hapy")


# --- The commands ---------------------------------------------------------------------------------


def emo(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "PYTHONPATH": str(TOP), **environment}
    command = [sys.executable, str(TOP / "cli.py"), *arguments]
    return subprocess.run(command, env=variables, capture_output=True, text=True)


@pytest.mark.slow
def test_the_commands_record_and_say_what_to_run_next() -> None:
    Path("dvc.yaml").write_text("stages: {}\n")
    done = emo("exclude", "S1_happy", "--from", "0.5", "--reason", "blink", EMO_RATER="r7")
    assert (done.returncode, done.stderr) == (0, "")
    first, following, *_ = done.stdout.splitlines()
    assert first == "decision 1: S1_happy excluded from 0.5 to 2 s: blink (rater r7)"
    assert following.startswith("next:  dvc repro ")
    found = json.loads(emo("relabel", "S1_happy", "sad", "--reason", "x", "--json").stdout)
    assert [(row["decision"], row["value"]) for row in found["recorded"]] == [(2, "sad")]
    assert emo("include", "S1_happy", "--reason", "open").returncode == 0
    listing = json.loads(emo("decisions", "--json").stdout)
    assert [row["holds"] for row in listing["decisions"]] == ["no: superseded", "yes", "yes"]
    assert listing["clips"][0]["expression"] == "sad"


@pytest.mark.slow
def test_an_error_of_a_command_is_one_line_and_bad_usage_is_code_2() -> None:
    Path("dvc.yaml").write_text("stages: {}\n")
    done = emo("exclude", "S1_happy")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert emo("exclude").returncode == emo("exclude", "S1_happy", "--file", "t.csv").returncode == 2


@pytest.mark.slow
def test_upgrade_creates_the_ledger_on_which_stages_depend() -> None:
    Path("dvc.yaml").write_text("stages: {}\n")
    assert "raw/decisions.csv" in emo("upgrade", "--dry-run").stdout
    assert not LEDGER.exists()
    assert "raw/decisions.csv" in emo("upgrade").stdout
    assert read_decisions() == []
    assert "nothing to change" in emo("upgrade").stdout


def test_the_fields_of_a_row_are_those_of_the_contract() -> None:
    row = replace(decision(), extra={"a": "b"})
    names = "decision recording clip start_s end_s action value reason rater date extra"
    assert list(vars(row)) == names.split()

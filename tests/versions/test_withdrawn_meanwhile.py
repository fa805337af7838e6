"""What a command wrote is removed if a subject withdraws while it runs."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.runtime.csv_files import write_csv
from pipeline.runtime.errors import ConsentError, EmoError
from pipeline.runtime.paths import WITHDRAWALS, WITHDRAWALS_COPY
from pipeline.schema.withdrawals import Withdrawal
from pipeline.versions.withdrawn_meanwhile import kept_unless_withdrawn
from tests.support.making import enrol, person

PEOPLE = [person("V01", enrolled=1), person("V02", enrolled=2), person("V03", enrolled=3)]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three subjects, of whom the first withdrew before."""
    monkeypatch.chdir(tmp_path)
    enrol([replace(PEOPLE[0], consent="withdrawn"), *PEOPLE[1:]], [])
    write_csv(WITHDRAWALS, [Withdrawal("V01", "")], Withdrawal)


def in_participants() -> None:
    enrol([replace(row, consent="withdrawn") for row in PEOPLE if row.subject != "V02"], [])


def in_table() -> None:
    write_csv(WITHDRAWALS, [Withdrawal("V01", ""), Withdrawal("V03", "")], Withdrawal)


def in_copy() -> None:
    write_csv(WITHDRAWALS_COPY, [Withdrawal("V03", "")], Withdrawal)


@pytest.mark.parametrize("withdraw", [in_participants, in_table, in_copy])
def test_a_withdrawal_in_any_table_removes_files_and_folders(withdraw: Callable[[], None]) -> None:
    def export() -> None:
        with kept_unless_withdrawn("export") as written:
            for path in (Path("out/a.png"), Path("page.html")):
                path.parent.mkdir(exist_ok=True)
                path.write_text("V03")
            withdraw()
            written += [Path("out"), Path("page.html"), Path("never written")]

    with pytest.raises(ConsentError) as error:
        export()
    assert str(error.value) == "V03 withdrew while `emo export` ran; nothing was kept; run it again"
    assert not Path("out").exists()
    assert not Path("page.html").exists()


def test_without_a_withdrawal_everything_is_kept() -> None:
    with kept_unless_withdrawn("report") as written:
        Path("page.html").write_text("V01 withdrew before")
        written.append(Path("page.html"))
    assert Path("page.html").is_file()


def test_a_command_that_fails_leaves_nothing_either() -> None:
    """It may fail because of the withdrawal: its files are gone."""

    def protocols() -> None:
        with kept_unless_withdrawn("protocols") as written:
            Path("fold.json").write_text("V03")
            written.append(Path("fold.json"))
            in_table()
            raise EmoError("data/dataset: missing")

    with pytest.raises(ConsentError):
        protocols()
    assert not Path("fold.json").exists()


def test_an_error_without_a_withdrawal_stays_as_it_is() -> None:
    with pytest.raises(EmoError, match="missing"), kept_unless_withdrawn("protocols"):
        raise EmoError("data/dataset: missing")


def test_a_folder_without_tables_has_no_withdrawals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    with kept_unless_withdrawn("predict"):
        pass

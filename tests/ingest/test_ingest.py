"""Whole ingests, without DVC: see test_track.py for that."""

import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest
from conftest import Project

from pipeline.ingest import enrol
from pipeline.ingest.run import Outcome, Request, ingest
from pipeline.runtime.errors import EmoError
from pipeline.runtime.paths import CLIPS, PARTICIPANTS, SPLIT, VIDEOS
from tests.support.recordings import write_sound


def small_study(project: Project) -> None:
    for subject in ("S02", "S01"):
        for expression in ("happy", "afraid"):
            project.video(f"{subject}/{expression}.mp4")


# --- What is enrolled -----------------------------------------------------------------------------


def test_a_folder_is_enrolled(project: Project) -> None:
    small_study(project)
    outcome = project.ingest()
    assert outcome.layout == "folders"
    assert [clip.clip for clip in outcome.added] == ["S01_scared", "S01_happy", "S02_scared", "S02_happy"]
    assert {s: (p.enrolled, p.consent) for s, p in project.people().items()} == {
        "S01": (1, "given"),
        "S02": (2, "given"),
    }
    clip = project.clips()["S01_scared"]
    assert (clip.video, clip.subject, clip.expression) == ("S01/S01_scared.mp4", "S01", "scared")
    assert (clip.width, clip.height, clip.fps, clip.duration_s, clip.frames) == (64, 64, 10.0, 1.0, 10)
    assert (clip.codec, clip.rotation, clip.take) == ("h264", 0, "S01_scared")
    assert clip.extra == {"source": "afraid.mp4"}
    assert clip.sha256 == hashlib.sha256((VIDEOS / clip.video).read_bytes()).hexdigest()
    assert outcome.table["S01"] == {
        "angry": 0, "disgusted": 0, "happy": 1, "neutral": 0, "sad": 0, "scared": 1, "surprised": 0,
    }  # fmt: skip
    json.dumps(outcome.as_json())


def test_the_same_command_again_changes_nothing(project: Project) -> None:
    small_study(project)
    project.ingest()
    tables, files = project.tables(), project.files()
    stamps = {path: path.stat().st_mtime_ns for path in Path("raw").rglob("*")}
    outcome = project.ingest()
    assert (outcome.added, outcome.videos, outcome.new_subjects) == ((), 0, ())
    assert len(outcome.unchanged) == 4
    assert (project.tables(), project.files()) == (tables, files)
    assert {path: path.stat().st_mtime_ns for path in Path("raw").rglob("*")} == stamps


def test_new_people_are_numbered_on_in_the_order_of_their_ids(project: Project) -> None:
    project.video("S05/happy.mp4")
    project.ingest()
    small_study(project)
    project.ingest()
    assert {s: p.enrolled for s, p in project.people().items()} == {"S05": 1, "S01": 2, "S02": 3}


def test_a_later_take_gets_a_free_id_and_moves_none(project: Project) -> None:
    project.video("S01/happy/b.mp4", 1)
    project.ingest()
    before = project.clips()["S01_happy_b"]
    project.video("S01/happy/B.mov", 2)
    project.ingest()
    assert sorted(project.clips()) == ["S01_happy_B_2", "S01_happy_b"]
    assert project.clips()["S01_happy_b"] == before
    assert project.files() == ["S01/S01_happy_B_2.mov", "S01/S01_happy_b.mp4"]


def test_names_with_spaces_quotes_and_accents(project: Project) -> None:
    project.video("Anna 'K'/happy \"1\".mp4")
    project.video("Mu\u0308ller/joy.mp4")
    project.ingest()
    assert sorted(project.clips()) == ["Anna_K_happy_1", "Muller_happy"]
    assert all(name.isascii() and " " not in name for name in project.files())


def test_a_recording_given_by_itself(project: Project) -> None:
    path = project.video("S01/happy.mp4")
    project.video("S01/sad.mp4")
    assert [clip.clip for clip in project.ingest(path).added] == ["S01_happy"]


def test_other_files_are_counted(project: Project) -> None:
    small_study(project)
    for name in ("S01/notes.txt", "S01/._happy.mp4", "S01/happy.wav", "S02/readme"):
        (project.study / name).write_text("x")
    assert project.ingest().skipped == {
        "no video by its name (.txt)": 1,
        "no video by its name (no suffix)": 1,
        "hidden file": 1,
        "sound only (.wav)": 1,
    }


def test_a_dry_run_shows_and_does_nothing(project: Project) -> None:
    small_study(project)
    outcome = project.ingest(dry_run=True)
    assert (outcome.done, len(outcome.added), outcome.videos) == (False, 4, 4)
    assert outcome.size_bytes == sum(path.stat().st_size for path in project.study.rglob("*.mp4"))
    assert not Path("raw").exists()


def test_the_plan_is_shown_before_anything_is_done(project: Project) -> None:
    small_study(project)
    shown: list[tuple[Outcome, bool]] = []
    ingest(
        Request((project.study,)),
        show=lambda plan: shown.append((plan, CLIPS.exists())),
        track=lambda: ("a.csv",),
    )
    assert [(plan.done, there) for plan, there in shown] == [(False, False)]


def test_links_share_the_file_and_copies_do_not(project: Project) -> None:
    path = project.video("S01/happy.mp4")
    project.ingest(link=True)
    assert (VIDEOS / "S01/S01_happy.mp4").samefile(path)
    other = project.video("S01/sad.mp4")
    project.ingest()
    assert not (VIDEOS / "S01/S01_sad.mp4").samefile(other)


# --- Eighth classes -------------------------------------------------------------------------------


def test_an_eighth_class_is_refused_left_out_or_mapped(project: Project) -> None:
    small_study(project)
    project.video("S01/calm.mp4")
    project.video("S02/calm.mp4")
    text = project.refused()
    assert "S01/calm.mp4 and 1 more: expression 'calm' is none of angry, disgusted" in text
    assert "--skip-unknown, or count them as one of the seven with --map calm=neutral" in text
    assert project.ingest(skip_unknown=True).skipped == {"expression 'calm'": 2}
    assert [clip.clip for clip in project.ingest(mapping={"Calm": "neutral"}).added] == [
        "S01_neutral",
        "S02_neutral",
    ]


# --- The same content under another name ----------------------------------------------------------


def test_a_copy_within_one_ingest_is_refused(project: Project) -> None:
    project.video("S01/happy.mp4", 1)
    project.video("S02/happy.mp4", 1)
    text = project.refused()
    assert "S02/happy.mp4: happy of S02: the same recording as " in text
    assert "S01/happy.mp4: happy of S01; leave one out" in text


@pytest.mark.parametrize(
    ("name", "expected"),
    {
        "S02/happy.mp4": "happy of S02: this recording is enrolled as S01_happy (happy of S01); leave it out",
        "S01/sad.mp4": "sad of S01: this recording is enrolled as S01_happy (happy of S01); leave it out",
        "S01/happy_2.mp4": "is enrolled as S01_happy (happy of S01); it came from a file named 'happy.mp4'",
    }.items(),
)
def test_enrolled_content_under_another_name_is_refused(project: Project, name: str, expected: str) -> None:
    path = project.video("S01/happy.mp4", 1)
    project.ingest()
    path.unlink()
    project.video(name, 1)
    text = project.refused()
    assert f"{name}: " in text
    assert expected in text


# --- Bad files ------------------------------------------------------------------------------------


def test_every_bad_file_has_its_line_and_nothing_is_done(project: Project) -> None:
    small_study(project)
    good = project.video("S03/happy.mp4", frames=40)
    bad = {
        "S03/angry.mp4": (b"", "the file is empty"),
        "S03/sad.mp4": (good.read_bytes()[: good.stat().st_size // 2], "cannot be decoded"),
        "S03/neutral.flv": (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0",
            "run `git lfs pull`",
        ),
        "S03/scared.mp4": (b"not a video at all\n" * 100, "cannot be decoded"),
    }
    for name, (content, _) in bad.items():
        (project.study / name).write_bytes(content)
    write_sound(project.study / "S03/surprised.mp4")
    (project.study / "S03/disgusted.mp4").symlink_to("nowhere.mp4")
    lines = project.refused().splitlines()
    reasons = {name: reason for name, (_, reason) in bad.items()}
    reasons |= {"S03/surprised.mp4": "no video in it (sound only?)", "S03/disgusted.mp4": "a link to a file"}
    assert len(lines) == len(reasons)
    for name, reason in reasons.items():
        assert any(name in line and reason in line for line in lines), name
    assert not VIDEOS.exists()


def test_names_and_contents_are_judged_together(project: Project) -> None:
    project.video("S01/happy.mp4")
    project.video("x_y.mp4")
    (project.study / "S01/sad.mp4").write_bytes(b"")
    assert len(project.refused().splitlines()) == 2


def test_folders_without_videos(project: Project) -> None:
    assert project.refused().endswith("study: an empty folder; give the folder of the recordings")
    (project.study / "Video.zip").write_text("x")
    assert "no video in it (1 no video by its name (.zip); unpack the archives first)" in project.refused()
    assert "nowhere: no such file or folder" in project.refused(project.study / "nowhere")


@pytest.mark.usefixtures("project")
def test_nothing_given() -> None:
    with pytest.raises(EmoError, match="no videos given; give a folder or files, or a --manifest"):
        ingest(Request(), track=tuple)


def test_recordings_in_raw_videos_are_no_sources(project: Project) -> None:
    small_study(project)
    project.ingest()
    assert "which emo fills by itself" in project.refused(VIDEOS)
    assert "which emo fills by itself" in project.refused(VIDEOS / "S01/S01_happy.mp4")


def test_a_folder_under_two_names_is_the_same_recording_twice(project: Project) -> None:
    project.video("S01/happy.mp4")
    (project.study / "S02").symlink_to("S01")
    assert "S02/happy.mp4: happy of S02: the same recording as" in project.refused()


def test_what_is_given_twice_is_read_once(project: Project) -> None:
    small_study(project)
    assert (
        len(project.ingest(project.study, project.study / "S01", project.study / "S01/happy.mp4").added) == 4
    )


def test_links_keep_their_names(project: Project) -> None:
    """As git-annex stores files: the link has the name, its target is called by its content."""
    project.video("annex/ab12", 1)
    (project.study / "S01").mkdir()
    (project.study / "S01/happy.mp4").symlink_to("../annex/ab12")
    project.ingest(project.study / "S01")
    assert project.files() == ["S01/S01_happy.mp4"]
    assert not (VIDEOS / "S01/S01_happy.mp4").is_symlink()


def test_links_in_a_circle_end(project: Project) -> None:
    small_study(project)
    (project.study / "S01/up").symlink_to(project.study)
    assert len(project.ingest().added) == 4


# --- People ---------------------------------------------------------------------------------------


def test_subjects_that_differ_by_case_are_refused(project: Project) -> None:
    project.video("S01/happy.mp4")
    project.ingest()
    project.video("s01/sad.mp4")
    assert "subject 's01' and 'S01' differ only by case or `sub-`" in project.refused(project.study / "s01")
    project.video("sub-S01/angry.mp4")
    assert "subject 'sub-S01' and 'S01' differ" in project.refused(project.study / "sub-S01")


def test_two_codes_that_give_one_id_are_refused(project: Project) -> None:
    project.video("S 1/happy.mp4")
    project.video("S_1/sad.mp4")
    assert "the codes 'S 1' and 'S_1' give one id, S_1" in project.refused()


def test_who_withdrew_is_not_enrolled_again(project: Project) -> None:
    small_study(project)
    project.ingest()
    PARTICIPANTS.write_text(PARTICIPANTS.read_text().replace("S01,,,given", "S01,,,withdrawn"))
    project.video("S01/sad.mp4")
    assert "S01 has withdrawn and cannot be enrolled again" in project.refused()


def test_participants_give_sex_and_age(project: Project) -> None:
    small_study(project)
    table = project.manifest(
        "participant_id\tage\tsex", "sub-S01\t24\tfemale", "S02\tn/a\tM", "S09\t1\tx", name="p.tsv"
    )
    outcome = project.ingest(participants=table)
    assert [(p.sex, p.age) for p in project.people().values()] == [("F", 24.0), ("M", None)]
    assert any("1 participants have no recording here: S09" in note for note in outcome.notes)


def test_a_participants_file_must_hold_the_new_people(project: Project) -> None:
    small_study(project)
    table = project.manifest("subject,sex", "S01,F", name="p.csv")
    assert "p.csv: no row for S02" in project.refused(participants=table)
    table = project.manifest("subject,sex,consent", "S01,F,yes", "S02,M,no", name="p.csv")
    assert "p.csv: line 3: the consent of S02 is not given" in project.refused(participants=table)
    project.ingest()
    assert "p.csv: line 3: the consent of S02 is not given" in project.refused(participants=table)


def test_empty_sex_and_age_are_filled_in_until_the_split_stands(project: Project) -> None:
    small_study(project)
    assert any("sex not known of S01, S02" in note for note in project.ingest().notes)
    SPLIT.parent.mkdir()
    SPLIT.write_text("subject,sex,split,fold\nS01,,train,0\n")
    late = project.manifest("subject,sex,age", "S01,F,30", "S02,M,", name="late.csv")
    assert "sex F of S01 comes too late: data/split.csv placed S01 without it" in project.refused(
        participants=late
    )
    good = project.manifest("subject,sex,age", "S01,,30", "S02,M,", name="good.csv")
    assert project.ingest(participants=good).completed_subjects == ("S01", "S02")
    assert [(p.sex, p.age) for p in project.people().values()] == [("", 30.0), ("M", None)]


def test_what_contradicts_the_table_is_refused(project: Project) -> None:
    small_study(project)
    project.ingest(participants=project.manifest("subject,sex,age", "S01,F,20", "S02,M,30", name="p.csv"))
    text = project.refused(
        participants=project.manifest("subject,sex,age", "S01,M,20", "S02,M,31", name="q.csv")
    )
    assert "q.csv: line 2: sex M of S01 is F in raw/participants.csv; sex decides the split" in text
    assert "q.csv: line 3: age 31 of S02 is 30 in raw/participants.csv" in text


def test_a_participants_file_goes_before_a_corpus(project: Project) -> None:
    project.video("DC/a01.avi")
    project.ingest(participants=project.manifest("subject,sex", "DC,X", name="p.csv"))
    assert project.people()["DC"].sex == "X"
    assert "sex M of DC is X in raw/participants.csv" in project.refused()


def test_corpora_tell_sex_and_takes(project: Project) -> None:
    for modality in ("01", "02"):
        project.video(f"Actor_02/{modality}-01-03-01-01-01-02.mp4")
    project.ingest()
    assert project.people()["Actor_02"].sex == "F"
    assert {clip.take for clip in project.clips().values()} == {"01-03-01-01-01-02"}


# --- Killed, full, meddled with -------------------------------------------------------------------


def test_what_a_killed_run_copied_is_adopted(project: Project) -> None:
    small_study(project)
    project.ingest()
    tables = project.tables()
    inode = (VIDEOS / "S02/S02_happy.mp4").stat().st_ino
    rows = CLIPS.read_text().splitlines(keepends=True)
    CLIPS.write_text("".join(row for row in rows if not row.startswith("S02")))
    PARTICIPANTS.write_text("".join(PARTICIPANTS.read_text().splitlines(keepends=True)[:2]))
    (VIDEOS / "S02/S02_scared.mp4").write_bytes(b"another version")
    (VIDEOS / "S02/.S02_x.mp4.123.tmp").write_bytes(b"half a video")
    (Path("raw") / ".clips.csv.123.tmp").write_bytes(b"half a table")
    project.ingest()
    assert project.tables() == tables
    assert (VIDEOS / "S02/S02_happy.mp4").stat().st_ino == inode
    assert (VIDEOS / "S02/S02_scared.mp4").read_bytes() == (project.study / "S02/afraid.mp4").read_bytes()
    assert not list(Path("raw").rglob(".*.tmp"))


def test_files_that_no_table_names_are_reported(project: Project) -> None:
    small_study(project)
    VIDEOS.mkdir(parents=True)
    (VIDEOS / "old.mp4").write_bytes(b"x")
    assert any(
        note.startswith("raw/videos/old.mp4: in no table (1 such files)") for note in project.ingest().notes
    )


def test_a_full_disk_keeps_what_is_done(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    small_study(project)
    copied: list[Path] = []

    def copy(source: Path, target: Path) -> None:
        copied.append(source)
        if len(copied) > 2:
            raise OSError(28, os.strerror(28), str(target))
        shutil.copy(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(enrol, "BATCH", 2)
        patch.setattr(enrol, "_copy", copy)
        with pytest.raises(
            EmoError, match="No space left on device; free some space and run the same command"
        ):
            project.ingest()
    assert list(project.clips()) == ["S01_happy", "S01_scared"]
    assert project.files() == ["S01/S01_happy.mp4", "S01/S01_scared.mp4"]
    assert len(project.ingest().added) == 2


def test_copies_that_cannot_fit_are_refused_beforehand(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_study(project)
    usage = shutil.disk_usage(".")._replace(free=100)
    monkeypatch.setattr(enrol.shutil, "disk_usage", lambda _path: usage)
    assert "0.0 MB to copy, 0.0 MB free on this disk; free some" in project.refused()


def test_a_recording_that_changes_while_it_is_read(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.video("S01/happy.mp4")
    monkeypatch.setattr(enrol, "_copy", lambda _source, target: target.write_bytes(b"other"))
    assert "happy.mp4: changed while it was read" in project.refused()
    assert project.files() == []


def test_missing_and_changed_recordings_stop_an_ingest(project: Project) -> None:
    small_study(project)
    project.ingest()
    project.video("S03/happy.mp4")
    video = VIDEOS / "S01/S01_happy.mp4"
    content = video.read_bytes()
    video.write_bytes(content + b"x")
    assert "S01_happy.mp4: not the recording that was enrolled" in project.refused()
    video.unlink()
    assert (
        "(1 of 4 recordings in raw/clips.csv are missing); run `dvc checkout raw/videos.dvc`"
        in project.refused()
    )


def test_tables_edited_into_nonsense_stop_an_ingest(project: Project) -> None:
    small_study(project)
    project.ingest()
    CLIPS.write_text(CLIPS.read_text().replace("S01,scared", "S01,scary"))
    assert "raw/clips.csv: line 3: expression: 'scary' is not one of" in project.refused()


def test_two_ingests_at_once_are_refused(project: Project) -> None:
    small_study(project)
    with enrol.exclusive():
        assert "another `emo ingest` or `emo withdraw` is at work here" in project.refused()


def test_ctrl_c_leaves_matching_tables(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    small_study(project)
    monkeypatch.setattr(enrol, "BATCH", 2)
    real = enrol.write_csv

    def interrupted(path: Path, *arguments: object) -> None:
        real(path, *arguments)  # type: ignore[arg-type]
        if path == CLIPS:
            raise KeyboardInterrupt

    monkeypatch.setattr(enrol, "write_csv", interrupted)
    with pytest.raises(KeyboardInterrupt):
        project.ingest()
    assert {clip.video for clip in project.clips().values()} == set(project.files())

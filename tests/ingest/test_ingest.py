"""Complete ingests, without DVC; test_dvc_tracking.py covers DVC."""

import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest

from pipeline.dataset.images.params import declared_labels
from pipeline.ingest import enrol
from pipeline.ingest.proposals import parse_mapping
from pipeline.ingest.run import Outcome, Request, ingest
from pipeline.runtime.errors import EmoError
from pipeline.runtime.paths import CLIPS, PARTICIPANTS, SPLIT, VIDEOS
from pipeline.versions.study_lock import locked_study
from tests.support.ingest_project import IngestProject, no_tracking
from tests.support.making import set_params
from tests.support.recordings import write_sound

# --- What is enrolled -----------------------------------------------------------------------------


def test_a_folder_is_enrolled(study: IngestProject) -> None:
    outcome = study.ingest()
    assert outcome.layout == "folders"
    assert [clip.clip for clip in outcome.added] == ["S01_scared", "S01_happy", "S02_scared", "S02_happy"]
    assert {s: (p.enrolled, p.consent) for s, p in study.participants().items()} == {
        "S01": (1, "unknown"),
        "S02": (2, "unknown"),
    }
    clip = study.clips()["S01_scared"]
    assert (clip.video, clip.subject, clip.expression) == ("S01/S01_scared.mp4", "S01", "scared")
    assert (clip.width, clip.height, clip.fps, clip.duration_s, clip.frames) == (64, 64, 10.0, 1.0, 10)
    assert (clip.codec, clip.rotation, clip.take) == ("h264", 0, "S01_scared")
    assert clip.extra == {"source": "afraid.mp4"}
    assert clip.sha256 == hashlib.sha256((VIDEOS / clip.video).read_bytes()).hexdigest()
    assert outcome.table["S01"] == {"happy": 1, "scared": 1}
    json.dumps(outcome.as_json())


def test_the_same_command_again_changes_nothing(study: IngestProject) -> None:
    study.ingest()
    tables, files = study.tables(), study.files()
    stamps = {path: path.stat().st_mtime_ns for path in Path("raw").rglob("*")}
    outcome = study.ingest()
    assert (outcome.added, outcome.videos, outcome.new_subjects) == ((), 0, ())
    assert len(outcome.unchanged) == 4
    assert (study.tables(), study.files()) == (tables, files)
    assert {path: path.stat().st_mtime_ns for path in Path("raw").rglob("*")} == stamps


def test_new_participants_are_numbered_after_the_last_in_the_order_of_their_ids(
    study: IngestProject,
) -> None:
    study.ingest(study.video("S05/happy.mp4"))
    study.ingest()
    assert {s: p.enrolled for s, p in study.participants().items()} == {"S05": 1, "S01": 2, "S02": 3}


def test_a_later_take_gets_a_free_id_and_keeps_the_others(project: IngestProject) -> None:
    project.video("S01/happy/b.mp4", 1)
    project.ingest()
    before = project.clips()["S01_happy_b"]
    project.video("S01/happy/B.mov", 2)
    project.ingest()
    assert sorted(project.clips()) == ["S01_happy_B_2", "S01_happy_b"]
    assert project.clips()["S01_happy_b"] == before
    assert project.files() == ["S01/S01_happy_B_2.mov", "S01/S01_happy_b.mp4"]


def test_names_with_spaces_quotes_and_accents(project: IngestProject) -> None:
    project.video("Anna 'K'/happy \"1\".mp4")
    project.video("Mu\u0308ller/joy.mp4")
    project.ingest()
    assert sorted(project.clips()) == ["Anna_K_happy_1", "Muller_happy"]
    assert all(name.isascii() and " " not in name for name in project.files())


def test_a_recording_given_by_itself(project: IngestProject) -> None:
    path = project.video("S01/happy.mp4")
    project.video("S01/sad.mp4")
    assert [clip.clip for clip in project.ingest(path).added] == ["S01_happy"]


def test_other_files_are_counted(study: IngestProject) -> None:
    for name in ("S01/notes.txt", "S01/._happy.mp4", "S01/happy.wav", "S02/readme"):
        (study.recordings / name).write_text("x")
    assert study.ingest().skipped == {
        "not a video (.txt)": 1,
        "not a video (no suffix)": 1,
        "hidden file": 1,
        "audio only (.wav)": 1,
    }


def test_a_dry_run_shows_and_does_nothing(study: IngestProject) -> None:
    outcome = study.ingest(dry_run=True)
    assert (outcome.done, len(outcome.added), outcome.videos) == (False, 4, 4)
    assert outcome.size_bytes == sum(path.stat().st_size for path in study.recordings.rglob("*.mp4"))
    assert not Path("raw").exists()


def test_the_plan_is_shown_before_anything_is_done(study: IngestProject) -> None:
    shown: list[tuple[Outcome, bool]] = []
    ingest(
        Request((study.recordings,)),
        show=lambda plan: shown.append((plan, CLIPS.exists())),
        track=no_tracking,
    )
    assert [(plan.done, there) for plan, there in shown] == [(False, False)]


def test_links_share_the_file_and_copies_do_not(project: IngestProject) -> None:
    path = project.video("S01/happy.mp4")
    project.ingest(link=True)
    assert (VIDEOS / "S01/S01_happy.mp4").samefile(path)
    other = project.video("S01/sad.mp4")
    project.ingest()
    assert not (VIDEOS / "S01/S01_sad.mp4").samefile(other)


# --- Eighth classes -------------------------------------------------------------------------------


def test_an_eighth_class_is_refused_skipped_or_mapped(study: IngestProject) -> None:
    study.video("S01/calm.mp4")
    study.video("S02/calm.mp4")
    text = study.ingest_error()
    assert text == (
        f"{study.recordings}/S01/calm.mp4 and 1 more: expression 'calm' is none of angry, disgusted, happy, "
        "neutral, sad, scared, surprised; skip it with --skip-unknown, map it with --map calm=EXPRESSION, or "
        "declare it as a label of its own in params.yaml: dataset: expressions"
    )
    assert study.ingest(skip_unknown=True).skipped == {"expression 'calm'": 2}
    assert [clip.clip for clip in study.ingest(mapping={"Calm": "neutral"}).added] == [
        "S01_neutral",
        "S02_neutral",
    ]


def test_a_misspelt_expression_is_corrected_not_mapped(study: IngestProject) -> None:
    manifest = study.table(
        "video,subject,expression", "S01/happy.mp4,S01,suprised", "S02/happy.mp4,S02,digust"
    )
    lines = study.ingest_error(manifest=manifest).split("\n")
    assert lines == [
        f"{manifest}: line 2: unknown expression 'suprised': did you mean surprised? correct it",
        f"{manifest}: line 3: unknown expression 'digust': did you mean disgusted? correct it",
    ]


@pytest.mark.parametrize("word", ["None", "none", "n/a", "NaN", "-"])
def test_a_cell_that_states_no_expression_is_refused_even_with_skip_unknown(
    study: IngestProject, word: str
) -> None:
    manifest = study.table("video,subject,expression", f"S01/happy.mp4,S01,{word}")
    for skip in (False, True):
        text = study.ingest_error(manifest=manifest, skip_unknown=skip)
        assert text.startswith(f"{manifest}: line 2: expression: {word!r} is no label; ")
    assert study.ingest(manifest=manifest, mapping={word: "neutral"}).added[0].expression == "neutral"


def test_a_declared_label_is_enrolled_and_a_mapping_may_lead_to_it(study: IngestProject) -> None:
    set_params(dataset={"expressions": ["happy", "calm", "very_low"]})
    lines = ("video,subject,expression", "S01/happy.mp4,S01,Calm", "S02/happy.mp4,S02,very low")
    outcome = study.ingest(manifest=study.table(*lines))
    assert [clip.expression for clip in outcome.added] == ["calm", "very_low"]
    assert outcome.table == {"S01": {"calm": 1, "very_low": 0}, "S02": {"calm": 0, "very_low": 1}}
    assert parse_mapping(["serene=calm"], declared_labels()) == {"serene": "calm"}
    with pytest.raises(EmoError, match="'contempt'; use one of angry, calm, "):
        parse_mapping(["scorn=contempt"], declared_labels())


# --- Consent --------------------------------------------------------------------------------------


def consents(study: IngestProject) -> dict[str, tuple[str, str]]:
    return {name: (one.consent, one.consent_source) for name, one in study.participants().items()}


def test_consent_is_unknown_unless_it_is_stated_and_a_note_says_so(study: IngestProject) -> None:
    table = study.table("subject,Consent ", "S01,ja", "S02,n/a", name="p.csv")
    outcome = study.ingest(participants=table)
    assert consents(study) == {"S01": ("given", "table"), "S02": ("unknown", "")}
    assert (
        "consent of 1 participant is not stated: recorded as unknown (S02); state it with --consent given or "
        "in a column `consent` of --participants"
    ) in outcome.notes


def test_the_option_states_the_consent_of_all_subjects_of_the_ingest(study: IngestProject) -> None:
    outcome = study.ingest(consent_source="option")
    assert consents(study) == {"S01": ("given", "option"), "S02": ("given", "option")}
    assert not any("consent" in note for note in outcome.notes)


@pytest.mark.parametrize(("word", "value"), [("no", "not given"), ("unknown", "unknown")])
def test_the_option_must_not_contradict_the_table(study: IngestProject, word: str, value: str) -> None:
    table = study.table("subject,consent", "S01,yes", f"S02,{word}", name="p.csv")
    text = study.ingest_error(participants=table, consent_source="option")
    assert text.startswith(f"{table}: line 3: the consent of S02 is {value}")


def test_a_later_ingest_completes_unknown_and_assumed_consent(study: IngestProject) -> None:
    study.ingest()
    PARTICIPANTS.write_text(PARTICIPANTS.read_text().replace("S02,,,unknown", "S02,,,given"))
    assert consents(study)["S02"] == ("given", "")  # as earlier versions wrote it
    table = study.table("subject,consent", "S01,yes", "S02,yes", name="p.csv")
    assert study.ingest(participants=table).completed_subjects == ("S01", "S02")
    assert consents(study) == {"S01": ("given", "table"), "S02": ("given", "table")}
    assert study.ingest(consent_source="option").completed_subjects == ()
    assert consents(study)["S01"] == ("given", "table")


def test_given_consent_never_becomes_unknown_or_refused_silently(study: IngestProject) -> None:
    study.ingest(consent_source="option")
    assert study.ingest().completed_subjects == ()
    assert consents(study)["S01"] == ("given", "option")
    unknown = study.table("subject,consent", "S01,unknown", "S02,yes", name="u.csv")
    text = study.ingest_error(participants=unknown)
    assert text == (
        f"{unknown}: line 2: the consent of S01 is unknown, but given in raw/participants.csv; correct one"
    )
    refused = study.table("subject,consent", "S01,nein", "S02,yes", name="r.csv")
    assert study.ingest_error(participants=refused) == (
        f"{refused}: line 2: the consent of S01 is not given; leave out the recordings, and erase S01 with "
        "`emo withdraw S01`"
    )


def test_a_manifest_with_a_column_about_consent_is_refused(study: IngestProject) -> None:
    manifest = study.table("video,subject,expression,consent", "S01/happy.mp4,S01,happy,no")
    assert study.ingest_error(manifest=manifest) == (
        f"{manifest}: line 1: a manifest has no column for consent: state 'consent' in the column "
        "'consent' of a --participants table, and remove it here"
    )


# --- The same content under another name ----------------------------------------------------------


def test_a_copy_within_one_ingest_is_refused(project: IngestProject) -> None:
    project.video("S01/happy.mp4", 1)
    project.video("S02/happy.mp4", 1)
    text = project.ingest_error()
    assert "S02/happy.mp4: happy of S02: the same recording as " in text
    assert "S01/happy.mp4: happy of S01; leave one out" in text


@pytest.mark.parametrize(
    ("name", "expected"),
    {
        "S02/happy.mp4": "S02/happy.mp4 (happy of S02) is S01_happy, happy of S01",
        "S01/sad.mp4": "S01/sad.mp4 (sad of S01) is S01_happy, happy of S01",
        "S01/happy_2.mp4": "",
    }.items(),
)
def test_enrolled_content_under_another_name_stays_as_it_is(
    project: IngestProject, name: str, expected: str
) -> None:
    path = project.video("S01/happy.mp4", 1)
    project.ingest()
    path.unlink()
    project.video(name, 1)
    project.video("S03/sad.mp4")
    table = CLIPS.read_text()
    outcome = project.ingest()
    assert [clip.clip for clip in outcome.added] == ["S03_sad"]
    assert [clip.clip for clip in outcome.unchanged] == ["S01_happy"]
    notes = [note for note in outcome.notes if "enrolled before" in note]
    assert len(notes) == bool(expected)
    assert expected in "".join(notes)
    assert CLIPS.read_text().startswith(table)


def test_a_renamed_recording_does_not_stop_a_later_batch(project: IngestProject) -> None:
    path = project.video("S01/happy.mp4", 1)
    project.ingest()
    path.rename(path.with_name("IMG_1234.mp4"))
    project.video("S02/happy.mp4", 2)
    outcome = project.ingest()
    assert outcome.new_subjects == ("S02",)
    assert "1 file enrolled before under a name that could be read" in outcome.notes
    project.video("S02/IMG_1235.mp4", 3)
    assert "IMG_1235.mp4: its name states no expression" in project.ingest_error()


def test_a_copy_beside_the_enrolled_original_is_no_error(project: IngestProject) -> None:
    project.video("S01/happy.mp4", 1)
    project.ingest()
    project.video("S01/happy_2.mp4", 1)
    assert len(project.ingest().unchanged) == 1


def test_a_label_corrected_in_the_table_and_at_the_source_agrees(project: IngestProject) -> None:
    path = project.video("S01/happy.mp4", 1)
    project.ingest()
    CLIPS.write_text(CLIPS.read_text().replace("S01,,happy", "S01,,sad"))
    assert "enrolled before under another name" in "".join(project.ingest().notes)
    path.rename(path.with_name("sad.mp4"))
    outcome = project.ingest()
    assert len(outcome.unchanged) == 1
    assert "enrolled before" not in "".join(outcome.notes)


def test_a_new_code_that_may_be_an_enrolled_subject_is_refused(project: IngestProject) -> None:
    """The folder of S01 was renamed to P01, and then a second batch was added to it."""
    old = project.video("S01/happy.mp4", 1)
    project.video("S02/happy.mp4", 2)
    project.ingest()
    new = project.video("P01/sad.mp4", 3)
    old.rename(new.with_name("happy.mp4"))
    text = project.ingest_error()
    assert "P01/happy.mp4: enrolled as a recording of S01, now named as one of P01, who also has new" in text


def test_a_file_sorted_into_another_folder_does_not_refuse_that_subject(project: IngestProject) -> None:
    """S01 has other recordings under the old code, so that S02 is another subject."""
    old = project.video("S01/happy.mp4", 1)
    project.video("S01/sad.mp4", 2)
    project.ingest()
    new = project.video("S02/sad.mp4", 3)
    old.rename(new.with_name("happy.mp4"))
    outcome = project.ingest()
    assert outcome.new_subjects == ("S02",)
    assert "S02/happy.mp4 (happy of S02) is S01_happy, happy of S01" in "".join(outcome.notes)


# --- Bad files ------------------------------------------------------------------------------------


def test_every_bad_file_has_its_line_and_nothing_is_done(study: IngestProject) -> None:
    good = study.video("S03/happy.mp4", frames=40)
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
        (study.recordings / name).write_bytes(content)
    write_sound(study.recordings / "S03/surprised.mp4")
    (study.recordings / "S03/disgusted.mp4").symlink_to("nowhere.mp4")
    lines = study.ingest_error().splitlines()
    reasons = {name: reason for name, (_, reason) in bad.items()}
    reasons |= {"S03/surprised.mp4": "only?)", "S03/disgusted.mp4": "a link to a missing file"}
    assert len(lines) == len(reasons)
    for name, reason in reasons.items():
        assert any(name in line and reason in line for line in lines), name
    assert not VIDEOS.exists()


def test_files_that_cannot_be_used_are_left_out_on_demand(study: IngestProject) -> None:
    (study.recordings / "S02/sad.mp4").write_bytes(b"")
    assert "--skip-unusable leaves such files out" in study.ingest_error()
    outcome = study.ingest(skip_unusable=True)
    assert len(outcome.added) == 4
    [note] = [note for note in outcome.notes if note.startswith("left out: ")]
    assert "S02/sad.mp4: the file is empty" in note


def test_errors_of_names_and_of_contents_are_raised_together(project: IngestProject) -> None:
    project.video("S01/happy.mp4")
    project.video("x_y.mp4")
    (project.recordings / "S01/sad.mp4").write_bytes(b"")
    assert len(project.ingest_error().splitlines()) == 2


def test_folders_without_videos(project: IngestProject) -> None:
    assert (
        project.ingest_error()
        == f"{project.recordings}: the folder is empty; give the folder that holds the videos"
    )
    (project.recordings / "Video.zip").write_text("x")
    assert "no video found (1 not a video (.zip); unpack the archives first)" in project.ingest_error()
    assert "nowhere: no such file or folder" in project.ingest_error(project.recordings / "nowhere")


@pytest.mark.usefixtures("project")
def test_nothing_given() -> None:
    with pytest.raises(EmoError, match="no videos given; give a folder or files, or a --manifest"):
        ingest(Request(), track=no_tracking)


def test_recordings_in_raw_videos_are_no_sources(study: IngestProject) -> None:
    study.ingest()
    for path in (VIDEOS, VIDEOS / "S01/S01_happy.mp4"):
        assert study.ingest_error(path).startswith(f"{path}: is in {VIDEOS}")


def test_a_folder_under_two_names_is_the_same_recording_twice(project: IngestProject) -> None:
    project.video("S01/happy.mp4")
    (project.recordings / "S02").symlink_to("S01")
    assert "S02/happy.mp4: happy of S02: the same recording as" in project.ingest_error()


def test_sources_given_twice_are_read_once(study: IngestProject) -> None:
    assert (
        len(
            study.ingest(study.recordings, study.recordings / "S01", study.recordings / "S01/happy.mp4").added
        )
        == 4
    )


def test_links_keep_their_names(project: IngestProject) -> None:
    """As git-annex stores files: the link has the name, its target is called by its content."""
    project.video("annex/ab12", 1)
    (project.recordings / "S01").mkdir()
    (project.recordings / "S01/happy.mp4").symlink_to("../annex/ab12")
    project.ingest(project.recordings / "S01")
    assert project.files() == ["S01/S01_happy.mp4"]
    assert not (VIDEOS / "S01/S01_happy.mp4").is_symlink()


def test_cyclic_links_end(study: IngestProject) -> None:
    (study.recordings / "S01/up").symlink_to(study.recordings)
    assert len(study.ingest().added) == 4


# --- Participants ---------------------------------------------------------------------------------------


def test_subjects_that_differ_by_case_are_refused(project: IngestProject) -> None:
    project.video("S01/happy.mp4")
    project.ingest()
    project.video("s01/sad.mp4")
    assert "subjects 's01' and 'S01' differ" in project.ingest_error(project.recordings / "s01")
    project.video("sub-S01/angry.mp4")
    assert "subjects 'sub-S01' and 'S01' differ" in project.ingest_error(project.recordings / "sub-S01")


def test_codes_that_may_be_one_subject_are_refused_in_one_line(project: IngestProject) -> None:
    for name in ("S1/happy.mp4", "S01/sad.mp4", "S2/happy.mp4", "S002/sad.mp4"):
        project.video(name)
    (line,) = project.ingest_error().splitlines()
    assert "S1/happy.mp4: subjects 'S1' and 'S01' differ only by" in line
    assert "S01/sad.mp4) (1 more such pairs); write one subject the same way" in line
    for name in ("1", "001"):
        project.video(f"{name}.mp4")
    table = project.table("video,subject,expression", "1.mp4,1,happy", "001.mp4,001,sad", name="m.csv")
    assert "subjects '1' and '001' differ" in project.ingest_error(manifest=table)


def test_codes_that_differ_from_enrolled_ones_by_a_counter_are_refused(project: IngestProject) -> None:
    project.video("anna1_happy.mp4", 1)
    project.ingest()
    project.video("later data/anna2_happy.mp4", 2)
    assert "the codes anna1, anna2 may end with" in project.ingest_error(project.recordings / "later data")
    for number in range(1, 4):
        project.video(f"more data/S0{number}_happy.mp4", 2 + number)
    assert len(project.ingest(project.recordings / "more data").new_subjects) == 3


def test_the_plan_lists_the_subjects_as_understood(project: IngestProject) -> None:
    project.video("S01_ses1_happy.mp4", 1)
    project.ingest()
    project.video("S01_ses2_sad.mp4", 2)
    project.video("S02_ses1_sad.mp4", 3)
    first, second = project.ingest(dry_run=True).subjects
    assert (first.subject, first.new, first.clips, first.sessions) == ("S01", False, 2, ("1", "2"))
    assert first.expressions == ("happy", "sad")
    assert (second.subject, second.new, second.example) == ("S02", True, "study/S02_ses1_sad.mp4")
    assert project.ingest().as_json()["subjects"][1]["sessions"] == ("1",)
    assert [clip.session for clip in project.clips().values()] == ["1", "2", "1"]


def test_two_codes_that_give_one_id_are_refused(project: IngestProject) -> None:
    project.video("S 1/happy.mp4")
    project.video("S_1/sad.mp4")
    assert "the codes 'S 1' and 'S_1' give the same id, S_1" in project.ingest_error()


def test_a_withdrawn_subject_is_not_enrolled_again(study: IngestProject) -> None:
    study.ingest()
    PARTICIPANTS.write_text(PARTICIPANTS.read_text().replace("S01,,,unknown", "S01,,,withdrawn"))
    study.video("S01/sad.mp4")
    assert "S01 has withdrawn and cannot be enrolled again" in study.ingest_error()


def test_participants_give_sex_and_age(study: IngestProject) -> None:
    table = study.table(
        "participant_id\tage\tsex", "sub-S01\t24\tfemale", "S02\tn/a\tM", "S09\t1\tx", name="p.tsv"
    )
    outcome = study.ingest(participants=table)
    assert [(p.sex, p.age) for p in study.participants().values()] == [("F", 24.0), ("M", None)]
    assert any("1 participants have no recording here: S09" in note for note in outcome.notes)


def test_columns_that_are_not_read_are_listed_without_their_values(study: IngestProject) -> None:
    table = study.table("subject,name,date_of_birth", "S01,Anna,1999-03-04", "S02,Bob,", name="p.csv")
    notes = study.ingest(participants=table).notes
    assert f"{table}: columns not read: name, date_of_birth" in notes
    assert not any("Anna" in note or "1999" in note for note in notes)


def test_a_code_without_its_zeros_is_pointed_out_and_not_matched(project: IngestProject) -> None:
    project.video("001/happy.mp4")
    table = project.table("participant_id;sex", "1;f", name="p.csv")
    text = project.ingest_error(participants=table)
    assert text.startswith(f"{table}: no row for 001 (")
    assert text.endswith("; there is a row '1': write it as 001")


def test_a_participants_file_needs_a_row_for_each_new_subject(study: IngestProject) -> None:
    table = study.table("subject,sex", "S01,F", name="p.csv")
    assert "p.csv: no row for S02" in study.ingest_error(participants=table)
    table = study.table("subject,sex,consent", "S01,F,yes", "S02,M,no", name="p.csv")
    assert "p.csv: line 3: the consent of S02 is not given" in study.ingest_error(participants=table)
    study.ingest()
    assert "p.csv: line 3: the consent of S02 is not given" in study.ingest_error(participants=table)


def test_empty_sex_and_age_are_filled_in_until_the_subject_is_in_the_split(
    study: IngestProject,
) -> None:
    assert any("sex of S01, S02 is unknown" in note for note in study.ingest().notes)
    SPLIT.parent.mkdir()
    SPLIT.write_text("subject,sex,split,fold\nS01,,train,0\n")
    late = study.table("subject,sex,age", "S01,F,30", "S02,M,", name="late.csv")
    assert "sex F of S01 comes too late: data/split.csv" in study.ingest_error(participants=late)
    good = study.table("subject,sex,age", "S01,,30", "S02,M,", name="good.csv")
    assert study.ingest(participants=good).completed_subjects == ("S01", "S02")
    assert [(p.sex, p.age) for p in study.participants().values()] == [("", 30.0), ("M", None)]


def test_sex_and_age_that_contradict_the_table_are_refused(study: IngestProject) -> None:
    study.ingest(participants=study.table("subject,sex,age", "S01,F,20", "S02,M,30", name="p.csv"))
    text = study.ingest_error(
        participants=study.table("subject,sex,age", "S01,M,20", "S02,M,31", name="q.csv")
    )
    assert "q.csv: line 2: sex M of S01 is F in raw/participants.csv" in text
    assert "q.csv: line 3: age 31 of S02 is 30 in raw/participants.csv" in text


def test_a_participants_file_overrides_the_names_of_a_corpus(project: IngestProject) -> None:
    project.video("DC/a01.avi")
    project.ingest(participants=project.table("subject,sex", "DC,X", name="p.csv"))
    assert project.participants()["DC"].sex == "X"
    assert "sex M of DC is X in raw/participants.csv" in project.ingest_error()


def test_names_of_corpora_state_sex_and_takes(project: IngestProject) -> None:
    for modality in ("01", "02"):
        project.video(f"Actor_02/{modality}-01-03-01-01-01-02.mp4")
    project.ingest()
    assert project.participants()["Actor_02"].sex == "F"
    assert {clip.take for clip in project.clips().values()} == {"01-03-01-01-01-02"}


# --- Interruptions and manual changes -------------------------------------------------------------------


def test_recordings_that_a_killed_run_copied_are_kept(study: IngestProject) -> None:
    study.ingest()
    tables = study.tables()
    inode = (VIDEOS / "S02/S02_happy.mp4").stat().st_ino
    rows = CLIPS.read_text().splitlines(keepends=True)
    CLIPS.write_text("".join(row for row in rows if not row.startswith("S02")))
    PARTICIPANTS.write_text("".join(PARTICIPANTS.read_text().splitlines(keepends=True)[:2]))
    (VIDEOS / "S02/S02_scared.mp4").write_bytes(b"another version")
    (VIDEOS / "S02/.S02_x.mp4.123.tmp").write_bytes(b"half a video")
    (Path("raw") / ".clips.csv.123.tmp").write_bytes(b"half a table")
    study.ingest()
    assert study.tables() == tables
    assert (VIDEOS / "S02/S02_happy.mp4").stat().st_ino == inode
    assert (VIDEOS / "S02/S02_scared.mp4").read_bytes() == (study.recordings / "S02/afraid.mp4").read_bytes()
    assert not list(Path("raw").rglob(".*.tmp"))


def test_files_that_are_in_no_table_are_reported(study: IngestProject) -> None:
    VIDEOS.mkdir(parents=True)
    (VIDEOS / "old.mp4").write_bytes(b"x")
    assert any(
        note.startswith("raw/videos/old.mp4: not in any table (1 such files)")
        for note in study.ingest().notes
    )


def test_a_full_disk_keeps_what_is_done(study: IngestProject, monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[Path] = []

    def copy(source: Path, target: Path) -> None:
        copied.append(source)
        if len(copied) > 2:
            raise OSError(28, os.strerror(28), str(target))
        shutil.copy(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(enrol, "BATCH", 2)
        patch.setattr(enrol, "_copy", copy)
        with pytest.raises(EmoError, match="No space left on device; free some space"):
            study.ingest()
    assert list(study.clips()) == ["S01_happy", "S01_scared"]
    assert study.files() == ["S01/S01_happy.mp4", "S01/S01_scared.mp4"]
    assert len(study.ingest().added) == 2


def test_copies_that_cannot_fit_are_refused_beforehand(
    study: IngestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(".")._replace(free=100)
    monkeypatch.setattr(enrol.shutil, "disk_usage", lambda _path: usage)
    assert "0.0 MB to copy, 0.0 MB free on disk" in study.ingest_error()


def test_a_recording_that_changes_while_it_is_read(
    project: IngestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.video("S01/happy.mp4")
    monkeypatch.setattr(enrol, "_copy", lambda _source, target: target.write_bytes(b"other"))
    assert "happy.mp4: changed while it was read" in project.ingest_error()
    assert project.files() == []


def test_missing_and_changed_recordings_stop_an_ingest(study: IngestProject) -> None:
    study.ingest()
    study.video("S03/happy.mp4")
    video = VIDEOS / "S01/S01_happy.mp4"
    content = video.read_bytes()
    video.write_bytes(content + b"x")
    assert "S01_happy.mp4: not the recording that was enrolled" in study.ingest_error()
    video.unlink()
    assert (
        "(1 of 4 recordings in raw/clips.csv are missing); run `dvc checkout raw/videos.dvc`"
        in study.ingest_error()
    )


def test_invalid_tables_stop_an_ingest(study: IngestProject) -> None:
    study.ingest()
    CLIPS.write_text(CLIPS.read_text().replace("S01,,scared", "S01,,Scary!"))
    assert "raw/clips.csv: line 3: expression: 'Scary!'" in study.ingest_error()


def test_two_ingests_at_once_are_refused(study: IngestProject) -> None:
    with locked_study():
        text = study.ingest_error(wait=False)
    assert f"another `emo` or `dvc` command (process {os.getpid()}) is running in this project" in text


def test_ctrl_c_leaves_matching_tables(study: IngestProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enrol, "BATCH", 2)
    real = enrol.write_csv

    def interrupted(path: Path, *arguments: object) -> None:
        real(path, *arguments)  # type: ignore[arg-type]
        if path == CLIPS:
            raise KeyboardInterrupt

    monkeypatch.setattr(enrol, "write_csv", interrupted)
    with pytest.raises(KeyboardInterrupt):
        study.ingest()
    assert {clip.video for clip in study.clips().values()} == set(study.files())

import pytest

from pipeline.ingest.manifest import named_expression
from pipeline.runtime.paths import CLIPS
from tests.support.ingest_project import IngestProject

HEADER = "video,subject,expression,start_s,end_s"


def test_segments_of_one_recording_share_its_file(project: IngestProject) -> None:
    project.video("session.mp4", frames=40)
    path = project.table(HEADER, "session.mp4,S01,neutral,0,1.5", "./session.mp4,S01,joy,2,4")
    outcome = project.ingest(manifest=path)
    assert outcome.videos == 1
    assert project.files() == ["S01/S01_recording.mp4"]
    clips = project.clips()
    assert {name: clip.segment for name, clip in clips.items()} == {
        "S01_neutral": (0.0, 1.5),
        "S01_happy": (2.0, 4.0),
    }
    assert not any("source" in clip.extra for clip in clips.values())
    assert project.ingest(manifest=path).added == ()


def test_more_segments_of_an_enrolled_recording(project: IngestProject) -> None:
    project.video("a.mp4", frames=40)
    project.ingest(manifest=project.table(HEADER, "a.mp4,S01,neutral,0,1.5"))
    outcome = project.ingest(manifest=project.table(HEADER, "a.mp4,S01,sad,1.5,3", "a.mp4,S01,neutral,0,1.5"))
    assert (outcome.videos, [clip.clip for clip in outcome.added], len(outcome.unchanged)) == (
        0,
        ["S01_sad"],
        1,
    )
    assert len({clip.video for clip in project.clips().values()}) == 1


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["a.mp4,S01,sad,0,9"], "line 2: the segment from 0.0 s to 9.0 s is beyond the end of "),
        (["a.mp4,S01,sad,4,"], "line 2: the segment from 4.0 s to the end is beyond the end of "),
        (["a.mp4,S01,sad,2,1"], "line 2: segment: start_s 2.0 and end_s 1.0"),
        (["a.mp4,S01,sad,-1,1"], "line 2: segment: start_s -1.0 and end_s 1.0"),
        (["a.mp4,S01,sad,0,2", "a.mp4,S01,happy,1,3"], "line 3: happy of S01 from 1.0 s overlaps"),
        (["a.mp4,S01,sad,,", "a.mp4,S01,sad,,"], "line 3: sad of S01 from 0.0 s overlaps"),
        (["a.mp4,S01,sad,0,1", "a.mp4,S02,sad,2,3"], "line 3: a recording belongs to one subject"),
        (["a.mp4,S01,sad,0,1", "copy.mp4,S01,happy,2,3"], "line 3: happy of S01: the same recording as"),
        (["a.mp4,S01,sad,zero,1"], "line 2: start_s: 'zero' is not a number"),
        (["a.mp4,,sad,0,1"], "line 2: subject: empty"),
        (["no.mp4,S01,sad,0,1"], "line 2: video: 'no.mp4': no such file; paths are relative to "),
        (["a.mp4,S01,grumpy,0,1"], "line 2: expression 'grumpy' is none of angry"),
        (["a.mp4,S01"], "line 2: more or fewer values than columns"),
        ([], "no rows"),
    ],
)
def test_bad_rows(project: IngestProject, rows: list[str], expected: str) -> None:
    project.video("a.mp4", 1, frames=40)
    project.video("copy.mp4", 1, frames=40)
    assert expected in project.ingest_error(manifest=project.table(HEADER, *rows))


def test_every_bad_row_has_its_line(project: IngestProject) -> None:
    project.video("a.mp4", frames=40)
    rows = ["a.mp4,S01,sad,0,9", "no.mp4,S01,sad,,", "a.mp4,\u674e,sad,,", "a.mp4,S01,grumpy,,"]
    assert len(project.ingest_error(manifest=project.table(HEADER, *rows)).splitlines()) == 4


@pytest.mark.parametrize("row", ["a.mp4,S01,happy,1,3", "a.mp4,S01,sad,1,2.5", "a.mp4,S01,sad,,2.5"])
def test_overlap_with_what_is_enrolled(project: IngestProject, row: str) -> None:
    project.video("a.mp4", frames=40)
    project.ingest(manifest=project.table(HEADER, "a.mp4,S01,sad,0,2"))
    assert "this recording is enrolled as S01_sad (sad of S01)" in project.ingest_error(
        manifest=project.table(HEADER, row)
    )


def test_beyond_the_end_of_an_enrolled_recording(project: IngestProject) -> None:
    project.video("a.mp4", frames=40)
    project.ingest(manifest=project.table(HEADER, "a.mp4,S01,sad,0,2"))
    assert "beyond the end" in project.ingest_error(manifest=project.table(HEADER, "a.mp4,S01,sad,2,7"))


def test_an_end_that_is_rounded_up_is_accepted(project: IngestProject) -> None:
    project.video("a.mp4", frames=40)
    project.ingest(manifest=project.table(HEADER, "a.mp4,S01,sad,0,4.05"))
    assert project.clips()["S01_sad"].end_s == 4.05


def test_takes_are_those_of_one_subject_and_expression(project: IngestProject) -> None:
    for name in ("front.mp4", "left.mp4", "other.mp4"):
        project.video(name)
    rows = ["front.mp4,S01,sad,1,F", "left.mp4,S01,sad,1,F", "other.mp4,S02,sad,1,m"]
    project.ingest(manifest=project.table("video,subject,expression,take,sex", *rows))
    takes = {name: clip.take for name, clip in project.clips().items()}
    assert takes == {"S01_sad_1": "S01_sad_1", "S01_sad_1_2": "S01_sad_1", "S02_sad_1": "S02_sad_1"}
    assert [person.sex for person in project.participants().values()] == ["F", "M"]


def test_sex_that_contradicts_itself(project: IngestProject) -> None:
    project.video("a.mp4")
    project.video("b.mp4")
    path = project.table("video,subject,expression,sex", "a.mp4,S01,sad,F", "b.mp4,S01,sad,M")
    assert "line 3: sex M of S01 is F in " in project.ingest_error(manifest=path)
    path = project.table("video,subject,expression,sex", "a.mp4,S01,sad,wrong")
    assert "line 2: sex: 'wrong' is not one of" in project.ingest_error(manifest=path)


@pytest.mark.parametrize("delimiter", ["\t", ";"])
def test_other_delimiters(project: IngestProject, delimiter: str) -> None:
    project.video("a b.mp4")
    path = project.table(
        delimiter.join(["video", "subject", "expression"]), delimiter.join(["a b.mp4", "S01", "sad, very"])
    )
    assert "line 2: expression 'sad, very'" in project.ingest_error(manifest=path)
    path = project.table(
        delimiter.join(["video", "subject", "expression"]), delimiter.join(["a b.mp4", "S01", "sad"])
    )
    assert len(project.ingest(manifest=path).added) == 1


def test_other_columns_are_reported_and_misspelt_ones_refused(project: IngestProject) -> None:
    project.video("a.mp4")
    path = project.table("video,subject,expression,rater", "a.mp4,S01,sad,KM")
    assert project.ingest(manifest=path, dry_run=True).notes[0].endswith("columns not read: rater")
    path = project.table("video,subject,expression,start", "a.mp4,S01,sad,1")
    assert "unknown column 'start'; is it 'start_s'?" in project.ingest_error(manifest=path)


def test_lines_are_counted_as_an_editor_does(project: IngestProject) -> None:
    path = project.table("video,subject,expression", "", "no.mp4,S01,sad")
    assert "manifest.csv: line 3: video: 'no.mp4'" in project.ingest_error(manifest=path)


def test_a_manifest_or_videos(project: IngestProject) -> None:
    project.video("a.mp4")
    path = project.table("video,subject,expression", "a.mp4,S01,sad")
    assert "give either videos or a manifest" in project.ingest_error(project.recordings, manifest=path)
    assert "no such file" in project.ingest_error(manifest=project.recordings / "no.csv")
    assert not CLIPS.exists()


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("happy/001.mp4", "happy"),
        ("S01/S01_Joy2.mp4", "happy"),
        ("S01/no_expression.mp4", "neutral"),
        ("S01/happy_then_sad.mp4", ""),
        ("S01/001.mp4", ""),
    ],
)
def test_the_expression_in_a_path_is_kept_but_not_the_path(
    project: IngestProject, path: str, named: str
) -> None:
    project.video(path)
    project.ingest(manifest=project.table("video,subject,expression", f"{path},S07,happy"))
    assert project.clips()["S07_happy"].extra.get("named", "") == named
    assert "S01" not in project.tables()["clips.csv"]


def test_only_folders_below_the_manifest_name_an_expression(project: IngestProject) -> None:
    video = project.video("sad/tables/001.mp4")
    path = project.table("video,subject,expression", f"{video},S01,happy", name="sad/tables/m.csv")
    assert project.ingest(manifest=path).added[0].extra == {}
    assert named_expression(video, project.recordings) == "sad"
    assert (
        named_expression(project.recordings / "other" / ".." / "sad/1.mp4", project.recordings / "other")
        == ""
    )


def test_a_label_that_its_path_contradicts_is_noted(project: IngestProject) -> None:
    project.video("S01/sad_1.mp4")
    path = project.table("video,subject,expression", "S01/sad_1.mp4,S01,happy")
    outcome = project.ingest(manifest=path)
    assert outcome.added[0].extra == {"named": "sad"}
    assert outcome.notes[0].endswith(
        "line 2: labelled happy, but its path names sad (1 such rows); correct the wrong one, or `emo audit` "
        "will report it"
    )


def test_a_recording_of_several_expressions_is_named_by_none(project: IngestProject) -> None:
    project.video("happy.mp4", frames=40)
    outcome = project.ingest(
        manifest=project.table(HEADER, "happy.mp4,S01,neutral,0,1", "happy.mp4,S01,joy,1,3")
    )
    assert [clip.extra for clip in outcome.added] == [{}, {}]
    assert not any("its path names" in note for note in outcome.notes)

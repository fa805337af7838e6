"""Events exported by BORIS as manifests."""

import pytest

from tests.support.ingest_project import IngestProject

AGGREGATED = (  # version 8
    "Observation id,Observation date,Description,Observation type,Source,Time offset (s),Coding duration,"
    "Media duration (s),FPS (frame/s),Start time,Subject,Observation duration by subject by observation,"
    "Behavior,Behavioral category,Modifier #1,Behavior type,Start (s),Stop (s),Duration (s),Media file name,"
    "Image index start,Image index stop,Image file path start,Image file path stop,Comment start,Comment stop"
)
OLD_AGGREGATED = (  # version 7
    "Observation id,Observation date,Description,Media file,Total length,FPS,Subject,Behavior,"
    "Behavioral category,Modifiers,Behavior type,Start (s),Stop (s),Duration (s),Comment start,Comment stop"
)


def row(behaviour: str, start: str, stop: str, kind: str = "STATE", **cells: str) -> str:
    """Return a row of aggregated events of version 8."""
    subject, offset = cells.get("subject", "S01"), cells.get("offset", "0.0")
    source = cells.get("source", "player #1:session.mp4")
    return (
        f"obs1,2024-05-06 10:00:00,,Media file(s),{source},{offset},4.0,4.0,10.0,,{subject},4.0,{behaviour},,"
        f"{cells.get('modifier', '')},{kind},{start},{stop},1.0,session.mp4,NA,NA,,,,"
    )


@pytest.fixture
def lab(project: IngestProject) -> IngestProject:
    """A project with a recording of 4 s."""
    project.video("session.mp4", frames=40)
    return project


def segments(project: IngestProject) -> dict[str, tuple[float, float]]:
    return {name: clip.segment for name, clip in project.clips().items()}


def test_aggregated_events(lab: IngestProject) -> None:
    path = lab.table(AGGREGATED, row("happy", "0.500", "1.500"), row("sad", "2.000", "3.250"))
    lab.ingest(manifest=path)
    assert segments(lab) == {"S01_happy": (0.5, 1.5), "S01_sad": (2.0, 3.25)}
    assert lab.ingest(manifest=path).added == ()


def test_aggregated_events_of_version_7(lab: IngestProject) -> None:
    old = "obs1,2021-12-06 13:26:24,,T:/lab videos/session.mp4,4.000,10,S01,happy,,,STATE,0.5,1.5,1.0,,"
    lab.ingest(manifest=lab.table(OLD_AGGREGATED, old))
    assert segments(lab) == {"S01_happy": (0.5, 1.5)}


def test_tabular_events_of_version_8(lab: IngestProject) -> None:
    header = (
        "Observation id\tObservation date\tDescription\tObservation duration\tObservation type\tSource\t"
        "Time offset (s)\tMedia duration (s)\tFPS\tSubject\tBehavior\tBehavioral category\tBehavior type\t"
        "Time\tMedia file name\tImage index\tImage file path\tComment"
    )
    start = "obs1\t2024-05-06\t\t4.0\tMedia file(s)\tplayer #1:session.mp4\t0.0\t4.000\t10.000\tS01"
    rows = [
        f"{start}\thappy\t\tSTART\t0.500\tsession.mp4\t5\tNA\t",
        f"{start}\tblink\t\tPOINT\t0.700\tsession.mp4\t7\tNA\t",
        f"{start}\tsad\t\tSTART\t1.500\tsession.mp4\t15\tNA\t",
        f"{start}\thappy\t\tSTOP\t1.500\tsession.mp4\t15\tNA\t",
        f"{start}\tsad\t\tSTOP\t2.000\tsession.mp4\t20\tNA\t",
    ]
    outcome = lab.ingest(manifest=lab.table(header, *rows, name="obs1.tsv"))
    assert segments(lab) == {"S01_happy": (0.5, 1.5), "S01_sad": (1.5, 2.0)}
    assert any("1 point events of other behaviours are not read: blink" in note for note in outcome.notes)


OLD_TABULAR = (
    "Observation id\tobs1",
    "",
    "Media file(s)",
    "Player #1\tsession.mp4",
    "",
    "Observation date\t2019-03-01 09:00:00",
    "",
    "Description\t",
    "",
    "Time offset (s)\t0.0",
    "",
    "Time\tMedia file path\tTotal length\tFPS\tSubject\tBehavior\tBehavioral category\tComment\tStatus",
    "0.5\tC:\\videos\\session.mp4\t4.0\t10\tS01\thappy\t\t\tSTART",
    "1.5\tC:\\videos\\session.mp4\t4.0\t10\tS01\thappy\t\t\tSTOP",
)


def test_tabular_events_below_lines_about_the_observation(lab: IngestProject) -> None:
    lab.ingest(manifest=lab.table(*OLD_TABULAR, name="obs1.tsv"))
    assert segments(lab) == {"S01_happy": (0.5, 1.5)}


def test_line_numbers_are_those_of_the_file(lab: IngestProject) -> None:
    message = lab.ingest_error(manifest=lab.table(*OLD_TABULAR[:-1], name="obs1.tsv"))
    assert "obs1.tsv: line 13: START of 'happy' has no STOP" in message


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (row("happy", "1", "2", offset="12.0"), "line 2: a time offset of 12.0 s"),
        (row("happy", "1", "1", "POINT"), "line 2: 'happy' is a point event, which has no end"),
        (row("happy", "1", "NA"), "line 2: 'happy' is a point event, which has no end"),
        (
            row("happy", "1", "2", source="player #1:a.mp4;b.mp4"),
            "line 2: the observation has several recordings",
        ),
        (
            row("happy", "1", "2", source="player #1:a.mp4|player #2:b.mp4"),
            "line 2: the observation has several",
        ),
        (row("happy", "1", "2", subject="No focal subject"), "line 2: no focal subject"),
        (row("happy", "one", "2"), "line 2: 'one' is not a time"),
        (row("talk", "1", "2"), "line 2: expression 'talk' is none of"),
        (row("happy", "1", "2", source="player #1:gone.avi"), "line 2: video: 'gone.avi': no such file"),
    ],
)
def test_events_that_are_no_clips(lab: IngestProject, line: str, words: str) -> None:
    assert words in lab.ingest_error(manifest=lab.table(AGGREGATED, line))


def test_the_offset_of_an_observation_is_not_ignored(lab: IngestProject) -> None:
    lines = [line.replace("Time offset (s)\t0.0", "Time offset (s)\t30.0") for line in OLD_TABULAR]
    assert "a time offset of 30.0 s" in lab.ingest_error(manifest=lab.table(*lines, name="obs1.tsv"))


def test_a_subject_can_be_given(lab: IngestProject) -> None:
    path = lab.table(AGGREGATED, row("happy", "1", "2", subject="No focal subject"))
    assert [clip.subject for clip in lab.ingest(manifest=path, subject="P7").added] == ["P7"]
    path = lab.table(AGGREGATED, row("sad", "2", "3"))
    assert "subject 'S01' is not --subject P7" in lab.ingest_error(manifest=path, subject="P7")


def test_modifiers_are_noted(lab: IngestProject) -> None:
    path = lab.table(AGGREGATED, row("happy", "1", "2", modifier="strong"))
    notes = lab.ingest(manifest=path, dry_run=True).notes
    assert any(note.endswith("columns not read: Modifier #1") for note in notes)


def test_other_behaviours_can_be_skipped(lab: IngestProject) -> None:
    path = lab.table(AGGREGATED, row("happy", "1", "2"), row("talk", "2", "3"))
    outcome = lab.ingest(manifest=path, skip_unknown=True)
    assert (len(outcome.added), outcome.skipped) == (1, {"expression 'talk'": 1})

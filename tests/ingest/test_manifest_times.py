"""Times in manifests: each form gives the right seconds; what is not understood is refused."""

import unicodedata
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.ingest.manifests.times import looks_like_time, milliseconds, seconds
from pipeline.video.frame_times import constant_frame_times
from tests.support.ingest_project import IngestProject

BASE = "video,subject,expression"


def times_of(project: IngestProject, header: str, *rows: str, **options: str) -> list[tuple[object, ...]]:
    """Enrol `a.mp4` (4 s, 10 frames/s) with such a table; return start, end and apex of its clips."""
    project.video("a.mp4", frames=40)
    project.ingest(manifest=project.table(header, *rows), **options)
    clips = sorted(project.clips().values(), key=lambda clip: clip.segment)
    return [(clip.start_s, clip.end_s, clip.apex_s) for clip in clips]


@pytest.mark.parametrize(
    ("columns", "values", "expected"),
    [
        ("start_s,end_s", "0.5,2.5", (0.5, 2.5, None)),
        ("start_s,end_s", ",2.5", (None, 2.5, None)),
        ("start_s,end_s", "0:00.5,0:02.5", (0.5, 2.5, None)),
        ("start_s,end_s", "00:00:00.500,00:00:02.5", (0.5, 2.5, None)),
        ("Start_S, END s ", "1,2", (1.0, 2.0, None)),
        ("start_ms,end_ms", "500,2500", (0.5, 2.5, None)),
        ("start_ms,end_ms,apex_ms", "500,2500.5,1001", (0.5, 2.5005, 1.001)),
        ("start_s,end_s,apex_s", "0.5,2.5,1.25", (0.5, 2.5, 1.25)),
        ("apex_s", "1.25", (None, None, 1.25)),
        ("start_frame,end_frame", "10,19", (1.0, 2.0, None)),  # frames 10 to 19, both of them
        ("start_frame,end_frame,apex_frame", "0,39,12", (0.0, 4.0, 1.2)),
        ("start_frame,end_frame", "7,7", (0.7, 0.8, None)),
        ("onset,duration", "0.5,2.0", (0.5, 2.5, None)),
        ("onset,duration", "n/a,n/a", (None, None, None)),
        ("onset,duration,apex_s", "0.1,0.2,0.15", (0.1, 0.3, 0.15)),
    ],
)
def test_forms_of_times(
    project: IngestProject, columns: str, values: str, expected: tuple[float | None, ...]
) -> None:
    assert times_of(project, f"{BASE},{columns}", f"a.mp4,S01,happy,{values}") == [expected]


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_decimal_commas_where_commas_do_not_separate(project: IngestProject, delimiter: str) -> None:
    header = delimiter.join((*BASE.split(","), "start_s", "end_s"))
    row = delimiter.join(("a.mp4", "S01", "happy", "0,5", "0:02,25"))
    assert times_of(project, header, row) == [(0.5, 2.25, None)]


def test_a_tab_separated_events_file_of_bids(project: IngestProject) -> None:
    header = "onset\tduration\tvideo\tsubject\texpression"
    assert times_of(project, header, "0.5\t2.0\ta.mp4\tS01\thappy") == [(0.5, 2.5, None)]


def test_session_is_read(project: IngestProject) -> None:
    project.video("a.mp4")
    project.ingest(manifest=project.table(f"{BASE},Session", "a.mp4,S01,happy,ses-2"))
    assert project.clips()["S01_happy"].session == "ses-2"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("12", 12.0), ("12.5", 12.5), (".5", 0.5), ("1:02", 62.0), ("1:02:03.25", 3723.25), ("00:00:00", 0.0)],
)
def test_seconds(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize(
    "text", ["", "1,5", "1:60", "1:75:00", "00:01:02:12", "1m", "inf", "nan", "1_0", "٣", "1.2.3"]
)
def test_texts_that_are_no_times(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        seconds(text)


def test_decimal_commas_are_single() -> None:
    assert (seconds("1,5", decimal_comma=True), milliseconds("1500,5", decimal_comma=True)) == (1.5, 1.5005)
    for text in ("1.500,5", "1,500,5"):
        with pytest.raises(ValueError, match="is not a time"):
            seconds(text, decimal_comma=True)


LIKE_TIMES = (
    *("start", "Begin", "onset_ms", "t0", "from", "to", "stop", "offset", "End", "tmin", "startTime"),
    *("OnsetFrame", "clip start", "Start (sec)", "end_time", "begin_time_ms", "peak_s", "apex", "timestamp"),
    *("Dauer", "frame", "happy_onset", "Expression End", "AU12_apex", "in", "Time (ms)"),
)


@pytest.mark.parametrize("column", LIKE_TIMES)
def test_columns_that_look_like_times_are_not_ignored(project: IngestProject, column: str) -> None:
    project.video("a.mp4")
    path = project.table(f"{BASE},{column}", "a.mp4,S01,happy,1")
    message = project.ingest_error(manifest=path)
    assert f"line 1: column {column!r} looks like a time" in message
    assert "start_s" in message


@pytest.mark.parametrize(
    "column",
    ["rater", "peak_intensity", "frame_rate", "start_date", "gender_identity", "AU12", "reaction_time"],
)
def test_other_columns_are_no_times(column: str) -> None:
    assert not looks_like_time(column)


@pytest.mark.parametrize(
    ("columns", "values", "words"),
    [
        ("start_s,start_ms", "1,1000", "state times twice or in several units"),
        ("start_s,end_ms", "1,2000", "state times twice or in several units"),
        ("start_s,onset", "1,1", "state times twice or in several units"),
        ("onset,duration,end_s", "1,1,2", "state times twice or in several units"),
        ("duration", "1", "line 1: column 'duration' without 'onset'"),
        ("onset,duration", "1,n/a", "line 2: onset and duration: one of them is empty"),
        ("onset,duration", "1,0", "line 2: segment: start_s 1.0 and end_s 1.0"),
        ("start_frame,end_frame", "1,40", "line 2: end_frame: 40 is not a frame of "),
        ("start_frame,end_frame", "1.5,4", "line 2: start_frame: '1.5' is not the index of a frame"),
        ("start_frame,end_frame", "5,4", "line 2: segment: "),
        ("start_frame,end_frame", f"1,{'9' * 400}", "line 2: end_frame: "),
        ("start_s,end_s", f"{'9' * 400},", "line 2: segment: "),
        ("start_s,end_s", f"{'9' * 400}:00:00,", "line 2: start_s: "),
        ("start_ms", "1:00", "line 2: start_ms: '1:00' is not a number of milliseconds"),
        ("start_s,end_s,apex_s", "1,2,3", "line 2: apex_s: 3.0 is not within the clip"),
        ("apex_s", "4.2", "line 2: the apex at 4.2 s is beyond the end of "),
        ("Start_S,start s", "1,1", "line 1: columns 'Start_S' and 'start s' are one name"),
    ],
)
def test_times_that_are_not_understood(project: IngestProject, columns: str, values: str, words: str) -> None:
    project.video("a.mp4", frames=40)
    path = project.table(f"{BASE},{columns}", f"a.mp4,S01,happy,{values}")
    assert words in project.ingest_error(manifest=path)


def test_the_plan_says_how_times_are_understood(project: IngestProject) -> None:
    project.video("a.mp4", frames=40)
    path = project.table(f"{BASE},start_frame,end_frame", "a.mp4,S01,happy,1,4")
    [note, *_] = project.ingest(manifest=path, dry_run=True).notes
    assert note.endswith(
        "times are read from start_frame, end_frame (frame indices; frame 0 is the first of a recording, and "
        "end_frame is the last frame of its clip)"
    )


# --- Frame indices --------------------------------------------------------------------------------


def write_at(path: Path, times_ms: list[int]) -> Path:
    """Write a video whose frames are shown at these times."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.codec_context.time_base = Fraction(1, 1000)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for number, time_ms in enumerate(times_ms):
            pixels = np.full((64, 64, 3), number * 5 % 250, np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = time_ms, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def test_frame_times_are_those_of_the_file(tmp_path: Path) -> None:
    path = write_at(tmp_path / "v.mkv", [round(i * 1000 / 30) for i in range(30)])
    times = constant_frame_times(path)
    assert len(times) == 31
    assert times[:3] == pytest.approx([0.0, 0.033, 0.067])
    assert times[-1] == pytest.approx(1.0, abs=0.002)


def test_frames_of_a_variable_rate_have_no_index(project: IngestProject) -> None:
    write_at(project.recordings / "v.mkv", [0, 40, 80, 120, 1000, 1040, 1080])
    path = project.table(f"{BASE},start_frame,end_frame", "v.mkv,S01,happy,0,3")
    message = project.ingest_error(manifest=path)
    assert "v.mkv: its frame rate varies" in message
    assert "give times in seconds" in message


# --- Segments that touch --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ("1.999,4", [(0.0, 1.999), (1.999, 4.0)]),  # 1 ms
        ("1.9,4", [(0.0, 1.9), (1.9, 4.0)]),  # one frame
        ("2,4", [(0.0, 2.0), (2.0, 4.0)]),
    ],
)
def test_an_overlap_by_rounding_is_cut_at_the_later_start(
    project: IngestProject, second: str, expected: list[tuple[float, float]]
) -> None:
    project.video("a.mp4", frames=40)
    path = project.table(f"{BASE},start_s,end_s", "a.mp4,S01,happy,0,2", f"a.mp4,S01,sad,{second}")
    outcome = project.ingest(manifest=path)
    assert [clip.segment for clip in outcome.added] == expected
    assert sum("by rounding" in note for note in outcome.notes) == (expected[0][1] != 2.0)
    assert project.ingest(manifest=path).added == ()


def test_frames_that_two_clips_share_are_cut(project: IngestProject) -> None:
    project.video("a.mp4", frames=40)
    rows = ["a.mp4,S01,happy,0,10", "a.mp4,S01,sad,10,20", "a.mp4,S01,angry,21,30"]
    outcome = project.ingest(manifest=project.table(f"{BASE},start_frame,end_frame", *rows))
    assert [clip.segment for clip in outcome.added] == [(0.0, 1.0), (1.0, 2.1), (2.1, 3.1)]


@pytest.mark.parametrize("second", ["1.85,4", "0,2", "0.5,1.5"])
def test_real_overlaps_are_refused(project: IngestProject, second: str) -> None:
    project.video("a.mp4", frames=40)
    path = project.table(f"{BASE},start_s,end_s", "a.mp4,S01,happy,0,2", f"a.mp4,S01,sad,{second}")
    assert "overlaps" in project.ingest_error(manifest=path)


def test_an_apex_is_not_cut_off(project: IngestProject) -> None:
    project.video("a.mp4", frames=40)
    rows = ["a.mp4,S01,happy,0,2,1.95", "a.mp4,S01,sad,1.92,4,"]
    path = project.table(f"{BASE},start_s,end_s,apex_s", *rows)
    assert "overlaps" in project.ingest_error(manifest=path)


def test_a_growing_table_keeps_what_is_enrolled(project: IngestProject) -> None:
    project.video("a.mp4", frames=40)
    header, first, second = f"{BASE},start_s,end_s", "a.mp4,S01,happy,0,2", "a.mp4,S01,sad,1.999,4"
    project.ingest(manifest=project.table(header, first))
    for _ in range(2):
        project.ingest(manifest=project.table(header, first, second))
    segments = {name: clip.segment for name, clip in project.clips().items()}
    assert segments == {"S01_happy": (0.0, 2.0), "S01_sad": (2.0, 4.0)}


def test_another_apex_of_an_enrolled_clip_is_not_ignored(project: IngestProject) -> None:
    project.video("a.mp4", frames=40)
    header = f"{BASE},apex_s"
    project.ingest(manifest=project.table(header, "a.mp4,S01,happy,1"))
    assert project.ingest(manifest=project.table(header, "a.mp4,S01,happy,1")).added == ()
    assert project.ingest(manifest=project.table(BASE, "a.mp4,S01,happy")).added == ()
    message = project.ingest_error(manifest=project.table(header, "a.mp4,S01,happy,2"))
    assert "edit apex_s in its row of raw/clips.csv" in message


# --- Names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("on_disk", ["NFC", "NFD"])
@pytest.mark.parametrize("in_table", ["NFC", "NFD"])
def test_accents_are_found_in_both_forms(project: IngestProject, on_disk: str, in_table: str) -> None:
    name = "Gespräche/Müller_fröhlich.mp4"
    project.video(unicodedata.normalize(on_disk, name))
    path = project.table(BASE, f"{unicodedata.normalize(in_table, name)},M1,happy")
    assert len(project.ingest(manifest=path).added) == 1


def test_two_names_that_look_the_same_are_refused(project: IngestProject) -> None:
    for form in ("NFC", "NFD"):
        project.video(unicodedata.normalize(form, "ä.mp4"))
    assert "differ only in how accents are stored" in project.ingest_error(
        manifest=project.table(BASE, "ä.mp4,S01,happy")
    )


@pytest.mark.parametrize(
    ("name", "meant"), [("A.mp4", "a.mp4"), ("a", "a.mp4"), ("a.mov", "a.mp4"), ("D/b.mp4", "d")]
)
def test_a_missing_recording_suggests_a_similar_name(project: IngestProject, name: str, meant: str) -> None:
    project.video("a.mp4")
    project.video("d/b.mp4")
    message = project.ingest_error(manifest=project.table(BASE, f"{name},S01,happy"))
    assert message.endswith(f"did you mean {meant}?")


def test_paths_written_on_windows_are_followed(project: IngestProject) -> None:
    project.video("S01/a.mp4")
    assert len(project.ingest(manifest=project.table(BASE, "S01\\a.mp4,S01,happy")).added) == 1


def test_a_recording_is_no_manifest(project: IngestProject) -> None:
    assert "give it without --manifest" in project.ingest_error(manifest=project.video("a.mp4"))


@pytest.mark.parametrize("column", ["education", "site", "start_date", "stage", "notes"])
def test_columns_of_other_studies_are_notes(project: IngestProject, column: str) -> None:
    project.video("a.mp4")
    notes = project.ingest(manifest=project.table(f"{BASE},{column}", "a.mp4,S01,happy,x")).notes
    assert notes[0].endswith(f"columns not read: {column}")


@pytest.mark.parametrize("column", ["sesion", "expresion", "subjekt", "start_sec", "apexs", "onsets"])
def test_misspelt_columns_are_refused(project: IngestProject, column: str) -> None:
    project.video("a.mp4")
    path = project.table(f"{BASE},{column}", "a.mp4,S01,happy,1")
    message = project.ingest_error(manifest=path)
    assert "line 1: " in message
    assert f"column {column!r}" in message

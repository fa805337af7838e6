"""ELAN's files as manifests."""

from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest

from tests.support.ingest_project import IngestProject

Span = tuple[str, int, int]
"""Value, start and end in milliseconds."""


def tier(name: str, spans: Sequence[Span], participant: str = "S01", first: int = 1) -> tuple[str, str]:
    """Return the time slots and the tier, as ELAN 6 writes them; `first` numbers the annotations."""
    slots, annotations = [], []
    for number, (value, start, end) in enumerate(spans, first):
        slots += [
            f'<TIME_SLOT TIME_SLOT_ID="ts{2 * number - 1}" TIME_VALUE="{start}"/>',
            f'<TIME_SLOT TIME_SLOT_ID="ts{2 * number}" TIME_VALUE="{end}"/>',
        ]
        annotations.append(
            f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a{number}" '
            f'TIME_SLOT_REF1="ts{2 * number - 1}" TIME_SLOT_REF2="ts{2 * number}">'
            f"<ANNOTATION_VALUE>{value}</ANNOTATION_VALUE>"
            "</ALIGNABLE_ANNOTATION></ANNOTATION>"
        )
    owner = f" PARTICIPANT={quoteattr(participant)}" if participant else ""
    head = f'<TIER LINGUISTIC_TYPE_REF="default-lt"{owner} TIER_ID={quoteattr(name)}>'
    return "".join(slots), f"{head}{''.join(annotations)}</TIER>"


MEDIA = (
    '<MEDIA_DESCRIPTOR MEDIA_URL="file:///C:/Users/lab/session.mp4" MIME_TYPE="video/mp4" '
    'RELATIVE_MEDIA_URL="./session.mp4"/>'
)
SOUND = (
    '<MEDIA_DESCRIPTOR MEDIA_URL="file:///C:/s.wav" MIME_TYPE="audio/x-wav" RELATIVE_MEDIA_URL="./s.wav"/>'
)


def eaf(*tiers: tuple[str, str], media: str = MEDIA + SOUND, head: str = "") -> str:
    """Return the text of an .eaf by the schema EAF 3.0."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{head}'
        '<ANNOTATION_DOCUMENT AUTHOR="" DATE="2024-05-06T10:00:00+01:00" FORMAT="3.0" VERSION="3.0" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xsi:noNamespaceSchemaLocation="http://www.mpi.nl/tools/elan/EAFv3.0.xsd">\n'
        f'<HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">{media}'
        '<PROPERTY NAME="lastUsedAnnotationId">9</PROPERTY></HEADER>\n'
        f"<TIME_ORDER>{''.join(slots for slots, _ in tiers)}</TIME_ORDER>\n"
        f"{''.join(text for _, text in tiers)}\n"
        '<LINGUISTIC_TYPE GRAPHIC_REFERENCES="false" LINGUISTIC_TYPE_ID="default-lt" '
        'TIME_ALIGNABLE="true"/>\n'
        "</ANNOTATION_DOCUMENT>\n"
    )


EXPRESSIONS = tier("expression", [("neutral", 0, 1000), ("happy", 1000, 2500)])
NOTES = tier("notes", [("smiles late", 900, 1400)], first=8)


def segments(project: IngestProject) -> dict[str, tuple[float, float]]:
    return {name: clip.segment for name, clip in project.clips().items()}


@pytest.fixture
def lab(project: IngestProject) -> IngestProject:
    """A project with a recording of 4 s to annotate."""
    project.video("session.mp4", frames=40)
    return project


def test_the_only_tier_of_expressions_is_read(lab: IngestProject) -> None:
    path = lab.table(eaf(EXPRESSIONS, NOTES), name="session.eaf")
    outcome = lab.ingest(manifest=path)
    assert segments(lab) == {"S01_neutral": (0.0, 1.0), "S01_happy": (1.0, 2.5)}
    assert f"{path}: expressions are read from the tier 'expression' (1 file)" in outcome.notes
    assert lab.ingest(manifest=path).added == ()


def test_several_tiers_of_expressions_need_a_choice(lab: IngestProject) -> None:
    second = tier("rater B", [("sad", 0, 1000)], first=5)
    path = lab.table(eaf(EXPRESSIONS, second, NOTES), name="session.eaf")
    message = lab.ingest_error(manifest=path)
    assert "2 tiers in which all annotations are expressions; choose one with --tier" in message
    assert "'expression' (2: neutral, happy); 'rater B' (1: sad); 'notes' (1: smiles late)" in message
    lab.ingest(manifest=path, tier="rater B")
    assert segments(lab) == {"S01_sad": (0.0, 1.0)}


def test_a_chosen_tier_may_have_words_to_map(lab: IngestProject) -> None:
    path = lab.table(eaf(tier("e", [("calm", 0, 900), ("??", 900, 950)])), name="session.eaf")
    assert "no tiers in which all" in lab.ingest_error(manifest=path)
    assert "'calm' is none of" in lab.ingest_error(manifest=path, tier="e")
    outcome = lab.ingest(manifest=path, tier="e", mapping={"calm": "neutral"}, skip_unknown=True)
    assert segments(lab) == {"S01_neutral": (0.0, 0.9)}
    assert outcome.skipped == {"expression '??'": 1}


def test_a_tier_that_is_not_there_is_refused(lab: IngestProject) -> None:
    path = lab.table(eaf(EXPRESSIONS), name="session.eaf")
    assert "no annotations in a tier 'emotion'; choose" in lab.ingest_error(manifest=path, tier="emotion")
    path = lab.table(eaf(tier("empty", [])), name="session.eaf")
    assert "no annotations in it" in lab.ingest_error(manifest=path)


def test_the_media_offset_is_added(lab: IngestProject) -> None:
    media = MEDIA.replace("/>", ' TIME_ORIGIN="1200"/>')
    path = lab.table(eaf(EXPRESSIONS, media=media), name="session.eaf")
    outcome = lab.ingest(manifest=path)
    assert segments(lab) == {"S01_neutral": (1.2, 2.2), "S01_happy": (2.2, 3.7)}
    assert any("media offset of 1200 ms" in note for note in outcome.notes)


@pytest.mark.parametrize(
    ("relative", "absolute", "file"),
    [
        ("../media/my video.mp4", "file:///x/my video.mp4", "media/my video.mp4"),
        ("../media/my%20video.mp4", "file:///x/my%20video.mp4", "media/my video.mp4"),
        ("file:/../media/v.mp4", "", "media/v.mp4"),
        ("./gone/v.mp4", "file:///D:/lab/v.mp4", "eaf/v.mp4"),  # next to the .eaf, as ELAN looks for it
        ("", "file:///D:/lab/v.mp4", "eaf/v.mp4"),
        ("./Mu\u0308ller.mp4", "", "eaf/M\u00fcller.mp4"),
    ],
)
def test_the_linked_recording_is_found(
    project: IngestProject, relative: str, absolute: str, file: str
) -> None:
    project.video(file, frames=40)
    media = (
        f'<MEDIA_DESCRIPTOR MEDIA_URL="{absolute}" MIME_TYPE="video/mp4" RELATIVE_MEDIA_URL="{relative}"/>'
    )
    path = project.table(eaf(EXPRESSIONS, media=media), name="eaf/session.eaf")
    assert len(project.ingest(manifest=path).added) == 2


def test_an_absolute_path_is_followed(project: IngestProject) -> None:
    video = project.video("elsewhere/v.mp4", frames=40)
    media = f'<MEDIA_DESCRIPTOR MEDIA_URL="file://{video}" MIME_TYPE="video/mp4"/>'
    path = project.table(eaf(EXPRESSIONS, media=media), name="eaf/session.eaf")
    assert len(project.ingest(manifest=path).added) == 2


@pytest.mark.parametrize(
    ("media", "words"),
    [
        ("", "session.eaf: no videos are linked; link the one to enrol"),
        (SOUND, "session.eaf: no videos are linked"),
        (MEDIA + MEDIA.replace("session", "left"), "2 videos are linked (./session.mp4, ./left.mp4)"),
        (MEDIA, "video: './session.mp4': no such file; paths are relative to "),
    ],
)
def test_without_its_recording_a_file_is_refused(project: IngestProject, media: str, words: str) -> None:
    path = project.table(eaf(EXPRESSIONS, media=media), name="session.eaf")
    assert words in project.ingest_error(manifest=path)


def test_the_subject_is_the_participant_or_the_option(lab: IngestProject) -> None:
    nobody = tier("expression", [("happy", 0, 1000)], participant="")
    path = lab.table(eaf(nobody), name="session.eaf")
    assert "tier 'expression' has no participant" in lab.ingest_error(manifest=path)
    assert [clip.subject for clip in lab.ingest(manifest=path, subject="P7", dry_run=True).added] == ["P7"]
    path = lab.table(eaf(EXPRESSIONS), name="session.eaf")
    assert "is of participant 'S01', not of --subject P7" in lab.ingest_error(manifest=path, subject="P7")


def test_a_folder_of_files_is_read_as_one_manifest(project: IngestProject) -> None:
    for subject in ("S01", "S02", "S03"):
        project.video(f"{subject}/{subject}.mp4", frames=40)
        one = tier("expression", [("happy", 500, 1500)], participant=subject)
        media = MEDIA.replace("session", subject)
        project.table(eaf(one, media=media), name=f"{subject}/{subject}.eaf")
    (project.recordings / "S01/S01.pfsx").write_text("<preferences/>")
    outcome = project.ingest(manifest=project.recordings)
    assert sorted(segments(project)) == ["S01_happy", "S02_happy", "S03_happy"]
    assert any("from the tier 'expression' (3 files)" in note for note in outcome.notes)
    assert "--subject S9, but 3 files" in project.ingest_error(manifest=project.recordings, subject="S9")


def test_each_bad_file_of_a_folder_has_its_line(lab: IngestProject) -> None:
    lab.table(eaf(EXPRESSIONS), name="a.eaf")
    lab.table(eaf(EXPRESSIONS, media=""), name="b.eaf")
    lab.table(eaf(NOTES), name="c.eaf")
    assert len(lab.ingest_error(manifest=lab.recordings).splitlines()) == 2


def test_a_folder_without_annotation_files_is_refused(lab: IngestProject) -> None:
    assert "no .eaf in this folder" in lab.ingest_error(manifest=lab.recordings)


def dependent(name: str, values: Sequence[tuple[str, str, str]]) -> tuple[str, str]:
    """Return a tier whose annotations refer to others: value, reference, previous."""
    items = "".join(
        f'<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="r{number}" ANNOTATION_REF="{above}"'
        + (f' PREVIOUS_ANNOTATION="{before}"' if before else "")
        + f"><ANNOTATION_VALUE>{value}</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>"
        for number, (value, above, before) in enumerate(values)
    )
    return "", (
        f'<TIER LINGUISTIC_TYPE_REF="ref-lt" PARENT_REF="trials" PARTICIPANT="S01" TIER_ID="{name}">'
        f"{items}</TIER>"
    )


def test_an_annotation_that_refers_to_another_has_its_times(lab: IngestProject) -> None:
    trials = tier("trials", [("trial 1", 0, 1000), ("trial 2", 1500, 2500)])
    path = lab.table(
        eaf(trials, dependent("label", [("sad", "a1", ""), ("happy", "a2", "")])), name="session.eaf"
    )
    lab.ingest(manifest=path)
    assert segments(lab) == {"S01_sad": (0.0, 1.0), "S01_happy": (1.5, 2.5)}


def test_annotations_that_divide_another_have_no_times(lab: IngestProject) -> None:
    trials = tier("trials", [("trial 1", 0, 1000)])
    path = lab.table(
        eaf(trials, dependent("label", [("sad", "a1", ""), ("happy", "a1", "r0")])), name="session.eaf"
    )
    message = lab.ingest_error(manifest=path)
    assert len(message.splitlines()) == 2
    assert "tier 'label': 'sad': has no time of its own" in message


def test_an_unaligned_annotation_is_refused(lab: IngestProject) -> None:
    text = eaf(EXPRESSIONS).replace(' TIME_VALUE="2500"', "")
    message = lab.ingest_error(manifest=lab.table(text, name="session.eaf"))
    assert "session.eaf: tier 'expression': 'happy' at 00:00:01.000: has no time of its own" in message


def test_messages_state_the_time_as_elan_shows_it(lab: IngestProject) -> None:
    path = lab.table(eaf(tier("e", [("happy", 3_723_004, 3_724_000)])), name="session.eaf")
    message = lab.ingest_error(manifest=path)
    assert "tier 'e': 'happy' at 01:02:03.004: the segment from 3723.004 s" in message


BOMB = '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;">]>\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (eaf(EXPRESSIONS, head=BOMB), "has a DOCTYPE"),
        (eaf(EXPRESSIONS, head='<!DOCTYPE a SYSTEM "file:///etc/passwd">'), "has a DOCTYPE"),
        (eaf(EXPRESSIONS)[:-30], "not valid XML"),
        ("<html><HEADER/></html>", "not an annotation file of ELAN"),
        (eaf(EXPRESSIONS).replace('"milliseconds"', '"PAL-frames"'), "its times are PAL-frames"),
        (eaf(EXPRESSIONS, media=MEDIA.replace("/>", ' TIME_ORIGIN="x"/>')), "TIME_ORIGIN 'x'"),
        ("", "not valid XML"),
        (eaf(EXPRESSIONS).replace("UTF-8", "UTF-9"), "not valid XML"),
        (eaf(EXPRESSIONS).replace('"2500"', f'"{"9" * 5000}"'), "has no time of its own"),
    ],
)
def test_files_that_elan_does_not_write(lab: IngestProject, text: str, words: str) -> None:
    message = lab.ingest_error(manifest=lab.table(text, name="session.eaf"))
    assert "session.eaf: " in message
    assert words in message


@pytest.mark.parametrize("name", ["session.pfsx", "session.etf", "study.boris"])
def test_files_of_annotation_programs_without_annotations(lab: IngestProject, name: str) -> None:
    assert f"{name}: " in lab.ingest_error(manifest=lab.table("<x/>", name=name))


# --- The tab-delimited export ---------------------------------------------------------------------

EXPORT = (
    '"#file:///C:/Users/lab/session.mp4 -- offset: 0"',
    "Begin Time - hh:mm:ss.ms\tBegin Time - ss.msec\tEnd Time - hh:mm:ss.ms\tEnd Time - ss.msec\t"
    "Duration - ss.msec\texpression\tnotes",
    "00:00:00.500\t0.5\t00:00:01.500\t1.5\t1.0\thappy\t",
    "00:00:00.900\t0.9\t00:00:01.400\t1.4\t0.5\t\tsmiles late",
)


def test_an_export_with_a_column_for_each_tier(lab: IngestProject) -> None:
    outcome = lab.ingest(manifest=lab.table(*EXPORT, name="session.txt"), subject="S01")
    assert segments(lab) == {"S01_happy": (0.5, 1.5)}
    assert any("tier 'expression'" in note for note in outcome.notes)


@pytest.mark.parametrize("form", ["ss.msec", "msec", "hh:mm:ss.ms"])
def test_each_format_of_times_in_an_export(lab: IngestProject, form: str) -> None:
    times = {"ss.msec": "0.5\t1.5", "msec": "500\t1500", "hh:mm:ss.ms": "00:00:00.500\t00:00:01.500"}[form]
    header = f"Begin Time - {form}\tEnd Time - {form}\tvideo\tparticipant\texpression"
    path = lab.table(header, f"{times}\tsession.mp4\tS05\thappy", name="session.txt")
    lab.ingest(manifest=path)
    assert segments(lab) == {"S05_happy": (0.5, 1.5)}


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (EXPORT[1:], "the export does not name its video; give the .eaf"),
        (
            ("expression\tS01\t00:00:00.500\t0.5\t00:00:01.500\t1.5\thappy",),
            "an export of ELAN without a header",
        ),
        (
            ("Begin Time - SMPTE\tEnd Time - SMPTE\texpression", "1\t2\thappy"),
            "no column with the begin time",
        ),
    ],
)
def test_an_export_that_leaves_something_open(lab: IngestProject, lines: tuple[str, ...], words: str) -> None:
    assert words in lab.ingest_error(manifest=lab.table(*lines, name="session.txt"), subject="S01")


def test_tier_and_subject_are_for_files_of_annotation_programs(lab: IngestProject) -> None:
    path: Path = lab.table("video,subject,expression", "session.mp4,S01,happy")
    assert "--tier e: not for this kind of manifest" in lab.ingest_error(manifest=path, tier="e")
    assert "--subject P: not for this kind of manifest" in lab.ingest_error(manifest=path, subject="P")
    assert "--tier and --subject are for --manifest" in lab.ingest_error(tier="e")

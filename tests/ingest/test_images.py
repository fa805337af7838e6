"""Image corpora, from their files to the tables of raw/."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
import pytest
from PIL import Image

from pipeline.ingest.layouts.layout import RENAME, NameReading, ParsedName, SkippedFile, UnreadName
from pipeline.ingest.layouts.registry import LAYOUTS
from pipeline.runtime.csv_files import write_csv
from pipeline.runtime.image_codec import encode_png
from pipeline.runtime.paths import CLIPS, PARTICIPANTS, VIDEOS, WITHDRAWALS
from pipeline.schema.clips import Clip
from pipeline.schema.image_subjects import MEANING
from pipeline.schema.participants import WITHDRAWN, Participant
from pipeline.schema.withdrawals import Withdrawal
from tests.support.corpora import fer2013_row, pixels, write_fer2013, write_image
from tests.support.ingest_project import IngestProject

# --- Names of CK+ ---------------------------------------------------------------------------------


def ckplus(*frames: str, **labels: str) -> dict[str, NameReading]:
    paths = [PurePosixPath(f"images/{name[:4]}/{name[5:8]}/{name}.png") for name in frames]
    texts = {PurePosixPath(f"Emotion/{name}_emotion.txt"): text for name, text in labels.items()}
    return {path.stem: reading for path, reading in LAYOUTS["ckplus"].read(paths, texts).items()}


def test_the_peak_of_a_ckplus_sequence_and_its_first_frame_as_neutral_are_enrolled() -> None:
    first, middle, last = "S005_001_00000001", "S005_001_00000006", "S005_001_00000011"
    other = "S010_002_00000014"
    found = ckplus(last, first, middle, other, **{last: "   3.0000000e+00\n"})
    assert found == {
        first: ParsedName("S005", "neutral", first),
        middle: SkippedFile("between neutral and the peak (CK+)"),
        last: ParsedName("S005", "disgust", last),
        other: SkippedFile("in a sequence without a label (CK+)"),
    }


@pytest.mark.parametrize("text", ["9.0", "1.5", "", "anger", "-1", "nan", "inf"])
def test_an_invalid_ckplus_label(text: str) -> None:
    found = ckplus("S005_001_00000011", S005_001_00000011=text)
    assert found == {
        "S005_001_00000011": SkippedFile("in a sequence with an error"),
        "S005_001_00000011_emotion": UnreadName(f"{text!r} is not a number in 0..7; copy the file again"),
    }


def test_a_ckplus_sequence_without_its_end() -> None:
    found = ckplus("S005_001_00000001", "S005_001_00000009", S005_001_00000011="3.0")
    assert set(found.values()) == {
        SkippedFile("in a sequence with an error"),
        UnreadName(
            "the sequence ends with S005_001_00000009.png, not with the image of this label; copy all "
            "images, or remove the label"
        ),
    }
    assert isinstance(found["S005_001_00000011_emotion"], UnreadName)


def test_ckplus_labels_of_one_image_must_agree() -> None:
    image = PurePosixPath("S005_001_00000011.png")
    one, two = (PurePosixPath(f"{place}/S005_001_00000011_emotion.txt") for place in ("a", "b"))
    read_them = LAYOUTS["ckplus"].read
    assert read_them([image], {one: "3", two: " 3.0e+00\n"}) == {
        image: ParsedName("S005", "disgust", image.stem)
    }
    assert read_them([image], {one: "3", two: "4"})[two] == UnreadName(
        "the label is 4, but 3 in a/S005_001_00000011_emotion.txt; remove the wrong file"
    )


def test_ckplus_counts_copies_and_labels_without_images() -> None:
    frames = [PurePosixPath(f"{place}/S005_001_{n:08d}.png") for place in ("a", "copy") for n in (1, 2, 3)]
    labels = {PurePosixPath(f"S005_00{n}_00000003_emotion.txt"): "3" for n in (1, 2)}
    found = LAYOUTS["ckplus"].read(frames, labels)
    again = SkippedFile("second file of the same frame (CK+)")
    assert found == {
        frames[0]: ParsedName("S005", "neutral", frames[0].stem),
        frames[1]: SkippedFile("between neutral and the peak (CK+)"),
        frames[2]: ParsedName("S005", "disgust", frames[2].stem),
        **dict.fromkeys(frames[3:], again),
        list(labels)[1]: SkippedFile("label without images (CK+)"),
    }


# --- Corpora with subjects ------------------------------------------------------------------------


def test_jaffe_is_recognised_and_its_stills_are_clips_of_one_frame(project: IngestProject) -> None:
    for number, name in enumerate(("KA.AN1.39", "KA.HA2.30", "YM.NE1.49")):
        write_image(project.recordings / f"{name}.tiff", number, side=64)
    outcome = project.ingest()
    assert outcome.layout == "jaffe"
    assert {s: (p.sex, p.is_image) for s, p in project.participants().items()} == {
        "KA": ("F", False), "YM": ("F", False)}  # fmt: skip
    clip = project.clips()["KA_AN1_39"]
    assert (clip.expression, clip.video, clip.codec) == ("angry", "KA/KA_AN1_39.tiff", "tiff")
    assert (clip.width, clip.height, clip.frames, clip.fps, clip.duration_s) == (64, 64, 1, 0.0, 0.0)
    assert clip.is_still
    assert project.ingest().added == ()


def test_kdef_enrols_the_frontal_views_and_counts_the_others(project: IngestProject) -> None:
    for number, name in enumerate(("AF01ANS", "AF01ANHL", "BF01ANS", "AM02SUS", "AM02SUFR")):
        write_image(project.recordings / name[:4] / f"{name}.JPG", number)
    outcome = project.ingest()
    assert outcome.layout == "kdef"
    assert sorted(project.clips()) == ["AF01ANS", "AM02SUS", "BF01ANS"]
    assert sorted(project.participants()) == ["F01", "M02"]
    assert len({clip.take for clip in project.clips().values()}) == 3
    assert set(outcome.skipped.values()) == {1}


def test_ckplus_needs_its_labels_and_maps_its_eighth_class(project: IngestProject) -> None:
    folder = project.recordings / "cohn-kanade-images/S005/001"
    for frame in (1, 2, 11):
        write_image(folder / f"S005_001_{frame:08d}.png", frame)
    assert "no label files (_emotion.txt) found" in project.ingest_error(layout="ckplus")
    label = project.recordings / "Emotion/S005/001/S005_001_00000011_emotion.txt"
    label.parent.mkdir(parents=True)
    label.symlink_to("nowhere")
    assert f"{label}: the label cannot be read (No such file or directory)" in project.ingest_error()
    label.unlink()
    label.write_text("none\n")
    assert f"{label}: 'none' is not a number in 0..7" in project.ingest_error()
    (label.parent / "S010_001_00000001_emotion.txt").write_text("3")
    label.write_text("   2.0000000e+00\n", encoding="utf-8-sig")
    assert "expression 'contempt' is none of" in project.ingest_error()
    outcome = project.ingest(skip_unknown=True)
    assert outcome.layout == "ckplus"
    assert [clip.expression for clip in outcome.added] == ["neutral"]
    assert outcome.skipped["expression 'contempt'"] == 1
    assert outcome.skipped["label without images (CK+)"] == 1
    assert len(project.ingest(mapping={"contempt": "disgusted"}).added) == 1


def test_images_of_a_manifest_have_its_subjects(project: IngestProject) -> None:
    write_image(project.recordings / "a.jpg", 1)
    write_image(project.recordings / "b.png", 2)
    project.ingest(manifest=project.table("video,subject,expression", "a.jpg,S01,sad", "b.png,S01,happy"))
    assert {name: clip.codec for name, clip in project.clips().items()} == {
        "S01_happy": "png", "S01_sad": "mjpeg"}  # fmt: skip


def test_images_in_folders_of_videos_are_skipped(project: IngestProject) -> None:
    project.video("S01/happy.mp4")
    write_image(project.recordings / "S01/sad.png", 1)
    outcome = project.ingest()
    assert (outcome.layout, len(outcome.added)) == ("folders", 1)
    assert outcome.skipped == {"not a video (.png)": 1}


def test_images_of_no_corpus_need_a_layout(project: IngestProject) -> None:
    write_image(project.recordings / "happy/1.png", 1)
    assert "name matches no image corpus; give --layout (ckplus, jaffe, kdef, fer2013, imagefolder)" in (
        project.ingest_error()
    )
    write_image(project.recordings / "KA.AN1.39.tiff", 2)
    assert "happy/1.png: name does not match layout jaffe" in project.ingest_error()


# --- Without subjects -----------------------------------------------------------------------------


def test_an_image_without_subject_id_is_its_own_subject(project: IngestProject) -> None:
    path = write_image(project.recordings / "train/angry/Training_3908.jpg", 1)
    write_image(project.recordings / "test/fear/PrivateTest_7.jpg", 2)
    outcome = project.ingest()
    assert outcome.layout == "fer2013"
    name = f"fer2013_{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"
    clip = project.clips()[f"{name}_angry"]
    assert (clip.subject, clip.expression, clip.take) == (name, "angry", clip.clip)
    assert (clip.video, clip.extra["source"]) == (f"fer2013/{name}_angry.jpg", "Training_3908.jpg")
    assert [p.is_image for p in project.participants().values()] == [True, True]
    assert outcome.notes == (
        LAYOUTS["fer2013"].note,
        f"2 images without subject id: each image is treated as its own subject; {MEANING} (docs/ingest.md)",
    )
    assert outcome.table == {
        "(images)": dict.fromkeys(outcome.table["(images)"], 0) | {"angry": 1, "scared": 1}
    }
    assert project.ingest().added == ()


def test_participants_and_images_are_enrolled_side_by_side(project: IngestProject) -> None:
    project.video("S01/happy.mp4")
    project.ingest()
    write_image(project.recordings / "set/happy/1.png", 1)
    project.ingest(project.recordings / "set", layout="imagefolder")
    marks = [p.extra["stands_for"] for p in project.participants().values()]
    assert marks == ["", "image"]


def test_copies_are_enrolled_once_and_contradictory_labels_not_at_all(project: IngestProject) -> None:
    for name, seed in {"happy/a": 1, "happy/b": 1, "sad/c": 2, "happy/d": 2, "sad/e": 3}.items():
        write_image(project.recordings / f"{name}.png", seed)
    outcome = project.ingest(layout="imagefolder")
    assert sorted(clip.extra["source"] for clip in outcome.added) == ["a.png", "e.png"]
    assert outcome.skipped == {
        "copy of another image": 1,
        "same image under several expressions": 2,
    }
    (project.recordings / "sad/e.png").rename(project.recordings / "sad/renamed.png")
    write_image(project.recordings / "angry/f.png", 1)
    again = project.ingest(layout="imagefolder")
    assert (len(again.added), len(again.unchanged)) == (0, 2)


def test_an_enrolled_image_keeps_its_label(
    project: IngestProject,
) -> None:
    write_image(project.recordings / "happy/a.png", 1)
    [clip] = project.ingest(layout="imagefolder").added
    write_image(project.recordings / "sad/b.png", 1)
    again = project.ingest(layout="imagefolder")
    assert again.unchanged == (clip,)
    assert again.skipped == {"enrolled under another expression, which is kept": 1}
    assert again.notes[1:] == (
        f"{project.recordings}/sad/b.png: sad, but enrolled as {clip.clip}, which is kept; if its label is "
        f"wrong, correct it in raw/clips.csv, or remove it with `emo withdraw {clip.subject}`",
    )


@pytest.mark.parametrize("is_listed", [True, False])
def test_a_withdrawn_image_is_skipped_under_any_name(project: IngestProject, is_listed: bool) -> None:
    for name, seed in {"happy/a": 1, "sad/b": 2}.items():
        write_image(project.recordings / f"{name}.png", seed)
    gone, stays = sorted(project.ingest(layout="imagefolder").added, key=lambda clip: clip.expression)
    participants = [
        replace(p, consent=WITHDRAWN) if p.subject == gone.subject else p
        for p in project.participants().values()
    ]
    write_csv(PARTICIPANTS, participants, Participant)
    if is_listed:  # as `emo withdraw` leaves it; else the table alone says it
        write_csv(CLIPS, [stays], Clip)
        write_csv(WITHDRAWALS, [Withdrawal(gone.subject, gone.sha256)], Withdrawal)
        (VIDEOS / gone.video).unlink()
    write_image(project.recordings / "angry/renamed.png", 1)
    write_image(project.recordings / "angry/new.png", 3)
    outcome = project.ingest(layout="imagefolder")
    assert ([clip.expression for clip in outcome.added], outcome.unchanged) == (["angry"], (stays,))
    assert outcome.skipped == {"withdrawn (raw/withdrawn.csv)": 2}
    manifest = project.table("video,subject,expression", "happy/a.png,S01,happy")
    if is_listed:
        assert f"a recording of {gone.subject}, who has withdrawn" in project.ingest_error(manifest=manifest)


def test_names_with_spaces_and_of_any_script(project: IngestProject) -> None:
    write_image(project.recordings / "happy/张三 (1).png", 1)
    write_image(project.recordings / "happy/Mu\u0308ller.png", 2)
    assert len(project.ingest(layout="imagefolder").added) == 2
    assert all(name.isascii() for name in project.files())


def test_folders_that_name_no_expression(project: IngestProject) -> None:
    write_image(project.recordings / "happy/1.png", 1)
    write_image(project.recordings / "misc/2.png", 2)
    assert "misc/2.png: expression 'misc' is none of" in project.ingest_error(layout="imagefolder")
    assert len(project.ingest(layout="imagefolder", skip_unknown=True).added) == 1


# --- FER2013's CSV --------------------------------------------------------------------------------


def test_the_csv_is_unpacked_pixel_by_pixel(project: IngestProject) -> None:
    rows = [fer2013_row(0, 1), fer2013_row(6, 2, "PublicTest"), fer2013_row(3, 3, "PrivateTest")]
    table = write_fer2013(project.recordings / "fer2013.csv", rows)
    outcome = project.ingest(table)
    assert outcome.layout == "fer2013"
    by_source = {clip.extra["source"]: clip for clip in outcome.added}
    assert {source: clip.expression for source, clip in by_source.items()} == {
        "Training_00002.png": "angry", "PublicTest_00003.png": "neutral", "PrivateTest_00004.png": "happy",
    }  # fmt: skip
    stored = cv2.imread(str(VIDEOS / by_source["PublicTest_00003.png"].video), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(stored, pixels(2))
    assert project.ingest(project.recordings, layout="fer2013").added == ()
    assert not Path(".emo/unpacked").exists()


def test_the_order_of_columns_and_their_spaces_do_not_matter(project: IngestProject) -> None:
    emotion, values, usage = fer2013_row(4, 1).split(",")
    (project.recordings / "icml_face_data.csv").write_text(
        f"emotion, Usage, pixels\n{emotion}, {usage}, {values}\n"
    )
    assert [clip.expression for clip in project.ingest(layout="fer2013").added] == ["sad"]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("7,1 2,Training", "line 3: emotion: '7' is not a number in 0..6; remove the row"),
        ("0,1 2 3,Training", "line 3: pixels: 3 values, not 48x48 = 2,304; download it again"),
        (
            fer2013_row(0, 1).replace(" ", " 256 ", 1).rsplit(" ", 1)[0] + ",Training",
            "'256' is not a grey value",
        ),
        (fer2013_row(0, 1, "Test"), "line 3: Usage: 'Test' is not one of Training, PublicTest, PrivateTest"),
        (fer2013_row(0, 1)[:900], "line 3: usage: empty"),
    ],
)
def test_invalid_rows(project: IngestProject, row: str, expected: str) -> None:
    table = write_fer2013(project.recordings / "fer2013.csv", [fer2013_row(1, 5), row])
    text = project.ingest_error(table)
    assert f"{table}: line 3: " in text
    assert expected in text
    assert not VIDEOS.exists()


def test_many_bad_rows_are_counted(project: IngestProject) -> None:
    table = write_fer2013(project.recordings / "fer2013.csv", ["9,1,Training"] * 15)
    lines = project.ingest_error(table).splitlines()
    assert (len(lines), lines[-1]) == (11, "and 5 more errors")


def test_one_form_of_the_corpus_not_both(project: IngestProject) -> None:
    write_fer2013(project.recordings / "fer2013.csv", [fer2013_row(1, 5)])
    write_image(project.recordings / "train/angry/Training_1.jpg", 1)
    assert "give one form of the corpus" in project.ingest_error(layout="fer2013")


def test_tables_of_one_name_are_all_unpacked(project: IngestProject) -> None:
    tables = [
        write_fer2013(project.recordings / place / "fer2013.csv", [fer2013_row(0, seed)])
        for seed, place in enumerate(("a", "b", "linked/c"))
    ]
    (project.recordings / "b/link").symlink_to(project.recordings / "linked")
    write_fer2013(project.recordings / "a/.ipynb_checkpoints/fer2013-checkpoint.csv", [fer2013_row(6, 6)])
    assert len(project.ingest(*tables[:2]).added) == 2
    assert (
        len(project.ingest(project.recordings / "a", project.recordings / "b", layout="fer2013").added) == 1
    )


@pytest.mark.parametrize("name", ["FER.CSV", ".fer.csv"])
def test_names_of_tables(project: IngestProject, name: str) -> None:
    table = write_fer2013(project.recordings / name, [fer2013_row(0, 1)])
    assert len(project.ingest(table).added) == 1


def test_other_files_beside_a_table_are_refused_or_counted(project: IngestProject) -> None:
    table = write_fer2013(project.recordings / "set/fer2013.csv", [fer2013_row(1, 5)])
    nowhere = project.recordings / "nowhere"
    assert f"{nowhere}: no such file or folder" in project.ingest_error(table, nowhere)
    image = write_image(project.recordings / "a.jpg", 1)
    project.video("recordings/S01/happy.mp4")
    for other in (image, project.recordings / "recordings"):
        assert f"{other}: given together with {table}, FER2013's table" in (
            project.ingest_error(table, other)
        )
    project.video("set/S01/happy.mp4")
    (project.recordings / "set/other.csv").write_text("a,b\n")
    outcome = project.ingest(project.recordings / "set", layout="fer2013")
    assert len(outcome.added) == 1
    assert outcome.skipped == {
        "a table without the columns emotion, pixels, Usage": 1,
        "not an image (.mp4)": 1,
    }
    write_image(project.recordings / "set/happy/b.png", 2)
    assert "give one form of the corpus" in project.ingest_error(project.recordings / "set", layout="fer2013")


def test_a_folder_of_a_table_alone_needs_its_layout(project: IngestProject) -> None:
    table = write_fer2013(project.recordings / "fer2013.csv", [fer2013_row(1, 5)])
    assert f"{table}: FER2013's table; give --layout fer2013" in project.ingest_error()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("emotion;pixels;Usage\n", "separated by commas; found 'emotion;pixels;Usage'; save it in this form"),
        (
            "emotion,pixels\n0,1\n",
            "expected the columns emotion, pixels, Usage, separated by commas; found 'emotion,pixels'",
        ),
        ("emotion,emotion,pixels,Usage\n", "found 'emotion,emotion"),
        ("", "the file is empty; save it in this form, or download it again"),
        ("\ufeffemotion,pixels,Usage\n", "save it as UTF-8"),
        ("emotion,pixels,Usage\n", "no rows below the header; download it again"),
    ],
)
def test_other_tables_are_refused(project: IngestProject, content: str, expected: str) -> None:
    table = project.recordings / "table.csv"
    table.write_text(content, encoding="utf-16-le" if content.startswith("\ufeff") else "utf-8")
    given = [{"sources": (table,)}, {"sources": (table,), "layout": "fer2013"}, {"layout": "fer2013"}]
    for options in given:
        text = project.ingest_error(*options.pop("sources", ()), **options)
        assert text.startswith(f"{table}: ")
        assert expected in text


def test_other_layouts_do_not_read_a_table(project: IngestProject) -> None:
    table = write_fer2013(project.recordings / "fer2013.csv", [fer2013_row(1, 5)])
    for layout in ("imagefolder", "folders"):
        assert f"{table}: a table, which --layout {layout} does not read" in (
            project.ingest_error(table, layout=layout)
        )
    manifest = project.table("video,subject,expression", "a.mp4,S01,sad")
    text = project.ingest_error(table, manifest=manifest)
    assert text.startswith(f"{table}: --manifest already lists every clip")


def test_quoted_columns_and_empty_lines_are_fine(project: IngestProject) -> None:
    row = '","'.join(fer2013_row(3, 1).split(","))
    (project.recordings / "fer2013.csv").write_text(f'"emotion","pixels","Usage"\r\n"{row}"\r\n\r\n')
    assert [clip.expression for clip in project.ingest(layout="fer2013").added] == ["happy"]


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        (b"1_0", "'1_0' is not a grey value in 0..255"),
        ("\u0661".encode(), "is not a grey value in 0..255"),
        (b"9" * 5000, "'99999999999999999999' is not a grey value in 0..255"),
        (b"\xe9", "is not a grey value in 0..255"),
        (b"9" * 140_000, "not valid CSV (field larger than field limit (131072)); download it again"),
    ],
)
def test_invalid_values(project: IngestProject, bad: bytes, expected: str) -> None:
    good = [fer2013_row(1, seed) for seed in range(5)]
    table = write_fer2013(project.recordings / "fer2013.csv", [*good, fer2013_row(0, 9)])
    lines = table.read_bytes().split(b"\n")
    values = lines[6].split(b" ")
    lines[6] = b" ".join([*values[:9], bad, *values[10:]])
    table.write_bytes(b"\n".join(lines))
    [text] = project.ingest_error(table).splitlines()
    assert text.startswith(f"{table}: line 7: ")
    assert expected in text


def test_a_value_beyond_the_last_column(project: IngestProject) -> None:
    table = write_fer2013(project.recordings / "fer2013.csv", [fer2013_row(1, 5) + ",9"])
    assert f"{table}: line 2: unexpected value '9'" in project.ingest_error(table)


def test_notes_on_unpacked_images_name_the_line(project: IngestProject) -> None:
    (project.recordings / "a.png").write_bytes(encode_png(pixels(5)))
    project.ingest(manifest=project.table("video,subject,expression", "a.png,S01,disgust"))
    table = write_fer2013(project.recordings / "fer2013.csv", [fer2013_row(1, 5)])
    [note] = [note for note in project.ingest(table).notes if "enrolled before" in note]
    assert f"{table}: line 2 (disgusted of fer2013_" in note
    assert "is S01_disgusted, disgusted of S01" in note


# --- Bad images ---------------------------------------------------------------------------------


def test_every_bad_image_has_its_line_and_nothing_is_done(project: IngestProject) -> None:
    for number, suffix in enumerate(("png", "jpg", "tiff", "bmp")):
        path = write_image(project.recordings / f"happy/cut.{suffix}", number)
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    (project.recordings / "happy/empty.png").write_bytes(b"")
    (project.recordings / "happy/lfs.png").write_bytes(
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0"
    )
    (project.recordings / "happy/text.jpg").write_text("no image\n" * 50)
    project.video("happy/video.mp4").rename(project.recordings / "happy/video.png")
    write_image(project.recordings / "happy/good.png", 9)
    lines = project.ingest_error(layout="imagefolder").splitlines()
    reasons = {
        **{f"cut.{suffix}": "cannot be decoded" for suffix in ("png", "jpg", "tiff", "bmp")},
        "empty.png": "the file is empty",
        "lfs.png": "run `git lfs pull`",
        "text.jpg": "cannot be decoded",
        "video.png": "still",
    }
    assert len(lines) == len(reasons)
    for name, reason in reasons.items():
        assert sum(f"happy/{name}: " in line and reason in line for line in lines) == 1
    assert not CLIPS.exists()


def test_pipes_and_paths_too_long(project: IngestProject) -> None:
    write_image(project.recordings / "happy/a.png", 1)
    pipe = project.recordings / "happy/b.png"
    os.mkfifo(pipe)
    outcome = project.ingest(layout="imagefolder", dry_run=True)
    assert outcome.skipped == {"not a regular file": 1}
    assert f"{pipe}: not a regular file; leave it out" in project.ingest_error(pipe, layout="imagefolder")
    long = project.recordings / ("a" * 300)
    assert "cannot be opened (File name too long); give another path" in project.ingest_error(long)
    assert "File name too long" in project.ingest_error(participants=long)


def test_many_errors_are_counted_and_each_is_one_line(project: IngestProject) -> None:
    (project.recordings / "happy").mkdir()
    for number in range(13):
        (project.recordings / f"happy/{number:02d}\n.png").write_bytes(b"")
    lines = project.ingest_error(layout="imagefolder").splitlines()
    assert (len(lines), lines[-1]) == (11, "and 3 more errors")
    assert f"{project.recordings}/happy/00\\n.png: the file is empty" in lines[0]


def test_names_that_do_not_match_are_reported_with_a_remedy(project: IngestProject) -> None:
    odd = write_image(project.recordings / "AF31V.JPG", 1)
    text = project.ingest_error(layout="kdef")
    assert text.startswith(f"{odd}: name does not match layout kdef (AF01ANS.JPG)")
    assert "for one folder per expression give --layout imagefolder" in text
    assert project.ingest_error(odd).startswith(f"{odd}: name matches no image corpus; give --layout")
    write_image(project.recordings / "AF31ANS.JPG", 2)
    assert f"{odd}: name does not match layout kdef (AF01ANS.JPG); {RENAME}" in (project.ingest_error())


def test_the_exif_rotation_is_applied(project: IngestProject) -> None:
    path = project.recordings / "happy/turned.jpg"
    path.parent.mkdir()
    exif = Image.Exif()
    exif[0x112] = 6  # EXIF 2.3: the 0th row is the right side
    Image.fromarray(pixels(1)[:24]).save(path, exif=exif)
    [clip] = project.ingest(layout="imagefolder").added
    assert (clip.width, clip.height, clip.rotation) == (24, 48, 90)

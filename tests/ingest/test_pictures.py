"""Corpora of pictures, from their files to the tables of raw/."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
import pytest
from conftest import Project
from tests.support.corpora import fer2013_row, pixels, write_fer2013, write_picture
from PIL import Image

from pipeline.ingest.layouts.layout import Named, Reading, Skip, Unread
from pipeline.ingest.layouts.registry import LAYOUTS
from pipeline.runtime.csv_files import write_csv
from pipeline.runtime.image_codec import encode_png
from pipeline.runtime.paths import CLIPS, PARTICIPANTS, VIDEOS, WITHDRAWALS
from pipeline.schema.clips import Clip
from pipeline.schema.participants import WITHDRAWN, Participant
from pipeline.schema.withdrawals import Withdrawal


def read(layout: str, *names: str) -> list[Reading]:
    paths = [PurePosixPath(name) for name in names]
    readings = LAYOUTS[layout].read(paths)
    return [readings[path] for path in paths]


# --- Names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layout", "name", "expected"),
    [
        ("jaffe", "jaffe/KA.AN1.39.tiff", Named("KA", "anger", "KA_AN1_39", sex="F")),
        ("jaffe", "ka.an1.39.TIFF", Named("KA", "anger", "KA_AN1_39", sex="F")),
        ("jaffe", "YM.SU3.62.tiff", Named("YM", "surprise", "YM_SU3_62", sex="F")),
        ("kdef", "AF01/AF01ANS.JPG", Named("F01", "angry", "AF01ANS", sex="F")),
        ("kdef", "BM35AFS.JPG", Named("M35", "afraid", "BM35AFS", sex="M")),
        ("kdef", "AF01/AF01ANHL.JPG", Skip("not taken straight (KDEF angle HL)")),
        ("fer2013", "train/angry/Training_3908.jpg", Named("", "angry")),
        ("fer2013", "test/fear/PrivateTest_10131363.jpg", Named("", "fear")),
        ("imagefolder", "train/happy/anna 1.png", Named("", "happy")),
        ("imagefolder", "happy/1.png", Named("", "happy")),
    ],
)
def test_names_of_corpora(layout: str, name: str, expected: Reading) -> None:
    assert read(layout, name) == [expected]


@pytest.mark.parametrize(
    ("layout", "name"), [("jaffe", "KA.AN1.png"), ("kdef", "AF31V.JPG"), ("fer2013", "angry/1.jpg")]
)
def test_other_names_are_not_read(layout: str, name: str) -> None:
    assert isinstance(read(layout, name)[0], Unread)


def ckplus(*frames: str, **labels: str) -> dict[str, Reading]:
    paths = [PurePosixPath(f"images/{name[:4]}/{name[5:8]}/{name}.png") for name in frames]
    texts = {PurePosixPath(f"Emotion/{name}_emotion.txt"): text for name, text in labels.items()}
    return {path.stem: reading for path, reading in LAYOUTS["ckplus"].read(paths, texts).items()}


def test_of_a_ckplus_sequence_the_peak_is_taken_and_the_first_frame_as_neutral() -> None:
    first, middle, last = "S005_001_00000001", "S005_001_00000006", "S005_001_00000011"
    other = "S010_002_00000014"
    found = ckplus(last, first, middle, other, **{last: "   3.0000000e+00\n"})
    assert found == {
        first: Named("S005", "neutral", first),
        middle: Skip("between neutral and the peak (CK+)"),
        last: Named("S005", "disgust", last),
        other: Skip("of a sequence without a label (CK+)"),
    }


@pytest.mark.parametrize("text", ["9.0", "1.5", "", "anger", "-1", "nan", "inf"])
def test_a_ckplus_label_that_is_none(text: str) -> None:
    found = ckplus("S005_001_00000011", S005_001_00000011=text)
    assert found == {
        "S005_001_00000011": Skip("of a sequence at fault"),
        "S005_001_00000011_emotion": Unread(f"{text!r} is not a number of 0..7; copy the file again"),
    }


def test_a_ckplus_sequence_without_its_end() -> None:
    found = ckplus("S005_001_00000001", "S005_001_00000009", S005_001_00000011="3.0")
    assert set(found.values()) == {
        Skip("of a sequence at fault"),
        Unread(
            "the sequence ends with S005_001_00000009.png, not with the picture of this label; copy the "
            "pictures completely, or remove the label"
        ),
    }
    assert isinstance(found["S005_001_00000011_emotion"], Unread)


def test_ckplus_labels_of_one_picture_must_agree() -> None:
    picture = PurePosixPath("S005_001_00000011.png")
    one, two = (PurePosixPath(f"{place}/S005_001_00000011_emotion.txt") for place in ("a", "b"))
    read_them = LAYOUTS["ckplus"].read
    assert read_them([picture], {one: "3", two: " 3.0e+00\n"}) == {
        picture: Named("S005", "disgust", picture.stem)
    }
    assert read_them([picture], {one: "3", two: "4"})[two] == Unread(
        "says 4, but a/S005_001_00000011_emotion.txt says 3; remove the wrong one"
    )


def test_ckplus_counts_copies_and_labels_without_pictures() -> None:
    frames = [PurePosixPath(f"{place}/S005_001_{n:08d}.png") for place in ("a", "copy") for n in (1, 2, 3)]
    labels = {PurePosixPath(f"S005_00{n}_00000003_emotion.txt"): "3" for n in (1, 2)}
    found = LAYOUTS["ckplus"].read(frames, labels)
    again, alone = Skip("a second file of the same frame (CK+)"), Skip("a label without pictures (CK+)")
    assert found == {
        frames[0]: Named("S005", "neutral", frames[0].stem),
        frames[1]: Skip("between neutral and the peak (CK+)"),
        frames[2]: Named("S005", "disgust", frames[2].stem),
        **dict.fromkeys(frames[3:], again),
        list(labels)[1]: alone,
    }


# --- Corpora with subjects ------------------------------------------------------------------------


def test_jaffe_is_recognised_and_its_stills_are_clips_of_one_frame(project: Project) -> None:
    for number, name in enumerate(("KA.AN1.39", "KA.HA2.30", "YM.NE1.49")):
        write_picture(project.study / f"{name}.tiff", number, side=64)
    outcome = project.ingest()
    assert outcome.layout == "jaffe"
    assert {s: (p.sex, p.is_image) for s, p in project.people().items()} == {
        "KA": ("F", False), "YM": ("F", False)}  # fmt: skip
    clip = project.clips()["KA_AN1_39"]
    assert (clip.expression, clip.video, clip.codec) == ("angry", "KA/KA_AN1_39.tiff", "tiff")
    assert (clip.width, clip.height, clip.frames, clip.fps, clip.duration_s) == (64, 64, 1, 0.0, 0.0)
    assert clip.is_still
    assert project.ingest().added == ()


def test_kdef_takes_the_straight_pictures_and_counts_the_others(project: Project) -> None:
    for number, name in enumerate(("AF01ANS", "AF01ANHL", "BF01ANS", "AM02SUS", "AM02SUFR")):
        write_picture(project.study / name[:4] / f"{name}.JPG", number)
    outcome = project.ingest()
    assert outcome.layout == "kdef"
    assert sorted(project.clips()) == ["AF01ANS", "AM02SUS", "BF01ANS"]
    assert sorted(project.people()) == ["F01", "M02"]
    assert len({clip.take for clip in project.clips().values()}) == 3
    assert set(outcome.skipped.values()) == {1}


def test_ckplus_needs_its_labels_and_maps_its_eighth_class(project: Project) -> None:
    folder = project.study / "cohn-kanade-images/S005/001"
    for frame in (1, 2, 11):
        write_picture(folder / f"S005_001_{frame:08d}.png", frame)
    assert "no label (_emotion.txt) in what is given" in project.refused(layout="ckplus")
    label = project.study / "Emotion/S005/001/S005_001_00000011_emotion.txt"
    label.parent.mkdir(parents=True)
    label.symlink_to("nowhere")
    assert f"{label}: a label that cannot be read (No such file or directory)" in project.refused()
    label.unlink()
    label.write_text("none\n")
    assert f"{label}: 'none' is not a number of 0..7" in project.refused()
    (label.parent / "S010_001_00000001_emotion.txt").write_text("3")
    label.write_text("   2.0000000e+00\n", encoding="utf-8-sig")
    assert "expression 'contempt' is none of" in project.refused()
    outcome = project.ingest(skip_unknown=True)
    assert outcome.layout == "ckplus"
    assert [clip.expression for clip in outcome.added] == ["neutral"]
    assert outcome.skipped["expression 'contempt'"] == 1
    assert outcome.skipped["a label without pictures (CK+)"] == 1
    assert len(project.ingest(mapping={"contempt": "disgusted"}).added) == 1


def test_pictures_of_a_manifest_have_the_subjects_that_it_names(project: Project) -> None:
    write_picture(project.study / "a.jpg", 1)
    write_picture(project.study / "b.png", 2)
    project.ingest(manifest=project.manifest("video,subject,expression", "a.jpg,S01,sad", "b.png,S01,happy"))
    assert {name: clip.codec for name, clip in project.clips().items()} == {
        "S01_happy": "png", "S01_sad": "mjpeg"}  # fmt: skip


def test_stray_pictures_in_folders_of_videos_are_left_out(project: Project) -> None:
    project.video("S01/happy.mp4")
    write_picture(project.study / "S01/sad.png", 1)
    outcome = project.ingest()
    assert (outcome.layout, len(outcome.added)) == ("folders", 1)
    assert outcome.skipped == {"no video by its name (.png)": 1}


def test_pictures_of_no_corpus_need_a_layout(project: Project) -> None:
    write_picture(project.study / "happy/1.png", 1)
    assert "a picture of no corpus known; give --layout (ckplus, jaffe, kdef, fer2013, imagefolder)" in (
        project.refused()
    )
    write_picture(project.study / "KA.AN1.39.tiff", 2)
    assert "happy/1.png: not named as jaffe names its files" in project.refused()


# --- Without subjects -----------------------------------------------------------------------------


def test_an_image_without_a_subject_is_its_own(project: Project) -> None:
    path = write_picture(project.study / "train/angry/Training_3908.jpg", 1)
    write_picture(project.study / "test/fear/PrivateTest_7.jpg", 2)
    outcome = project.ingest()
    assert outcome.layout == "fer2013"
    name = f"fer2013_{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"
    clip = project.clips()[f"{name}_angry"]
    assert (clip.subject, clip.expression, clip.take) == (name, "angry", clip.clip)
    assert (clip.video, clip.extra["source"]) == (f"fer2013/{name}_angry.jpg", "Training_3908.jpg")
    assert [p.is_image for p in project.people().values()] == [True, True]
    assert outcome.notes == (
        "FER2013's pictures are faces, cropped already: set faces: detector: none (docs/faces.md)",
        "no subject is told of 2 images: each counts as its own, and figures will be of unseen images, not "
        "of unseen people (docs/ingest.md)",
    )
    assert outcome.table == {
        "(images)": dict.fromkeys(outcome.table["(images)"], 0) | {"angry": 1, "scared": 1}
    }
    assert project.ingest().added == ()


def test_people_and_images_are_enrolled_side_by_side(project: Project) -> None:
    project.video("S01/happy.mp4")
    project.ingest()
    write_picture(project.study / "set/happy/1.png", 1)
    project.ingest(project.study / "set", layout="imagefolder")
    marks = [p.extra["stands_for"] for p in project.people().values()]
    assert marks == ["", "image"]


def test_the_same_picture_is_one_and_under_two_expressions_none(project: Project) -> None:
    for name, seed in {"happy/a": 1, "happy/b": 1, "sad/c": 2, "happy/d": 2, "sad/e": 3}.items():
        write_picture(project.study / f"{name}.png", seed)
    outcome = project.ingest(layout="imagefolder")
    assert sorted(clip.extra["source"] for clip in outcome.added) == ["a.png", "e.png"]
    assert outcome.skipped == {
        "the same picture again": 1,
        "the same picture under several expressions": 2,
    }
    (project.study / "sad/e.png").rename(project.study / "sad/renamed.png")
    write_picture(project.study / "angry/f.png", 1)
    again = project.ingest(layout="imagefolder")
    assert (len(again.added), len(again.unchanged)) == (0, 2)


def test_an_enrolled_picture_stays_as_it_is_under_whatever_label_it_comes_again(project: Project) -> None:
    write_picture(project.study / "happy/a.png", 1)
    [clip] = project.ingest(layout="imagefolder").added
    write_picture(project.study / "sad/b.png", 1)
    again = project.ingest(layout="imagefolder")
    assert again.unchanged == (clip,)
    assert again.skipped == {"enrolled under another expression, and stays so": 1}
    assert again.notes[1:] == (
        f"{project.study}/sad/b.png: sad, but enrolled as {clip.clip}, which stays; if its label is wrong, "
        f"correct it in raw/clips.csv, or take it out with `emo withdraw {clip.subject}`",
    )


@pytest.mark.parametrize("is_listed", [True, False])
def test_a_withdrawn_picture_is_left_out_whatever_it_is_called(project: Project, is_listed: bool) -> None:
    for name, seed in {"happy/a": 1, "sad/b": 2}.items():
        write_picture(project.study / f"{name}.png", seed)
    gone, stays = sorted(project.ingest(layout="imagefolder").added, key=lambda clip: clip.expression)
    people = [
        replace(p, consent=WITHDRAWN) if p.subject == gone.subject else p for p in project.people().values()
    ]
    write_csv(PARTICIPANTS, people, Participant)
    if is_listed:  # as `emo withdraw` leaves it; else the table alone says it
        write_csv(CLIPS, [stays], Clip)
        write_csv(WITHDRAWALS, [Withdrawal(gone.subject, gone.sha256)], Withdrawal)
        (VIDEOS / gone.video).unlink()
    write_picture(project.study / "angry/renamed.png", 1)
    write_picture(project.study / "angry/new.png", 3)
    outcome = project.ingest(layout="imagefolder")
    assert ([clip.expression for clip in outcome.added], outcome.unchanged) == (["angry"], (stays,))
    assert outcome.skipped == {"withdrawn (raw/withdrawn.csv)": 2}
    manifest = project.manifest("video,subject,expression", "happy/a.png,S01,happy")
    if is_listed:
        assert f"a recording of {gone.subject}, who has withdrawn" in project.refused(manifest=manifest)


def test_names_with_spaces_and_of_any_script(project: Project) -> None:
    write_picture(project.study / "happy/张三 (1).png", 1)
    write_picture(project.study / "happy/Mu\u0308ller.png", 2)
    assert len(project.ingest(layout="imagefolder").added) == 2
    assert all(name.isascii() for name in project.files())


def test_folders_that_name_no_expression(project: Project) -> None:
    write_picture(project.study / "happy/1.png", 1)
    write_picture(project.study / "misc/2.png", 2)
    assert "misc/2.png: expression 'misc' is none of" in project.refused(layout="imagefolder")
    assert len(project.ingest(layout="imagefolder", skip_unknown=True).added) == 1


# --- FER2013's CSV --------------------------------------------------------------------------------


def test_the_csv_is_unpacked_pixel_by_pixel(project: Project) -> None:
    rows = [fer2013_row(0, 1), fer2013_row(6, 2, "PublicTest"), fer2013_row(3, 3, "PrivateTest")]
    table = write_fer2013(project.study / "fer2013.csv", rows)
    outcome = project.ingest(table)
    assert outcome.layout == "fer2013"
    by_source = {clip.extra["source"]: clip for clip in outcome.added}
    assert {source: clip.expression for source, clip in by_source.items()} == {
        "Training_00002.png": "angry", "PublicTest_00003.png": "neutral", "PrivateTest_00004.png": "happy",
    }  # fmt: skip
    stored = cv2.imread(str(VIDEOS / by_source["PublicTest_00003.png"].video), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(stored, pixels(2))
    assert project.ingest(project.study, layout="fer2013").added == ()
    assert not Path(".emo/unpacked").exists()


def test_the_order_of_columns_and_their_spaces_do_not_matter(project: Project) -> None:
    emotion, values, usage = fer2013_row(4, 1).split(",")
    (project.study / "icml_face_data.csv").write_text(
        f"emotion, Usage, pixels\n{emotion}, {usage}, {values}\n"
    )
    assert [clip.expression for clip in project.ingest(layout="fer2013").added] == ["sad"]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("7,1 2,Training", "line 3: emotion: '7' is not a number of 0..6; remove the row"),
        ("0,1 2 3,Training", "line 3: pixels: 3 values, not 48x48 = 2,304; download it again"),
        (
            fer2013_row(0, 1).replace(" ", " 256 ", 1).rsplit(" ", 1)[0] + ",Training",
            "'256' is not a grey value",
        ),
        (fer2013_row(0, 1, "Test"), "line 3: Usage: 'Test' is not one of Training, PublicTest, PrivateTest"),
        (fer2013_row(0, 1)[:900], "line 3: usage: nothing there; is the file cut off? download it again"),
    ],
)
def test_rows_that_are_no_pictures(project: Project, row: str, expected: str) -> None:
    table = write_fer2013(project.study / "fer2013.csv", [fer2013_row(1, 5), row])
    text = project.refused(table)
    assert f"{table}: line 3: " in text
    assert expected in text
    assert not VIDEOS.exists()


def test_many_bad_rows_are_counted(project: Project) -> None:
    table = write_fer2013(project.study / "fer2013.csv", ["9,1,Training"] * 15)
    lines = project.refused(table).splitlines()
    assert (len(lines), lines[-1].strip()) == (11, f"{table}: 5 more such lines")


def test_one_form_of_the_corpus_not_both(project: Project) -> None:
    write_fer2013(project.study / "fer2013.csv", [fer2013_row(1, 5)])
    write_picture(project.study / "train/angry/Training_1.jpg", 1)
    assert "give one form of the corpus" in project.refused(layout="fer2013")


def test_tables_of_one_name_are_all_unpacked(project: Project) -> None:
    tables = [
        write_fer2013(project.study / place / "fer2013.csv", [fer2013_row(0, seed)])
        for seed, place in enumerate(("a", "b", "linked/c"))
    ]
    (project.study / "b/link").symlink_to(project.study / "linked")
    write_fer2013(project.study / "a/.ipynb_checkpoints/fer2013-checkpoint.csv", [fer2013_row(6, 6)])
    assert len(project.ingest(*tables[:2]).added) == 2
    assert len(project.ingest(project.study / "a", project.study / "b", layout="fer2013").added) == 1


@pytest.mark.parametrize("name", ["FER.CSV", ".fer.csv"])
def test_names_of_tables(project: Project, name: str) -> None:
    table = write_fer2013(project.study / name, [fer2013_row(0, 1)])
    assert len(project.ingest(table).added) == 1


def test_what_is_given_beside_a_table_is_refused_or_counted(project: Project) -> None:
    table = write_fer2013(project.study / "set/fer2013.csv", [fer2013_row(1, 5)])
    nowhere = project.study / "nowhere"
    assert f"{nowhere}: no such file or folder" in project.refused(table, nowhere)
    picture = write_picture(project.study / "a.jpg", 1)
    project.video("recordings/S01/happy.mp4")
    for other in (picture, project.study / "recordings"):
        assert f"{other}: given with {table}, FER2013's table; ingest each by itself" in (
            project.refused(table, other)
        )
    project.video("set/S01/happy.mp4")
    (project.study / "set/other.csv").write_text("a,b\n")
    outcome = project.ingest(project.study / "set", layout="fer2013")
    assert len(outcome.added) == 1
    assert outcome.skipped == {
        "a table without the columns emotion, pixels, Usage": 1,
        "no picture by its name (.mp4)": 1,
    }
    write_picture(project.study / "set/happy/b.png", 2)
    assert "give one form of the corpus" in project.refused(project.study / "set", layout="fer2013")


def test_a_folder_of_a_table_alone_needs_its_layout(project: Project) -> None:
    table = write_fer2013(project.study / "fer2013.csv", [fer2013_row(1, 5)])
    assert f"{table}: FER2013's table; give --layout fer2013" in project.refused()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("emotion;pixels;Usage\n", "separated by commas, are wanted, not 'emotion;pixels;Usage'; save it so"),
        (
            "emotion,pixels\n0,1\n",
            "the columns emotion, pixels, Usage, separated by commas, are wanted",
        ),
        ("emotion,emotion,pixels,Usage\n", "are wanted, not 'emotion,emotion"),
        ("", "are wanted; it is empty; save it so, or download it again"),
        ("\ufeffemotion,pixels,Usage\n", "save it as UTF-8"),
        ("emotion,pixels,Usage\n", "no row below its columns' names; download it again"),
    ],
)
def test_tables_that_are_not_fer2013s(project: Project, content: str, expected: str) -> None:
    table = project.study / "table.csv"
    table.write_text(content, encoding="utf-16-le" if content.startswith("\ufeff") else "utf-8")
    given = [{"sources": (table,)}, {"sources": (table,), "layout": "fer2013"}, {"layout": "fer2013"}]
    for options in given:
        text = project.refused(*options.pop("sources", ()), **options)
        assert text.startswith(f"{table}: ")
        assert expected in text


def test_a_table_is_no_picture_nor_a_recording(project: Project) -> None:
    table = write_fer2013(project.study / "fer2013.csv", [fer2013_row(1, 5)])
    for layout in ("imagefolder", "folders"):
        assert f"{table}: a table, which --layout {layout} does not read" in (
            project.refused(table, layout=layout)
        )
    manifest = project.manifest("video,subject,expression", "a.mp4,S01,sad")
    text = project.refused(table, manifest=manifest)
    assert text.startswith(f"{table}: --manifest names every clip already")


def test_quoted_columns_and_empty_lines_are_fine(project: Project) -> None:
    row = '","'.join(fer2013_row(3, 1).split(","))
    (project.study / "fer2013.csv").write_text(f'"emotion","pixels","Usage"\r\n"{row}"\r\n\r\n')
    assert [clip.expression for clip in project.ingest(layout="fer2013").added] == ["happy"]


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        (b"1_0", "'1_0' is not a grey value of 0..255"),
        ("\u0661".encode(), "is not a grey value of 0..255"),
        (b"9" * 5000, "'99999999999999999999' is not a grey value of 0..255"),
        (b"\xe9", "is not a grey value of 0..255"),
        (b"9" * 140_000, "not valid CSV (field larger than field limit (131072)); download it again"),
    ],
)
def test_values_that_are_none(project: Project, bad: bytes, expected: str) -> None:
    good = [fer2013_row(1, seed) for seed in range(5)]
    table = write_fer2013(project.study / "fer2013.csv", [*good, fer2013_row(0, 9)])
    lines = table.read_bytes().split(b"\n")
    values = lines[6].split(b" ")
    lines[6] = b" ".join([*values[:9], bad, *values[10:]])
    table.write_bytes(b"\n".join(lines))
    [text] = project.refused(table).splitlines()
    assert text.startswith(f"{table}: line 7: ")
    assert expected in text


def test_a_value_beyond_the_last_column(project: Project) -> None:
    table = write_fer2013(project.study / "fer2013.csv", [fer2013_row(1, 5) + ",9"])
    assert f"{table}: line 2: '9' stands beyond the last column" in project.refused(table)


def test_faults_of_unpacked_pictures_name_the_line(project: Project) -> None:
    (project.study / "a.png").write_bytes(encode_png(pixels(5)))
    project.ingest(manifest=project.manifest("video,subject,expression", "a.png,S01,disgust"))
    table = write_fer2013(project.study / "fer2013.csv", [fer2013_row(1, 5)])
    text = project.refused(table)
    assert text.startswith(f"{table}: line 2: disgusted of fer2013_")
    assert "this recording is enrolled as S01_disgusted" in text


# --- Bad pictures ---------------------------------------------------------------------------------


def test_every_bad_picture_has_its_line_and_nothing_is_done(project: Project) -> None:
    for number, suffix in enumerate(("png", "jpg", "tiff", "bmp")):
        path = write_picture(project.study / f"happy/cut.{suffix}", number)
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    (project.study / "happy/empty.png").write_bytes(b"")
    (project.study / "happy/lfs.png").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0")
    (project.study / "happy/text.jpg").write_text("no picture\n" * 50)
    project.video("happy/video.mp4").rename(project.study / "happy/video.png")
    write_picture(project.study / "happy/good.png", 9)
    lines = project.refused(layout="imagefolder").splitlines()
    reasons = {
        **{f"cut.{suffix}": "cannot be decoded" for suffix in ("png", "jpg", "tiff", "bmp")},
        "empty.png": "the file is empty",
        "lfs.png": "run `git lfs pull`",
        "text.jpg": "cannot be decoded",
        "video.png": "not a still image",
    }
    assert len(lines) == len(reasons)
    for name, reason in reasons.items():
        assert sum(f"happy/{name}: " in line and reason in line for line in lines) == 1
    assert not CLIPS.exists()


def test_pipes_and_paths_too_long(project: Project) -> None:
    write_picture(project.study / "happy/a.png", 1)
    pipe = project.study / "happy/b.png"
    os.mkfifo(pipe)
    outcome = project.ingest(layout="imagefolder", dry_run=True)
    assert outcome.skipped == {"no regular file": 1}
    assert f"{pipe}: not a regular file; leave it out" in project.refused(pipe, layout="imagefolder")
    long = project.study / ("a" * 300)
    assert "cannot be opened (File name too long); give another path" in project.refused(long)
    assert "File name too long" in project.refused(participants=long)


def test_many_faults_are_counted_and_each_is_one_line(project: Project) -> None:
    (project.study / "happy").mkdir()
    for number in range(13):
        (project.study / f"happy/{number:02d}\n.png").write_bytes(b"")
    lines = project.refused(layout="imagefolder").splitlines()
    assert (len(lines), lines[-1].strip()) == (11, "and 3 more faults")
    assert f"{project.study}/happy/00\\n.png: the file is empty" in lines[0]


def test_names_that_do_not_fit_are_told_with_a_remedy(project: Project) -> None:
    odd = write_picture(project.study / "AF31V.JPG", 1)
    text = project.refused(layout="kdef")
    assert text.startswith(f"{odd}: not named as kdef names its files (AF01ANS.JPG)")
    assert "for folders of classes give --layout imagefolder" in text
    assert project.refused(odd).startswith(f"{odd}: a picture of no corpus known; give --layout")
    write_picture(project.study / "AF31ANS.JPG", 2)
    assert f"{odd}: not named as kdef names its files (AF01ANS.JPG); rename it, or take it out of there" in (
        project.refused()
    )


def test_a_photo_that_lies_on_its_side_stands_upright(project: Project) -> None:
    path = project.study / "happy/turned.jpg"
    path.parent.mkdir()
    exif = Image.Exif()
    exif[0x112] = 6  # EXIF 2.3: the 0th row is the right side
    Image.fromarray(pixels(1)[:24]).save(path, exif=exif)
    [clip] = project.ingest(layout="imagefolder").added
    assert (clip.width, clip.height, clip.rotation) == (24, 48, 90)

"""The dataset of six subjects, two of them in every split, built from shards that are written directly."""

import io
import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline.dataset.images.params import DatasetParams
from pipeline.runtime.csv_files import read_csv, write_csv
from pipeline.runtime.digests import sha256
from pipeline.runtime.errors import EmoError
from pipeline.runtime.image_codec import encode_png
from pipeline.runtime.parquet import read_parquet
from pipeline.schema.census import CensusRow
from pipeline.schema.clips import read_clips
from pipeline.schema.dataset import dataset_schema, read_dataset_shard
from pipeline.schema.decisions import Decision, write_decisions
from pipeline.schema.funnel import FunnelRow, funnel_totals
from pipeline.schema.participants import Participant
from pipeline.schema.split import SplitRow
from pipeline.stages import dataset, dedup
from tests.support.making import TOP, clip, decision, enrol, person, set_params
from tests.support.shards import face_rows, texture, write_face_shard

CLASSES = ("happy", "sad", "surprised")
SPLITS = {"S1": "train", "S2": "train", "S3": "validation", "S4": "validation", "S5": "test", "S6": "test"}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Faces of six subjects with a clip of each class, and one clip of another class."""
    monkeypatch.chdir(tmp_path)
    set_params(dataset={"expressions": ["sad", "happy", "surprised"]})
    clips = [clip(f"{s}_{e}", subject=s, expression=e) for s in SPLITS for e in CLASSES]
    clips.append(clip("S1_angry", expression="angry"))
    clips = [replace(c, sha256=f"{number:064x}") for number, c in enumerate(clips)]
    enrol([person(s, enrolled=n) for n, s in enumerate(SPLITS, 1)], clips)
    write_csv(Path("data/split.csv"), [SplitRow(s, "F", split, 0) for s, split in SPLITS.items()], SplitRow)
    for number, c in enumerate(clips):
        write_face_shard(c.clip, face_rows([number * 10, number * 10, None, number * 10 + 1]))
    write_face_shard("S1_happy", face_rows([900, None, 901], missing="blurred"), corrupt=2)
    dedup.main()
    return tmp_path


def funnel() -> dict[str, FunnelRow]:
    return {row.clip: row for row in read_csv(Path("reports/funnel.csv"), FunnelRow)}


def sum_of_statuses(row: FunnelRow) -> int:
    counts = funnel_totals([row])
    return sum(counts.values()) - counts["sampled"]


def decide(*decisions: Decision) -> None:
    """Write the ledger, with the recordings of the clips, and build the dataset."""
    write_decisions([replace(row, recording=of(row.clip)) for row in decisions])
    dataset.main()


def frames_of(clip: str, shard: str = "train/S2") -> list[int]:
    rows = read_dataset_shard(Path(f"data/dataset/{shard}.parquet")).rows()
    return [row["frame"] for row in rows if row["clip"] == clip]


def census() -> dict[tuple[str, str], CensusRow]:
    rows = read_csv(Path("data/census.csv"), CensusRow)
    return {(row.subject, row.expression): row for row in rows}


def pixels(row: dict[str, Any]) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(row["image"]["bytes"])))


def outputs() -> dict[str, bytes]:
    paths = [*Path("data/dataset").rglob("*"), *Path("reports").rglob("*"), Path("data/census.csv")]
    return {str(path): path.read_bytes() for path in sorted(paths) if path.is_file()}


@pytest.mark.usefixtures("project")
def test_the_funnel_adds_up() -> None:
    dataset.main()
    rows = funnel()
    for row in rows.values():
        assert row.sampled == sum_of_statuses(row)
    plain = rows["S2_sad"]  # four frames: one without a face, two that are the same
    assert (plain.sampled, plain.no_face, plain.duplicates, plain.images) == (4, 1, 1, 2)
    hurt = rows["S1_happy"]
    assert (hurt.sampled, hurt.corrupt, hurt.blurred, hurt.images) == (5, 2, 1, 2)
    other = rows["S1_angry"]
    assert (other.sampled, other.other_class, other.images) == (4, 2, 0)
    totals = funnel_totals(list(rows.values()))
    assert totals["sampled"] == 18 * 4 + 5 == sum(totals.values()) - totals["sampled"]
    assert [name for name in totals if name in ("sampled", "images")] == ["sampled", "images"]


@pytest.mark.usefixtures("project")
def test_the_setting_that_would_keep_small_faces_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    """The recording is 64 pixels high: faces of 8, 6 and 4 pixels are 0.125, 0.093 and 0.062 of it."""
    rows = face_rows([None, None, None, 5], "too_small")
    write_face_shard("S2_sad", [row | {"w": width} for row, width in zip(rows, (8, 6, 4, 50), strict=True)])
    caplog.set_level("INFO", "emo.stage")
    dataset.main()
    assert (
        "3 faces too small (`too_small`): params.yaml: faces: tracking: min_face: 0.062 would keep all"
        in (caplog.text)
    )
    assert funnel()["S2_sad"].too_small == 3


# --- Decisions ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("project")
def test_an_excluded_clip_gives_no_image_and_is_counted() -> None:
    decide(decision(1, clip="S2_sad"))
    row = funnel()["S2_sad"]
    assert (row.excluded, row.duplicates, row.images, row.no_face) == (3, 0, 0, 1)
    assert row.sampled == sum_of_statuses(row)
    assert frames_of("S2_sad") == []
    assert ("S2", "sad") not in census()


@pytest.mark.usefixtures("project")
def test_the_sharpest_face_that_is_left_takes_the_place_of_an_excluded_one() -> None:
    """Frames 0 and 1 are the same face, frame 0 is kept; a blink at frame 0 must not cost both."""
    dataset.main()
    assert frames_of("S2_sad") == [0, 3]
    stretch = {"start_s": 0.0, "end_s": 0.1}
    decide(decision(1, clip="S2_sad", **stretch))
    assert frames_of("S2_sad") == [1, 3]
    row = funnel()["S2_sad"]
    assert (row.excluded, row.duplicates, row.images) == (1, 0, 2)
    assert row.sampled == sum_of_statuses(row)
    decide(decision(1, clip="S2_sad", **stretch | {"end_s": 0.3}))
    assert (frames_of("S2_sad"), funnel()["S2_sad"].excluded) == ([3], 2)


@pytest.mark.usefixtures("project")
def test_of_several_faces_that_are_left_the_sharpest_is_elected() -> None:
    rows = face_rows([500, 500, 500, 500])
    for row, sharpness in zip(rows, (9.0, 5.0, 7.0, 6.0), strict=True):
        row["sharpness"] = sharpness
    write_face_shard("S2_sad", rows)
    dedup.main()
    decide(decision(1, clip="S2_sad", start_s=0.0, end_s=0.1))
    assert frames_of("S2_sad") == [2]
    row = funnel()["S2_sad"]
    assert (row.excluded, row.duplicates, row.images) == (1, 2, 1)


@pytest.mark.usefixtures("project")
def test_an_include_restores_the_same_bytes() -> None:
    dataset.main()
    shards = {name: data for name, data in outputs().items() if name.endswith(".parquet")}
    decide(decision(1, clip="S2_sad"), decision(2, "include", clip="S2_sad"))
    assert {name: data for name, data in outputs().items() if name.endswith(".parquet")} == shards


@pytest.mark.usefixtures("project")
def test_a_relabelled_clip_has_the_new_label_everywhere() -> None:
    decide(decision(1, "relabel", clip="S2_sad", value="happy"))
    assert funnel()["S2_sad"].expression == "happy"
    assert census()["S2", "happy"].clips == 2
    assert ("S2", "sad") not in census()
    rows = read_dataset_shard(Path("data/dataset/train/S2.parquet")).rows()
    assert {CLASSES[row["label"]] for row in rows if row["clip"] == "S2_sad"} == {"happy"}
    decide(decision(1, "relabel", clip="S2_sad", value="scared"))
    assert funnel()["S2_sad"].other_class == 2


@pytest.mark.usefixtures("project")
def test_the_card_lists_decisions_by_reason_and_counts_raters() -> None:
    decide(
        decision(1, clip="S2_sad", reason="looks away", rater="anna"),
        decision(2, clip="S1_sad", reason="blink", start_s=0.0, end_s=0.1),
        decision(3, clip="S3_sad", reason="blink", rater=""),
        decision(4, "relabel", clip="S4_sad", value="happy", reason="wrong key"),
    )
    card = Path("data/dataset/README.md").read_text()
    assert (
        "- Excluded by decisions: 7 frames of 3 clips: blink (2 clips, 4 frames), looks away (1 clip" in card
    )
    assert "- Relabelled by decisions: 1 clip: sad to happy, wrong key (1 clip)." in card
    assert "- Who decided: 2 raters, 1 decision without a rater." in card
    assert "anna" not in card


@pytest.mark.usefixtures("project")
def test_a_clip_of_which_no_frame_could_be_read_costs_the_others_nothing() -> None:
    write_face_shard("S2_sad", [], problem="no video stream")
    dedup.main()
    dataset.main()
    row = funnel()["S2_sad"]
    assert (row.sampled, row.images, row.problem) == (0, 0, "no video stream")
    assert funnel()["S2_happy"].images == 2


def of(name: str) -> str:
    """Return the SHA-256 of the recording of a clip of the project."""
    return next(c.sha256 for c in read_clips() if c.clip == name)


@pytest.mark.usefixtures("project")
def test_a_file_a_subject_and_a_row_an_image() -> None:
    dataset.main()
    files = sorted(str(path.relative_to("data/dataset")) for path in Path("data/dataset").rglob("*.parquet"))
    assert files == sorted(f"{split}/{subject}.parquet" for subject, split in SPLITS.items())
    shard = read_dataset_shard(Path("data/dataset/test/S5.parquet"))
    assert (shard.classes, shard.split, shard.subject) == (CLASSES, "test", "S5")
    rows = shard.rows()
    assert [(r["clip"], r["frame"], r["label"], r["time_s"]) for r in rows] == [
        ("S5_happy", 0, 0, 0.0),
        ("S5_happy", 3, 0, 0.6),
        ("S5_sad", 0, 1, 0.0),
        ("S5_sad", 3, 1, 0.6),
        ("S5_surprised", 0, 2, 0.0),
        ("S5_surprised", 3, 2, 0.6),
    ]
    assert rows[1]["image"]["path"] == "S5_happy_000003.png"
    assert np.array_equal(pixels(rows[0]), texture(120))


def test_the_same_bytes_in_another_folder(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset.main()
    first = outputs()
    monkeypatch.chdir(shutil.copytree(project, project / "elsewhere"))
    dataset.main()
    assert outputs() == first
    assert {"data/dataset/README.md", "data/dataset/croissant.json"} <= set(first)


@pytest.mark.usefixtures("project")
def test_the_census_sees_a_single_pixel() -> None:
    dataset.main()
    before = census()
    assert before["S3", "sad"].images == 2
    rows = face_rows([70, 70, None, 71])  # S3_sad as in the fixture
    changed = texture(71)
    changed[5, 5] ^= 1
    rows[3]["png"] = encode_png(changed)
    write_face_shard("S3_sad", rows)
    dataset.main()
    after = census()
    assert [key for key in before if before[key] != after[key]] == [("S3", "sad")]
    assert before["S3", "sad"].digest != after["S3", "sad"].digest


@pytest.mark.usefixtures("project")
def test_the_same_bytes_again_and_no_file_of_a_subject_who_left() -> None:
    dataset.main()
    first = outputs()
    dataset.main()
    assert outputs() == first
    expected = {f"reports/sheets/{name}.png" for name in CLASSES} | {"reports/funnel.png"}
    assert expected <= set(first)
    people = [person(s, enrolled=n) for n, s in enumerate(SPLITS, 1) if s != "S6"]
    clips = [clip(f"{s}_{e}", subject=s, expression=e) for s in SPLITS if s != "S6" for e in CLASSES]
    enrol(people, clips)
    dataset.main()
    assert set(first) - set(outputs()) == {"data/dataset/test/S6.parquet"}
    assert "S6" not in Path("data/census.csv").read_text() + Path("reports/funnel.csv").read_text()


LOAD = """
import json, sys
from datasets import load_dataset
load_dataset(sys.argv[1], cache_dir=sys.argv[3])
sets = load_dataset(sys.argv[2], cache_dir=sys.argv[3])
test = sets["test"]
print(json.dumps({
    "rows": {name: part.num_rows for name, part in sets.items()},
    "names": test.features["label"].names,
    "columns": test.column_names,
    "size": test[0]["image"].size,
    "mode": test[0]["image"].mode,
    "corner": test[0]["image"].getpixel((0, 0)),
}))
"""


@pytest.mark.slow
def test_hugging_face_datasets_loads_it_and_no_older_version_from_its_cache(project: Path) -> None:
    pytest.importorskip("datasets")
    dataset.main()
    shutil.copytree("data/dataset", "older/dataset")
    people = [person(s, enrolled=n) for n, s in enumerate(SPLITS, 1) if s != "S6"]
    enrol(
        people, [clip(f"{p.subject}_{e}", subject=p.subject, expression=e) for p in people for e in CLASSES]
    )
    dataset.main()
    home = {"HOME": str(project), "HF_HOME": str(project / "hf")}
    environment = {"HF_HUB_OFFLINE": "1", "PATH": "/usr/bin", **home}
    command = [sys.executable, "-c", LOAD, "older/dataset", "data/dataset", str(project / "cache")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {
        "rows": {"train": 12, "validation": 12, "test": 6},
        "names": list(CLASSES),
        "columns": ["image", "label", "subject", "clip", "frame", "time_s"],
        "size": [64, 64],
        "mode": "L",
        "corner": int(texture(120)[0, 0]),
    }


MLCROISSANT_IS_OLDER = pytest.mark.filterwarnings("ignore::DeprecationWarning")
"""It calls deprecated functions of rdflib and pandas."""


def records(name: str, **filters: dict[str, str]) -> list[dict[str, Any]]:
    """Return the records of a record set, as mlcroissant reads them from the folder."""
    from mlcroissant import Dataset

    return list(Dataset("data/dataset/croissant.json").records(name, **filters))


@MLCROISSANT_IS_OLDER
@pytest.mark.usefixtures("project")
def test_mlcroissant_finds_no_error_and_misses_only_unknown_properties() -> None:
    croissant = pytest.importorskip("mlcroissant")
    dataset.main()
    issues = croissant.Dataset("data/dataset/croissant.json").metadata.ctx.issues
    assert issues.errors == set()
    missing = [re.findall(r'Property "\S+/(\w+)" is recommended', warning) for warning in issues.warnings]
    assert sorted(missing) == [["citeAs"], ["datePublished"]]


@MLCROISSANT_IS_OLDER
@pytest.mark.usefixtures("project")
def test_mlcroissant_reads_the_images_and_labels_of_the_shards() -> None:
    pytest.importorskip("mlcroissant")
    dataset.main()
    shards = sorted(Path("data/dataset").glob("*/*.parquet"))
    rows = [row for path in shards for row in read_parquet(path, dataset_schema(CLASSES)).to_pylist()]
    found = records("images")
    assert len(found) == len(rows) == 36
    for record, row in zip(found, rows, strict=True):
        assert {name: record[f"images/{name}"] for name in ("label", "frame", "time_s")} == {
            name: row[name] for name in ("label", "frame", "time_s")
        }
        assert record["images/subject"].decode() == row["subject"]
        assert record["images/clip"].decode() == row["clip"]
        assert record["images/split"].decode() == SPLITS[row["subject"]]
        assert np.array_equal(np.asarray(record["images/image"]), pixels(row))
    assert [item["classes/name"] for item in records("classes")] == list(CLASSES)
    test = records("images", filters={"images/split": "test"})
    assert {record["images/subject"] for record in test} == {b"S5", b"S6"}


@pytest.mark.usefixtures("project")
def test_croissant_has_the_checksums_of_this_version() -> None:
    dataset.main()
    before = checksums()
    assert before == {
        path.relative_to("data/dataset").as_posix(): sha256(path)
        for path in Path("data/dataset").glob("*/*.parquet")
    }
    version = json.loads(Path("data/dataset/croissant.json").read_text())["version"]
    write_face_shard("S3_sad", face_rows([70, 70, None, 72]))
    dataset.main()
    after = checksums()
    assert [name for name in before if before[name] != after[name]] == ["validation/S3.parquet"]
    assert json.loads(Path("data/dataset/croissant.json").read_text())["version"] != version


def checksums() -> dict[str, str]:
    files = json.loads(Path("data/dataset/croissant.json").read_text())["distribution"]
    return {file["contentUrl"]: file["sha256"] for file in files if "sha256" in file}


@pytest.mark.usefixtures("project")
def test_the_card_describes_this_project() -> None:
    dataset.main()
    card = Path("data/dataset/README.md").read_text()
    assert "36 face images of 6 participants who simulate 3 expressions: happy, sad, surprised." in card
    # 19 clips: 18 of four frames, three of them with a face, and S1_happy with five, two of them damaged.
    assert "| sampled | 77 | 100.0% |" in card
    # S1: happy 2 of 3, three other clips 3 of 4 each: 11 of 15. The others: 9 of 12.
    assert "A face was accepted in 74.7% of the frames (F 74.7%);" in card
    assert "the lowest share of any participant is 73.3%." in card
    people = [person(s, enrolled=n, age=None) for n, s in enumerate(SPLITS, 1)]
    people[5] = replace(people[5], consent="withdrawn")
    write_csv(Path("raw/participants.csv"), people, Participant)
    dataset.main()
    card = Path("data/dataset/README.md").read_text()
    assert "30 face images of 5 participants" in card
    assert "| all | 5 | 0 | 0 | 0 | not known | not known |" in card
    assert "Consent is given by 5 participants; 1 withdrew it" in card
    assert "S6" not in card + Path("data/dataset/croissant.json").read_text()


@pytest.mark.usefixtures("project")
def test_a_class_without_images_in_a_split_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    for subject in ("S3", "S4"):
        write_face_shard(f"{subject}_sad", face_rows([None] * 4))
    dataset.main()
    [warning] = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warning == (
        "no image of sad in validation; the audit will fail: record more, or remove it from params.yaml: "
        "dataset: expressions"
    )


@pytest.mark.usefixtures("project")
def test_no_image_is_left() -> None:
    for path in Path("data/faces").glob("*.parquet"):
        write_face_shard(path.stem, face_rows([None] * 4))
    with pytest.raises(EmoError, match=r"data/dataset: no image is left; reports/funnel\.csv lists"):
        dataset.main()
    assert funnel()["S2_sad"].no_face == 4


@pytest.mark.usefixtures("project")
def test_a_subject_without_a_split_and_a_clip_without_faces() -> None:
    Path("data/faces/S2_sad.parquet").unlink()
    with pytest.raises(EmoError, match=r"data/faces/S2_sad\.parquet: no such file"):
        dataset.main()
    write_csv(Path("data/split.csv"), [SplitRow("S1", "F", "train", 0)], SplitRow)
    with pytest.raises(EmoError, match=r"data/split\.csv: subject 'S2' is missing"):
        dataset.main()


@pytest.mark.slow
def test_the_stage_starts_without_plotting_and_learning_libraries() -> None:
    """Loading them takes longer than the stage does after a small change."""
    code = "import sys, pipeline.stages.dataset; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=TOP, capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "jinja2" in loaded
    assert loaded & {"matplotlib", "torch", "pandas", "av"} == set()


def relabel(old: str, new: str) -> None:
    clips = Path("raw/clips.csv")
    clips.write_text(clips.read_text().replace(f",{old},", f",{new},"))


@pytest.mark.usefixtures("project")
def test_the_classes_are_the_declared_labels_that_a_clip_has(caplog: pytest.LogCaptureFixture) -> None:
    set_params(dataset={"expressions": ["happy", "sad", "surprised", "contempt", "calm"]})
    caplog.set_level("INFO", "emo.stage")
    dataset.main()
    assert read_dataset_shard(Path("data/dataset/test/S5.parquet")).classes == CLASSES
    assert "no clip of calm, contempt: the dataset has 3 classes" in caplog.messages
    card = Path("data/dataset/README.md").read_text()
    assert "No clip shows calm, contempt, so these are no classes of the dataset." in card


@pytest.mark.usefixtures("project")
def test_a_label_of_the_study_is_a_class() -> None:
    relabel("surprised", "calm")
    set_params(dataset={"expressions": ["happy", "sad", "calm"]})
    dataset.main()
    assert read_dataset_shard(Path("data/dataset/test/S5.parquet")).classes == ("calm", "happy", "sad")
    assert census()["S5", "calm"].images == 2


@pytest.mark.usefixtures("project")
def test_a_label_that_is_not_declared_is_counted_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    relabel("surprised", "calm")
    dataset.main()
    assert "6 clips labelled 'calm', which is not in params.yaml: dataset: expressions" in caplog.messages
    assert funnel()["S2_surprised"].other_class == 2


@pytest.mark.usefixtures("project")
def test_a_misspelt_label_in_the_table_is_an_error() -> None:
    relabel("surprised", "suprised")
    with pytest.raises(EmoError) as caught:
        dataset.main()
    assert caught.value.lines == (
        "raw/clips.csv: 6 clips labelled 'suprised': did you mean surprised? correct them",
    )


@pytest.mark.usefixtures("project")
def test_fewer_than_two_classes_name_the_setting() -> None:
    set_params(dataset={"expressions": ["happy", "scared"]})
    with pytest.raises(
        EmoError, match=r"params\.yaml: dataset: expressions: happy, scared: .* happy of them"
    ):
        dataset.main()


def unknown_consent(*subjects: str) -> None:
    people = read_csv(Path("raw/participants.csv"), Participant)
    people = [
        replace(p, consent="unknown", consent_source="") if p.subject in subjects else p for p in people
    ]
    write_csv(Path("raw/participants.csv"), people, Participant)


@pytest.mark.usefixtures("project")
def test_unknown_consent_is_in_the_dataset_unless_consent_is_required(
    caplog: pytest.LogCaptureFixture,
) -> None:
    unknown_consent("S2")
    dataset.main()
    assert funnel()["S2_sad"].images == 2
    set_params(dataset={"expressions": list(CLASSES), "consent": "required"})
    dataset.main()
    row = funnel()["S2_sad"]  # four frames: one without a face, two that are the same
    assert (row.sampled, row.no_face, row.duplicates, row.no_consent, row.images) == (4, 1, 1, 2, 0)
    assert funnel()["S1_sad"].images == 2
    assert not Path("data/dataset/train/S2.parquet").exists()
    assert {subject for subject, _ in census()} == {"S1", "S3", "S4", "S5", "S6"}
    assert any("consent unknown, no images of 1 subject" in message for message in caplog.messages)
    assert "They have no images in this version" in Path("data/dataset/README.md").read_text()


@pytest.mark.usefixtures("project")
def test_required_consent_that_nobody_gave_is_an_error_with_the_remedies() -> None:
    unknown_consent(*SPLITS)
    set_params(dataset={"expressions": list(CLASSES), "consent": "required"})
    with pytest.raises(EmoError, match=r"dataset: consent: required, .*--consent given"):
        dataset.main()


def test_declared_labels() -> None:
    for good in (("sad", "angry"), ("sad", "calm"), ("happy", "happy_low"), ("pain2", "contempt")):
        assert DatasetParams(good, "noted").expressions == good
    for wrong in (("sad",), ("sad", "sad"), ("sad", "hapy"), ("sad", "none"), ("sad", "Very happy"), ()):
        with pytest.raises(ValueError, match="expressions"):
            DatasetParams(wrong, "noted")
    with pytest.raises(ValueError, match="did you mean happy"):
        DatasetParams(("sad", "hapy"), "noted")
    with pytest.raises(ValueError, match="consent: 'assumed'"):
        DatasetParams(("sad", "happy"), "assumed")

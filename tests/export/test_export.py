"""Each layout loads with its library; anonymous exports name no subject; a failed export leaves nothing."""

import csv
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pipeline.export import run
from pipeline.export.image_store import ExportImage, ImageStore, bare_png
from pipeline.export.layout import Layout
from pipeline.export.readme import readme
from pipeline.export.registry import LAYOUTS
from pipeline.export.run import export
from pipeline.export.webdataset import parts
from pipeline.runtime.errors import ConsentError, EmoError, NotBuiltError
from pipeline.runtime.image_codec import decode_colour, decode_grey, encode_png
from pipeline.runtime.parquet import read_parquet, write_parquet
from pipeline.runtime.progress import Advance
from pipeline.schema.dataset import dataset_schema, image_name, shard_path
from tests.support.making import TOP, enrol, person, set_params, withdraw_in_table
from tests.support.shards import texture

CLASSES = ("happy", "sad", "scared")
SPLITS = {"anna-7731": "train", "bert-2045": "train", "cleo-9916": "validation", "dora-3388": "test"}
Row = dict[str, Any]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dataset of four subjects; validation has no image of `sad`."""
    monkeypatch.chdir(tmp_path)
    set_params()
    enrol([person(subject, enrolled=n) for n, subject in enumerate(SPLITS, 1)], [])
    for seed, (subject, split) in enumerate(SPLITS.items()):
        labels = [0, 2] if split == "validation" else [0, 1, 2]
        write_shard(split, [row(subject, label, n, 100 * seed + n) for label in labels for n in (3, 12)])
    return tmp_path


def row(subject: str, label: int, frame: int, seed: int, side: int = 64) -> Row:
    clip = f"{subject}_{CLASSES[label]}"
    png = encode_png(texture(10 * seed + label, side))
    image = {"bytes": png, "path": image_name(clip, frame)}
    place = {"clip": clip, "frame": frame, "time_s": frame / 30}
    return {"image": image, "label": label, "subject": subject, **place}


def write_shard(split: str, rows: list[Row], classes: tuple[str, ...] = CLASSES) -> None:
    table = pa.Table.from_pylist(rows, schema=dataset_schema(classes))
    write_parquet(shard_path(split, rows[0]["subject"]), table)


def dataset_rows(split: str | None = None) -> list[Row]:
    """Return the rows of the dataset, in the order of splits and subjects."""
    shards = [shard_path(s, subject) for subject, s in SPLITS.items() if split in (None, s)]
    return [row for path in shards for row in read_parquet(path, dataset_schema(CLASSES)).to_pylist()]


def files(folder: Path) -> dict[str, bytes]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def names() -> list[str]:
    """Return the files and folders of the current folder, hidden ones too."""
    return sorted(path.name for path in Path().iterdir())


def read_table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def run_readme() -> dict[str, Any]:
    """Run the code that the README of the current folder shows; return its variables."""
    [code] = re.findall(r"```python\n(.*?)```", Path("README.md").read_text(), re.DOTALL)
    variables: dict[str, Any] = {}
    exec(code, variables)
    return variables


# --- imagefolder ----------------------------------------------------------------------------------


def test_imagefolder_is_a_png_an_image_and_a_table_a_split() -> None:
    export("imagefolder", Path("out"))
    for split in ("train", "validation", "test"):
        folders = {path.name for path in Path("out", split).iterdir() if path.is_dir()}
        assert folders == set(CLASSES)  # with sad, of which validation has none
        table = read_table(Path("out", split, "metadata.csv"))
        assert table == [
            {
                "file_name": f"{CLASSES[r['label']]}/{r['clip']}_{r['frame']:06d}.png",
                "label": CLASSES[r["label"]],
                **{name: str(r[name]) for name in ("subject", "clip", "frame", "time_s")},
            }
            for r in dataset_rows(split)
        ]
        for line, r in zip(table, dataset_rows(split), strict=True):
            assert Path("out", split, line["file_name"]).read_bytes() == r["image"]["bytes"]


def test_torchvision_loads_imagefolder() -> None:
    """Skipped where torchvision does not import: PyPI's fails beside the CPU build that emo's lock names."""
    try:
        from torchvision.datasets import ImageFolder
    except (ImportError, RuntimeError):
        pytest.skip("torchvision does not import here")
    export("imagefolder", Path("out"))
    train = ImageFolder("out/train")
    assert train.classes == list(CLASSES)
    assert len(train) == 12
    expected = {(r["label"], decode_grey(r["image"]["bytes"]).tobytes()) for r in dataset_rows("train")}
    assert {(label, np.asarray(image.convert("L")).tobytes()) for image, label in train} == expected
    with pytest.raises(FileNotFoundError, match="sad"):
        ImageFolder("out/validation")
    validation = ImageFolder("out/validation", allow_empty=True)
    assert validation.class_to_idx == train.class_to_idx
    assert sorted(validation.targets) == [0, 0, 2, 2]


LOAD = """
import json, sys
from datasets import load_dataset
sets = load_dataset("imagefolder", data_dir=sys.argv[1], cache_dir=sys.argv[2])
first = sets["test"][0]
print(json.dumps({
    "rows": {name: part.num_rows for name, part in sets.items()},
    "columns": sets["test"].column_names,
    "pixels": list(first.pop("image").tobytes()),
    "first": first,
}))
"""


@pytest.mark.slow
@pytest.mark.parametrize("anonymise", [False, True])
def test_hugging_face_datasets_loads_imagefolder(project: Path, anonymise: bool) -> None:
    pytest.importorskip("datasets")
    export("imagefolder", Path("out"), anonymise=anonymise)
    environment = {"HF_HUB_OFFLINE": "1", "PATH": "/usr/bin", "HOME": str(project)}
    command = [sys.executable, "-c", LOAD, str(project / "out"), str(project / "cache")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout)
    assert loaded["rows"] == {"train": 12, "validation": 4, "test": 6}
    line = read_table(Path("out/test/metadata.csv"))[0]
    assert loaded["columns"] == ["image", *list(line)[1:]]
    png = Path("out/test", line.pop("file_name")).read_bytes()
    assert bytes(loaded["pixels"]) == decode_grey(png).tobytes()
    assert {name: str(value) for name, value in loaded["first"].items()} == line


# --- webdataset -----------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")
def test_webdataset_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    wds = pytest.importorskip("webdataset")
    export("webdataset", Path("out"))
    rows = {image_name(r["clip"], r["frame"]): r for r in dataset_rows("train")}
    monkeypatch.chdir("out")
    loaded = list(wds.WebDataset("train-000000.tar", shardshuffle=False))
    assert {f"{sample['__key__']}.png" for sample in loaded} == set(rows)
    for sample in loaded:
        r = rows[f"{sample['__key__']}.png"]
        assert (sample["png"], int(sample["cls"])) == (r["image"]["bytes"], r["label"])
        columns = {"label": CLASSES[r["label"]], **{k: r[k] for k in ("subject", "clip", "frame", "time_s")}}
        assert json.loads(sample["json"]) == columns
    shown = run_readme()
    assert np.array_equal(np.asarray(shown["image"])[:, :, 0], decode_grey(loaded[0]["png"]))
    assert shown["label"] == int(loaded[0]["cls"])


def test_webdataset_mixes_subjects_and_classes_and_keeps_no_time_or_owner() -> None:
    export("webdataset", Path("out"))
    with tarfile.open("out/train-000000.tar") as tar:
        members = tar.getmembers()
        pngs = [tar.extractfile(m).read() for m in members if m.name.endswith(".png")]  # type: ignore[union-attr]
    assert {(m.mtime, m.uid, m.gid, m.uname, m.mode) for m in members} == {(0, 0, 0, "", 0o644)}
    assert [m.name.split(".")[1] for m in members] == ["png", "cls", "json"] * 12
    digests = [hashlib.sha256(png).hexdigest() for png in pngs]
    assert digests == sorted(digests)
    assert pngs != [r["image"]["bytes"] for r in dataset_rows("train")]


@pytest.mark.filterwarnings("ignore")
def test_many_images_go_to_several_tars(monkeypatch: pytest.MonkeyPatch) -> None:
    write_shard("test", [row("dora-3388", 0, n, n, side=8) for n in range(2001)])
    export("webdataset", Path("out"))
    listed = json.loads(Path("out/classes.json").read_text())
    assert listed["classes"] == list(CLASSES)
    assert listed["tars"]["test"] == {"test-000000.tar": 1000, "test-000001.tar": 1000, "test-000002.tar": 1}
    wds = pytest.importorskip("webdataset")
    monkeypatch.chdir("out")
    keys = [
        sample["__key__"] for sample in wds.WebDataset(sorted(listed["tars"]["test"]), shardshuffle=False)
    ]
    assert len(set(keys)) == len(keys) == 2001


def test_a_tar_is_bounded_in_images_and_bytes() -> None:
    def lengths(sizes: list[int], most: int, most_bytes: int) -> list[list[int]]:
        rows = [ExportImage("train", 0, str(n), {}, b"", 0, size) for n, size in enumerate(sizes)]
        return [[r.length for r in part] for part in parts(rows, most, most_bytes)]

    assert lengths([1] * 5, 2, 100) == [[1, 1], [1, 1], [1]]
    assert lengths([60, 40, 1, 200, 50], 9, 100) == [[60, 40], [1], [200], [50]]
    assert lengths([], 2, 100) == []


# --- npz ------------------------------------------------------------------------------------------


def test_npz_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    export("npz", Path("out"))
    rows = dataset_rows("train")
    monkeypatch.chdir("out")
    with np.load("train.npz", allow_pickle=False) as train:
        arrays = dict(train)
    assert list(arrays) == ["images", "labels", "classes", "subject", "clip", "frame", "time_s", "emo"]
    assert arrays["emo"].dtype.kind == "S"
    assert b"emo-subject:anna-7731;emo-subject:bert-2045;" in Path("train.npz").read_bytes()
    assert arrays["images"].dtype == np.uint8
    assert np.array_equal(arrays["images"], np.stack([decode_grey(r["image"]["bytes"]) for r in rows]))
    assert arrays["labels"].dtype == arrays["frame"].dtype == np.int64
    assert arrays["labels"].tolist() == [r["label"] for r in rows]
    assert tuple(arrays["classes"]) == CLASSES
    for name in ("subject", "clip", "frame", "time_s"):
        assert arrays[name].tolist() == [r[name] for r in rows]
    assert list(run_readme()["names"]) == [CLASSES[r["label"]] for r in rows]


def test_npz_of_colours_is_rgb() -> None:
    changed = row("dora-3388", 0, 0, 1)
    blue = np.zeros((64, 64, 3), np.uint8)
    blue[:, :, 0] = 200  # OpenCV's order: blue, green, red
    changed["image"]["bytes"] = encode_png(blue)
    write_shard("test", [changed])
    export("npz", Path("out"))
    images = np.load("out/test.npz")["images"]
    assert images.shape == (1, 64, 64, 3)
    assert images[0, 0, 0].tolist() == [0, 0, 200]


def test_npz_needs_images_of_one_shape() -> None:
    write_shard("test", [row("dora-3388", 0, 0, 1), row("dora-3388", 0, 1, 2, side=32)])
    with pytest.raises(EmoError, match=r"test/dora-3388_happy_000001\.png: .*\(32, 32\).*\(64, 64\)"):
        export("npz", Path("out"))
    assert names() == ["data", "params.yaml", "raw"]  # although train.npz was already written
    assert export("webdataset", Path("out")).images == 18


# --- All layouts ----------------------------------------------------------------------------------


@pytest.mark.parametrize("anonymise", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_same_dataset_gives_the_same_bytes(layout: str, anonymise: bool) -> None:
    first = export(layout, Path("one"), anonymise=anonymise)
    export(layout, Path("deep/down/two"), anonymise=anonymise)
    assert files(Path("one")) == files(Path("deep/down/two"))
    assert first.files == len(files(Path("one")))
    assert first.bytes == sum(map(len, files(Path("one")).values()))
    for path in Path("one").glob("*.npz"):
        times = {info.date_time for info in zipfile.ZipFile(path).infolist()}
        assert times == {(1980, 1, 1, 0, 0, 0)}


def test_the_counts_of_an_export() -> None:
    exported = export("imagefolder", Path("out"))
    assert exported.as_json() == {
        "layout": "imagefolder",
        "folder": "out",
        "anonymous": False,
        "images": 22,
        "files": 26,
        "bytes": exported.bytes,
        "splits": {
            "train": {"happy": 4, "sad": 4, "scared": 4},
            "validation": {"happy": 2, "sad": 0, "scared": 2},
            "test": {"happy": 2, "sad": 2, "scared": 2},
        },
    }
    title, header, rows = exported.table()
    assert title.startswith("out: 22 images, 26 files, 0.")
    assert header == ["split", "images", *CLASSES]
    assert rows[1] == ["validation", "4", "2", "0", "2"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_readme_describes_the_export(layout: str) -> None:
    export(layout, Path("out"))
    text = Path("out/README.md").read_text()
    assert "22 face images of 4 participants" in text
    assert "Each participant is\nin exactly one split." in text
    assert "| split | participants | images | happy | sad | scared |" in text
    assert "| validation | 1 | 4 | 2 | 0 | 2 |" in text
    assert "Labels: 0 happy, 1 sad, 2 scared." in text
    assert "Faces identify people" in text


@pytest.mark.parametrize("anonymise", [False, True])
def test_the_readme_of_images_without_subject_ids_has_the_caveat(anonymise: bool) -> None:
    image_subjects = [
        person(s, sex="", enrolled=n, extra={"stands_for": "image"}) for n, s in enumerate(SPLITS, 1)
    ]
    enrol(image_subjects, [])
    export("npz", Path("out"), anonymise=anonymise)
    text = Path("out/README.md").read_text()
    assert "22 face images, labelled as 3 expressions" in text
    assert "Subjects: none: each image is treated as its own subject;" in text
    assert "| split | subjects | images |" in text
    assert "exactly one split" not in text
    enrol([person(next(iter(SPLITS)), enrolled=1), *image_subjects[1:]], [])
    export("npz", Path("mixed"), anonymise=anonymise)
    assert "Subjects: unknown for 3 of 4:" in Path("mixed/README.md").read_text()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_documentation_shows_how_each_layout_is_loaded(layout: str) -> None:
    page = (TOP / "docs" / "export.md").read_text(encoding="utf-8")
    assert f"## {layout}\n" in page
    assert f"```python\n{LAYOUTS[layout].load}\n```" in page


# --- Anonymous ------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_anonymous_export_names_no_subject(layout: str) -> None:
    export(layout, Path("named"))
    export(layout, Path("out"), anonymise=True)
    clips = {r["clip"] for r in dataset_rows()}
    words = [word for name in (*SPLITS, *clips) for word in (name.encode(), name.encode("utf-32-le"))]
    assert [word for word in words if any(word in data for data in files(Path("named")).values())]
    for name, data in files(Path("out")).items():
        assert [word for word in words if word in data or word in name.encode()] == []
    content = b"".join(data for name, data in files(Path("out")).items() if name != "README.md")
    assert [word for word in (b"subject", b"clip", b"frame", b"time_s") if word in content] == []


def test_anonymous_numbers_follow_the_digests_alone() -> None:
    export("imagefolder", Path("out"), anonymise=True)
    subjects = {r["image"]["bytes"]: r["subject"] for r in dataset_rows()}
    lines = {
        int(Path(line["file_name"]).stem): (Path("out", split, line["file_name"]).read_bytes(), line)
        for split in ("train", "validation", "test")
        for line in read_table(Path("out", split, "metadata.csv"))
    }
    ordered = sorted(subjects, key=lambda png: hashlib.sha256(png).digest())
    assert [lines[number][0] for number in range(1, 23)] == ordered
    first_seen = list(dict.fromkeys(subjects[png] for png in ordered))
    assert first_seen != list(SPLITS)
    for png, line in lines.values():
        assert line["person"] == str(first_seen.index(subjects[png]) + 1)
        assert list(line) == ["file_name", "label", "person"]


def test_a_subject_has_one_number_in_every_layout() -> None:
    for layout in LAYOUTS:
        export(layout, Path(layout), anonymise=True)
    table = [int(line["person"]) for line in read_table(Path("imagefolder/train/metadata.csv"))]
    with tarfile.open("webdataset/train-000000.tar") as tar:
        columns = [json.load(tar.extractfile(m)) for m in tar if m.name.endswith(".json")]  # type: ignore[arg-type]
    assert [values["person"] for values in columns] == table
    train = np.load("npz/train.npz")
    assert train["person"].tolist() == table
    assert list(train) == ["images", "labels", "classes", "person"]


def test_an_anonymous_png_holds_only_pixels() -> None:
    face, noted = texture(5), io.BytesIO()
    notes = PngInfo()
    notes.add_text("Author", "dora-3388")
    Image.fromarray(face).save(noted, "PNG", pnginfo=notes, dpi=(72, 72))
    changed = row("dora-3388", 0, 0, 1)
    changed["image"]["bytes"] = noted.getvalue() + b"more after the end"
    write_shard("test", [changed])
    export("imagefolder", Path("named"))
    assert Path("named/test/happy/dora-3388_happy_000000.png").read_bytes() == changed["image"]["bytes"]
    export("imagefolder", Path("out"), anonymise=True)
    [path] = Path("out/test").rglob("*.png")
    png = path.read_bytes()
    assert chunks(png) == ["IHDR", "IDAT", "IEND"]
    assert np.array_equal(decode_colour(png)[:, :, 0], face)


def chunks(png: bytes) -> list[str]:
    """Return the types of a PNG's chunks, up to its last byte."""
    found, start = [], 8
    while start < len(png):
        found.append(png[start + 4 : start + 8].decode())
        start += 12 + int.from_bytes(png[start : start + 4])
    return found


def test_emos_own_pngs_are_bare() -> None:
    for r in dataset_rows():
        assert bare_png(r["image"]["bytes"]) == r["image"]["bytes"]
    for broken in (b"", b"GIF89a", r["image"]["bytes"][:-1], r["image"]["bytes"][:30]):
        with pytest.raises(ValueError, match="PNG"):
            bare_png(broken)


# --- What is refused ------------------------------------------------------------------------------


def refused(
    layout: str = "npz", folder: str = "out", error: type[EmoError] = EmoError, **options: Any
) -> str:
    """Return the message with which an export is refused: one line, and no file has changed."""
    before = {path: path.is_file() and path.read_bytes() for path in Path().rglob("*")}
    with pytest.raises(error) as caught:
        export(layout, Path(folder), **options)
    assert {path: path.is_file() and path.read_bytes() for path in Path().rglob("*")} == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_layout_that_is_unknown() -> None:
    assert refused("tfrecord") == f"layout: 'tfrecord' is unknown; use one of {', '.join(LAYOUTS)}"


def test_no_dataset() -> None:
    assert refused(dataset=Path("none"), error=NotBuiltError).startswith("none: ")


def test_a_folder_that_is_not_empty_or_a_file() -> None:
    Path("out").mkdir()
    Path("out/mine.txt").write_text("mine")
    assert refused() == "out: not empty; give a new or empty folder"
    assert "mine.txt is a file" in refused(folder="out/mine.txt")
    assert "mine.txt is a file" in refused(folder="out/mine.txt/a/b")
    assert refused(folder=".").startswith(".: not empty")


@pytest.mark.parametrize(
    "folder", ["data/x", "data/dataset", "raw/x", "models", "reports/sheets/x", ".dvc/tmp/x", "a/../data/x"]
)
def test_a_folder_that_dvc_keeps(folder: str) -> None:
    assert "DVC or Git" in refused(folder=folder)


def test_a_link_into_what_dvc_keeps() -> None:
    Path("link").symlink_to("data")
    message = refused(folder="link/x")
    assert message.startswith("link/x: ")
    assert " data" in message


def test_a_dataset_that_is_damaged() -> None:
    path = "data/dataset/test/dora-3388.parquet"
    truncated = row("dora-3388", 0, 7, 1)
    truncated["image"]["bytes"] = truncated["image"]["bytes"][:100]
    flipped = row("dora-3388", 0, 7, 1)
    flipped["image"]["bytes"] = flipped["image"]["bytes"][:-20] + b"!" + flipped["image"]["bytes"][-19:]
    for broken in (truncated, flipped):
        write_shard("test", [broken])
        assert refused().startswith(f"{path}: dora-3388_happy_000007.png: not a readable image")
    write_shard("test", [row("dora-3388", 0, 0, 1) | {"label": 3}])
    assert refused().startswith(f"{path}: label 3 is not within 0..2")
    write_shard("test", [row("dora-3388", 0, 0, 1)], ("happy", "sad"))
    assert refused().startswith(f"{path}: classes happy, sad differ from happy, sad, scared")
    write_parquet(Path(path), pa.table({"label": [1]}))
    assert refused().startswith(f"{path}: ")
    Path(path).write_bytes(b"no Parquet")
    assert refused().startswith(f"{path}: not a readable Parquet file")


def test_shards_without_an_image() -> None:
    for subject, split in SPLITS.items():
        write_parquet(shard_path(split, subject), dataset_schema(CLASSES).empty_table())
    assert refused(error=NotBuiltError).startswith("data/dataset: ")


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Limit the size of files that the system lets this process write, in bytes."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_disk_that_refuses_a_file(layout: str) -> None:
    with largest_file(1000):
        message = refused(layout, "deep/out")
    assert message.startswith("deep/out: File too large")


# --- Whole or not at all --------------------------------------------------------------------------


def test_an_interrupted_export_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def interrupted(images: ImageStore, folder: Path, advance: Advance) -> None:
        LAYOUTS["npz"].write(images, folder, advance)
        seen.extend(path.name for path in folder.iterdir())
        raise KeyboardInterrupt

    monkeypatch.setitem(LAYOUTS, "slow", Layout(interrupted, "", ""))
    with pytest.raises(KeyboardInterrupt):
        export("slow", Path("deep/down/out"))
    assert sorted(seen) == ["test.npz", "train.npz", "validation.npz"]
    assert names() == ["data", "params.yaml", "raw"]


def test_an_empty_folder_is_filled_and_keeps_its_permissions() -> None:
    Path("out").mkdir(mode=0o700)
    export("npz", Path("out"))
    assert Path("out/train.npz").is_file()
    assert Path("out").stat().st_mode & 0o777 == 0o700


def test_the_files_of_a_killed_export_are_not_mixed_in() -> None:
    left = Path(f".out.{os.getpid()}.tmp")
    left.mkdir()
    (left / "half.npz").write_bytes(b"half")
    export("npz", Path("out"))
    assert names() == ["data", "out", "params.yaml", "raw"]
    assert "half.npz" not in files(Path("out"))


def test_a_subject_who_withdrew_is_not_exported() -> None:
    people = [
        person(subject, enrolled=n, consent="withdrawn" if subject == "bert-2045" else "given")
        for n, subject in enumerate(SPLITS, 1)
    ]
    enrol(people, [])
    message = refused(error=ConsentError)
    path = "data/dataset/train/bert-2045.parquet"
    assert message == f"{path}: bert-2045 withdrew, or consent is not given; run `dvc repro`, then export"


def test_unknown_consent_is_exported_unless_the_study_requires_consent() -> None:
    people = [
        person(subject, enrolled=n, consent="unknown" if subject == "bert-2045" else "given")
        for n, subject in enumerate(SPLITS, 1)
    ]
    enrol(people, [])
    assert export("npz", Path("noted")).images == 22
    text = Path("noted/README.md").read_text()
    assert "**It is not recorded whether 1 subject consented.**" in text
    set_params(dataset={"consent": "required"})
    assert "bert-2045.parquet: bert-2045 withdrew, or consent is not given" in refused(error=ConsentError)


@pytest.mark.parametrize("table", ["raw/withdrawn.csv", ".emo/withdrawn.csv"])
def test_a_withdrawal_that_the_table_of_participants_does_not_have(table: str) -> None:
    Path(table).parent.mkdir(exist_ok=True)
    Path(table).write_text("subject,sha256\nbert-2045,\n")
    assert "bert-2045.parquet: bert-2045 " in refused(error=ConsentError)


def test_an_image_of_another_subject_in_a_shard() -> None:
    """The column `subject` decides, not the name of the file."""
    rows = [row("dora-3388", 0, 0, 1), row("dora-3388", 0, 1, 2) | {"subject": "emil-1"}]
    write_shard("test", rows)
    assert "dora-3388.parquet: emil-1 " in refused(error=ConsentError)


def git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], check=True)


@pytest.mark.slow
def test_a_folder_of_the_project_that_git_does_not_ignore(tmp_path: Path) -> None:
    """`git add --all` would take the faces."""
    git("init", "-q")
    assert ".gitignore" in refused()
    assert refused(folder="deep/out").startswith("deep/out: ")
    Path(".gitignore").write_text("/out/\n")
    export("npz", Path("out"))
    export("npz", tmp_path.parent / f"{tmp_path.name}-outside")


@pytest.mark.slow
def test_a_folder_with_files_that_git_tracks() -> None:
    git("init", "-q")
    Path(".gitignore").write_text("/out/\n")
    Path("out").mkdir()
    Path("out/mine.txt").write_text("mine")
    git("add", "--force", "out/mine.txt")
    Path("out/mine.txt").unlink()
    message = refused()
    assert message.startswith("out: ")
    assert "Git" in message


def test_a_withdrawal_while_it_runs_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = names()

    def withdrawing(*arguments: Any) -> str:
        withdraw_in_table("bert-2045")
        return readme(*arguments)

    monkeypatch.setattr(run, "readme", withdrawing)
    with pytest.raises(ConsentError) as error:
        export("npz", Path("out"))
    assert str(error.value).startswith("bert-2045 withdrew while `emo export` ran; nothing was kept")
    assert names() == before

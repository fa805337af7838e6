"""A corpus without subjects, in both forms of FER2013, from its files to figures, under real DVC and Git."""

import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from tests.support.corpora import pixels, write_fer2013
from tests.support.projects import Project, new_project

PICTURES = 48
"""Of two expressions; two more are near-duplicates of others under the other label, one is a copy."""

MARK = "none: each image counts as its own"
IN_FULL = f"{MARK}; figures are of unseen images, not of unseen people"


def corpus() -> list[tuple[int, np.ndarray]]:
    """Return emotions (3 happy, 5 surprise) and (48, 48) uint8 pictures."""
    found = [(3 if seed % 2 else 5, pixels(seed)) for seed in range(PICTURES)]
    near = [
        (8 - emotion, np.clip(picture.astype(int) + 4, 0, 255).astype(np.uint8))
        for emotion, picture in found[:2]
    ]
    return [*found, *near, found[5]]


def as_csv(folder: Path) -> Path:
    usages = ["Training"] * PICTURES + ["PublicTest"] * 3
    rows = [
        f"{emotion},{' '.join(map(str, picture.ravel()))},{usage}"
        for (emotion, picture), usage in zip(corpus(), usages, strict=True)
    ]
    return write_fer2013(folder / "fer2013.csv", rows)


def as_folder(folder: Path) -> Path:
    for number, (emotion, picture) in enumerate(corpus()):
        place = folder / "train" / {3: "happy", 5: "surprise"}[emotion] / f"Training_{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(place), picture)
    return folder


@pytest.fixture(scope="module", params=[as_csv, as_folder])
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project of one corpus, enrolled, built and committed."""
    folder = tmp_path_factory.mktemp("corpus")
    project = new_project(folder / "project")
    project.edit("params.yaml", "detector: haar", "detector: none")
    said = project.emo("ingest", "--layout", "fer2013", str(request.param(folder / "corpus")))
    assert f"no subject is told of {PICTURES + 2} images" in said
    assert "left out: 1 files: the same picture again" in said
    ran, text = project.repro()
    assert ran[-1] == "evaluate"
    assert f"split: subjects: {IN_FULL}" in text
    project.commit("Enrol a corpus")
    return project


def read_json(project: Project, name: str) -> dict[str, object]:
    found: dict[str, object] = json.loads((project.root / name).read_text())
    return found


def test_every_image_is_a_subject_in_one_split(built: Project) -> None:
    split = pd.read_csv(built.root / "data/split.csv")
    assert len(split) == PICTURES + 2
    assert set(split["stands_for"]) == {"image"}
    census = pd.read_csv(built.root / "data/census.csv")
    assert census["images"].sum() == census["subject"].nunique() == PICTURES  # near-duplicates are collapsed
    funnel = pd.read_csv(built.root / "reports/funnel.csv")
    assert funnel[["sampled", "duplicates", "images"]].sum().tolist() == [PICTURES + 2, 2, PICTURES]


def test_whole_pictures_are_the_faces(built: Project) -> None:
    shards = sorted((built.root / "data/faces").glob("*.parquet"))
    faces = pd.concat(pd.read_parquet(shard) for shard in shards)
    assert set(faces["status"]) == {"ok"}
    assert faces[["frame", "time_s", "x", "y", "w", "h"]].drop_duplicates().to_numpy().tolist() == [
        [0, 0, 0, 0, 48, 48]
    ]
    assert (faces["sharpness"] > 0).all()


def test_every_figure_is_marked(built: Project) -> None:
    metrics = read_json(built, "reports/metrics.json")
    assert metrics["subjects"] == IN_FULL
    assert metrics["test"]["per_subject"] == {}  # type: ignore[index]
    assert metrics["test"]["interval_95"]["accuracy"]  # type: ignore[index]
    gate = read_json(built, "reports/audit.json")
    assert (gate["ok"], gate["subjects"]) == (True, IN_FULL)
    audit = built.answer("audit")
    assert (audit["ok"], audit["subjects"]) == (True, IN_FULL)
    for check in [*gate["checks"], *audit["checks"]]:  # type: ignore[misc]
        assert f"(subjects: {MARK})" in check["detail"] or check.get("skipped")
    assert built.answer("summary")["subjects"] == IN_FULL
    shown = built.emo("summary")
    assert f"\nsubjects: {IN_FULL}" in shown
    assert shown.count("(subjects: none") == len(gate["checks"])  # type: ignore[arg-type]
    card = (built.root / "data/dataset/README.md").read_text()
    assert f"Subjects: {IN_FULL}." in card
    assert "participant" not in card.split("## Composition")[0].split("## How to load it")[0]
    assert IN_FULL in built.run("dvc", "metrics", "show")


@pytest.mark.parametrize("built", [as_csv], indirect=True)
def test_the_report_is_marked_and_lists_no_image_as_a_person(built: Project) -> None:
    built.emo("report")
    page = (built.root / "reports/report.html").read_text()
    assert page.count(IN_FULL) >= 3
    assert "(images)" in page
    for claim in (
        "people it had not seen",
        "on new people",
        "people in validation",
        ">People<",
        "Who is in which split",
        "alone gives",
        "asked to show in",
        "simulated.",
    ):
        assert claim not in page


@pytest.mark.parametrize("built", [as_csv], indirect=True)
def test_comparisons_and_history_are_marked(built: Project) -> None:
    shown = built.emo("protocols", "--seeds", "1", "--epochs", "1")
    assert f"{PICTURES} images of {PICTURES} subjects" in shown
    assert f"Subjects: {IN_FULL}" in shown
    assert "by subject" in shown
    assert "leave-one" not in shown  # a training for every image, unless it is asked for
    assert read_json(built, "reports/protocols.json")["about"]["mark"] == IN_FULL  # type: ignore[index]
    assert f"(HEAD): {IN_FULL}" in built.emo("compare", "HEAD")
    assert [run["subjects"] for run in built.answer("compare", "HEAD")] == [IN_FULL]
    versions = built.emo("versions")
    assert f"+{PICTURES + 2} images without a subject" in versions
    assert MARK in " ".join(versions.split())
    clip = next((built.root / "data/faces").glob("*.parquet")).stem
    assert "nobody knows of whom" in built.emo("trace", clip)


@pytest.mark.parametrize("built", [as_csv], indirect=True)
def test_an_image_is_traced_exported_and_withdrawn(built: Project, tmp_path: Path) -> None:
    subject = next(path.stem for path in sorted((built.root / "data/dataset/test").glob("*.parquet")))
    [clip] = [path.stem for path in (built.root / "data/faces").glob(f"{subject}_*")]
    told = built.answer("trace", f"{clip}_000000.png")
    assert told["frame"]["fate"] == "image"
    built.emo("export", "imagefolder", str(tmp_path / "out"))
    assert len(list((tmp_path / "out").rglob("*.png"))) == PICTURES
    built.emo("withdraw", subject, "--yes")
    left = [path for path in built.root.rglob(f"{subject}*") if path.parent.name != "withdrawals"]
    assert left == []
    built.repro("audit")
    census = pd.read_csv(built.root / "data/census.csv")
    assert subject not in set(census["subject"])
    assert len(census) == PICTURES - 1
    said = built.emo("ingest", "--layout", "fer2013", str(built.root.parent / "corpus"))
    assert "withdrawn (raw/withdrawn.csv)" in said
    assert subject not in set(pd.read_csv(built.root / "raw/clips.csv")["subject"])

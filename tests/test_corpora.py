"""A corpus without subject ids, in both forms of FER2013, from files to metrics, under real DVC and Git."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

from pipeline.schema.image_subjects import full_caveat, subject_caveat
from tests.support.corpora import pixels, write_fer2013
from tests.support.projects import Project, new_project

pytestmark = pytest.mark.slow

IMAGES = 48
"""Of two expressions; two more are near-duplicates of others under the other label, one is a copy."""

CAVEAT = subject_caveat(IMAGES, IMAGES)
FULL_CAVEAT = full_caveat(CAVEAT)

CLAIMS = (
    "who simulated",
    "alone contributes",
    "Participants are divided",
    "the participants were asked to show",
)
"""Phrases of the report that are true only if the subjects are participants."""


def corpus() -> list[tuple[int, np.ndarray]]:
    """Return emotions (3 happy, 5 surprise) and (48, 48) uint8 images."""
    images = [(3 if seed % 2 else 5, pixels(seed)) for seed in range(IMAGES)]
    near = [
        (8 - emotion, np.clip(image.astype(int) + 4, 0, 255).astype(np.uint8))
        for emotion, image in images[:2]
    ]
    return [*images, *near, images[5]]


def as_csv(folder: Path) -> Path:
    usages = ["Training"] * IMAGES + ["PublicTest"] * 3
    rows = [
        f"{emotion},{' '.join(map(str, image.ravel()))},{usage}"
        for (emotion, image), usage in zip(corpus(), usages, strict=True)
    ]
    return write_fer2013(folder / "fer2013.csv", rows)


def as_folder(folder: Path) -> Path:
    for number, (emotion, image) in enumerate(corpus()):
        path = folder / "train" / {3: "happy", 5: "surprise"}[emotion] / f"Training_{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), image)
    return folder


@pytest.fixture(scope="module", params=[as_csv, as_folder])
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project of one corpus, enrolled, built and committed."""
    folder = tmp_path_factory.mktemp("corpus")
    project = new_project(folder / "project")
    project.edit("params.yaml", "detector: haar", "detector: whole_frame")
    printed = project.emo("ingest", "--layout", "fer2013", str(request.param(folder / "corpus")))
    assert f"{IMAGES + 2} images without subject id" in printed
    assert "1 files: copy of another image" in printed
    ran, text = project.repro()
    assert ran[-1] == "evaluate"
    assert f"subjects: {FULL_CAVEAT}" in text
    project.commit("Enrol a corpus")
    return project


def read_json(project: Project, name: str) -> Any:
    return json.loads((project.root / name).read_text())


def words(html: str) -> str:
    """Return a page with single spaces, so that phrases are found across line breaks."""
    return " ".join(html.split())


def test_every_image_is_a_subject_in_one_split(built: Project) -> None:
    split = pd.read_csv(built.root / "data/split.csv")
    assert len(split) == IMAGES + 2
    assert set(split["stands_for"]) == {"image"}
    census = pd.read_csv(built.root / "data/census.csv")
    assert census["images"].sum() == census["subject"].nunique() == IMAGES  # near-duplicates are collapsed
    funnel = pd.read_csv(built.root / "reports/funnel.csv")
    assert funnel[["sampled", "duplicates", "images"]].sum().tolist() == [IMAGES + 2, 2, IMAGES]


def test_whole_images_are_the_face_crops(built: Project) -> None:
    shards = sorted((built.root / "data/faces").glob("*.parquet"))
    faces = pd.concat(pd.read_parquet(shard) for shard in shards)
    assert set(faces["status"]) == {"ok"}
    assert faces[["frame", "time_s", "x", "y", "w", "h"]].drop_duplicates().to_numpy().tolist() == [
        [0, 0, 0, 0, 48, 48]
    ]
    assert (faces["sharpness"] > 0).all()


def test_all_metrics_carry_the_caveat(built: Project) -> None:
    metrics = read_json(built, "reports/metrics.json")
    assert metrics["subjects"] == FULL_CAVEAT
    assert metrics["test"]["per_subject"] == {}
    assert metrics["test"]["interval_95"]["accuracy"]
    gate = read_json(built, "reports/audit.json")
    assert (gate["ok"], gate["subjects"]) == (True, FULL_CAVEAT)
    audit = built.answer("audit")
    assert (audit["ok"], audit["subjects"]) == (True, FULL_CAVEAT)
    for check in [*gate["checks"], *audit["checks"]]:
        assert f"(subjects: {CAVEAT})" in check["detail"] or check.get("skipped")
    assert built.answer("summary")["subjects"] == FULL_CAVEAT
    shown = built.emo("summary")
    assert f"subjects: {FULL_CAVEAT}" in shown
    assert shown.count("(subjects: none") == len(gate["checks"])
    card = (built.root / "data/dataset/README.md").read_text()
    assert f"Subjects: {FULL_CAVEAT}." in card
    assert "participant" not in card.split("## Composition")[0].split("## How to load it")[0]
    assert FULL_CAVEAT in built.run("dvc", "metrics", "show")


@pytest.mark.parametrize("built", [as_csv], indirect=True)
def test_the_report_carries_the_caveat_and_lists_no_image_as_a_participant(built: Project) -> None:
    built.emo("report")
    page = words((built.root / "reports/report.html").read_text())
    template = words((built.root / "pipeline/report/template.html").read_text())
    assert page.count(FULL_CAVEAT) >= 3
    assert "(images)" in page
    for claim in CLAIMS:
        assert claim in template
        assert claim not in page


@pytest.mark.parametrize("built", [as_csv], indirect=True)
def test_comparisons_and_history_carry_the_caveat(built: Project) -> None:
    shown = built.emo("protocols", "--seeds", "1", "--epochs", "1")
    assert f"{IMAGES} images of {IMAGES} subjects" in shown
    assert f"Subjects: {FULL_CAVEAT}" in shown
    assert "by subject" in shown
    assert "leave-one" not in shown  # a training for every image, unless it is asked for
    assert read_json(built, "reports/protocols.json")["about"]["caveat"] == FULL_CAVEAT
    assert f"(HEAD): {FULL_CAVEAT}" in built.emo("compare", "HEAD")
    assert [run["subjects"] for run in built.answer("compare", "HEAD")] == [FULL_CAVEAT]
    versions = built.emo("versions")
    assert f"+{IMAGES + 2} images without a subject" in versions
    assert "none: each" in versions  # in a narrow column
    assert built.answer("versions")[0]["subjects_known"] == CAVEAT
    clip = next((built.root / "data/faces").glob("*.parquet")).stem
    assert "an image without a subject id" in built.emo("trace", clip)


@pytest.mark.parametrize("built", [as_csv], indirect=True)
def test_an_image_is_traced_exported_and_withdrawn(built: Project, tmp_path: Path) -> None:
    subject = next(path.stem for path in sorted((built.root / "data/dataset/test").glob("*.parquet")))
    [clip] = [path.stem for path in (built.root / "data/faces").glob(f"{subject}_*")]
    assert built.answer("trace", f"{clip}_000000.png")["frame"]["fate"] == "image"
    built.emo("export", "imagefolder", str(tmp_path / "out"))
    assert len(list((tmp_path / "out").rglob("*.png"))) == IMAGES
    built.emo("withdraw", subject, "--yes")
    left = [path for path in built.root.rglob(f"{subject}*") if path.parent.name != "withdrawals"]
    assert left == []
    built.repro("audit")
    census = pd.read_csv(built.root / "data/census.csv")
    assert subject not in set(census["subject"])
    assert len(census) == IMAGES - 1
    printed = built.emo("ingest", "--layout", "fer2013", str(built.root.parent / "corpus"))
    assert "withdrawn (raw/withdrawn.csv)" in printed
    assert subject not in set(pd.read_csv(built.root / "raw/clips.csv")["subject"])

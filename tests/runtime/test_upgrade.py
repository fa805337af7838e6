"""params.yaml of version 0.1: read as it is, and rewritten with its values and comments."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.dataset.images.params import DatasetParams
from pipeline.faces.detectors.haar import HaarSettings
from pipeline.faces.detectors.whole_frame import WholeFrameSettings
from pipeline.faces.params import FacesParams
from pipeline.runtime.errors import EmoError
from pipeline.runtime.params import load_params
from pipeline.runtime.upgrade import upgrade_params

OLD = """\
# ours
faces:
  detector: haar          # or none
  search:                 # by haar
    cascade: frontalface_alt
    second_opinion: none  # we need no other
    # measured in May
    scale_factor: 1.3
    min_neighbors: 4
    min_face: 0.2
    max_face: 0.9
    full_search_every_s: 2.0
    min_sightings: 3      # of a person
    min_score: 6.0
    rival_share: 0.4
  crop:
    margin: 0.1           # a little air
    side_px: 48
    colour: grey
    contrast: none
    denoise: none
    min_sharpness: 0.0
split:
  seed: 9                 # detector: none
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "params.yaml"
    path.write_text(text)
    return path


def test_values_and_comments_stay(tmp_path: Path) -> None:
    path = written(tmp_path, OLD)
    before = load_params("faces", FacesParams, path)
    changes = upgrade_params(path, write=True)
    text = path.read_text()
    assert load_params("faces", FacesParams, path) == before
    assert isinstance(before.settings, HaarSettings)
    assert (before.settings.fallback_cascade, before.tracking.min_detections) == ("none", 3)
    kept = ("# ours", "# we need no other", "# measured in May", "# of a person", "# a little air")
    assert [comment for comment in kept if comment not in text] == []
    assert text.endswith("split:\n  seed: 9                 # detector: none\n")
    assert "faces.search.second_opinion -> faces.haar.fallback_cascade" in changes
    assert upgrade_params(path, write=True) == []
    assert path.read_text() == text


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, OLD)
    assert upgrade_params(path, write=False)
    assert path.read_text() == OLD


def test_no_detector_becomes_the_whole_frame(tmp_path: Path) -> None:
    path = written(tmp_path, OLD.replace("detector: haar", "detector: none"))
    assert isinstance(load_params("faces", FacesParams, path).settings, WholeFrameSettings)
    assert upgrade_params(path, write=True)[0] == "faces.detector: none -> whole_frame"
    assert yaml.safe_load(path.read_text())["faces"]["detector"] == "whole_frame"


@pytest.mark.parametrize(
    ("old", "new", "value"),
    [("min_score", "min_scores", "search"), ("scale_factor: 1.3", "scale_factor: 9", "scale_factor: 9")],
)
def test_what_was_wrong_before_is_named(tmp_path: Path, old: str, new: str, value: Any) -> None:
    with pytest.raises(EmoError) as caught:
        load_params("faces", FacesParams, written(tmp_path, OLD.replace(old, new)))
    assert str(tmp_path / "params.yaml") in str(caught.value)
    assert value in str(caught.value)


def test_a_section_in_one_line_is_refused_and_stays(tmp_path: Path) -> None:
    values = yaml.safe_load(OLD)
    path = written(tmp_path, yaml.safe_dump(values, default_flow_style=True))
    before = path.read_text()
    with pytest.raises(EmoError, match="search"):
        upgrade_params(path, write=True)
    assert path.read_text() == before


BEFORE_CONSENT = """\
dataset:
  # two of ours
  expressions: [happy, sad]  # the classes

train:
  seed: 0
"""


def test_a_study_from_before_the_rule_on_consent_gets_the_default_with_its_meaning(tmp_path: Path) -> None:
    path = written(tmp_path, BEFORE_CONSENT)
    before = load_params("dataset", DatasetParams, path)
    assert before == DatasetParams(("happy", "sad"), "noted")
    assert upgrade_params(path, write=True) == ["dataset.consent: noted (new)"]
    assert path.read_text().split("\n")[:4] == [
        "dataset:",
        "  # two of ours",
        "  consent: noted          # of participants whose consent is unknown: noted (in, and named) or "
        "required (left out)",
        "  expressions: [happy, sad]  # the classes",
    ]
    assert load_params("dataset", DatasetParams, path) == before
    assert upgrade_params(path, write=True) == []


def test_a_section_on_one_line_is_left_to_the_user(tmp_path: Path) -> None:
    path = written(tmp_path, "dataset: {expressions: [happy, sad]}\n")
    with pytest.raises(EmoError, match=r"params\.yaml: dataset: cannot be rewritten line by line"):
        upgrade_params(path, write=True)

"""croissant.json by its text; tests/stages/test_dataset.py loads it as its users do."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.dataset.card.card import dataset_card
from pipeline.dataset.card.croissant import Shard, croissant, read_shards, version_of
from pipeline.dataset.card.facts import Facts
from pipeline.runtime.params import read_params
from pipeline.schema.census import CensusRow
from tests.support.making import TOP, clip, person

SHARDS = [Shard("test/B.parquet", 20, "b" * 64), Shard("train/A.parquet", 10, "a" * 64)]
FACTS = Facts(
    classes=("happy", "sad"),
    census=[CensusRow("train", "A", "happy", 1, 3, "0" * 16), CensusRow("test", "B", "sad", 1, 2, "0" * 16)],
    participants=[person("A"), person("B", enrolled=2)],
    clips=[clip("A_happy", subject="A"), clip("B_sad", subject="B")],
    funnel={"sampled": 6, "no_face": 1, "images": 5},
    found={"A": (3, 3), "B": (2, 3)},
    version="1.0.0+0123456789ab",
    params=read_params(TOP / "params.yaml"),
)


def document(shards: list[Shard] = SHARDS, facts: Facts = FACTS) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(croissant(facts, shards))
    return values


def record_sets() -> dict[str, dict[str, Any]]:
    return {item["@id"]: item for item in document()["recordSet"]}


def test_every_shard_is_a_file_with_its_checksum() -> None:
    *files, every = document()["distribution"]
    assert [(f["contentUrl"], f["contentSize"], f["sha256"]) for f in files] == [
        ("test/B.parquet", "20 B", "b" * 64),
        ("train/A.parquet", "10 B", "a" * 64),
    ]
    assert every["@type"] == "cr:FileSet"
    assert every["includes"] == ["train/*.parquet", "test/*.parquet"]  # there is no validation split


def test_record_sets_of_splits_classes_and_images() -> None:
    found = record_sets()
    assert found["splits"]["data"] == [
        {"splits/name": "train", "splits/url": "cr:TrainingSplit"},
        {"splits/name": "test", "splits/url": "cr:TestSplit"},
    ]
    assert found["classes"]["data"] == [
        {"classes/label": 0, "classes/name": "happy"},
        {"classes/label": 1, "classes/name": "sad"},
    ]
    assert (found["splits"]["dataType"], found["classes"]["dataType"]) == ("cr:Split", "sc:Enumeration")
    fields = [field["@id"].split("/")[1] for field in found["images"]["field"]]
    assert fields == ["image", "label", "subject", "clip", "frame", "time_s", "split"]


def test_the_version_follows_from_the_shards_alone() -> None:
    assert document()["version"] == FACTS.version
    version = version_of(SHARDS)
    assert version.startswith("1.0.0+")
    for changed in (replace(SHARDS[0], sha256="c" * 64), replace(SHARDS[0], name="validation/B.parquet")):
        assert version_of([changed, SHARDS[1]]) != version


def test_unknown_properties_and_the_licence_are_left_out() -> None:
    values = document()
    assert not {"creator", "datePublished", "dateCreated", "citeAs"} & set(values)
    assert values["license"]["name"] == "No licence is known"


def test_the_sentences_are_those_of_the_card() -> None:
    values, card = document(), dataset_card(FACTS)
    assert values["description"].startswith("5 face images of 2 participants who simulate 2 expressions")
    assert values["description"] in card
    assert values["rai:dataCollection"] in card
    lists = ("rai:dataPreprocessingProtocol", "rai:dataBiases", "rai:dataLimitations")
    for name in (*lists, "rai:personalSensitiveInformation"):
        assert values[name]
        assert "".join(f"- {line}\n" for line in values[name]) in card


def test_shards_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("train/b.parquet", "test/c.parquet", "train/a.parquet", "README.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    shards = read_shards(tmp_path)
    assert [shard.name for shard in shards] == ["test/c.parquet", "train/a.parquet", "train/b.parquet"]
    assert shards[0].length == len("test/c.parquet")
    assert shards[0].sha256 == hashlib.sha256(b"test/c.parquet").hexdigest()

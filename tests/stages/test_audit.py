"""Every violation that can be planted is found by its own check, and by no other."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.audit.gate.evidence import GateEvidence, Image
from pipeline.faces.perceptual_hash import hash_bytes, perceptual_hash
from pipeline.runtime.csv_files import write_csv
from pipeline.runtime.errors import EmoError
from pipeline.runtime.image_codec import encode_png
from pipeline.runtime.parquet import write_parquet
from pipeline.schema.audit_report import AuditRow, write_audit_report
from pipeline.schema.dataset import dataset_schema, image_name, shard_path
from pipeline.schema.duplicates import DUPLICATES_SCHEMA, NEAR_PAIRS_SCHEMA
from pipeline.schema.funnel import FunnelRow
from pipeline.schema.ledger import ledger_of
from pipeline.stages import audit as stage
from tests.support.making import clip, counted_row, decision, enrol, person, set_params
from tests.support.shards import texture

CLASSES = ("happy", "sad")
SPLITS = {"S1": "train", "S2": "validation", "S3": "test"}


class Given(GateEvidence):
    """Evidence that is given, not read."""

    def __init__(self, **parts: Any) -> None:
        vars(self).update(parts)  # in the place of the cached properties
        if "clips" in parts:
            vars(self)["ledger"] = ledger_of(parts.get("decisions", ()), parts["clips"])

    def but(self, **changed: Any) -> "Given":
        """Return the evidence with other parts."""
        derived = ("ledger", "labelled")
        given = {n: part for n, part in vars(self).items() if not n.startswith("_") and n not in derived}
        return Given(**given | changed)  # what was derived is derived anew


CONSENT = "no subject without consent"

CLEAN = Given(
    participants=[person(subject) for subject in SPLITS],
    processable=frozenset(SPLITS),
    consent_rule="noted",
    clips=[
        clip(f"{s}_{e}", subject=s, expression=e, sha256=f"{number:063x}{CLASSES.index(e)}")
        for number, s in enumerate(SPLITS)
        for e in CLASSES
    ],
    images=[
        Image(split, e, s, f"{s}_{e}", frame, frame / 5)
        for s, split in SPLITS.items()
        for e in CLASSES
        for frame in range(3)
    ],
    classes=CLASSES,
    near_pairs=[],
    decisions=(),
    funnel=[counted_row(f"{s}_{e}", s, e, split, images=3) for s, split in SPLITS.items() for e in CLASSES],
)


def failing(evidence: Given) -> dict[str, str]:
    return {row.name: row.detail for row in stage.audit(evidence) if not row.ok}


def with_image(**changed: Any) -> Given:
    """Return the clean evidence with its first image (S1 happy, in train) changed."""
    return CLEAN.but(images=[replace(CLEAN.images[0], **changed), *CLEAN.images[1:]])


def near(frame: int, other: str, other_frame: int) -> dict[str, object]:
    here, there = {"clip": "S1_happy", "frame": frame}, {"other_clip": other, "other_frame": other_frame}
    return {**here, **there, "distance": 3}


def test_a_clean_dataset_passes() -> None:
    checks = stage.audit(CLEAN)
    assert failing(CLEAN) == {}
    assert len({check.name for check in checks}) == len(checks) == 8
    assert all(check.detail and "\n" not in check.detail for check in checks)


def test_every_detail_has_the_caveat_where_images_have_no_subject(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    image = person("S3", enrolled=3, extra={"stands_for": "image"})
    partly = stage.audit(CLEAN.but(participants=[person("S1"), person("S2"), image]))
    caveat = "(subjects: unknown for 1 of 3: each image is treated as its own subject)"
    assert all(row.detail.endswith(caveat) for row in partly)
    write_audit_report(partly, "unknown")
    report = json.loads(Path("reports/audit.json").read_text())
    assert report["subjects"] == "unknown; figures are of unseen images, not of unseen people"
    write_audit_report(stage.audit(CLEAN))
    assert "subjects" not in json.loads(Path("reports/audit.json").read_text())


def test_a_subject_in_two_splits() -> None:
    clips = [*CLEAN.clips, clip("again", subject="S1", expression="happy")]
    images = [*CLEAN.images, Image("test", "happy", "S1", "again", 0, 0.0)]
    found = failing(CLEAN.but(clips=clips, images=images))
    assert found == {"no subject in two splits": "S1 in test, train"}


def test_a_take_in_two_splits() -> None:
    """Two people in one performance: a dialogue, filmed once for each."""
    clips = [replace(c, take="dialogue") if c.clip in ("S1_sad", "S3_sad") else c for c in CLEAN.clips]
    assert failing(CLEAN.but(clips=clips)) == {"no take in two splits": "dialogue in test, train"}


def test_near_duplicates_across_splits() -> None:
    found = failing(CLEAN.but(near_pairs=[near(0, "S3_sad", 1)]))
    assert found == {
        "no near-duplicate across splits": "S1_happy_000000.png and S3_sad_000001.png (train, test; 3 bits)"
    }
    within = [near(0, "S1_sad", 1), near(0, "S9_sad", 1)]  # of one split; of a clip that is not used
    assert failing(CLEAN.but(near_pairs=within)) == {}


def test_a_class_that_misses_in_a_split() -> None:
    images = [image for image in CLEAN.images if (image.split, image.label) != ("test", "sad")]
    assert failing(CLEAN.but(images=images)) == {
        "every class in every split": "no sad in test; record more, or remove the class from "
        "params.yaml: dataset: expressions"
    }
    assert failing(CLEAN.but(images=[], classes=()))["every class in every split"].startswith("no image; ")


@pytest.mark.parametrize("changed", [{"clip": "nobody"}, {"label": "sad"}, {"time_s": 2.5}, {"time_s": -1.0}])
def test_an_image_that_comes_from_nowhere(changed: dict[str, Any]) -> None:
    """Of no clip, of another label than its clip's, or from beyond its clip's stretch."""
    clips = [replace(c, end_s=2.0) if c.clip == "S1_happy" else c for c in CLEAN.clips]
    found = failing(with_image(**changed).but(clips=clips))
    assert list(found) == ["every image traceable to a clip"]
    assert found.popitem()[1] == image_name(changed.get("clip", "S1_happy"), 0)


def test_an_image_with_the_label_of_a_relabelled_clip() -> None:
    """The effective label counts, not the one that was asked."""
    relabelled = CLEAN.but(decisions=[decision(1, "relabel", clip="S1_happy", recording=of("S1_happy"))])
    assert list(failing(relabelled)) == ["every image traceable to a clip"]
    images = [replace(i, label="sad") if i.clip == "S1_happy" else i for i in CLEAN.images]
    found = failing(relabelled.but(images=images))
    assert found.popitem()[1].startswith("no happy in train; record more")
    assert not found


def test_an_excluded_image_in_the_dataset() -> None:
    stretch = decision(3, clip="S1_happy", recording=of("S1_happy"), start_s=0.1, end_s=0.3)
    assert failing(CLEAN.but(decisions=[stretch])) == {
        "no excluded image": "S1_happy_000001.png (decision 3)"
    }
    again = decision(4, "include", clip="S1_happy", recording=of("S1_happy"))
    assert failing(CLEAN.but(decisions=[stretch, again])) == {}


def test_a_clip_that_could_not_be_read() -> None:
    """It fails until it is excluded; a clip of a class that is not used does not matter."""
    bad = counted_row("S1_more", "S1", "sad", "train", problem="no video stream")
    clips = [*CLEAN.clips, clip("S1_more", subject="S1", expression="sad", sha256="f" * 64)]
    evidence = CLEAN.but(funnel=[*CLEAN.funnel, bad], clips=clips)
    assert failing(evidence) == {
        "every clip could be read": "S1_more: no video stream; replace the recording, or `emo exclude CLIP "
        "--reason ...`"
    }
    row = decision(1, clip="S1_more", recording="f" * 64)
    assert failing(evidence.but(decisions=[row])) == {}
    halves = [replace(row, decision=n, start_s=n - 1.0, end_s=float(n)) for n in (1, 2)]
    assert list(failing(evidence.but(decisions=halves[:1]))) == ["every clip could be read"]
    assert failing(evidence.but(decisions=halves)) == {}
    other = replace(bad, expression="angry")
    assert failing(CLEAN.but(funnel=[*CLEAN.funnel, other], clips=clips)) == {}


def of(name: str) -> str:
    """Return the SHA-256 of the recording of a clip."""
    return next(c.sha256 for c in CLEAN.clips if c.clip == name)


def test_somebody_who_withdrew() -> None:
    assert failing(CLEAN.but(processable=frozenset({"S1", "S3"}))) == {
        CONSENT: "withdrawn or not enrolled: S2"
    }


def consent_of(evidence: Given) -> AuditRow:
    return next(row for row in stage.audit(evidence) if row.name == CONSENT)


def test_unknown_consent_is_named_and_fails_only_if_consent_is_required() -> None:
    unknown = person("S3", enrolled=3, consent="unknown", consent_source="")
    evidence = CLEAN.but(participants=[person("S1"), person("S2"), unknown])
    noted = consent_of(evidence)
    assert noted.ok
    assert noted.detail == "3 subjects; consent unknown: S3 (params.yaml: dataset: consent: noted)"
    required = consent_of(evidence.but(consent_rule="required"))
    assert not required.ok
    assert required.detail == "consent unknown: S3 (params.yaml: dataset: consent: required)"
    both = consent_of(evidence.but(processable=frozenset({"S1", "S3"}), consent_rule="required"))
    assert both.detail.startswith("withdrawn or not enrolled: S2; consent unknown: S3 ")


def test_subjects_left_out_because_consent_is_required_are_named() -> None:
    unknown = person("S9", enrolled=4, consent="unknown", consent_source="")
    found = consent_of(CLEAN.but(participants=[*CLEAN.participants, unknown], consent_rule="required"))
    assert found.ok
    assert found.detail == (
        "3 subjects; without images, consent unknown: S9 (params.yaml: dataset: consent: required)"
    )


def test_images_without_subject_ids_whose_consent_is_unknown_are_counted() -> None:
    extra = {"stands_for": "image"}
    images = [person(s, consent="unknown", consent_source="", extra=extra) for s in ("S2", "S3")]
    assert (
        "; consent unknown: 2 images without subject id ("
        in consent_of(CLEAN.but(participants=[person("S1"), *images])).detail
    )


def test_consent_that_an_earlier_version_assumed_is_named_and_passes() -> None:
    old = [person(subject, consent_source="") for subject in ("S1", "S2")]
    found = consent_of(CLEAN.but(participants=[*old, person("S3")]))
    assert found.ok
    assert found.detail == (
        "3 subjects; consent given without a source, as earlier versions of emo assumed it: S1, S2"
    )


def test_many_faults_are_cut_short_in_one_line() -> None:
    images = [replace(image, clip="nobody") for image in CLEAN.images]
    assert failing(CLEAN.but(images=images))["every image traceable to a clip"].endswith("and 13 more")


# --- The stage ------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clean evidence as files in the current folder."""
    monkeypatch.chdir(tmp_path)
    set_params()
    enrol([person(s, enrolled=n) for n, s in enumerate(SPLITS, 1)], CLEAN.clips)
    for subject, split in SPLITS.items():
        write_shard(subject, split)
    write_parquet(Path("data/near_pairs.parquet"), NEAR_PAIRS_SCHEMA.empty_table())
    write_parquet(Path("data/duplicates.parquet"), DUPLICATES_SCHEMA.empty_table())
    write_csv(Path("reports/funnel.csv"), CLEAN.funnel, FunnelRow)
    set_params()


def write_shard(subject: str, split: str) -> None:
    rows = [
        {
            "image": {"bytes": encode_png(texture(i.frame)), "path": image_name(i.clip, i.frame)},
            "label": CLASSES.index(i.label),
            **{name: getattr(i, name) for name in ("subject", "clip", "frame", "time_s")},
        }
        for i in CLEAN.images
        if i.subject == subject
    ]
    write_parquet(shard_path(split, subject), pa.Table.from_pylist(rows, schema=dataset_schema(CLASSES)))


@pytest.mark.usefixtures("project")
def test_the_stage_writes_its_report_and_passes() -> None:
    assert sorted(map(repr, GateEvidence().images)) == sorted(map(repr, CLEAN.images))
    stage.main()
    report = json.loads(Path("reports/audit.json").read_text())
    assert report["ok"] is True
    assert {tuple(check) for check in report["checks"]} == {("name", "ok", "detail")}


@pytest.mark.usefixtures("project")
def test_the_stage_fails_on_a_leak_but_reports_it() -> None:
    write_shard("S1", "test")
    with pytest.raises(EmoError, match=r"2 of 8 checks failed; .*no subject in two splits"):
        stage.main()
    report = json.loads(Path("reports/audit.json").read_text())
    assert report["ok"] is False
    assert [check["name"] for check in report["checks"] if not check["ok"]] == [
        "no subject in two splits",
        "no take in two splits",
    ]


@pytest.mark.usefixtures("project")
def test_a_face_in_the_place_of_an_excluded_one_cannot_slip_past_the_search_for_near_duplicates() -> None:
    """data/near_pairs.parquet lists only pairs of faces that dedup kept."""
    hashes = {
        (i.clip, i.frame): perceptual_hash(texture(i.frame + 10 * n)) for n, i in enumerate(CLEAN.images)
    }
    hashes["S3_sad", 1] = hashes["S1_happy", 0]
    faces = [
        {
            "clip": clip,
            "frame": frame,
            "hash": hash_bytes(found[None])[0],
            "kept": (clip, frame) != ("S1_happy", 0),
        }
        for (clip, frame), found in hashes.items()
    ]
    write_parquet(Path("data/duplicates.parquet"), pa.Table.from_pylist(faces, schema=DUPLICATES_SCHEMA))
    with pytest.raises(EmoError, match=r"1 of 8 checks failed; .*no near-duplicate across splits"):
        stage.main()
    faces[0]["kept"] = True  # a pair of faces that dedup kept is for data/near_pairs.parquet to list
    write_parquet(Path("data/duplicates.parquet"), pa.Table.from_pylist(faces, schema=DUPLICATES_SCHEMA))
    stage.main()


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("table", ["raw/withdrawn.csv", ".emo/withdrawn.csv"])
def test_a_withdrawal_that_the_table_of_people_does_not_know_of(table: str) -> None:
    Path(table).parent.mkdir(exist_ok=True)
    Path(table).write_text("subject,sha256\nS2,\n")
    with pytest.raises(EmoError, match=r"1 of 8 checks failed; .*no subject without consent"):
        stage.main()


@pytest.mark.usefixtures("project")
def test_a_shard_that_does_not_tell_its_classes() -> None:
    path = shard_path("train", "S1")
    table = pq.read_table(path)
    write_parquet(path, table.replace_schema_metadata({}))
    with pytest.raises(EmoError, match=r"train/S1\.parquet: holds no list of classes; run `dvc"):
        stage.main()
    write_parquet(path, table.set_column(1, "label", pa.array([7] * len(table))))
    with pytest.raises(EmoError, match=r"train/S1\.parquet: label 7 is not within 0\.\.1"):
        stage.main()

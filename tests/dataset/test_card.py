"""The card of small cohorts whose numbers are counted by hand."""

from dataclasses import replace
from typing import Any

import pytest
import yaml

from pipeline.dataset.card.card import card_list, card_text, dataset_card, magnitude
from pipeline.dataset.card.facts import Facts
from pipeline.dataset.images.describe import building_settings
from pipeline.runtime.params import read_params
from pipeline.schema.census import CensusRow
from pipeline.schema.funnel import STATUS_MEANINGS
from tests.support.making import TOP, clip, person


def row(split: str, subject: str, expression: str, images: int, clips: int = 1) -> CensusRow:
    return CensusRow(split, subject, expression, clips, images, "0" * 16)


PEOPLE = [
    person("A", sex="F", age=20.0, enrolled=1),
    person("B", sex="M", age=31.0, enrolled=2),
    person("C", sex="F", age=None, enrolled=3),
    person("D", sex="X", age=45.5, enrolled=4),
    person("E", sex="", age=None, enrolled=5),
    person("F", sex="M", age=70.0, enrolled=6),  # no image
    person("G", sex="F", age=None, enrolled=7, consent="withdrawn"),
]
CENSUS = [
    row("train", "A", "happy", 5, clips=2),
    row("train", "A", "sad", 4),
    row("train", "B", "happy", 3),
    row("train", "C", "sad", 1000),
    row("validation", "D", "happy", 2),
    row("test", "E", "sad", 1),
]
CLIPS = [
    clip("A1", subject="A", width=640, height=480, fps=25.0, duration_s=60.0),
    clip("A2", subject="A", width=640, height=480, fps=25.0, duration_s=60.0, take="A1"),
    clip("B1", subject="B", width=480, height=640, fps=29.97003, duration_s=120.0, codec="hevc"),
    clip(
        "B2", subject="B", video="B1.mp4", width=480, height=640, fps=29.97003, duration_s=120.0, codec="hevc"
    ),
]
FUNNEL = {"sampled": 2000, "corrupt": 20, "no_face": 300, "too_dark": 5, "duplicates": 660, "images": 1015}


@pytest.fixture
def facts() -> Facts:
    """Five of six participants have images; a seventh withdrew."""
    return Facts(
        classes=("happy", "sad"),
        census=CENSUS,
        participants=PEOPLE,
        clips=CLIPS,
        funnel=FUNNEL,
        found={"A": (90, 100), "B": (30, 60), "C": (1100, 1100), "D": (50, 100), "E": (40, 40), "F": (0, 10)},
        version="1.0.0+0123456789ab",
        params=building_settings(read_params(TOP / "params.yaml")),
    )


def section(card: str, title: str) -> str:
    """Return the text under a heading."""
    return card.split(f"\n## {title}\n")[1].split("\n## ")[0]


def header(card: str) -> dict[str, Any]:
    return yaml.safe_load(card.split("---\n")[1])


def test_the_header_is_what_hugging_face_reads(facts: Facts) -> None:
    values = header(dataset_card(facts))
    assert [file["path"] for file in values["configs"][0]["data_files"]] == [
        "train/*.parquet", "validation/*.parquet", "test/*.parquet"]  # fmt: skip
    assert values["configs"][0]["description"] == "version 1.0.0+0123456789ab"
    assert values["size_categories"] == ["1K<n<10K"]
    assert "facial-expression-recognition" in values["tags"]
    hub = pytest.importorskip("huggingface_hub")
    data = hub.DatasetCard(dataset_card(facts)).data
    assert isinstance(data, hub.DatasetCardData)
    assert data.pretty_name == "Faces of simulated expressions"
    assert data.task_categories == ["image-classification"]
    assert {key: value for key, value in data.to_dict().items() if value is not None} == values


def test_images_by_split_and_class(facts: Facts) -> None:
    card = dataset_card(facts)
    assert "1,015 face images of 5 participants who simulate 2 expressions: happy, sad." in card
    composition = section(card, "Composition")
    assert "| split | participants | clips | images | happy | sad |" in composition
    assert "| train | 3 | 5 | 1012 | 8 | 1004 |" in composition
    assert "| validation | 1 | 1 | 2 | 2 | 0 |" in composition
    assert "| test | 1 | 1 | 1 | 0 | 1 |" in composition
    assert "| all | 5 | 7 | 1015 | 10 | 1005 |" in composition
    assert "1 enrolled participant gave no image." in composition


def test_ages_of_small_groups_are_hidden(facts: Facts) -> None:
    """The range of two ages is the ages themselves."""
    composition = section(dataset_card(facts), "Composition")
    assert "| train | 2 | 1 | 0 | 0 | not shown for fewer than 5 |" in composition
    assert "45.5" not in composition


def test_a_total_that_would_reveal_hidden_ages_is_hidden_too(facts: Facts) -> None:
    """The seven ages of train are shown; with the total, they would reveal the two of validation."""
    many = [person(f"T{n}", age=20.0 + n, enrolled=n + 8) for n in range(7)]
    few = [person("V1", age=60.0, enrolled=15), person("V2", age=61.0, enrolled=16)]
    census = [row("train", p.subject, "happy", 1) for p in many]
    census += [row("validation", p.subject, "sad", 1) for p in few]
    facts = replace(facts, found={"T0": (1, 1)})
    composition = section(
        dataset_card(replace(facts, participants=[*many, *few], census=census)), "Composition"
    )
    assert "| train | 7 | 0 | 0 | 0 | 20 to 26 | 23 |" in composition
    assert "| all | 9 | 0 | 0 | 0 | not shown for fewer than 5 |  |" in composition
    more = [*few, *(person(f"X{n}", age=62.0 + n, enrolled=17 + n) for n in range(3))]
    census += [row("test", p.subject, "sad", 1) for p in more[2:]]
    composition = section(
        dataset_card(replace(facts, participants=[*many, *more], census=census)), "Composition"
    )
    assert "| all | 12 | 0 | 0 | 0 | 20 to 64 | " in composition  # five hidden ages do not reveal each other


def test_participants_by_split_and_unknown_values(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.dataset.card.tables.SMALLEST_GROUP", 1)
    composition = section(dataset_card(facts), "Composition")
    assert "| train | 2 | 1 | 0 | 0 | 20 to 31 (1 not known) | 25.5 |" in composition
    assert "| validation | 0 | 0 | 1 | 0 | 45.5 | 45.5 |" in composition
    assert "| test | 0 | 0 | 0 | 1 | not known | not known |" in composition
    assert "| all | 2 | 1 | 1 | 1 | 20 to 45.5 (2 not known) | 31 |" in composition


def test_a_cohort_without_a_split_and_without_ages(facts: Facts) -> None:
    participants = [replace(participant, age=None) for participant in PEOPLE[:3]]
    card = dataset_card(
        replace(facts, census=CENSUS[:4], participants=participants, found={"A": (1, 2), "B": (1, 1)})
    )
    assert [file["split"] for file in header(card)["configs"][0]["data_files"]] == ["train"]
    assert "| all | 2 | 1 | 0 | 0 | not known | not known |" in card
    assert "Each participant is in exactly one split; there is no test split." in card
    assert "gave no image" not in card
    assert "no participant has withdrawn it" in card


def test_recordings_are_counted_once_however_many_clips_they_hold(facts: Facts) -> None:
    text = section(dataset_card(facts), "Collection")
    assert (
        "3 videos of 2 participants, 4.0 minutes of video in total, with 4 labelled clips of 3 performances."
        in text
    )
    assert "- Resolution in pixels: 640x480 (2 videos), 480x640 (1 video)\n" in text
    assert "- Frames per second: 25 (2 videos), 29.97 (1 video)\n" in text
    assert "- Codec: h264 (2 videos), hevc (1 video)\n" in text
    long = replace(facts, clips=[clip("long", duration_s=5400.0)])
    assert "1.5 hours of video in total" in card_text(long, "collection")


def test_many_kinds_of_recordings_are_summed_up(facts: Facts) -> None:
    clips = [clip(f"c{n}", fps=10.0 + n) for n in range(7)]
    text = dataset_card(replace(facts, clips=clips))
    assert "10 (1 video), 11 (1 video), 12 (1 video), 13 (1 video), 14 (1 video), others (2 videos)" in text


def test_the_funnel_lists_every_status_also_one_without_a_meaning(facts: Facts) -> None:
    text = section(dataset_card(facts), "Preprocessing")
    assert "| sampled | 2,000 | 100.0% | all frames that were sampled |" in text
    assert f"| no face | 300 | 15.0% | {STATUS_MEANINGS['no_face']} |" in text
    assert "| too dark | 5 | 0.2% |  |" in text
    assert text.index("| duplicates |") < text.index("| images | 1,015 | 50.7% | in the dataset |")


def test_preprocessing_states_the_settings_in_words_and_in_full(facts: Facts) -> None:
    params = {name: dict(values) for name, values in facts.params.items()}
    params["frames"] |= {"fps": 12.5, "later_added": 7}
    params["dedup"]["collapse"] = False
    params["faces"]["haar"] = {**params["faces"]["haar"], "fallback_cascade": "none"}
    changed = replace(facts, params=params)
    frames, faces, crops, dedup = card_list(changed, "preprocessing")
    assert frames.startswith(
        "Frames: 12.5 per second, by timestamp, at most 200 per clip, without the first 0.4 s"
    )
    assert faces.startswith("Faces: detected by the Haar cascade frontalface_alt2 and tracked")
    assert "scaled to 64x64 pixels, grey; contrast: none" in crops
    assert crops.endswith("none is rejected as blurred.")
    assert dedup == "Near-duplicates: kept."
    assert "differ in at most 31 bits, only the sharpest is kept" in card_list(facts, "preprocessing")[3]
    text = section(dataset_card(changed), "Preprocessing")
    assert yaml.safe_load(text.split("```yaml\n")[1].split("```")[0]) == params


def test_any_detector_is_named(facts: Facts) -> None:
    faces = facts.params["faces"] | {"detector": "another"}
    other = replace(facts, params=facts.params | {"faces": faces})
    assert card_list(other, "preprocessing")[1].startswith(
        "Faces: detected by the detector another and tracked"
    )
    assert card_list(other, "biases")[0].startswith("A face was accepted in 92.9% of the frames (F 99.2%")


def test_a_corpus_of_still_images_has_no_text_about_video(facts: Facts) -> None:
    stills = [replace(clip, video=f"{clip.clip}.png", frames=1, codec="png") for clip in facts.clips]
    card = dataset_card(replace(facts, clips=stills))
    assert "Built by emo from still images." in card
    assert "4 still images of 2 participants, with 4 labelled clips of 3 performances." in card
    assert "Clips are the labelled still images that the images come from." in card
    assert "| `clip` | the labelled still image that the image comes from |" in card
    assert "- Still images: each is one frame and is not trimmed; longer side at most 640 pixels." in card
    assert "video" not in section(card, "Collection")
    both = dataset_card(replace(facts, clips=[stills[0], *facts.clips[1:]]))
    assert "Built by emo from video recordings and still images." in both
    assert "2 videos and 1 still image of 2 participants, 3.0 minutes of video in total" in both
    assert "the labelled stretch of video or still image that" in both
    assert section(both, "Preprocessing").count("longer side at most 640 pixels.") == 2


def test_face_crops_that_are_used_whole_have_no_margin(facts: Facts) -> None:
    faces = facts.params["faces"] | {"detector": "whole_frame", "whole_frame": {}}
    faces["crop"] = faces["crop"] | {"margin": 0.25, "min_sharpness": 40.0}
    whole = replace(facts, params=facts.params | {"faces": faces})
    _, detection, crops, _ = card_list(whole, "preprocessing")
    assert detection == "Faces: the source images are face crops already; each is used whole."
    assert crops.startswith("Crops: squares around the whole image, scaled to 64x64 pixels")
    assert crops.endswith("rejected as blurred below a variance of the Laplacian of 40.")
    assert "selection left out is not known" in card_list(whole, "biases")[0]


def test_images_without_subject_ids_carry_the_caveat(facts: Facts) -> None:
    """Neither a consent nor a participant is claimed for them."""
    images = [person(f"I{n}", sex="", enrolled=8 + n, extra={"stands_for": "image"}) for n in range(3)]
    stills = [clip(f"I{n}", subject=f"I{n}", video=f"I{n}.png", frames=1, codec="png") for n in range(3)]
    census = [*CENSUS, row("test", "I0", "sad", 1)]
    facts = replace(facts, participants=[*PEOPLE, *images], census=census, clips=[*CLIPS, *stills])
    card = dataset_card(facts)
    caveat = "unknown for 1 of 6: each image is treated as its own subject"
    assert f"Subjects: {caveat};" in card_text(facts, "summary")
    assert f"Subjects: {caveat};" in card_list(facts, "limits")[0]
    assert "1 enrolled participant gave no image. 2 still images without a subject id gave no image." in card
    assert "3 still images without subject ids, with the labels of their corpus." in card
    assert "of 2 participants, 4.0 minutes" in card_text(facts, "collection")
    assert "Who is shown in the 3 images without subject ids" in card_list(facts, "consent")[1]
    assert "Consent is given by 6 participants;" in card_list(facts, "consent")[0]
    assert "| `subject` | code of the participant, or of the image itself |" in card
    assert "One Parquet file per subject" in card or "one Parquet file per subject" in card
    assert "Near-duplicates among such images are collapsed to one" in card
    params = facts.params | {"dedup": facts.params["dedup"] | {"collapse": False}}
    assert "Near-duplicates among such images are kept" in dataset_card(replace(facts, params=params))


def test_splits_state_the_rule(facts: Facts) -> None:
    text = section(dataset_card(facts), "Splits")
    assert "not images: 70% train, 15% validation, 15% test." in text
    assert "at random (seed 4)" in text
    assert "to one of 5 folds" in text


def test_the_accepted_share_by_sex_and_of_the_subject_with_the_lowest(facts: Facts) -> None:
    # F: A and C, 1190 of 1200; M: B and F, 30 of 70; X: D, 50 of 100; all: 1310 of 1410.
    line = card_list(facts, "biases")[0]
    assert "in 92.9% of the frames (F 99.2%, M 42.9%, X 50.0%, sex not known 100.0%)" in line
    assert line.endswith("the lowest share of any participant is 0.0%.")
    assert "The smallest split has 1 participant;" in card_list(facts, "limits")[2]


def test_consent_counts_given_and_withdrawn(facts: Facts) -> None:
    assert card_list(facts, "consent")[0] == (
        "Consent is given by 6 participants; 1 withdrew it, and their data is neither in this version nor in "
        "the numbers above."
    )
    assert "`emo withdraw`" in section(dataset_card(facts), "Consent")


def test_unknown_consent_is_named_with_what_the_dataset_does_about_it(facts: Facts) -> None:
    unknown = {"consent": "unknown", "consent_source": ""}
    people = [replace(one, **unknown) if one.subject in "AB" else one for one in PEOPLE]
    facts = replace(facts, participants=people)
    lines = card_list(facts, "consent")
    assert lines[0].startswith("Consent is given by 4 participants; 1 withdrew it")
    assert lines[1] == (
        "Consent is unknown for 2 participants: A, B. Their images, if they have any, are in this version; "
        "ask the source of this dataset before you use them."
    )
    required = {**facts.params, "dataset": {**facts.params["dataset"], "consent": "required"}}
    assert card_list(replace(facts, params=required), "consent")[1].endswith(
        "They have no images in this version, which requires consent."
    )


def test_consent_that_an_earlier_version_assumed_is_said_in_one_sentence(facts: Facts) -> None:
    people = [replace(one, consent_source="") if one.subject == "C" else one for one in PEOPLE]
    assert card_list(replace(facts, participants=people), "consent")[1] == (
        "An earlier version of emo recorded the consent of 1 participant as given without a statement "
        "of it: C."
    )


def test_declared_expressions_without_a_clip_are_named(facts: Facts) -> None:
    missing = (
        "No clip shows angry, disgusted, neutral, scared, surprised, so these are no classes of the dataset."
    )
    assert missing in section(dataset_card(facts), "Composition")
    every = {**facts.params, "dataset": {**facts.params["dataset"], "expressions": ["sad", "happy"]}}
    assert "No clip shows" not in dataset_card(replace(facts, params=every))


def test_the_text_has_one_line_per_paragraph_and_no_gap(facts: Facts) -> None:
    body = dataset_card(facts).split("---\n", 2)[2]
    assert "\n\n\n" not in body
    prose = "".join(body.split("```")[::2])
    assert "   " not in prose.replace("|  |", "")
    assert all(line == line.strip() for line in prose.split("\n"))
    paragraphs = [part for part in prose.split("\n\n") if not part.strip().startswith(("|", "-"))]
    assert all("\n" not in part.strip() for part in paragraphs)


def test_the_order_of_settings_and_rows_does_not_matter(facts: Facts) -> None:
    settings = {name: dict(reversed(values.items())) for name, values in facts.params.items()}
    assert dataset_card(replace(facts, params=settings, census=CENSUS[::-1])) == dataset_card(facts)


def test_magnitudes() -> None:
    found = [magnitude(n) for n in (1, 999, 1000, 99_999, 100_000, 1_000_000)]
    assert found == ["n<1K", "n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M"]

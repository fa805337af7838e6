"""The files that describe the dataset: its card (README.md) and croissant.json."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.dataset.card.card import dataset_card
from pipeline.dataset.card.croissant import croissant, read_shards, version_of
from pipeline.dataset.card.decisions import DecisionCounts
from pipeline.dataset.card.facts import Facts
from pipeline.runtime.files import write_text
from pipeline.runtime.params import read_params
from pipeline.runtime.paths import CROISSANT, DATASET, DATASET_CARD
from pipeline.runtime.stages import BUILDING
from pipeline.schema.census import CensusRow
from pipeline.schema.clips import processable_clips
from pipeline.schema.funnel import FunnelRow, faces_found, funnel_totals
from pipeline.schema.participants import read_participants


def describe(
    census: Sequence[CensusRow],
    funnel: Sequence[FunnelRow],
    classes: Sequence[str],
    decisions: DecisionCounts,
) -> Facts:
    """Write the card and croissant.json of the shards in data/dataset; return the facts they state."""
    shards = read_shards(DATASET)
    facts = Facts(
        classes=classes,
        census=census,
        participants=read_participants(),
        clips=processable_clips(),
        funnel=funnel_totals(funnel),
        found=faces_found(funnel),
        version=version_of(shards),
        params=building_settings(read_params()),
        decisions=decisions,
    )
    write_text(DATASET_CARD, dataset_card(facts))
    write_text(CROISSANT, croissant(facts, shards))
    return facts


def building_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sections of params.yaml that built the dataset; of the detectors, only the one used."""
    faces = settings["faces"]
    used = ("detector", faces["detector"], "tracking", "crop")
    return {section: settings[section] for section in BUILDING} | {"faces": {key: faces[key] for key in used}}

"""croissant.json of data/dataset: a machine-readable description in the format Croissant 1.0.

The format: http://mlcommons.org/croissant/1.0, with the fields of http://mlcommons.org/croissant/RAI/1.0 on
collection, limits and consent. `creator`, `datePublished` and `citeAs` are left out because the project has
no data on them; add them when you publish the dataset.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.dataset.card.card import TAGS, card_list, card_text
from pipeline.dataset.card.facts import Facts
from pipeline.runtime.digests import sha256

Node = dict[str, Any]
"""An object of JSON-LD."""

_PARQUET = "application/x-parquet"
_SHARDS = "shards"

_LAYOUT = "1.0.0"
"""Version of the layout of a shard; the digest that follows it identifies the content."""

_MEANINGS = {"train": "cr:TrainingSplit", "validation": "cr:ValidationSplit", "test": "cr:TestSplit"}

_KINDS = {"subject": "sc:Text", "clip": "sc:Text", "frame": "sc:Integer", "time_s": "sc:Float"}
"""Data types of the columns that give an image's origin."""

_TERMS = (
    *("citeAs", "column", "equivalentProperty", "extract", "field", "fileObject", "fileProperty", "fileSet"),
    *("format", "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet"),
    *("references", "regex", "repeated", "replace", "samplingRate", "separator", "source", "subField"),
    "transform",
)
"""The terms of Croissant's own vocabulary, which are used without a prefix."""

_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{name: f"cr:{name}" for name in _TERMS},
}


@dataclass(frozen=True)
class Shard:
    """One file of the dataset."""

    name: str
    "Path below data/dataset, with forward slashes."
    length: int
    "Bytes."
    sha256: str
    "64 hexadecimal digits."


def read_shards(folder: Path) -> list[Shard]:
    """Return the shards of a dataset, sorted by name."""
    paths = {path.relative_to(folder).as_posix(): path for path in folder.glob("*/*.parquet")}
    return [Shard(name, paths[name].stat().st_size, sha256(paths[name])) for name in sorted(paths)]


def croissant(facts: Facts, shards: Sequence[Shard]) -> str:
    """Return the text of croissant.json."""
    document = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": "faces-of-simulated-expressions",
        "description": card_text(facts, "summary"),
        "version": facts.version,
        "url": "README.md",
        "license": _licence(),
        "keywords": list(TAGS),
        **_responsibility(facts),
        "distribution": [*map(_file, shards), _all_files(facts)],
        "recordSet": [_splits(facts.splits), _classes(facts.classes), _images(facts)],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def version_of(shards: Sequence[Shard]) -> str:
    """Return the version of the dataset, which depends only on its shards."""
    lines = "".join(f"{shard.sha256}  {shard.name}\n" for shard in shards)
    return f"{_LAYOUT}+{hashlib.sha256(lines.encode()).hexdigest()[:12]}"


def _licence() -> Node:
    """Return a description instead of a licence's URL: the participants' consent decides."""
    return {
        "@type": "sc:CreativeWork",
        "name": "No licence is known",
        "description": "The participants' consent determines use and redistribution.",
    }


def _responsibility(facts: Facts) -> Node:
    """Return the fields of responsible AI (RAI), with the sentences of the card."""
    return {
        "rai:dataCollection": card_text(facts, "collection"),
        "rai:dataPreprocessingProtocol": card_list(facts, "preprocessing"),
        "rai:dataBiases": card_list(facts, "biases"),
        "rai:dataLimitations": card_list(facts, "limits"),
        "rai:personalSensitiveInformation": card_list(facts, "consent"),
    }


def _file(shard: Shard) -> Node:
    return {
        "@type": "cr:FileObject",
        "@id": shard.name,
        "name": shard.name,
        "contentUrl": shard.name,
        "contentSize": f"{shard.length} B",
        "encodingFormat": _PARQUET,
        "sha256": shard.sha256,
    }


def _all_files(facts: Facts) -> Node:
    """Return the set of all shards, the one source of the record set of images."""
    return {
        "@type": "cr:FileSet",
        "@id": _SHARDS,
        "name": _SHARDS,
        "description": f"One file per {facts.subject_word}, in the folder of its split.",
        "encodingFormat": _PARQUET,
        "includes": [f"{name}/*.parquet" for name in facts.splits],
    }


def _splits(splits: Sequence[str]) -> Node:
    data = [{"splits/name": name, "splits/url": _MEANINGS[name]} for name in splits]
    fields = [_field("splits/name", "sc:Text"), _field("splits/url", "sc:URL")]
    return _record_set("splits", fields, key="name", dataType="cr:Split", data=data)


def _classes(classes: Sequence[str]) -> Node:
    data = [{"classes/label": label, "classes/name": name} for label, name in enumerate(classes)]
    fields = [_field("classes/label", "sc:Integer"), _field("classes/name", "sc:Text")]
    return _record_set("classes", fields, key="label", dataType="sc:Enumeration", data=data)


def _images(facts: Facts) -> Node:
    """Return the record set of the images.

    `label` has no `references` to the classes: mlcroissant 1.1 cannot filter by split where a second field
    refers to another record set.
    """
    folder = _source({"fileProperty": "fullpath"}, {"regex": rf"^({'|'.join(facts.splits)})/.+\.parquet$"})
    in_splits = {"references": {"field": {"@id": "splits/name"}}}
    fields = [
        _column("image", "sc:ImageObject", "Face crop, PNG.", transform={"jsonPath": "bytes"}),
        _column("label", ["sc:Integer", "cr:Label"], "Label of the expression in the record set classes."),
        *(
            _column(name, _KINDS[name], f"{text[0].upper()}{text[1:]}.")
            for name, text in facts.column_meanings.items()
        ),
        _field("images/split", "sc:Text", description="Split of the subject.", **folder, **in_splits),
    ]
    return _record_set("images", fields, key="clip frame")


def _record_set(name: str, fields: Sequence[Node], *, key: str, **values: Any) -> Node:
    keys = [{"@id": f"{name}/{field}"} for field in key.split()]
    return {"@type": "cr:RecordSet", "@id": name, "name": name, **values, "key": keys, "field": fields}


def _column(name: str, kind: str | list[str], description: str, **source: Mapping[str, str]) -> Node:
    """Return the field of the record set of images that holds a column of the shards."""
    return _field(f"images/{name}", kind, description=description, **_source({"column": name}, **source))


def _source(extract: Mapping[str, str], transform: Mapping[str, str] | None = None) -> Node:
    source = {"fileSet": {"@id": _SHARDS}, "extract": extract}
    return {"source": source | ({"transform": transform} if transform else {})}


def _field(name: str, kind: str | list[str], **values: Any) -> Node:
    return {"@type": "cr:Field", "@id": name, "name": name.split("/")[1], "dataType": kind, **values}

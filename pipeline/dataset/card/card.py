"""The dataset card: README.md of data/dataset, with the header that Hugging Face tools read.

Its text is in card.md.jinja; this module renders it. croissant.json quotes some of its sections.
"""

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from pipeline.dataset.card import tables
from pipeline.dataset.card.facts import Facts, in_kinds, recordings_of
from pipeline.runtime.text import as_markdown, counted, printable
from pipeline.schema.image_subjects import full_caveat

TITLE = "Faces of simulated expressions"
TAGS = ("facial-expression-recognition", "faces", "simulated-expressions", "subject-wise-split")

_MAGNITUDES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"))
_FENCE = "```"


def dataset_card(facts: Facts) -> str:
    """Return the card: a YAML header and Markdown."""
    return f"---\n{_header(facts)}---\n{_unwrapped(_template().render(_values(facts)))}\n"


def card_text(facts: Facts, block: str) -> str:
    """Return one block of the card as a single line, such as `summary`."""
    return " ".join(_rendered_block(facts, block).split())


def card_list(facts: Facts, block: str) -> list[str]:
    """Return the items of a block of the card that is a list, such as `limits`."""
    lines = _unwrapped(_rendered_block(facts, block)).split("\n")
    return [line.removeprefix("- ") for line in lines if line]


def magnitude(images: int) -> str:
    """Return the size category of a dataset in the terms of Hugging Face."""
    return next((name for limit, name in _MAGNITUDES if images < limit), "1M<n<10M")


def _header(facts: Facts) -> str:
    """Return the YAML header, as `huggingface_hub.DatasetCardData` and `datasets` read it.

    `datasets` serves a folder from its cache as long as the header is unchanged, whatever the files are: the
    version in the description makes it read a new version.
    """
    files = [{"split": name, "path": f"{name}/*.parquet"} for name in facts.splits]
    version = f"version {facts.version}"
    values = {
        "pretty_name": TITLE,
        "license": "unknown",
        "task_categories": ["image-classification"],
        "size_categories": [magnitude(facts.images)],
        "tags": list(TAGS),
        "configs": [{"config_name": "default", "data_files": files, "description": version}],
    }
    return yaml.safe_dump(values, sort_keys=False)


def _rendered_block(facts: Facts, name: str) -> str:
    template = _template()
    return "".join(template.blocks[name](template.new_context(_values(facts))))


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"counted": counted, "full_caveat": full_caveat, "as_markdown": as_markdown}
    return environment.get_template("card.md.jinja")


def _values(facts: Facts) -> dict[str, Any]:
    return {
        "facts": facts,
        "title": TITLE,
        "in_kinds": in_kinds,
        "recordings_of": recordings_of,
        "column_table": tables.column_table,
        "image_table": tables.image_table,
        "participant_table": tables.participant_table,
        "recording_lines": tables.recording_lines,
        "funnel_table": tables.funnel_table,
        "settings": _fenced("".join(yaml.safe_dump({name: values}) for name, values in facts.params.items())),
    }


def _fenced(text: str) -> str:
    """Return a text that cannot end the block of code in which it is shown."""
    return printable(text).replace(_FENCE, chr(39) * 3)


def _unwrapped(markdown: str) -> str:
    """Join the lines of each paragraph and list item, and drop repeated blank lines; code stays as it is."""
    lines: list[str] = [""]
    is_code = False
    for line in markdown.strip().split("\n"):
        is_fence, last = line.startswith(_FENCE), lines[-1]
        is_code ^= is_fence
        if is_code or is_fence or line.startswith(("#", "|", "-")):
            lines.append(line)
        elif not line.strip():
            lines += [""] if last else []
        elif last and not last.startswith(("#", "|", _FENCE)):
            lines[-1] = f"{last} {line.strip()}"
        else:
            lines.append(line.strip())
    return "\n".join(lines[1:])

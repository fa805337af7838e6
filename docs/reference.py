"""Writes the pages that list what the code has: all commands, all settings, all audit checks.

`python -m docs.reference` writes docs/commands.md, docs/params.md and the table of checks in docs/audit.md;
with `--check` it exits with code 1 where one of them is not current.
"""

import ast
import dataclasses
import importlib
import inspect
import sys
import textwrap
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main
import yaml
from typer.testing import CliRunner

from cli import app
from pipeline.audit.run import CHECKS
from pipeline.commands import TASKS
from pipeline.runtime.params import OneOf, Within, limits
from pipeline.runtime.stages import SECTIONS
from pipeline.runtime.text import Markdown, listed, markdown_table

DOCS = Path(__file__).resolve().parent
TOP = DOCS.parent
MADE = "<!-- written by `make docs`; do not edit -->"


def commands_page() -> str:
    """Return docs/commands.md: the help of each command."""
    group: Any = typer.main.get_command(app)
    runner, page = CliRunner(), ["# Commands", MADE, "What `emo COMMAND --help` prints, by task."]
    for task, commands in TASKS.items():
        page.append(f"## {task}")
        for command in commands:
            name = next(n for n, c in group.commands.items() if c.callback.__name__ == command.__name__)
            text = runner.invoke(app, [name, "--help"], terminal_width=100, prog_name="emo").stdout
            page += [f"### emo {name}", f"```\n{textwrap.dedent(text).strip()}\n```"]
    return "\n\n".join(page) + "\n"


def params_page() -> str:
    """Return docs/params.md: every key with its type, its range, its value and its meaning."""
    values = yaml.safe_load((TOP / "params.yaml").read_text(encoding="utf-8"))
    page = [
        "# Settings",
        MADE,
        "Every key of `params.yaml`, by section, with its value in a new project. A section is a stage.\n"
        "After an edit `dvc repro` reruns the stages that read the key, and no others.",
    ]
    for section in SECTIONS:
        module = importlib.import_module(f"pipeline.stages.{section}")
        page += _section(section, getattr(module, f"{section.capitalize()}Params"), values[section], 2)
    return "\n\n".join(page) + "\n"


def _section(path: str, schema: Any, values: dict[str, Any], level: int) -> Iterator[str]:
    """Yield a heading, a table of the keys, and the sections below."""
    fields, hints = dataclasses.fields(schema), typing.get_type_hints(schema)
    meanings, limit = dict(_meanings(schema)), limits(schema)
    names = {
        f.metadata["chosen_by"]: tuple(f.metadata["registry"]) for f in fields if "registry" in f.metadata
    }
    rows: list[tuple[str, ...]] = []
    below: list[tuple[str, Any]] = []
    for field in fields:
        if "registry" in field.metadata:
            below += field.metadata["registry"].items()
        elif dataclasses.is_dataclass(hints[field.name]):
            below.append((field.name, hints[field.name]))
        else:
            allowed = OneOf(names[field.name]) if field.name in names else limit.get(field.name)
            kind = f"{_kind(hints[field.name])}{_allowed(allowed)}"
            cells = (f"`{field.name}`", kind, f"`{_yaml(values[field.name])}`", meanings[field.name])
            rows.append(tuple(map(Markdown, cells)))
    yield f"{'#' * level} `{path}`"
    yield inspect.cleandoc(schema.__doc__).split("\n")[0]
    if rows:
        yield markdown_table(("key", "value", "new project", "meaning"), rows)
    for name, inner in below:
        if name in values:
            yield from _section(f"{path}.{name}", inner, values[name], min(level + 1, 4))


def _meanings(schema: type) -> Iterator[tuple[str, str]]:
    """Yield each field of a dataclass and its bases, and the string below it."""
    for base in reversed([c for c in schema.__mro__ if dataclasses.is_dataclass(c)]):
        tree = ast.parse(textwrap.dedent(inspect.getsource(base)))
        body = tree.body[0].body  # type: ignore[attr-defined]
        for line, following in zip(body, [*body[1:], None], strict=True):
            if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                text = following.value.value if _is_text(following) else ""
                yield line.target.id, " ".join(text.split()).removesuffix(".")


def _is_text(line: Any) -> bool:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)


def _kind(hint: Any) -> str:
    """Return the type of a value in words."""
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        return " or ".join(_kind(part) for part in typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        return f"list of {_kind(typing.get_args(hint)[0])}"
    kinds = {int: "whole number", float: "number", str: "text", bool: "true or false", type(None): "null"}
    return kinds[hint]


def _allowed(limit: Within | OneOf | None) -> str:
    if isinstance(limit, Within):
        return f", {limit.low:,} to {limit.high:,}"
    return f": {listed(limit.choices, 30)}" if limit else ""


def _yaml(value: object) -> str:
    return yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("\n...\n").strip()


def audit_page() -> str:
    """Return docs/audit.md with its table of checks written anew."""
    cells = ((check.topic.value, f"**{check.name}**", check.description) for check in CHECKS.values())
    table = markdown_table(("topic", "check", "passes where"), [tuple(map(Markdown, row)) for row in cells])
    page = (DOCS / "audit.md").read_text(encoding="utf-8")
    before, rest = page.split("<!-- checks -->", 1)
    after = rest.split("<!-- /checks -->", 1)[1]
    return f"{before}<!-- checks -->\n{MADE}\n\n{table}\n\n<!-- /checks -->{after}"


PAGES = {"commands.md": commands_page, "params.md": params_page, "audit.md": audit_page}


def main() -> None:
    """Write the pages, or tell which are not current."""
    stale = []
    for name, page in PAGES.items():
        path, text = DOCS / name, page()
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(f"docs/{name}")
            if "--check" not in sys.argv:
                path.write_text(text, encoding="utf-8")
    if stale and "--check" in sys.argv:
        sys.exit(f"error: {', '.join(stale)}: not current; run `make docs`")
    print(f"written: {', '.join(stale) or 'nothing, all are current'}")


if __name__ == "__main__":
    main()

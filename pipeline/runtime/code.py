"""The source files that a module depends on: its import closure within the package."""

import ast
import hashlib
import importlib
import importlib.metadata
import sys
from functools import cache
from pathlib import Path

PACKAGE = "pipeline"
_TOP = Path(__file__).resolve().parents[2]


@cache
def import_closure(module: str) -> tuple[str, ...]:
    """Return the modules of this package that `module` imports, itself included, sorted.

    Read from the source text, not by importing, so that it is exact for imports inside functions too.
    Packages whose `__init__.py` is not empty count as modules.
    """
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        waiting += [n for n in imported_names(_source(name)) if n.split(".")[0] == PACKAGE]
        waiting += [name.rpartition(".")[0]] if "." in name else []
    return tuple(sorted(name for name in found if _source(name).stat().st_size))


def source_path(module: str) -> str:
    """Return a module's file relative to the top of the project, with forward slashes."""
    return _source(module).relative_to(_TOP).as_posix()


@cache
def code_digest(module: str) -> str:
    """Return the SHA-256 of the source of the import closure and of the versions of its libraries."""
    digest = hashlib.sha256()
    for name in import_closure(module):
        digest.update(name.encode() + b"\0" + _source(name).read_bytes() + b"\0")
    for library, version in library_versions(module).items():
        digest.update(f"{library}=={version}".encode() + b"\0")
    return digest.hexdigest()


@cache
def imported_names(path: Path) -> tuple[str, ...]:
    """Return the dotted names that a source file imports (`from a.b import c` gives a.b and a.b.c)."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
            names += [full for alias in node.names if _exists(full := f"{node.module}.{alias.name}")]
    return tuple(names)


def library_versions(module: str) -> dict[str, str]:
    """Return the version of each library that the import closure imports, by the name that code imports.

    Another version of a codec may write other bytes.
    """
    roots = {name.split(".")[0] for part in import_closure(module) for name in imported_names(_source(part))}
    return {root: _version(root) for root in sorted(roots - {PACKAGE} - sys.stdlib_module_names)}


def _version(library: str) -> str:
    """Return the version of an installed library, whose distribution may have another name (cv2, PIL)."""
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return str(importlib.import_module(library).__version__)


def _source(module: str) -> Path:
    path = _TOP.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _exists(module: str) -> bool:
    return module.split(".")[0] == PACKAGE and _source(module).is_file()

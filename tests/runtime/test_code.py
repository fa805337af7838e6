import importlib.metadata
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.runtime import code as closure
from pipeline.runtime.code import code_digest, import_closure, imported_names, source_path

SOURCES = {
    "pipeline/__init__.py": "",
    "pipeline/room/__init__.py": "",
    "pipeline/room/a.py": "import os\nimport numpy as np\nfrom pipeline.room import b\n",
    "pipeline/room/b.py": "def f():\n    import pipeline.room.c as c\n    return c\n",
    "pipeline/room/c.py": "from pipeline.room.d import value\n",
    "pipeline/room/d.py": "value = 1\n",
    "pipeline/room/unused.py": "from pipeline.room.a import np\n",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package whose module a imports b, b imports c inside a function, and c imports a name of d."""
    for name, text in SOURCES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(closure, "_TOP", tmp_path)
    forget()
    yield tmp_path
    forget()


def forget() -> None:
    import_closure.cache_clear()
    code_digest.cache_clear()
    imported_names.cache_clear()


def digest() -> str:
    forget()
    return code_digest("pipeline.room.a")


@pytest.mark.usefixtures("package")
def test_the_closure_is_exact() -> None:
    assert import_closure("pipeline.room.a") == tuple(f"pipeline.room.{name}" for name in "abcd")
    assert import_closure("pipeline.room.d") == ("pipeline.room.d",)
    assert source_path("pipeline.room.a") == "pipeline/room/a.py"


def test_the_digest_follows_the_sources_that_count(package: Path) -> None:
    before = digest()
    (package / "pipeline/room/unused.py").write_text("changed = True\n")
    assert digest() == before
    (package / "pipeline/room/d.py").write_text("value = 2\n")
    assert digest() != before
    (package / "pipeline/room/d.py").write_text("value = 1\n")
    assert digest() == before


@pytest.mark.usefixtures("package")
def test_the_digest_follows_library_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest()
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.0.1" if name == "numpy" else "?")
    changed = digest()
    assert changed != before
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.0.1" if name == "numpy" else "!")
    assert digest() == changed  # numpy is the only library that module a needs


def test_the_stages_of_this_project() -> None:
    forget()
    assert "pipeline.video.decode" in import_closure("pipeline.stages.frames")
    assert "pipeline.video.decode" not in import_closure("pipeline.stages.faces")
    assert "cli" not in import_closure("pipeline.stages.frames")

import hashlib
import json
import os
from pathlib import Path

import pytest

from pipeline.runtime import digests
from pipeline.runtime.digests import sha256, sha256_all
from pipeline.runtime.errors import EmoError


def test_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    # The test vector of FIPS 180-2, appendix B.1.
    assert sha256(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_only_changed_files_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counting(path: Path) -> str:
        read.append(path.name)
        return sha256(path)

    monkeypatch.setattr(digests, "sha256", counting)
    a, b, store = tmp_path / "a", tmp_path / "b", tmp_path / "store.json"
    a.write_text("1")
    b.write_text("2")
    first = sha256_all([a, b], store)
    assert first == {a: hashlib.sha256(b"1").hexdigest(), b: hashlib.sha256(b"2").hexdigest()}
    assert sha256_all([a, b], store) == first
    assert read == ["a", "b"]
    b.write_text("3")
    os.utime(b, ns=(0, 0))
    assert sha256_all([a, b], store)[b] == hashlib.sha256(b"3").hexdigest()
    assert read == ["a", "b", "b"]


def test_a_broken_or_unwritable_store_costs_only_time(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("1")
    for text in ("", "{", "[]", "\ufffd"):
        (tmp_path / "store.json").write_text(text)
        assert sha256_all([path], tmp_path / "store.json") == {path: sha256(path)}
    assert sha256_all([path], path / "below_a_file.json") == {path: sha256(path)}


@pytest.mark.parametrize("value", ["", None])
def test_a_store_without_the_digest_is_not_believed(tmp_path: Path, value: str | None) -> None:
    path, store = tmp_path / "a", tmp_path / "store.json"
    path.write_text("1")
    right = sha256_all([path], store)
    store.write_text(json.dumps(dict.fromkeys(json.loads(store.read_text()), value)))
    assert sha256_all([path], store) == right


def test_a_file_that_is_written_to_meanwhile_has_no_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, store = tmp_path / "a", tmp_path / "store.json"
    path.write_text("1")

    def growing(file: Path) -> str:
        digest = sha256(file)
        file.write_text("12")
        return digest

    monkeypatch.setattr(digests, "sha256", growing)
    with pytest.raises(EmoError) as error:
        sha256_all([path], store)
    assert str(error.value).startswith(f"{path}: changed while it was read")
    assert not store.exists()

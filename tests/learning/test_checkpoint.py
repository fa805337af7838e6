"""Checkpoints: a saved model is read back unchanged, and damaged ones are refused."""

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from pipeline.learning.model.checkpoint import check_classes, check_images, load_model, save_model
from pipeline.learning.model.inference import all_logits
from pipeline.learning.model.predictor import Predictor
from pipeline.runtime.errors import EmoError, NotBuiltError
from pipeline.schema.checkpoint import CARD, WEIGHTS
from tests.support.trainings import LENET, SMALL, save_untrained

RECIPE = replace(LENET, dropout=0.5)
SETTINGS = json.loads(json.dumps(asdict(RECIPE)))


def saved(folder: Path, channels: int = 1) -> torch.nn.Module:
    return save_untrained(folder, RECIPE, channels)


def change(folder: Path, **values: object) -> None:
    card = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(json.dumps(card | values))


def test_a_model_is_read_back_unchanged(tmp_path: Path) -> None:
    model = saved(tmp_path)
    loaded, card = load_model(tmp_path)
    pixels = torch.randint(0, 256, (3, 1, 32, 32), dtype=torch.uint8)
    assert torch.equal(all_logits(loaded, pixels), all_logits(model, pixels))
    assert card.classes == ("happy", "neutral")
    assert (card.side_px, card.best_epoch) == (64, 2)


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    model = saved(tmp_path / "a")
    _, card = load_model(tmp_path / "a")
    save_model(model, card, tmp_path / "b")
    for name in (WEIGHTS, CARD):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_weights_without_names_of_layers(tmp_path: Path) -> None:
    saved(tmp_path)
    older = {f"{n}.weight": torch.zeros(2, 2) for n in (1, 4, 9, 12, 15)}  # as saved before layers had names
    data = safetensors.torch.save(older)
    (tmp_path / WEIGHTS).write_bytes(data)
    change(tmp_path, weights_sha256=hashlib.sha256(data).hexdigest())
    with pytest.raises(EmoError, match=r"weights\.safetensors: its layers"):
        load_model(tmp_path)


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(NotBuiltError, match=r"model\.json: "):
        load_model(tmp_path)
    saved(tmp_path)
    (tmp_path / WEIGHTS).unlink()
    with pytest.raises(NotBuiltError, match=r"weights\.safetensors: "):
        load_model(tmp_path)


def test_changed_weights(tmp_path: Path) -> None:
    saved(tmp_path)
    data = bytearray((tmp_path / WEIGHTS).read_bytes())
    data[-1] ^= 1
    (tmp_path / WEIGHTS).write_bytes(data)
    with pytest.raises(EmoError, match=r"weights\.safetensors: damaged"):
        load_model(tmp_path)


@pytest.mark.parametrize("data", [b"", b"not safetensors", b"\xff" * 64, b"\x80\x02}q\x00."])
def test_hostile_weights(tmp_path: Path, data: bytes) -> None:
    saved(tmp_path)
    (tmp_path / WEIGHTS).write_bytes(data)
    change(tmp_path, weights_sha256=hashlib.sha256(data).hexdigest())
    with pytest.raises(EmoError, match=r"weights\.safetensors: not a safetensors"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"recipe": "alexnet"}, "recipe: 'alexnet' is not one of lenet, .*dvc repro train"),
        ({"settings": SETTINGS | {"maps": [8, 16]}}, "its layers"),
        ({"settings": SETTINGS | {"dropout": 3}}, "settings: dropout: 3.0"),
        ({"settings": 5}, "settings: .*5"),
        (
            {"settings": SETTINGS | {"input_px": 15}},
            "settings: input_px: 15",
        ),
        ({"input_px": 48}, "input_px: 48, but 32"),
        ({"recipe": "vgg"}, "settings: unknown key: activation"),
        ({"recipe": "vgg", "settings": asdict(SMALL["vgg"])}, "its layers"),
        ({"classes": ["happy", "neutral", "sad"]}, "its layers"),
        ({"channels": "many"}, "channels: .*'many'"),
        ({"channels": -1}, "channels: -1"),
        ({"classes": []}, r"classes: \[\]"),
        ({"classes": ["happy", "happy"]}, "classes: .*'happy', 'happy'"),
        ({"side_px": 10**9}, "side_px: 1000000000"),
        ({"side_px": 31}, "input_px: 32"),
        ({"surprise": 1}, "unknown key: surprise"),
    ],
)
def test_a_card_that_does_not_fit(tmp_path: Path, values: dict[str, object], message: str) -> None:
    saved(tmp_path)
    change(tmp_path, **values)
    with pytest.raises(EmoError, match=message) as caught:
        load_model(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}")
    assert "\n" not in str(caught.value)


def test_a_card_that_describes_gigabytes_allocates_none(tmp_path: Path) -> None:
    saved(tmp_path)
    huge = SETTINGS | {"input_px": 4096, "maps": [1024, 1024]}  # 515 GB
    change(tmp_path, settings=huge, input_px=4096, side_px=4096)
    with pytest.raises(EmoError, match="its layers"):
        load_model(tmp_path)


@pytest.mark.parametrize("name", [CARD, WEIGHTS])
def test_a_folder_in_the_place_of_a_file(tmp_path: Path, name: str) -> None:
    saved(tmp_path)
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    with pytest.raises(EmoError, match=rf"{name}: .*Is a directory"):
        load_model(tmp_path)


def test_a_card_that_is_nested_too_deeply(tmp_path: Path) -> None:
    saved(tmp_path)
    (tmp_path / CARD).write_text("[" * 100_000)
    with pytest.raises(EmoError, match=r"model\.json: .*JSON"):
        load_model(tmp_path)


def test_a_model_of_other_images(tmp_path: Path) -> None:
    saved(tmp_path, channels=3)
    _, card = load_model(tmp_path)
    check_images(card, 3, 64, "here")
    for channels, side, found in ((1, 64, "grey images of 64"), (3, 48, "colour images of 48")):
        with pytest.raises(EmoError) as caught:
            check_images(card, channels, side, "here")
        assert str(caught.value) == (
            f"here: {found} pixels, but the model was trained on colour images of 64 pixels; "
            "run `dvc repro train`"
        )


def test_a_card_that_is_not_json(tmp_path: Path) -> None:
    saved(tmp_path)
    (tmp_path / CARD).write_bytes(b"\xff{")
    with pytest.raises(EmoError, match=r"model\.json: .*JSON"):
        load_model(tmp_path)


def test_another_label_set(tmp_path: Path) -> None:
    saved(tmp_path)
    _, card = load_model(tmp_path)
    check_classes(card, ("happy", "neutral"), "here")
    with pytest.raises(EmoError, match=r"^here: .*happy, sad, .*happy, neutral"):
        check_classes(card, ("happy", "sad"), "here")


@pytest.mark.parametrize("channels", [1, 3])
def test_predictor_gives_probabilities(tmp_path: Path, channels: int) -> None:
    saved(tmp_path, channels)
    predictor = Predictor.load(tmp_path)
    shape = (4, 64, 64) if channels == 1 else (4, 64, 64, 3)
    crops = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    chances = predictor.predict(crops)
    assert chances.shape == (4, 2)
    assert predictor.classes == ("happy", "neutral")
    assert np.allclose(chances.sum(1), 1, atol=1e-5)
    assert np.allclose(chances[1:2], predictor.predict(crops[1:2]), atol=1e-6)
    assert predictor.predict(crops[:0]).shape == (0, 2)


def test_predictor_refuses_other_crops(tmp_path: Path) -> None:
    saved(tmp_path)
    predictor = Predictor.load(tmp_path)
    with pytest.raises(EmoError, match=r"\(48, 48\) uint8, .*\(64, 64\) uint8"):
        predictor.predict(np.zeros((2, 48, 48), np.uint8))
    with pytest.raises(EmoError, match="float64"):
        predictor.predict(np.zeros((2, 64, 64)))


def test_the_device_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(tmp_path)
    monkeypatch.setenv("EMO_DEVICE", "tpu")
    with pytest.raises(EmoError, match="EMO_DEVICE: 'tpu'"):
        Predictor.load(tmp_path)
    monkeypatch.setenv("EMO_DEVICE", "cuda")
    if not torch.cuda.is_available():
        with pytest.raises(EmoError, match="EMO_DEVICE: 'cuda'"):
            Predictor.load(tmp_path)

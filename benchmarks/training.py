"""How fast an epoch is, against two yardsticks measured in the same run.

1. Forward and backward alone, on one batch that lies in memory: what an epoch can reach at best.
2. The usual loop: a Dataset that opens one PNG file an image and changes it with Pillow, and a
   DataLoader; the same net, batch, optimiser and kinds of change.

Run: `python benchmarks/training.py [--images 25000] [--repeats 3] [--threads 1]`. The images are
simulated: 64x64 pixels, grey. The figures are the medians of the repeats, taken in turn.
"""

import argparse
import math
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image, ImageEnhance
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from pipeline.core.labels import EXPRESSIONS
from pipeline.core.params import load_params
from pipeline.learning.augmentation import AugmentationParams
from pipeline.learning.data import ImageSet
from pipeline.learning.device import choose_device
from pipeline.learning.loop import Trainer, TrainParams
from pipeline.learning.models import build_model
from pipeline.learning.progress import Silent

SIDE_PX = 64
LOADER_IMAGES = 4000  # of the usual loop: its speed does not depend on how many there are


def simulated(count: int) -> ImageSet:
    """Return smooth random pictures with random labels; as PNG files they are as large as faces."""
    chance = np.random.default_rng(0)
    pixels = np.empty((count, 1, SIDE_PX, SIDE_PX), np.uint8)
    for image in pixels:
        coarse = chance.integers(0, 256, (8, 8)).astype(np.uint8)
        fine = chance.integers(0, 6, (SIDE_PX, SIDE_PX)).astype(np.uint8)
        image[0] = cv2.resize(coarse, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_CUBIC) // 2 + 60 + fine
    labels = torch.from_numpy(np.arange(count) % len(EXPRESSIONS))
    return ImageSet(torch.from_numpy(pixels), labels, EXPRESSIONS, ())


def write_folders(images: ImageSet, folder: Path) -> None:
    """Write the first images as <folder>/<expression>/<number>.png."""
    for name in images.classes:
        (folder / name).mkdir()
    for number, (pixels, label) in enumerate(zip(images.pixels, images.labels.tolist(), strict=True)):
        if number == LOADER_IMAGES:
            break
        cv2.imwrite(str(folder / images.classes[label] / f"{number:06d}.png"), pixels[0].numpy())


class FolderOfImages(Dataset[tuple[Tensor, int]]):
    """One PNG file an image, opened and changed when it is asked for."""

    def __init__(self, folder: Path, params: TrainParams) -> None:
        self.side, self.changes = params.input_px, params.augmentation
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
    """Mirror, turn, scale and shift, then change brightness and contrast, as torchvision does by Pillow."""
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


def forward_backward(trainer: Trainer, batches: int = 60) -> float:
    """Return the images/s of forward and backward on one batch in memory."""
    params = trainer.params
    shape = (params.batch, trainer.pixels.shape[1], params.input_px, params.input_px)
    images = torch.rand(shape, device=trainer.device).contiguous(memory_format=torch.channels_last)
    labels = torch.arange(params.batch, device=trainer.device) % len(EXPRESSIONS)
    trainer.model.train()

    def run() -> int:
        for _ in range(batches):
            with torch.autocast(trainer.device.type, torch.bfloat16, enabled=trainer.device.type == "cuda"):
                logits = trainer.model(images).float()
            trainer.optimiser.zero_grad()
            functional.cross_entropy(logits, labels).backward()
        return batches * params.batch

    return speed(run)


def epoch(trainer: Trainer) -> float:
    """Return the images/s of one epoch of emo's training."""

    def run() -> int:
        trainer.run_epoch(Silent())
        return len(trainer.labels)

    return speed(run)


def usual_loop(trainer: Trainer, folder: Path, workers: int) -> float:
    """Return the images/s of one epoch over PNG files with a DataLoader."""
    files = FolderOfImages(folder, trainer.params)
    loader = DataLoader(files, trainer.params.batch, shuffle=True, num_workers=workers)

    def run() -> int:
        for images, labels in loader:
            logits = trainer.model(images.to(trainer.device))
            loss = functional.cross_entropy(logits, labels.to(trainer.device))
            trainer.optimiser.zero_grad()
            loss.backward()
            trainer.optimiser.step()
            loss.item()  # for the running mean that such loops show
        return len(files)

    return speed(run)


def speed(run: Callable[[], int]) -> float:
    """Return what `run` counts per second; the clock stops when the GPU is done."""
    start = time.perf_counter()
    count = run()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return count / (time.perf_counter() - start)


def measure(trainer: Trainer, folder: Path, workers: int, repeats: int) -> dict[str, float]:
    """Return the median images/s of each way, after one round to warm up."""
    ways = {
        "forward and backward alone": lambda: forward_backward(trainer),
        "emo, a whole epoch": lambda: epoch(trainer),
        "PNG files, DataLoader": lambda: usual_loop(trainer, folder, 0),
        f"PNG files, DataLoader, {workers} workers": lambda: usual_loop(trainer, folder, workers),
    }
    forward_backward(trainer)
    rounds = [{name: way() for name, way in ways.items()} for _ in range(repeats)]
    return {name: statistics.median(one[name] for one in rounds) for name in ways}


def report(speeds: dict[str, float], title: str) -> Table:
    """Return the speeds as a table, with emo's against each."""
    table = Table("", "images/s", "emo is at", title=title)
    emo = speeds["emo, a whole epoch"]
    for name, value in speeds.items():
        table.add_row(name, f"{value:,.0f}", f"{emo / value:.2f}x")
    return table


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--images", type=int, default=25_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, help="of PyTorch; default: cpu_threads of params.yaml")
    parser.add_argument("--workers", type=int, default=2, help="of the DataLoader")
    options = parser.parse_args()
    params, device = load_params("train", TrainParams), choose_device()
    torch.set_num_threads(options.threads or params.cpu_threads)
    images = simulated(options.images)
    settings = getattr(params, params.recipe)
    model = build_model(
        params.recipe, settings, classes=len(EXPRESSIONS), input_px=params.input_px, channels=1
    ).to(device)
    trainer = Trainer(model, images, params)
    with tempfile.TemporaryDirectory() as folder:
        write_folders(images, Path(folder))
        speeds = measure(trainer, Path(folder), options.workers, options.repeats)
    title = f"{len(images)} images, batch {params.batch}, {device.type}, {torch.get_num_threads()} threads"
    Console().print(report(speeds, title))


if __name__ == "__main__":
    main()

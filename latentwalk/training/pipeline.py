"""A whole training run, from a recipe to a generator in the library with its encoder, report and model card."""

from __future__ import annotations

import functools
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from latentwalk.errors import Invalid
from latentwalk.progress import Progress, Work, map_progress, scale_progress
from latentwalk.rendering import image_codec, precision
from latentwalk.rendering.device import pick_device
from latentwalk.steering.data_coverage import data_coverage
from latentwalk.training import post_training
from latentwalk.training.data.avatars import Avatars, variability
from latentwalk.training.data.image_folder import ImageFolder
from latentwalk.training.data.scene_folder import SceneFolder
from latentwalk.training.encoder_training import ReconstructionFigures
from latentwalk.training.evaluation.model_card import model_card
from latentwalk.training.export_generator import export_generator
from latentwalk.training.gan.loop import ImageSource, TrainingRun, train
from latentwalk.training.gan.state import TrainingState
from latentwalk.training.recipe import Recipe
from models import atomic_files
from models.base import Generator
from models.catalogue import local

LOG = "training.json"
CARD = "CARD.md"
ENCODER_FIGURES = "encoder.json"
GRIDS = "sheets"
CONFIGURATION = "sizes.json"
# What determines the tensors of a checkpoint or what they were trained on; everything else may change between runs.
FIXED = {"widths", "critic", "z", "w", "mapping", "stable_rank", "pictures", "start"}


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """An exported generator: its name, its folder, the number of training images and its encoder's figures."""

    generator: str
    folder: Path
    images: int
    encoder: ReconstructionFigures | None = None

    def to_json(self) -> dict[str, Any]:
        """The result as the command prints it."""
        encoder = {} if self.encoder is None else {"encoder": reconstruction_json(self.encoder)}
        return {"generator": self.generator, "folder": str(self.folder), "seen": self.images, **encoder}


def reconstruction_json(figures: ReconstructionFigures) -> dict[str, Any]:
    """An encoder's figures as its JSON file holds them."""
    return {
        "latents": figures.latents,
        "pictures": figures.pictures,
        "mean_square": figures.mean_square,
        "n": figures.count,
    }


def open_images(
    recipe: Recipe, base: Path, side: int, part: str = "train", device: torch.device | str = "cpu"
) -> Avatars | ImageFolder | SceneFolder:
    """The recipe's images at a side; `part` is "train" or "held-out", relative paths start at `base`."""
    kind, _, path = recipe.pictures.partition(":")
    folder = (base / Path(path).expanduser()).resolve()
    if kind == "scenes":
        return SceneFolder(folder, side, part)
    return Avatars(folder, side, part, device) if kind == "avatars" else ImageFolder(folder, side, recipe.mirror, part)


def run_recipe(
    recipe: Recipe, base: Path, folder: Path, generators: Path, device: str,
    report: bool = False, minutes: float | None = None,
) -> Work[TrainingResult]:  # fmt: skip
    """Train a recipe, whose relative paths start at `base`, and store the generator in `generators`.

    `folder` holds the checkpoint, the log, sample grids and snapshots: the same call resumes an interrupted run.
    Training ends with the recipe or after `minutes`. Then an encoder is trained if the recipe asks for one, and with
    `report` the generator is evaluated on held-out images. Raises Invalid if the recipe no longer fits the checkpoint,
    or if `minutes` are too few for one step.
    """
    until = None if minutes is None else time.monotonic() + 60 * minutes
    _check_configuration(recipe, folder)
    torch_device = pick_device(device)
    if torch_device.type == "cuda":
        torch.backends.cudnn.benchmark = True  # shapes stay the same for thousands of steps
        torch.set_float32_matmul_precision("high")
    yield Progress(0.0, "Reading the pictures")

    @functools.lru_cache(maxsize=1)
    def source(side: int) -> Avatars | ImageFolder | SceneFolder:
        return open_images(recipe, base, side, device=torch_device)

    classes = source(recipe.stages[0].side).classes
    start = (base / recipe.start).resolve() if recipe.start else None
    run = TrainingRun(folder, training_dtype(recipe.precision, torch_device), torch_device, until, start)
    state = yield from _train(recipe, source, run)
    source.cache_clear()
    side = recipe.side_after(state.images)
    if not side:
        raise Invalid("Training ran out of time before its first step.", "Allow more minutes.")
    spec, weights = export_generator(state.average, recipe, side, classes)
    home = local.save(generators, spec, weights).parent
    log = {"recipe": recipe.model_dump(), "log": state.log, "begun": _log_of(start)}
    atomic_files.write(home / LOG, json.dumps(log).encode())
    post_training.add_sample_grid(state.average, side, home)
    generator = local.load(local.read_entry(home), torch_device)
    encoder = None
    if recipe.encoder:
        work = post_training.add_encoder(precision.choose(generator), recipe.encoder, folder, home)
        encoder = yield from scale_progress(work, 0.8, 0.9)
        atomic_files.write(home / ENCODER_FIGURES, json.dumps(reconstruction_json(encoder)).encode())
    result = TrainingResult(spec.name, home, state.images, encoder)
    if report:
        yield from scale_progress(_evaluate(generator, recipe, base, folder, result), 0.9, 1.0)
    return result


def training_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The dtype for a recipe's precision; for "auto", the one in which this device computes convolutions faster."""
    if precision != "auto":
        return {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return min((torch.bfloat16, torch.float32), key=_convolution_seconds)


def _convolution_seconds(dtype: torch.dtype) -> float:
    images = torch.randn(16, 64, 32, 32).to(dtype).contiguous(memory_format=torch.channels_last)
    kernel = torch.randn(64, 64, 3, 3).to(dtype)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        torch.nn.functional.conv2d(images, kernel, padding=1)
        times.append(time.perf_counter() - start)
    return min(times)


def _train(recipe: Recipe, source: ImageSource, run: TrainingRun) -> Work[TrainingState]:
    # The training loop's work, with its sample grids written to files.
    def write_grid(progress: Progress) -> Progress:
        if progress.strip is not None:
            png = image_codec.encode(Image.fromarray(progress.strip.numpy()), "png")
            atomic_files.write(run.folder / GRIDS / f"{progress.detail['seen']:09d}.png", png)
        return progress

    return map_progress(scale_progress(train(recipe, source, run), 0.0, 0.8), write_grid)


def _evaluate(generator: Generator, recipe: Recipe, base: Path, folder: Path, result: TrainingResult) -> Work[None]:
    side = generator.spec.resolution
    training, held_out = (open_images(recipe, base, side, part, generator.device) for part in ("train", "held-out"))
    work = post_training.add_report(generator, recipe, training, held_out, folder, result.folder)
    figures = yield from scale_progress(work, 0.0, 0.6)
    amounts = variability(side) if isinstance(training, Avatars) else {}
    coverage = yield from scale_progress(data_coverage(precision.choose(generator), amounts), 0.6, 1.0)
    atomic_files.write(result.folder / local.DATA_COVERAGE, json.dumps(coverage, indent=1).encode())
    card = model_card(generator.spec, recipe, result.images, figures, result.encoder, coverage)
    atomic_files.write(result.folder / CARD, card.encode())


def _log_of(start: Path | None) -> Any:
    # The training log of the generator that a run started from, if it has one.
    path = None if start is None else start / LOG
    return json.loads(path.read_bytes()) if path is not None and path.is_file() else None


def _check_configuration(recipe: Recipe, folder: Path) -> None:
    configuration = recipe.model_dump(mode="json", include=FIXED)
    path = folder / CONFIGURATION
    if path.is_file() and json.loads(path.read_bytes()) != configuration:
        raise Invalid(
            f"The run in {folder} was started with other sizes or pictures than {recipe.name} has now.",
            "Give the recipe another name, or remove that folder.",
        )
    atomic_files.write(path, json.dumps(configuration).encode())

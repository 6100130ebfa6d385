"""One run from its recipe to a generator in the library: pictures opened, states and sheets kept, the end described."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from latentwalk.errors import Invalid
from latentwalk.progress import Progress, Work, scale_progress
from latentwalk.rendering import image_codec, precision
from latentwalk.rendering.device import pick_device
from latentwalk.steering.data_coverage import data_coverage
from latentwalk.training import post_training
from latentwalk.training.data.avatars import Avatars, variability
from latentwalk.training.data.image_folder import ImageFolder
from latentwalk.training.evaluation.model_card import model_card
from latentwalk.training.export_generator import export_generator
from latentwalk.training.loop import Source, train
from latentwalk.training.recipe import Recipe
from latentwalk.training.state import TrainingState
from models import atomic_files
from models.catalogue import local
from models.catalogue.local import DATA_COVERAGE

LOG = "training.json"
CARD = "CARD.md"


def open_pictures(
    recipe: Recipe, beside: Path, side: int, part: str = "train", device: torch.device | str = "cpu"
) -> Avatars | ImageFolder:
    """The recipe's pictures at a side, to train on or "held-out"; relative paths start at `beside`."""
    kind, _, place = recipe.pictures.partition(":")
    folder = (beside / Path(place).expanduser()).resolve()
    return Avatars(folder, side, part, device) if kind == "avatars" else ImageFolder(folder, side, recipe.mirror, part)


def run_recipe(
    recipe: Recipe, beside: Path, folder: Path, generators: Path, device: str,
    report: bool = False, minutes: float | None = None,
) -> Work[Mapping[str, Any]]:  # fmt: skip
    """Train what a recipe says, its paths starting at `beside`, and keep the generator in `generators`.

    `folder` holds the state, the log, sheets and snapshots: the same call goes on where the last one was stopped. At
    the end, or after `minutes`, what was learned so far is kept. Then an encoder is trained if the recipe asks for one,
    and with `report` every figure is taken. Returns the generator's name, where it lies and how many pictures were
    seen. Invalid where the recipe has changed in what its state depends on, or `minutes` did not do for one step.
    """
    until = None if minutes is None else time.monotonic() + 60 * minutes
    _same(recipe, folder)
    chosen = pick_device(device)
    if chosen.type == "cuda":
        torch.backends.cudnn.benchmark = True  # shapes stay as they are for thousands of steps
        torch.set_float32_matmul_precision("high")
    yield Progress(0.0, "Reading the pictures")

    @functools.lru_cache(maxsize=1)
    def source(side: int) -> Avatars | ImageFolder:
        return open_pictures(recipe, beside, side, device=chosen)

    classes = source(recipe.stages[0].side).classes
    start = (beside / recipe.start).resolve() if recipe.start else None
    state = yield from _trained(recipe, source, folder, chosen, until, start)
    source.cache_clear()
    side = recipe.reached(state.seen)
    if not side:
        raise Invalid("Nothing was learned in that time.", "Give it more minutes.")
    spec, weights = export_generator(state.average, recipe, side, classes)
    home = local.save(generators, spec, weights).parent
    told = {"recipe": recipe.model_dump(), "log": state.log, "begun": _log_of(start)}
    atomic_files.write(home / LOG, json.dumps(told).encode())
    post_training.add_sample_grid(state.average, side, home)
    made = local.load(local.read_entry(home), chosen)
    result: dict[str, Any] = {"generator": spec.name, "folder": str(home), "seen": state.seen}
    if recipe.encoder:
        work = post_training.add_encoder(precision.choose(made), recipe.encoder, folder, home)
        result["encoder"] = yield from scale_progress(work, 0.8, 0.9)
        atomic_files.write(home / "encoder.json", json.dumps(result["encoder"]).encode())
    if report:
        training, held_out = (open_pictures(recipe, beside, side, which, chosen) for which in ("train", "held-out"))
        known = variability(side) if isinstance(training, Avatars) else {}
        view = yield from scale_progress(
            post_training.add_report(made, recipe, training, held_out, folder, home), 0.9, 0.96
        )
        reflected = yield from scale_progress(data_coverage(precision.choose(made), known), 0.96, 1.0)
        atomic_files.write(home / DATA_COVERAGE, json.dumps(reflected, indent=1).encode())
        atomic_files.write(
            home / CARD, model_card(spec, recipe, state.seen, view, result.get("encoder"), reflected).encode()
        )
    return result


def _trained(
    recipe: Recipe, source: Source, folder: Path, device: torch.device, until: float | None, start: Path | None
) -> Work[TrainingState]:
    dtype = dtype_of(recipe.precision, device)
    work = scale_progress(train(recipe, source, folder, dtype, device, until, start), 0.0, 0.8)
    while True:
        try:
            progress = next(work)
        except StopIteration as done:
            state: TrainingState = done.value
            return state
        if progress.strip is not None:
            picture = image_codec.encode(Image.fromarray(progress.strip.numpy()), "png")
            atomic_files.write(folder / "sheets" / f"{progress.detail['seen']:09d}.png", picture)
        yield progress


def dtype_of(precision: str, device: torch.device) -> torch.dtype:
    """The recipe's precision, or by itself the one in which this device convolves faster."""
    if precision != "auto":
        return {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return min((torch.bfloat16, torch.float32), key=_seconds)


def _seconds(dtype: torch.dtype) -> float:
    image = torch.randn(16, 64, 32, 32).to(dtype).contiguous(memory_format=torch.channels_last)
    kernel = torch.randn(64, 64, 3, 3).to(dtype)
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        torch.nn.functional.conv2d(image, kernel, padding=1)
        times.append(time.perf_counter() - begin)
    return min(times)


def _log_of(start: Path | None) -> Any:
    # How the generator that a run began with was trained itself, where that is told.
    path = None if start is None else start / LOG
    return json.loads(path.read_bytes()) if path is not None and path.is_file() else None


def _same(recipe: Recipe, folder: Path) -> None:
    # Sizes decide the tensors' shapes; all else may be changed between two sittings.
    sizes = recipe.model_dump(
        mode="json", include={"widths", "critic", "z", "w", "mapping", "stable_rank", "pictures", "start"}
    )
    path = folder / "sizes.json"
    if path.is_file() and json.loads(path.read_bytes()) != sizes:
        raise Invalid(
            f"The run in {folder} was begun with other sizes or pictures than {recipe.name} has now.",
            "Give the recipe another name, or remove that folder.",
        )
    atomic_files.write(path, json.dumps(sizes).encode())

"""What makes a trained generator whole: an encoder into its latents, its figures, and a sheet to look at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from latentwalk import atomic_files
from latentwalk.progress import Work, part
from latentwalk.rendering import image_codec
from latentwalk.training.encoder_training import EncodeSettings, encode, returned, to_bytes
from latentwalk.training.evaluation import samplers
from latentwalk.training.evaluation.classifier_training import load
from latentwalk.training.evaluation.report import SHEET as NEIGHBOURS
from latentwalk.training.evaluation.report import ReportSettings, Subject, report
from latentwalk.training.evaluation.sample_grid import sheet
from latentwalk.training.evaluation.samplers import Placing
from latentwalk.training.evaluation.snapshots import curve
from latentwalk.training.recipe import Recipe
from models.base import Generator
from models.networks.stylegan2 import Plan, StyleGAN2Network
from server.storage.learned_directions import ENCODER

SNAPSHOTS = "snapshots"
NET = "net.safetensors"
ACROSS = 10


def encoded(generator: Generator, steps: int, scratch: Path, folder: Path) -> Work[Mapping[str, Any]]:
    """Train an encoder on the generator's own samples, keep it in `folder`, and say what comes back through it."""
    painter = samplers.Ready(generator)
    work = encode(painter, EncodeSettings(steps=steps), scratch / ENCODER)
    encoder = yield from part(work, 0.0, 0.9)
    found = yield from part(returned(encoder, painter), 0.9, 1.0)
    atomic_files.write(folder / ENCODER, to_bytes(encoder, generator.spec.fingerprint))
    return {"latents": found.latents, "pictures": found.pictures, "mean_square": found.mean_square, "n": found.count}


def examined(
    generator: Generator, recipe: Recipe, training: Placing, held_out: Placing, run: Path, folder: Path
) -> Work[Mapping[str, Any]]:
    """Every figure of the generator beside real pictures that it never saw, and its curve over the run's snapshots.

    `run` keeps what a second call goes on from; report.json, the sheet of nearest neighbours and a sheet of samples
    are kept in `folder`.
    """
    spec = generator.spec
    subject = Subject(
        spec.fingerprint,
        samplers.Ready(generator),
        samplers.Fresh(training),
        samplers.Fresh(held_out),
        tuple(spec.classes),
    )
    view = yield from part(report(subject, ReportSettings(), run / "report", generator.device), 0.0, 0.85)
    net = load(run / "report" / NET)
    plan = Plan(recipe.z, recipe.w, len(spec.classes), recipe.widths, recipe.mapping, fir=(1, 1))
    points = curve(
        run / SNAPSHOTS,
        lambda: StyleGAN2Network(plan).to(generator.device),
        net,
        samplers.Fresh(held_out),
        len(spec.classes),
        spec.resolution,
    )
    view = {**view, "curve": (yield from part(points, 0.85, 1.0))}
    atomic_files.write(folder / "report.json", json.dumps(view, indent=1).encode())
    neighbours = run / "report" / NEIGHBOURS
    if neighbours.is_file():
        atomic_files.write(folder / NEIGHBOURS, neighbours.read_bytes())
    return view


def shown(network: StyleGAN2Network, side: int, folder: Path, truncation: float = 0.8) -> None:
    """A sheet of samples, a row for each class, pulled a little towards each class's mean."""
    drawn = sheet(network, side, ACROSS, truncation)
    atomic_files.write(folder / "sheet.png", image_codec.encode(Image.fromarray(drawn.numpy()), "png"))

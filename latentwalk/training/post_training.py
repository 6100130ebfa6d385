"""What makes a trained generator whole: an encoder into its latents, its figures, and a sheet to look at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from latentwalk.progress import Work, scale_progress
from latentwalk.rendering import image_codec
from latentwalk.training.encoder_training import EncodeSettings, measure_reconstruction, to_bytes, train_encoder
from latentwalk.training.evaluation import samplers
from latentwalk.training.evaluation.classifier_training import load
from latentwalk.training.evaluation.report import SHEET as NEIGHBOURS
from latentwalk.training.evaluation.report import ReportSettings, Subject, report
from latentwalk.training.evaluation.sample_grid import sample_grid
from latentwalk.training.evaluation.samplers import RealSampler
from latentwalk.training.evaluation.snapshots import curve
from latentwalk.training.recipe import Recipe
from models import atomic_files
from models.base import Generator
from models.catalogue.local import ENCODER
from models.networks.stylegan2 import NetworkConfig, StyleGAN2Network

SNAPSHOTS = "snapshots"
NET = "net.safetensors"
ACROSS = 10


def add_encoder(generator: Generator, steps: int, scratch: Path, folder: Path) -> Work[Mapping[str, Any]]:
    """Train an encoder on the generator's own samples, keep it in `folder`, and say what comes back through it."""
    painter = samplers.GeneratorSampler(generator)
    work = train_encoder(painter, EncodeSettings(steps=steps), scratch / ENCODER)
    encoder = yield from scale_progress(work, 0.0, 0.9)
    found = yield from scale_progress(measure_reconstruction(encoder, painter), 0.9, 1.0)
    atomic_files.write(folder / ENCODER, to_bytes(encoder, generator.spec.fingerprint))
    return {"latents": found.latents, "pictures": found.pictures, "mean_square": found.mean_square, "n": found.count}


def add_report(
    generator: Generator, recipe: Recipe, training: RealSampler, held_out: RealSampler, run: Path, folder: Path
) -> Work[Mapping[str, Any]]:
    """Every figure of the generator beside real pictures that it never saw, and its curve over the run's snapshots.

    `run` keeps what a second call goes on from; report.json, the sheet of nearest neighbours and a sheet of samples
    are kept in `folder`.
    """
    spec = generator.spec
    subject = Subject(
        spec.fingerprint,
        samplers.GeneratorSampler(generator),
        samplers.FreshRealSampler(training),
        samplers.FreshRealSampler(held_out),
        tuple(spec.classes),
    )
    view = yield from scale_progress(report(subject, ReportSettings(), run / "report", generator.device), 0.0, 0.85)
    net = load(run / "report" / NET)
    plan = NetworkConfig(recipe.z, recipe.w, len(spec.classes), recipe.widths, recipe.mapping, fir=(1, 1))
    points = curve(
        run / SNAPSHOTS,
        lambda: StyleGAN2Network(plan).to(generator.device),
        net,
        samplers.FreshRealSampler(held_out),
        len(spec.classes),
        spec.resolution,
    )
    view = {**view, "curve": (yield from scale_progress(points, 0.85, 1.0))}
    atomic_files.write(folder / "report.json", json.dumps(view, indent=1).encode())
    neighbours = run / "report" / NEIGHBOURS
    if neighbours.is_file():
        atomic_files.write(folder / NEIGHBOURS, neighbours.read_bytes())
    return view


def add_sample_grid(network: StyleGAN2Network, side: int, folder: Path, truncation: float = 0.8) -> None:
    """A sheet of samples, a row for each class, pulled a little towards each class's mean."""
    drawn = sample_grid(network, side, ACROSS, truncation)
    atomic_files.write(folder / "sheet.png", image_codec.encode(Image.fromarray(drawn.numpy()), "png"))

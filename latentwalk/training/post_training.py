"""Computes what is stored with a generator after training: an encoder, evaluation figures and a sample grid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PIL import Image

from latentwalk.progress import Work, scale_progress
from latentwalk.rendering import image_codec
from latentwalk.training.encoder_files import encoder_bytes
from latentwalk.training.encoder_training import (
    EncodeSettings,
    ReconstructionFigures,
    measure_reconstruction,
    train_encoder,
)
from latentwalk.training.evaluation.classifier_training import load
from latentwalk.training.evaluation.report import NET, ReportSettings, Subject, report
from latentwalk.training.evaluation.report import SHEET as NEIGHBOURS
from latentwalk.training.evaluation.sample_grid import sample_grid
from latentwalk.training.evaluation.samplers import FreshRealSampler, GeneratorSampler, RealSampler
from latentwalk.training.evaluation.snapshots import FOLDER as SNAPSHOTS
from latentwalk.training.evaluation.snapshots import curve
from latentwalk.training.gan.state import network_config
from latentwalk.training.recipe import Recipe
from models import atomic_files
from models.base import Generator
from models.catalogue.local import ENCODER
from models.networks.stylegan2 import StyleGAN2Network

COLUMNS = 10
REPORT = "report.json"
GRID = "sheet.png"


def add_encoder(generator: Generator, steps: int, scratch: Path, folder: Path) -> Work[ReconstructionFigures]:
    """Train an encoder on the generator's samples, store it in `folder` and measure its reconstruction.

    The checkpoint of an interrupted training lies in `scratch`.
    """
    synthesizer = GeneratorSampler(generator)
    work = train_encoder(synthesizer, EncodeSettings(steps=steps), scratch / ENCODER)
    encoder = yield from scale_progress(work, 0.0, 0.9)
    figures = yield from scale_progress(measure_reconstruction(encoder, synthesizer), 0.9, 1.0)
    atomic_files.write(folder / ENCODER, encoder_bytes(encoder, generator.spec.fingerprint))
    return figures


def add_report(
    generator: Generator, recipe: Recipe, training: RealSampler, held_out: RealSampler, run: Path, folder: Path
) -> Work[dict[str, Any]]:
    """Evaluate the generator against held-out images, and its snapshots for a curve over training; JSON.

    The run's folder holds what an interrupted evaluation resumes from. The report and the sheet of nearest neighbours
    are stored in `folder`.
    """
    spec = generator.spec
    subject = Subject(
        spec.fingerprint,
        GeneratorSampler(generator),
        FreshRealSampler(training),
        FreshRealSampler(held_out),
        tuple(spec.classes),
    )
    figures = yield from scale_progress(report(subject, ReportSettings(), run / "report", generator.device), 0.0, 0.85)
    config = network_config(recipe, len(spec.classes))
    points = curve(
        run / SNAPSHOTS,
        lambda: StyleGAN2Network(config).to(generator.device),
        load(run / "report" / NET),
        FreshRealSampler(held_out),
        len(spec.classes),
        spec.resolution,
    )
    figures = {**figures, "curve": (yield from scale_progress(points, 0.85, 1.0))}
    atomic_files.write(folder / REPORT, json.dumps(figures, indent=1).encode())
    neighbours = run / "report" / NEIGHBOURS
    if neighbours.is_file():
        atomic_files.write(folder / NEIGHBOURS, neighbours.read_bytes())
    return figures


def add_sample_grid(network: StyleGAN2Network, side: int, folder: Path, truncation: float = 0.8) -> None:
    """Store a grid of samples in `folder`, a row per class, slightly truncated towards each class's mean."""
    grid = sample_grid(network, side, COLUMNS, truncation)
    atomic_files.write(folder / GRID, image_codec.encode(Image.fromarray(grid.numpy()), "png"))

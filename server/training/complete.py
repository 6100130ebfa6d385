"""What makes a trained generator whole: an encoder into its latents, its figures, and a sheet to look at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from models.base import Generator
from models.stylegan2 import Plan, StyleGAN2Network
from server import codecs, files
from server.learned import ENCODER
from server.steering.progress import Work, part
from server.training import made
from server.training.curve import curve
from server.training.encode import EncodeSettings, encode, returned, to_bytes
from server.training.made import Placing
from server.training.metrics.classify import load
from server.training.recipe import Recipe
from server.training.report import SHEET as NEIGHBOURS
from server.training.report import ReportSettings, Subject, report
from server.training.sheet import sheet

SNAPSHOTS = "snapshots"
NET = "net.safetensors"
ACROSS = 10


def encoded(generator: Generator, steps: int, scratch: Path, folder: Path) -> Work[Mapping[str, Any]]:
    """Train an encoder on the generator's own samples, keep it in `folder`, and say what comes back through it."""
    painter = made.Ready(generator)
    work = encode(painter, EncodeSettings(steps=steps), scratch / ENCODER)
    encoder = yield from part(work, 0.0, 0.9)
    found = yield from part(returned(encoder, painter), 0.9, 1.0)
    files.write(folder / ENCODER, to_bytes(encoder, generator.spec.fingerprint))
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
        spec.fingerprint, made.Ready(generator), made.Fresh(training), made.Fresh(held_out), tuple(spec.classes)
    )
    view = yield from part(report(subject, ReportSettings(), run / "report", generator.device), 0.0, 0.85)
    net = load(run / "report" / NET)
    plan = Plan(recipe.z, recipe.w, len(spec.classes), recipe.widths, recipe.mapping, fir=(1, 1))
    points = curve(
        run / SNAPSHOTS,
        lambda: StyleGAN2Network(plan).to(generator.device),
        net,
        made.Fresh(held_out),
        len(spec.classes),
        spec.resolution,
    )
    view = {**view, "curve": (yield from part(points, 0.85, 1.0))}
    files.write(folder / "report.json", json.dumps(view, indent=1).encode())
    neighbours = run / "report" / NEIGHBOURS
    if neighbours.is_file():
        files.write(folder / NEIGHBOURS, neighbours.read_bytes())
    return view


def shown(network: StyleGAN2Network, side: int, folder: Path, truncation: float = 0.8) -> None:
    """A sheet of samples, a row for each class, pulled a little towards each class's mean."""
    drawn = sheet(network, side, ACROSS, truncation)
    files.write(folder / "sheet.png", codecs.encode(Image.fromarray(drawn.numpy()), "png"))

"""Training an encoder on samples of a generator, whose latents are known, and measuring how well it reconstructs."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from latentwalk.errors import Invalid
from latentwalk.progress import Progress, Work
from latentwalk.training.checkpoint_file import (
    CheckpointFile,
    load_module,
    load_optimizer,
    module_tensors,
    optimizer_tensors,
)
from latentwalk.training.evaluation.labelled_samples import mix_seed
from models.networks.encoder import Encoder, Moments

EVERY = 50  # steps between progress reports
STORE = 500  # steps between checkpoints
PRIOR_LATENTS = 4096  # latents whose mean and deviation standardise the encoder's output


class Synthesizer(Protocol):
    """A generator as the training of an encoder needs it: latents w of its prior, and their images."""

    w: int
    side: int
    fingerprint: str

    def draw(self, count: int, source: torch.Generator) -> Tensor:
        """Latents w [count, w] from the prior, without gradients."""
        ...

    def synthesize(self, latents: Tensor) -> Tensor:
        """Their images [count, C, side, side], roughly in [-1, 1]; differentiable."""
        ...


@dataclass(frozen=True, slots=True)
class EncodeSettings:
    """How an encoder is trained; `pixels` is the weight of the image error relative to the latent error.

    Latents are compared in units of their deviation, images in their own range.
    """

    steps: int = 4000
    batch: int = 32
    rate: float = 1e-3
    pixels: float = 1.0
    width: int = 32
    moments: Moments = "none"
    seed: int = 0


@dataclass(frozen=True, slots=True)
class ReconstructionFigures:
    """The unexplained variance of fresh samples after encoding: 0 is perfect, 1 no better than the mean.

    `latents` compares w with the encoded w, `pictures` a sample with the image of its encoded latent; `mean_square`
    is the latter's plain mean squared error. `count` is the number of samples.
    """

    latents: float
    pictures: float
    mean_square: float
    count: int


def train_encoder(synthesizer: Synthesizer, settings: EncodeSettings, file: Path | None = None) -> Work[Encoder]:
    """Train an encoder for a generator; a checkpoint `file` of the same training is resumed.

    The loss is the latents' squared error plus `pixels` times that of the reconstructed images. Raises Invalid for
    settings out of range.
    """
    if settings.steps < 1 or settings.batch < 2:
        raise Invalid(
            "Training an encoder needs at least one step of two pictures.", "Raise the number of steps or the batch."
        )
    torch.manual_seed(settings.seed)
    prior = synthesizer.draw(PRIOR_LATENTS, torch.Generator().manual_seed(mix_seed(settings.seed, "centre")))
    channels = synthesizer.synthesize(prior[:1]).shape[1]
    encoder = Encoder(synthesizer.side, synthesizer.w, settings.width, settings.moments, channels)
    encoder.centre.copy_(prior.mean(dim=0))
    encoder.scale.copy_(prior.std(dim=0).clamp_min(1e-6))
    encoder.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    encoder.to(prior.device)
    optimizer = torch.optim.Adam(encoder.parameters(), settings.rate)
    identity = json.dumps({**asdict(settings), "generator": synthesizer.fingerprint, "side": synthesizer.side})
    first = 0 if file is None else _resume(file, identity, encoder, optimizer)
    for step in range(first, settings.steps):
        source = torch.Generator().manual_seed(mix_seed(settings.seed, step))
        latents = synthesizer.draw(settings.batch, source)
        with torch.no_grad():
            images = synthesizer.synthesize(latents)
        for group in optimizer.param_groups:
            group["lr"] = settings.rate * (1 + math.cos(math.pi * step / settings.steps)) / 2
        encoded = encoder(images)
        loss = latent_loss = ((encoded - latents) / encoder.scale).square().mean()
        image_loss = torch.zeros_like(latent_loss)
        if settings.pixels:
            image_loss = (synthesizer.synthesize(encoded) - images).square().mean()
            loss = latent_loss + settings.pixels * image_loss
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        count = step + 1
        if file is not None and (count % STORE == 0 or count == settings.steps):
            _store(file, identity, count, encoder, optimizer)
        if count % EVERY == 0 or count == settings.steps:
            row = {
                "step": count,
                "latents": round(float(latent_loss.detach()), 4),
                "pictures": round(float(image_loss.detach()), 4),
            }
            message = f"Step {count:,} of {settings.steps:,}, latents {row['latents']}, pictures {row['pictures']}"
            yield Progress(count / settings.steps, message, row)
    return encoder.eval()


def measure_reconstruction(
    encoder: Encoder, synthesizer: Synthesizer, count: int = 512, seed: int = 1
) -> Work[ReconstructionFigures]:
    """Encode fresh samples, synthesise the encoded latents, and compare both with the originals."""
    latent_error, latent_variance, image_error, image_variance = 0.0, 0.0, 0.0, 0.0
    numbers, batch = 0, 32
    with torch.no_grad():
        mean_image = synthesizer.synthesize(encoder.centre[None])
    for start in range(0, count, batch):
        source = torch.Generator().manual_seed(mix_seed(seed, "judge", start))  # the text is part of the seed
        with torch.no_grad():
            latents = synthesizer.draw(min(batch, count - start), source)
            images = synthesizer.synthesize(latents)
            encoded = encoder(images)
            latent_error += float(((encoded - latents) / encoder.scale).square().sum())
            latent_variance += float(((latents - encoder.centre) / encoder.scale).square().sum())
            image_error += float((synthesizer.synthesize(encoded) - images).square().sum())
            image_variance += float((images - mean_image).square().sum())
        numbers += images.numel()
        yield Progress(min((start + batch) / count, 1.0), "Encoding fresh samples")
    return ReconstructionFigures(
        round(latent_error / latent_variance, 4),
        round(image_error / image_variance, 4),
        round(image_error / numbers, 5),
        count,
    )


def _store(file: Path, identity: str, step: int, encoder: Encoder, optimizer: torch.optim.Adam) -> None:
    tensors = module_tensors(encoder, "encoder") | optimizer_tensors(optimizer, "adam")
    CheckpointFile(tensors, {"mark": identity, "step": str(step)}).write(file)


def _resume(file: Path, identity: str, encoder: Encoder, optimizer: torch.optim.Adam) -> int:
    if not file.is_file():
        return 0
    checkpoint = CheckpointFile.read(file)
    if checkpoint.metadata.get("mark") != identity:
        return 0  # it belongs to another training
    load_module(encoder, checkpoint.tensors, "encoder")
    load_optimizer(optimizer, checkpoint.tensors, "adam")
    return int(checkpoint.metadata["step"])

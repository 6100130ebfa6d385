"""Training an encoder on a generator's own samples, whose latents are known, and judging what it brings back."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from latentwalk.errors import Invalid
from latentwalk.progress import Progress, Work
from latentwalk.training.evaluation.labelled_samples import mixed
from models.atomic_files import write
from models.networks.encoder import Encoder, Moments

EVERY = 50  # steps between reports
STORE = 500  # steps between stored states
CENTRED = 4096  # latents from which their mean and deviation are taken
PREFIX = "encoder/"


class Synthesizer(Protocol):
    """A generator as an encoder sees it."""

    w: int
    side: int
    fingerprint: str

    def draw(self, count: int, source: torch.Generator) -> Tensor:
        """Latents w [count, w] from its prior, without gradients."""
        ...

    def paint(self, latents: Tensor) -> Tensor:
        """Their pictures [count, C, side, side], roughly in [-1, 1]; gradients flow back."""
        ...


@dataclass(frozen=True, slots=True)
class EncodeSettings:
    """How an encoder is trained; `pixels` weighs the pictures' error against that of the latents.

    Latents are compared in units of their deviation, pictures in their own range.
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
    """What comes back of fresh samples: shares of the variance left over, 0 perfect and 1 no better than the mean.

    `latents` compares w with w, `pictures` a sample with the picture of its encoded latent; `mean_square` is the
    latter's plain error.
    """

    latents: float
    pictures: float
    mean_square: float
    count: int


def train_encoder(painter: Synthesizer, settings: EncodeSettings, file: Path | None = None) -> Work[Encoder]:
    """Train an encoder for a generator; with a `file` of the same training it goes on from there.

    The loss is the latents' squared error plus `pixels` times that of the pictures painted from the answer.
    """
    if settings.steps < 1 or settings.batch < 2:
        raise Invalid("An encoder needs a step, and two pictures in each.", "Ask for more.")
    torch.manual_seed(settings.seed)
    known = painter.draw(CENTRED, torch.Generator().manual_seed(mixed(settings.seed, "centre")))
    channels = painter.paint(known[:1]).shape[1]
    encoder = Encoder(painter.side, painter.w, settings.width, settings.moments, channels)
    encoder.centre.copy_(known.mean(dim=0))
    encoder.scale.copy_(known.std(dim=0).clamp_min(1e-6))
    encoder.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    encoder.to(known.device)  # where the painter is
    optimiser = torch.optim.Adam(encoder.parameters(), settings.rate)
    mark = json.dumps({**asdict(settings), "generator": painter.fingerprint, "side": painter.side})
    begun = 0 if file is None else _resume(file, mark, encoder, optimiser)
    for step in range(begun, settings.steps):
        source = torch.Generator().manual_seed(mixed(settings.seed, step))
        latents = painter.draw(settings.batch, source)
        with torch.no_grad():
            pictures = painter.paint(latents)
        for group in optimiser.param_groups:
            group["lr"] = settings.rate * (1 + math.cos(math.pi * step / settings.steps)) / 2
        found = encoder(pictures)
        loss = first = ((found - latents) / encoder.scale).square().mean()
        second = torch.zeros_like(first)
        if settings.pixels:
            second = (painter.paint(found) - pictures).square().mean()
            loss = first + settings.pixels * second
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        done = step + 1
        if file is not None and (done % STORE == 0 or done == settings.steps):
            _store(file, mark, done, encoder, optimiser)
        if done % EVERY == 0 or done == settings.steps:
            row = {
                "step": done,
                "latents": round(float(first.detach()), 4),
                "pictures": round(float(second.detach()), 4),
            }
            message = f"Step {done:,} of {settings.steps:,}, latents {row['latents']}, pictures {row['pictures']}"
            yield Progress(done / settings.steps, message, row)
    return encoder.eval()


def measure_reconstruction(
    encoder: Encoder, painter: Synthesizer, count: int = 512, seed: int = 1
) -> Work[ReconstructionFigures]:
    """Encode fresh samples and paint them again."""
    wrong, spread, off, usual = 0.0, 0.0, 0.0, 0.0
    numbers, batch = 0, 32
    with torch.no_grad():
        middle = painter.paint(encoder.centre[None])
    for start in range(0, count, batch):
        with torch.no_grad():
            latents = painter.draw(
                min(batch, count - start), torch.Generator().manual_seed(mixed(seed, "judge", start))
            )
            pictures = painter.paint(latents)
            found = encoder(pictures)
            wrong += float(((found - latents) / encoder.scale).square().sum())
            spread += float(((latents - encoder.centre) / encoder.scale).square().sum())
            off += float((painter.paint(found) - pictures).square().sum())
            usual += float((pictures - middle).square().sum())
        numbers += pictures.numel()
        yield Progress(min((start + batch) / count, 1.0), "Encoding fresh samples")
    return ReconstructionFigures(round(wrong / spread, 4), round(off / usual, 4), round(off / numbers, 5), count)


def refine(
    encoder: Encoder, painter: Synthesizer, pictures: Tensor, steps: int = 100, rate: float = 0.02
) -> Work[Tensor]:
    """Latents [N, w] that start where the encoder puts pictures [N, C, side, side] and descend their pixels' error.

    Steps are in units of the latents' deviation; every picture keeps the best latent it had on the way, so the result
    is never worse than the encoder's answer.
    """
    with torch.no_grad():
        start: Tensor = encoder(pictures)
    offset = torch.zeros_like(start, requires_grad=True)
    optimiser = torch.optim.Adam([offset], rate)
    best, error = start.clone(), start.new_full((len(start),), math.inf)
    for step in range(steps + 1):
        with torch.enable_grad():  # wherever it is driven from
            latents = start + offset * encoder.scale
            each = (painter.paint(latents) - pictures).square().mean(dim=(1, 2, 3))
            if step < steps:
                (offset.grad,) = torch.autograd.grad(each.sum(), offset)
        better = each.detach() < error
        best[better], error[better] = latents.detach()[better], each.detach()[better]
        if step < steps:
            optimiser.step()
        yield Progress(step / max(steps, 1), f"Error {float(error.mean()):.4f}")
    return best


def to_bytes(encoder: Encoder, generator: str) -> bytes:
    """The encoder's weights as a safetensors file, tied to its generator's fingerprint."""
    plan = {name: getattr(encoder, name) for name in ("side", "w", "width", "moments", "channels")}
    header = {"plan": json.dumps(plan), "generator": generator}
    return safetensors.torch.save({key: value.contiguous() for key, value in encoder.state_dict().items()}, header)


def load(file: Path, generator: str) -> Encoder:
    """The encoder in a file of `to_bytes`; Invalid where it was trained for another generator."""
    if not file.is_file():
        raise Invalid(f"There is no encoder at {file.name}.", "Train it first.")
    with safetensors.safe_open(file, framework="pt") as opened:
        header: dict[str, str] = opened.metadata() or {}
        state = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118 - not a dict
    if header.get("generator") != generator:
        raise Invalid(f"The encoder {file.name} belongs to another generator.", "Train one for this generator.")
    encoder = Encoder(**json.loads(header["plan"]))
    encoder.load_state_dict(state)
    return encoder.eval()


def _store(file: Path, mark: str, step: int, encoder: Encoder, optimiser: torch.optim.Adam) -> None:
    tensors = {PREFIX + key: value for key, value in encoder.state_dict().items()}
    for index, values in optimiser.state_dict()["state"].items():
        tensors |= {f"adam/{index}/{key}": value for key, value in values.items()}
    header = {"mark": mark, "step": str(step)}
    write(file, safetensors.torch.save({key: value.contiguous() for key, value in tensors.items()}, header))


def _resume(file: Path, mark: str, encoder: Encoder, optimiser: torch.optim.Adam) -> int:
    if not file.is_file():
        return 0
    with safetensors.safe_open(file, framework="pt") as opened:
        header: dict[str, str] = opened.metadata() or {}
        if header.get("mark") != mark:
            return 0  # another training's
        tensors = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118 - not a dict
    encoder.load_state_dict({k.removeprefix(PREFIX): v for k, v in tensors.items() if k.startswith(PREFIX)})
    moments: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("adam/"):
            index, field = key.split("/")[1:]
            moments.setdefault(int(index), {})[field] = value
    optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})
    return int(header["step"])

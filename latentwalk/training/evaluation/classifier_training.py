"""Training a small classifier: on real images it provides the features of all other measures, on samples a measure."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from latentwalk.errors import Invalid
from latentwalk.progress import Progress, Work
from latentwalk.training.checkpoint_file import (
    CheckpointFile,
    below,
    load_module,
    load_optimizer,
    module_tensors,
    optimizer_tensors,
)
from latentwalk.training.evaluation.labelled_samples import LabelledSamples, mix_seed, to_float
from models.catalogue.hashing import fingerprint
from models.networks.classifier import Classifier, classifier_from_state

EVERY = 50  # steps between progress reports
STORE = 500  # steps between checkpoints
BATCH = 256  # images per forward pass of a trained classifier
MOMENT = "/momentum_buffer"  # the only moment of SGD; the checkpoint file leaves its name out

Device = torch.device | str


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How a classifier is trained: SGD with Nesterov momentum, linear warm-up for 5 % of the steps, cosine decay."""

    steps: int = 2000
    batch: int = 64
    rate: float = 0.1
    decay: float = 5e-4
    width: int = 32
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class FeatureNet:
    """A trained classifier and its fingerprint; figures in its features are comparable for this net only."""

    classifier: Classifier
    fingerprint: str

    @property
    def device(self) -> torch.device:
        """The device it computes on; results are returned on the CPU."""
        return self.classifier.scores.weight.device

    @property
    def name(self) -> str:
        """Such as net-1a2b3c4d: the Fréchet distance in its features is FD-net-1a2b3c4d, never FID."""
        return f"net-{self.fingerprint.removeprefix('sha256:')[:8]}"


def fit(
    samples: LabelledSamples, classes: int, settings: FitSettings, file: Path | None = None, device: Device = "cpu"
) -> Work[FeatureNet]:
    """Train a classifier from scratch on unaugmented images, always to the last step.

    There is no early stopping, so no other images can leak into training. A checkpoint `file` of the same samples and
    settings is resumed, or returned at once if it is finished. The seed determines everything. Raises Invalid for
    settings out of range.
    """
    if settings.steps < 1 or settings.batch < 2 or len(samples) < 2:
        raise Invalid(
            "Training a classifier needs at least one step of two pictures.", "Use more steps or more pictures."
        )
    torch.manual_seed(settings.seed)
    model = Classifier(samples.side, classes, settings.width, int(samples.images.shape[1]))
    model.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    model.to(device)
    optimizer = torch.optim.SGD(model.parameters(), settings.rate, 0.9, weight_decay=settings.decay, nesterov=True)
    identity = _identity(samples, classes, settings)
    first = 0 if file is None else _resume(file, identity, model, optimizer)
    for step in range(first, settings.steps):
        source = torch.Generator().manual_seed(mix_seed(settings.seed, step))
        rows = torch.randint(len(samples), (settings.batch,), generator=source)
        for group in optimizer.param_groups:
            group["lr"] = settings.rate * _schedule(step / settings.steps)
        loss = F.cross_entropy(model(samples.at(rows).to(device)), samples.kinds[rows].to(device))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        count = step + 1
        if file is not None and (count % STORE == 0 or count == settings.steps):
            _store(file, identity, count, model, optimizer)
        if count % EVERY == 0 or count == settings.steps:
            value = round(float(loss.detach()), 4)
            message = f"Step {count:,} of {settings.steps:,}, loss {value:.3f}"
            yield Progress(count / settings.steps, message, {"step": count, "loss": value})
    return FeatureNet(model.eval(), fingerprint(model.state_dict()))


def scores(net: FeatureNet, images: Tensor) -> Work[Tensor]:
    """Class scores [N, classes] of 8-bit images [N, C, H, W]."""
    parts = []
    for start in range(0, len(images), BATCH):
        with torch.inference_mode():
            parts.append(net.classifier(to_float(images[start : start + BATCH]).to(net.device)).cpu())
        yield Progress(min((start + BATCH) / len(images), 1.0), "Classifying the pictures")
    return torch.cat(parts)


def features(net: FeatureNet, images: Tensor, flipped: bool = False) -> Work[Tensor]:
    """Features [N, size] of 8-bit images [N, C, H, W], or of their mirror images if `flipped`."""
    parts = []
    for start in range(0, len(images), BATCH):
        chunk = to_float(images[start : start + BATCH]).to(net.device)
        with torch.inference_mode():
            parts.append(net.classifier.features(chunk.flip(-1) if flipped else chunk).cpu())
        yield Progress(min((start + BATCH) / len(images), 1.0), "Computing features of the pictures")
    return torch.cat(parts)


def load(file: Path) -> FeatureNet:
    """A classifier that `fit` finished. Raises Invalid if the file is missing or training is not finished."""
    if not file.is_file():
        raise Invalid(f"There is no classifier at {file.name}.", "Train it first.")
    checkpoint = CheckpointFile.read(file)
    identity = json.loads(checkpoint.metadata.get("mark", "{}"))
    if not identity or int(checkpoint.metadata["step"]) < identity["steps"]:
        raise Invalid(f"The training of the classifier at {file.name} is not finished.", "Finish training it.")
    state = below(checkpoint.tensors, "net")
    return FeatureNet(classifier_from_state(state, identity["side"]), fingerprint(state))


def _schedule(share: float) -> float:
    return min(share / 0.05 + 0.01, 1.0) * (1 + math.cos(math.pi * share)) / 2


def _identity(samples: LabelledSamples, classes: int, settings: FitSettings) -> str:
    # What a checkpoint must agree with to be resumed.
    digest = hashlib.sha256(samples.images.numpy().data)
    digest.update(samples.kinds.numpy().data)
    return json.dumps({**asdict(settings), "classes": classes, "side": samples.side, "data": digest.hexdigest()})


def _store(file: Path, identity: str, step: int, model: Classifier, optimizer: torch.optim.SGD) -> None:
    moments = {key.removesuffix(MOMENT): value for key, value in optimizer_tensors(optimizer, "momentum").items()}
    CheckpointFile(module_tensors(model, "net") | moments, {"mark": identity, "step": str(step)}).write(file)


def _resume(file: Path, identity: str, model: Classifier, optimizer: torch.optim.SGD) -> int:
    if not file.is_file():
        return 0
    checkpoint = CheckpointFile.read(file)
    if checkpoint.metadata.get("mark") != identity:
        return 0  # it belongs to another training
    load_module(model, checkpoint.tensors, "net")
    moments = {f"momentum/{key}{MOMENT}": value for key, value in below(checkpoint.tensors, "momentum").items()}
    load_optimizer(optimizer, moments, "momentum")
    return int(checkpoint.metadata["step"])

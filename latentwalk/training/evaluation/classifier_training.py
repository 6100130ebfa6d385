"""Training the small classifier: on real pictures it is the net of all other measures, on samples a measure itself."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor
from torch.nn import functional as F

from latentwalk.errors import Invalid
from latentwalk.progress import Progress, Work
from latentwalk.training.evaluation.labelled_samples import LabelledSamples, floats, mixed
from models.atomic_files import write
from models.hashing import fingerprint
from models.networks.classifier import Classifier, classifier_from_state

EVERY = 50  # steps between reports
STORE = 500  # steps between stored states
BATCH = 256  # pictures looked at together once it is trained

Device = torch.device | str


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How a classifier is trained: Nesterov's SGD, a rate that warms up for a twentieth and falls by a cosine."""

    steps: int = 2000
    batch: int = 64
    rate: float = 0.1
    decay: float = 5e-4
    width: int = 32
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class FeatureNet:
    """A trained classifier and its name; figures in its features hold for this name only."""

    classifier: Classifier
    fingerprint: str

    @property
    def device(self) -> torch.device:
        """Where it computes; what it finds is brought to the CPU."""
        return self.classifier.scores.weight.device

    @property
    def name(self) -> str:
        """Such as net-1a2b3c4d: the Frechet distance in its features is FD-net-1a2b3c4d, never FID."""
        return f"net-{self.fingerprint.removeprefix('sha256:')[:8]}"


def fit(
    data: LabelledSamples, classes: int, settings: FitSettings, file: Path | None = None, device: Device = "cpu"
) -> Work[FeatureNet]:
    """Train from scratch on `data` alone, to the last step; there is no early stopping, so nothing to leak.

    With a `file`, training goes on from what it holds when it was begun with the same data and settings, and ends
    there at once when it was finished; everything is decided by the settings' seed. No picture is altered.
    """
    if settings.steps < 1 or settings.batch < 2 or len(data) < 2:
        raise Invalid("A classifier needs a step, and two pictures in each.", "Ask for more steps or pictures.")
    torch.manual_seed(settings.seed)
    model = Classifier(data.side, classes, settings.width, int(data.pictures.shape[1]))
    model.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    model.to(device)
    optimiser = torch.optim.SGD(model.parameters(), settings.rate, 0.9, weight_decay=settings.decay, nesterov=True)
    mark = _mark(data, classes, settings)
    begun = 0 if file is None else _resume(file, mark, model, optimiser)
    for step in range(begun, settings.steps):
        source = torch.Generator().manual_seed(mixed(settings.seed, step))
        rows = torch.randint(len(data), (settings.batch,), generator=source)
        for group in optimiser.param_groups:
            group["lr"] = settings.rate * _course(step / settings.steps)
        loss = F.cross_entropy(model(data.at(rows).to(device)), data.kinds[rows].to(device))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        done = step + 1
        if file is not None and (done % STORE == 0 or done == settings.steps):
            _store(file, mark, done, model, optimiser)
        if done % EVERY == 0 or done == settings.steps:
            value = round(float(loss.detach()), 4)
            message = f"Step {done:,} of {settings.steps:,}, loss {value:.3f}"
            yield Progress(done / settings.steps, message, {"step": done, "loss": value})
    return FeatureNet(model.eval(), fingerprint(model.state_dict()))


def scores(net: FeatureNet, pictures: Tensor) -> Work[Tensor]:
    """Class scores [N, classes] of 8-bit pictures [N, C, H, W]."""
    found = []
    for start in range(0, len(pictures), BATCH):
        with torch.inference_mode():
            found.append(net.classifier(floats(pictures[start : start + BATCH]).to(net.device)).cpu())
        yield Progress(min((start + BATCH) / len(pictures), 1.0), "Looking at the pictures")
    return torch.cat(found)


def features(net: FeatureNet, pictures: Tensor, mirrored: bool = False) -> Work[Tensor]:
    """Features [N, size] of 8-bit pictures [N, C, H, W], or of their mirror images."""
    found = []
    for start in range(0, len(pictures), BATCH):
        part = floats(pictures[start : start + BATCH]).to(net.device)
        with torch.inference_mode():
            found.append(net.classifier.features(part.flip(-1) if mirrored else part).cpu())
        yield Progress(min((start + BATCH) / len(pictures), 1.0), "Describing the pictures")
    return torch.cat(found)


def load(file: Path) -> FeatureNet:
    """A finished classifier of `fit`; Invalid where the file is missing or unfinished."""
    if not file.is_file():
        raise Invalid(f"There is no classifier at {file.name}.", "Train it first.")
    with safetensors.safe_open(file, framework="pt") as opened:
        header: dict[str, str] = opened.metadata() or {}
        state = {k.removeprefix("net/"): opened.get_tensor(k) for k in opened.keys() if k.startswith("net/")}  # noqa: SIM118
    mark = json.loads(header.get("mark", "{}"))
    if not mark or int(header["step"]) < mark["steps"]:
        raise Invalid(f"The classifier at {file.name} is not finished.", "Train it to its end.")
    return FeatureNet(classifier_from_state(state, mark["side"]), fingerprint(state))


def _course(share: float) -> float:
    return min(share / 0.05 + 0.01, 1.0) * (1 + math.cos(math.pi * share)) / 2


def _mark(data: LabelledSamples, classes: int, settings: FitSettings) -> dict[str, object]:
    digest = hashlib.sha256(data.pictures.numpy().data)
    digest.update(data.kinds.numpy().data)
    return {**asdict(settings), "classes": classes, "side": data.side, "data": digest.hexdigest()}


def _store(file: Path, mark: dict[str, object], step: int, model: Classifier, optimiser: torch.optim.SGD) -> None:
    tensors = {f"net/{key}": value for key, value in model.state_dict().items()}
    for index, values in optimiser.state_dict()["state"].items():
        tensors[f"momentum/{index}"] = values["momentum_buffer"]
    header = {"mark": json.dumps(mark), "step": str(step)}
    write(file, safetensors.torch.save({key: value.contiguous() for key, value in tensors.items()}, header))


def _resume(file: Path, mark: dict[str, object], model: Classifier, optimiser: torch.optim.SGD) -> int:
    if not file.is_file():
        return 0
    with safetensors.safe_open(file, framework="pt") as opened:
        header: dict[str, str] = opened.metadata() or {}
        if header.get("mark") != json.dumps(mark):
            return 0  # another training's
        tensors = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118 - not a dict
    model.load_state_dict({k.removeprefix("net/"): v for k, v in tensors.items() if k.startswith("net/")})
    moments = {int(k.split("/")[1]): {"momentum_buffer": v} for k, v in tensors.items() if k.startswith("momentum/")}
    optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})
    return int(header["step"])

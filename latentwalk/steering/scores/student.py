"""A small network that learns to predict the scores of a regressor without a gradient, on one generator's images."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from latentwalk.progress import Progress, Work
from latentwalk.steering.measuring.reliability import correlation
from models.regressors.protocol import RegressorSpec

SIDE = 64  # side of the images it sees, in pixels
WIDTHS = (24, 48, 64, 96)
EPOCHS = 14
BATCH = 32
RATE = 3e-3
HELD_OUT = 0.15
FEWEST_HELD_OUT = 8


class StudentNetwork(nn.Module):
    """Four strided convolutions and a two-layer head; images [N, C, S, S] in [-1, 1] to scores [N]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = channels
        for width in WIDTHS:
            layers += [nn.Conv2d(before, width, 3, stride=2, padding=1), nn.GroupNorm(8, width), nn.SiLU()]
            before = width
        self.features = nn.Sequential(*layers)
        # The head sees a coarse grid rather than a mean: scores such as symmetry depend on position.
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(before * 16, 64), nn.SiLU(), nn.Linear(64, 1))
        nn.init.zeros_(self.head[-1].weight)  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> Tensor:
        """Standardised scores [N]."""
        scores: Tensor = self.head(self.features(images))
        return scores[:, 0]


@dataclass(slots=True, eq=False)
class Student:
    """A differentiable stand-in for a regressor, with the same scale and spec.

    `correlation` is that of its predictions with the regressor's scores on `n` held-out images.
    """

    spec: RegressorSpec
    network: StudentNetwork
    mean: float
    deviation: float
    correlation: float
    n: int

    def score(self, images: Tensor) -> Tensor:
        """Scores [N] in the regressor's units; see Regressor."""
        scores: Tensor = self.network(downsample(images)) * self.deviation + self.mean
        return scores


def downsample(images: Tensor) -> Tensor:
    """Images as the student sees them: [N, C, 64, 64]."""
    return adaptive_avg_pool2d(images, SIDE)


def train_student(
    spec: RegressorSpec, images: Tensor, scores: Tensor, seed: int, epochs: int = EPOCHS
) -> Work[Student]:
    """Train on images [N, C, 64, 64] and their scores [N]; 15 % of them are held out to evaluate the student."""
    held_out = max(FEWEST_HELD_OUT, int(len(images) * HELD_OUT))
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    training, evaluation = order[:-held_out], order[-held_out:]
    mean, deviation = float(scores[training].mean()), float(scores[training].std().clamp_min(1e-9))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = StudentNetwork(images.shape[1]).to(images.device)
    targets = (scores - mean) / deviation
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-3)
    batches = -(-len(training) // BATCH) * epochs
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=batches)
    source = torch.Generator().manual_seed(seed)
    step = 0
    for _ in range(epochs):
        for batch in torch.split(training[torch.randperm(len(training), generator=source)], BATCH):
            optimiser.zero_grad()
            loss = (network(images[batch]) - targets[batch]).square().mean()
            loss.backward()
            optimiser.step()
            schedule.step()
            step += 1
            if step % 4 == 0:
                yield Progress(step / batches, "Training a student network")
    network.eval().requires_grad_(False)
    with torch.no_grad():
        predictions = torch.cat([network(images[batch]) for batch in torch.split(evaluation, BATCH)])
    agreement = correlation(predictions, targets[evaluation])
    return Student(replace(spec, differentiable=True), network, mean, deviation, agreement, held_out)

"""A small network that learns to score as a judge without a gradient does, on one generator's own pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from latentwalk.progress import Progress, Work
from models.regressors.protocol import RegressorSpec

SIDE = 64  # px it looks at
WIDTHS = (24, 48, 64, 96)
EPOCHS = 14
BATCH = 32
RATE = 3e-3
HELD_OUT = 0.15


class StudentNetwork(nn.Module):
    """Four strided convolutions, a mean over the picture, one number; images [N, C, S, S] in [-1, 1]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = channels
        for width in WIDTHS:
            layers += [nn.Conv2d(before, width, 3, stride=2, padding=1), nn.GroupNorm(8, width), nn.SiLU()]
            before = width
        self.features = nn.Sequential(*layers)
        # What lies where is kept on a coarse grid: centredness and symmetry are scores too.
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(before * 16, 64), nn.SiLU(), nn.Linear(64, 1))
        nn.init.zeros_(self.head[-1].weight)  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> Tensor:
        found: Tensor = self.head(self.features(images))
        return found[:, 0]


@dataclass(slots=True, eq=False)
class Student:
    """A differentiable stand-in for a judge: same scale, same spec, and how well it stands in.

    `correlation` is with the judge's scores on pictures it did not learn from, `n` of them.
    """

    spec: RegressorSpec
    network: StudentNetwork
    mean: float
    deviation: float
    correlation: float
    n: int

    def score(self, images: Tensor) -> Tensor:
        """Scores [N] in the judge's units; see Regressor."""
        found: Tensor = self.network(small(images)) * self.deviation + self.mean
        return found


def small(images: Tensor) -> Tensor:
    """Images as the student looks at them: [N, C, 64, 64]."""
    return adaptive_avg_pool2d(images, SIDE)


def train_student(
    spec: RegressorSpec, pictures: Tensor, marks: Tensor, seed: int, epochs: int = EPOCHS
) -> Work[Student]:
    """Learn from pictures [N, C, 64, 64] and their scores [N]; the last 15 % are held out and judge the student."""
    held = max(8, int(len(pictures) * HELD_OUT))
    order = torch.randperm(len(pictures), generator=torch.Generator().manual_seed(seed))
    learning, checking = order[:-held], order[-held:]
    mean, deviation = float(marks[learning].mean()), float(marks[learning].std().clamp_min(1e-9))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = StudentNetwork(pictures.shape[1]).to(pictures.device)
    wanted = (marks - mean) / deviation
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-3)
    batches = -(-len(learning) // BATCH) * epochs
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=batches)
    source = torch.Generator().manual_seed(seed)
    done = 0
    for _ in range(epochs):
        for batch in torch.split(learning[torch.randperm(len(learning), generator=source)], BATCH):
            optimiser.zero_grad()
            loss = (network(pictures[batch]) - wanted[batch]).square().mean()
            loss.backward()
            optimiser.step()
            schedule.step()
            done += 1
            if done % 4 == 0:
                yield Progress(done / batches, "Teaching a student to judge alike")
    network.eval().requires_grad_(False)
    with torch.no_grad():
        found = torch.cat([network(pictures[batch]) for batch in torch.split(checking, BATCH)])
    correlation = float(torch.corrcoef(torch.stack([found, wanted[checking]]))[0, 1].nan_to_num(0.0))
    learned = replace(spec, differentiable=True)
    return Student(learned, network, mean, deviation, correlation, held)

"""Adam with a cosine schedule, early stopping on a validation loss, and a state that resumes bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from latentwalk.steering.learning.resume_state import SavedStage

GAIN = 0.998  # a validation loss counts as an improvement below this share of the best one
PATIENCE = 5  # validations without an improvement before optimisation stops

Losses = list[list[float | None]]


class CosineAdam:
    """Optimises named parameters in place for at most `steps` steps; `source` is the random source of every draw.

    `best` holds the parameters with the lowest validation loss so far. An optimiser restored from `saved()` takes
    exactly the same steps as one that was never interrupted.
    """

    def __init__(self, parameters: Mapping[str, Tensor], rate: float, steps: int, source: torch.Generator) -> None:
        self.parameters, self.source, self.steps = dict(parameters), source, steps
        for parameter in self.parameters.values():
            parameter.requires_grad_(True)
        self._adam = torch.optim.Adam(list(self.parameters.values()), lr=rate)
        self._schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self._adam, steps)
        self.losses: Losses = []
        self.step, self._stale = 0, 0
        self._best_loss, self._early_stop = float("inf"), False
        self.best = self._copies()

    @property
    def is_finished(self) -> bool:
        """Whether all steps were taken or the validation loss stopped improving."""
        return self._early_stop or self.step >= self.steps

    def zero_grad(self) -> None:
        """Reset all gradients."""
        self._adam.zero_grad()

    def take_step(self, loss: float) -> None:
        """Update the parameters by their gradients and record the training loss."""
        self._adam.step()
        self._schedule.step()
        self.step += 1
        self.losses.append([self.step, loss, None])

    def record_validation(self, loss: float) -> None:
        """Record a validation loss after the latest step, and keep the parameters if it is the lowest so far.

        After `PATIENCE` validations in a row without an improvement (below `GAIN` times the best), `is_finished` is
        True.
        """
        self.losses[-1][2] = loss
        self._stale = 0 if loss < self._best_loss * GAIN else self._stale + 1
        if loss < self._best_loss:
            self._best_loss, self.best = loss, self._copies()
        self._early_stop = self._stale >= PATIENCE

    def saved(self) -> SavedStage:
        """A copy of the full state."""
        tensors = {f"now/{name}": tensor for name, tensor in self._copies().items()}
        tensors |= {f"kept/{name}": tensor.clone() for name, tensor in self.best.items()}
        tensors["source"] = self.source.get_state().clone()
        state = self._adam.state_dict()
        for index, values in state["state"].items():
            tensors |= {f"adam/{index}/{key}": value.detach().clone() for key, value in values.items()}
        rates = {name: value for name, value in state["param_groups"][0].items() if isinstance(value, float)}
        facts: dict[str, Any] = {
            "step": self.step, "best": self._best_loss if self.step and self._best_loss < float("inf") else None,
            "waited": self._stale, "over": self._early_stop, "losses": [list(row) for row in self.losses],
            "rates": rates, "schedule": self._schedule.state_dict(),
        }  # fmt: skip
        return SavedStage(tensors, facts)

    def restore(self, saved: SavedStage) -> None:
        """Continue from a state that `saved()` returned."""
        facts, tensors = saved.facts, saved.tensors
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                parameter.copy_(tensors[f"now/{name}"])
        self.best = {name: tensors[f"kept/{name}"].to(tensor.device) for name, tensor in self.parameters.items()}
        moments: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith("adam/"):
                _, index, field = key.split("/")
                moments.setdefault(int(index), {})[field] = value
        state = self._adam.state_dict()
        group = {**state["param_groups"][0], **facts["rates"]}
        self._adam.load_state_dict({"state": moments, "param_groups": [group]})
        self._schedule.load_state_dict(dict(facts["schedule"]))
        self.source.set_state(tensors["source"])
        self.losses = [list(row) for row in facts["losses"]]
        self.step, self._stale, self._early_stop = facts["step"], facts["waited"], facts["over"]
        self._best_loss = float("inf") if facts["best"] is None else facts["best"]

    def _copies(self) -> dict[str, Tensor]:
        return {name: tensor.detach().clone() for name, tensor in self.parameters.items()}

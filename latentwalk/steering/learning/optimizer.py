"""Adam down a cosine, with the best that a held-out set has seen: all of it that must survive to go on the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from latentwalk.steering.learning.resume_state import Saved

Losses = list[list[float | None]]


class CosineAdam:
    """Parameters by name, changed in place for at most `steps` steps; `source` is where every draw comes from.

    `better` keeps the parameters at the least held-out loss, and counts how many looks have passed without a gain.
    Restored from what `saved` gave, it takes the same steps to the last bit.
    """

    def __init__(self, parameters: Mapping[str, Tensor], rate: float, steps: int, source: torch.Generator) -> None:
        self.parameters, self.source = dict(parameters), source
        for parameter in self.parameters.values():
            parameter.requires_grad_(True)
        self._optimiser = torch.optim.Adam(list(self.parameters.values()), lr=rate)
        self._schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self._optimiser, steps)
        self.losses: Losses = []
        self.step, self.best, self.waited, self.is_over = 0, float("inf"), 0, False
        self.kept = self._copies()

    def clear(self) -> None:
        """Forget the gradients."""
        self._optimiser.zero_grad()

    def descend(self, loss: float) -> None:
        """Take the step that the gradients say, and note the loss it was taken from."""
        self._optimiser.step()
        self._schedule.step()
        self.step += 1
        self.losses.append([self.step, loss, None])

    def looked(self, held_out: float, gain: float, patience: int) -> None:
        """Note a held-out loss; it is over where `patience` looks in a row were no better than `gain` of the best."""
        self.losses[-1][2] = held_out
        self.waited = 0 if held_out < self.best * gain else self.waited + 1
        if held_out < self.best:
            self.best, self.kept = held_out, self._copies()
        self.is_over = self.waited >= patience

    def saved(self) -> Saved:
        """All of it, copied."""
        tensors = {f"now/{name}": tensor for name, tensor in self._copies().items()}
        tensors |= {f"kept/{name}": tensor.clone() for name, tensor in self.kept.items()}
        tensors["source"] = self.source.get_state().clone()
        state = self._optimiser.state_dict()
        for index, values in state["state"].items():
            tensors |= {f"adam/{index}/{key}": value.detach().clone() for key, value in values.items()}
        rates = {name: value for name, value in state["param_groups"][0].items() if isinstance(value, float)}
        facts: dict[str, Any] = {
            "step": self.step, "best": self.best if self.step and self.best < float("inf") else None,
            "waited": self.waited, "over": self.is_over, "losses": [list(row) for row in self.losses],
            "rates": rates, "schedule": self._schedule.state_dict(),
        }  # fmt: skip
        return Saved(tensors, facts)

    def restore(self, saved: Saved) -> None:
        """Go on from there."""
        facts, tensors = saved.facts, saved.tensors
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                parameter.copy_(tensors[f"now/{name}"])
        like = self.parameters
        self.kept = {name: tensors[f"kept/{name}"].to(like[name].device) for name in like}
        moments: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith("adam/"):
                _, index, field = key.split("/")
                moments.setdefault(int(index), {})[field] = value
        state = self._optimiser.state_dict()
        group = {**state["param_groups"][0], **facts["rates"]}
        self._optimiser.load_state_dict({"state": moments, "param_groups": [group]})
        self._schedule.load_state_dict(dict(facts["schedule"]))
        self.source.set_state(tensors["source"])
        self.losses = [list(row) for row in facts["losses"]]
        self.step, self.waited, self.is_over = facts["step"], facts["waited"], facts["over"]
        self.best = float("inf") if facts["best"] is None else facts["best"]

    def _copies(self) -> dict[str, Tensor]:
        return {name: tensor.detach().clone() for name, tensor in self.parameters.items()}

"""Checkpoint files of a training run: tensors and metadata in one safetensors file, optimiser moments included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from models import atomic_files


@dataclass(frozen=True, slots=True, eq=False)
class CheckpointFile:
    """The contents of a checkpoint file: tensors by name and metadata."""

    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str]

    def write(self, file: Path) -> None:
        """Write the file atomically."""
        tensors = {name: tensor.contiguous() for name, tensor in self.tensors.items()}
        atomic_files.write(file, safetensors.torch.save(tensors, dict(self.metadata)))

    @classmethod
    def read(cls, file: Path) -> CheckpointFile:
        """Read a file that `write` wrote."""
        with safetensors.safe_open(file, framework="pt") as opened:
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - not a dict
            return cls(tensors, opened.metadata() or {})


def module_tensors(module: nn.Module, prefix: str) -> dict[str, Tensor]:
    """The state of a module, every name below `prefix`."""
    return {f"{prefix}/{name}": value for name, value in module.state_dict().items()}


def load_module(module: nn.Module, tensors: Mapping[str, Tensor], prefix: str) -> None:
    """Restore what `module_tensors` returned."""
    module.load_state_dict(below(tensors, prefix))


def optimizer_tensors(optimizer: torch.optim.Optimizer, prefix: str) -> dict[str, Tensor]:
    """The moments of an optimiser, named prefix/parameter index/moment."""
    return {
        f"{prefix}/{index}/{name}": value
        for index, values in optimizer.state_dict()["state"].items()
        for name, value in values.items()
    }


def load_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], prefix: str) -> None:
    """Restore what `optimizer_tensors` returned."""
    moments: dict[int, dict[str, Tensor]] = {}
    for key, value in below(tensors, prefix).items():
        index, name = key.split("/")
        moments.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})


def below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names start with `prefix` and a slash, without it."""
    return {name.removeprefix(f"{prefix}/"): value for name, value in tensors.items() if name.startswith(f"{prefix}/")}

"""All that a run knows at one moment, and its file: a run stopped anywhere goes on from its last one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from latentwalk.training.recipe import Recipe
from models import atomic_files
from models.networks.discriminator import Discriminator, with_spectral_norm
from models.networks.stylegan2 import NetworkConfig, StyleGAN2Network

FILE = "state.safetensors"
BETAS = (0.0, 0.99)


@dataclass(eq=False)
class TrainingState:
    """The networks, the average that is kept, both optimisers, the random source and the pictures seen so far."""

    network: StyleGAN2Network
    average: StyleGAN2Network
    critic: Discriminator
    optimisers: dict[str, torch.optim.Adam]
    source: torch.Generator
    seen: int = 0
    log: list[dict[str, float]] | None = None

    @classmethod
    def start(cls, recipe: Recipe, classes: int, device: torch.device | str = "cpu") -> TrainingState:
        """A run at its beginning; the recipe's seed decides every weight and every draw."""
        torch.manual_seed(recipe.seed)
        plan = NetworkConfig(recipe.z, recipe.w, classes, recipe.widths, recipe.mapping, fir=(1, 1))
        network, average = StyleGAN2Network(plan), StyleGAN2Network(plan)
        average.load_state_dict(network.state_dict())
        average.requires_grad_(False)
        critic = Discriminator(recipe.critic or recipe.widths, classes)
        if recipe.stable_rank is not None:
            with_spectral_norm(critic, recipe.stable_rank)
        for module in (network, average, critic):
            module.to(device)
            if torch.device(device).type == "cuda":  # where convolutions want their kernels laid out like their maps
                module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        # A lazily regularised optimiser takes fewer, corrected steps (StyleGAN2, section B).
        share = recipe.lazy / (recipe.lazy + 1)
        rates = {"network": (network, 1.0), "critic": (critic, share)}
        fused = torch.device(device).type == "cuda"  # and with its count on the device, to be recorded
        optimisers = {
            name: torch.optim.Adam(
                module.parameters(), recipe.rate * part, (BETAS[0] ** part if BETAS[0] else 0.0, BETAS[1] ** part),
                1e-8, fused=fused, capturable=fused,
            )
            for name, (module, part) in rates.items()
        }  # fmt: skip
        return cls(network, average, critic, optimisers, torch.Generator().manual_seed(recipe.seed), log=[])

    @property
    def device(self) -> torch.device:
        return self.network.synthesis.start.device

    def modules(self) -> dict[str, torch.nn.Module]:
        return {"network": self.network, "average": self.average, "critic": self.critic}

    def store(self, folder: Path) -> None:
        """Write everything to `folder`, whole or not at all."""
        tensors: dict[str, Tensor] = {"source": self.source.get_state()}
        for name, module in self.modules().items():
            tensors |= {f"{name}/{key}": value for key, value in module.state_dict().items()}
        for name, optimiser in self.optimisers.items():
            for index, values in optimiser.state_dict()["state"].items():
                tensors |= {f"adam/{name}/{index}/{key}": value for key, value in values.items()}
        metadata = {"seen": str(self.seen), "log": json.dumps(self.log)}
        atomic_files.write(
            folder / FILE, safetensors.torch.save({k: v.contiguous() for k, v in tensors.items()}, metadata)
        )

    def resume(self, folder: Path) -> bool:
        """Go on from what `folder` holds, if anything; whether it did."""
        path = folder / FILE
        if not path.is_file():
            return False
        with safetensors.safe_open(path, framework="pt") as file:
            metadata: dict[str, str] = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        for name, module in self.modules().items():
            head = f"{name}/"
            module.load_state_dict({k.removeprefix(head): v for k, v in tensors.items() if k.startswith(head)})
        for name, optimiser in self.optimisers.items():
            moments: dict[int, dict[str, Any]] = {}
            for key, value in tensors.items():
                if key.startswith(f"adam/{name}/"):
                    index, field = key.split("/")[2:]
                    moments.setdefault(int(index), {})[field] = value
            optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})
        self.source.set_state(tensors["source"])
        self.seen, self.log = int(metadata["seen"]), json.loads(metadata["log"])
        return True

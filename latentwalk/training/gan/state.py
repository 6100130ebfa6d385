"""The state of a training run and its checkpoint file, from which an interrupted run resumes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import torch

from latentwalk.training.checkpoint_file import (
    CheckpointFile,
    load_module,
    load_optimizer,
    module_tensors,
    optimizer_tensors,
)
from latentwalk.training.recipe import Recipe
from models.networks.discriminator import Discriminator, with_spectral_norm
from models.networks.stylegan2 import NetworkConfig, StyleGAN2Network

FILE = "state.safetensors"
SECOND_BETA = 0.99


def network_config(recipe: Recipe, classes: int) -> NetworkConfig:
    """The sizes of a recipe's generator for that many classes."""
    return NetworkConfig(
        recipe.z, recipe.w, classes, recipe.widths, recipe.mapping, fir=(1, 1), rate=recipe.mapping_rate
    )


@dataclass(eq=False)
class TrainingState:
    """The networks, the averaged generator that is exported, both optimisers, the random source and the log.

    `images` is the number of training images so far. `optimizers` are keyed by "network" and "critic", the names that
    the checkpoint file has for the generator and the discriminator.
    """

    network: StyleGAN2Network
    average: StyleGAN2Network
    discriminator: Discriminator
    optimizers: dict[str, torch.optim.Adam]
    source: torch.Generator
    images: int = 0
    log: list[dict[str, float]] = field(default_factory=list)

    @classmethod
    def start(cls, recipe: Recipe, classes: int, device: torch.device | str = "cpu") -> TrainingState:
        """The state before the first step; the recipe's seed determines every weight and every draw."""
        torch.manual_seed(recipe.seed)
        config = network_config(recipe, classes)
        network, average = StyleGAN2Network(config), StyleGAN2Network(config)
        average.load_state_dict(network.state_dict())
        average.requires_grad_(False)
        discriminator = Discriminator(recipe.discriminator_widths, classes)
        if recipe.stable_rank is not None:
            with_spectral_norm(discriminator, recipe.stable_rank)
        is_cuda = torch.device(device).type == "cuda"
        for module in (network, average, discriminator):
            module.to(device)
            if is_cuda:  # convolutions there want kernels in the same memory format as their maps
                module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        # With a penalty only every few steps, the rate and the betas are corrected (StyleGAN2, section B).
        share = recipe.lazy / (recipe.lazy + 1)
        momentum = recipe.momentum
        rates = {"network": (network, 1.0), "critic": (discriminator, share)}
        optimizers = {
            name: torch.optim.Adam(
                module.parameters(), recipe.rate * part, (momentum**part if momentum else 0.0, SECOND_BETA**part),
                1e-8, fused=is_cuda, capturable=is_cuda,  # the step count on the device, so that graphs can record it
            )
            for name, (module, part) in rates.items()
        }  # fmt: skip
        return cls(network, average, discriminator, optimizers, torch.Generator().manual_seed(recipe.seed))

    @property
    def device(self) -> torch.device:
        """The device that the networks are on."""
        return self.network.synthesis.start.device

    def store(self, folder: Path) -> None:
        """Write the checkpoint file to `folder`, atomically."""
        tensors = {"source": self.source.get_state()}
        for name, module in self._modules().items():
            tensors |= module_tensors(module, name)
        for name, optimizer in self.optimizers.items():
            tensors |= optimizer_tensors(optimizer, f"adam/{name}")
        CheckpointFile(tensors, {"seen": str(self.images), "log": json.dumps(self.log)}).write(folder / FILE)

    def resume(self, folder: Path) -> bool:
        """Restore the state from the checkpoint file in `folder`; returns whether there is one."""
        path = folder / FILE
        if not path.is_file():
            return False
        checkpoint = CheckpointFile.read(path)
        for name, module in self._modules().items():
            load_module(module, checkpoint.tensors, name)
        for name, optimizer in self.optimizers.items():
            load_optimizer(optimizer, checkpoint.tensors, f"adam/{name}")
        self.source.set_state(checkpoint.tensors["source"])
        self.images, self.log = int(checkpoint.metadata["seen"]), json.loads(checkpoint.metadata["log"])
        return True

    def _modules(self) -> dict[str, torch.nn.Module]:
        return {"network": self.network, "average": self.average, "critic": self.discriminator}

"""StyleGAN2 as a Generator: seeds to z, z to w by class and truncation, one w a picture or one a layer to pictures."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Self

import torch
from torch import Tensor

from models.base import GeneratorSpec, Precision
from models.errors import Invalid, ModelFailed
from models.generators.style_based import StyleBased, agree
from models.layers.block_cache import BlockCache
from models.networks.stylegan2 import StyleGAN2Network, SynthesisNetwork, config_from_state

FIR = "fir"  # the resampling filter, stored beside the weights because no weight shows it
CLAMP = "clamp"  # where ADA's networks bound their maps; likewise, and only where there is one


class StyleGAN2(StyleBased):
    """A StyleGAN2: `synthesize` takes one w a picture [N, w], or one a layer [N, layers, w] (the space w+).

    Pictures of a network whose constant is not square are not square either: spec.resolution is their height.
    """

    synthesis: SynthesisNetwork

    def __init__(self, spec: GeneratorSpec, state: Mapping[str, Tensor], device: torch.device | str = "cpu") -> None:
        weights = {name: tensor.float() for name, tensor in state.items()}
        try:
            clamp = weights.pop(CLAMP, None)
            plan = config_from_state(weights, weights.pop(FIR).tolist(), None if clamp is None else float(clamp))
            network = StyleGAN2Network(plan)
            network.load_state_dict(weights, strict=True)
        except (KeyError, RuntimeError, ValueError) as error:
            raise ModelFailed(f"The weights of {spec.name} are no StyleGAN2's.", "Check the model family.") from error
        agree(spec, (plan.resolution, plan.channels, plan.classes, plan.layers, (plan.z,), (plan.w,)))
        super().__init__(spec, network, device)
        self.network = network
        self.blocks = len(plan.widths)
        self._trail = BlockCache()

    @property
    def sides(self) -> tuple[int, ...]:
        """The heights of its pictures, in px: with skip connections every block's, else only the last's."""
        heights = tuple(self.network.plan.side(number)[0] for number in range(self.blocks))
        return heights if self.network.plan.architecture == "skip" else heights[-1:]

    def small(self, side: int) -> Self:
        """A twin that stops where its pictures are `side` px high: the picture of the first blocks is one, smaller."""
        if side not in self.sides:
            raise Invalid(f"{self.spec.name} makes no pictures of {side} px.", f"It makes {self.sides}.")
        twin = copy.copy(self)
        twin.blocks, twin._trail = self.blocks - len(self.sides) + self.sides.index(side) + 1, BlockCache()
        return twin

    def at(self, precision: Precision) -> Self:
        twin = super().at(precision)
        if twin is not self:
            twin._trail = BlockCache()
        return twin

    def synthesize(self, latent: Tensor, classes: Tensor | None) -> Tensor:
        """`classes` went into w and say nothing more here."""
        return self.paint(self.styles(latent))

    def styles(self, latent: Tensor) -> list[list[Tensor]]:
        """The space S: each block's styles, one [N, channels] a layer, with what the latent adds to them."""
        made = self.synthesis.styles(self._rows(latent), self.blocks)
        changes = self._changes(latent)
        if changes is None:
            return made
        rest = iter(changes)
        return [[style + next(rest) for style in block] for block in made]

    def channels(self, latent: Tensor) -> Tensor:
        return torch.cat([style for block in self.styles(latent) for style in block], dim=1)

    def paint(self, styles: Sequence[Sequence[Tensor]]) -> Tensor:
        """Pictures of styles, as `styles` gives them."""
        return self.synthesis.paint(styles, self._dtype, self._trail).clamp(-1, 1)

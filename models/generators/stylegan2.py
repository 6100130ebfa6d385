"""StyleGAN2 as a Generator: seeds to z, z to w by class and truncation, one w per image or per layer to images."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Self

import torch
from torch import Tensor

from models.base import Precision
from models.errors import Invalid, ModelFailed
from models.generators.style_based import StyleBased, check_spec
from models.layers.block_cache import BlockCache
from models.networks.stylegan2 import StyleGAN2Network, SynthesisNetwork, config_from_state
from models.specs import GeneratorSpec

FIR = "fir"  # the resampling filter, stored beside the weights because no weight shows it
CLAMP = "clamp"  # the bound of the feature maps of ADA's networks; likewise, and only if there is one


class StyleGAN2(StyleBased):
    """A StyleGAN2: `synthesize` takes one w per image [N, w], or one per layer [N, layers, w] (the space w+).

    A network whose constant is not square makes images that are not square; spec.resolution is their height.
    """

    synthesis: SynthesisNetwork

    def __init__(self, spec: GeneratorSpec, state: Mapping[str, Tensor], device: torch.device | str = "cpu") -> None:
        weights = {name: tensor.float() for name, tensor in state.items()}
        try:
            clamp = weights.pop(CLAMP, None)
            config = config_from_state(weights, weights.pop(FIR).tolist(), None if clamp is None else float(clamp))
            network = StyleGAN2Network(config)
            network.load_state_dict(weights, strict=True)
        except (KeyError, RuntimeError, ValueError) as error:
            raise ModelFailed(
                f"The weights of {spec.name} are no StyleGAN2 weights.", "Check the model family."
            ) from error
        check_spec(spec, (config.resolution, config.channels, config.classes, config.layers, (config.z,), (config.w,)))
        super().__init__(spec, network, device)
        self.network = network
        self.blocks = len(config.widths)
        self._cache = BlockCache()

    @property
    def output_heights(self) -> tuple[int, ...]:
        """The heights of its images, in pixels: every block's with skip connections, otherwise only the last one's."""
        heights = tuple(self.network.config.side(number)[0] for number in range(self.blocks))
        return heights if self.network.config.architecture == "skip" else heights[-1:]

    def at_height(self, height: int) -> Self:
        """A copy that stops after the block whose image is `height` pixels high. Invalid if no block's is."""
        heights = self.output_heights
        if height not in heights:
            raise Invalid(f"{self.spec.name} makes no images of {height} px.", f"It makes {heights}.")
        twin = copy.copy(self)
        twin.blocks, twin._cache = self.blocks - len(heights) + heights.index(height) + 1, BlockCache()
        return twin

    def at(self, precision: Precision) -> Self:
        """A copy that computes in `precision`; itself if it already does."""
        twin = super().at(precision)
        if twin is not self:
            twin._cache = BlockCache()
        return twin

    def synthesize(self, latent: Tensor, classes: Tensor | None) -> Tensor:
        """Images [N, C, H, W] in [-1, 1]. `classes` are ignored: they are part of w."""
        return self.images_from_styles(self.styles(latent))

    def styles(self, latent: Tensor) -> list[list[Tensor]]:
        """The space S: the styles of each block, [N, channels] per layer, with the offsets that the latent holds."""
        styles = self.synthesis.styles(self._layer_latents(latent), self.blocks)
        offsets = self._style_offsets(latent)
        if offsets is None:
            return styles
        remaining = iter(offsets)
        return [[style + next(remaining) for style in block] for block in styles]

    def style_vector(self, latent: Tensor) -> Tensor:
        """The styles of latents, concatenated layer by layer: [N, sum(style_widths)]."""
        return torch.cat([style for block in self.styles(latent) for style in block], dim=1)

    def images_from_styles(self, styles: Sequence[Sequence[Tensor]]) -> Tensor:
        """Images of styles, in the layout that `styles` returns."""
        return self.synthesis.images_from_styles(styles, self._dtype, self._cache).clamp(-1, 1)

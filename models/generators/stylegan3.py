"""StyleGAN3 as a Generator, with the exact shift and rotation of the image that its input layer offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from models.errors import ModelFailed
from models.generators.style_based import StyleBased, check_spec
from models.networks.stylegan3 import (
    StyleGAN3Network,
    SynthesisNetwork,
    config_from_state,
    move_transforms,
)
from models.specs import GeneratorSpec


class StyleGAN3(StyleBased):
    """A StyleGAN3, -T or -R: `synthesize` takes one w per image [N, w], or one per layer [N, layers, w] (the space w+).

    The first layer is the input layer, whose style rotates and shifts the image.
    """

    synthesis: SynthesisNetwork

    def __init__(self, spec: GeneratorSpec, state: Mapping[str, Tensor], device: torch.device | str = "cpu") -> None:
        try:
            config, weights = config_from_state({name: tensor.float() for name, tensor in state.items()})
            network = StyleGAN3Network(config)
            network.load_state_dict(weights, strict=True)
        except (KeyError, RuntimeError, ValueError, IndexError) as error:
            raise ModelFailed(
                f"The weights of {spec.name} are no StyleGAN3 weights.", "Check the model family."
            ) from error
        sizes, last = config.mapping, config.layers[-1]
        check_spec(spec, (last.size_out[1], last.channels_out, sizes.classes, config.styles, (sizes.z,), (sizes.w,)))
        super().__init__(spec, network, device)
        self.network = network

    def synthesize(self, latent: Tensor, classes: Tensor | None) -> Tensor:
        """Images [N, C, H, W] in [-1, 1]. `classes` are ignored: they are part of w. Moves in the latent are exact.

        -T was trained to preserve detail under shifts, -R under rotations as well (Karras et al. 2021, section 4).
        """
        moves = self._moves(latent)
        transform = None if moves is None else move_transforms(moves)
        return self.synthesis.images_from_styles(self.styles(latent), transform, self._dtype).clamp(-1, 1)

    def styles(self, latent: Tensor) -> list[Tensor]:
        """The space S: the style of every layer, [N, channels] each, the four values of the input layer first."""
        styles, offsets = self.synthesis.styles(self._layer_latents(latent)), self._style_offsets(latent)
        return styles if offsets is None else [style + offset for style, offset in zip(styles, offsets, strict=True)]

    def style_vector(self, latent: Tensor) -> Tensor:
        """The styles of latents, concatenated layer by layer: [N, sum(style_widths)]."""
        return torch.cat(self.styles(latent), dim=1)

    def images_from_styles(self, styles: Sequence[Tensor]) -> Tensor:
        """Images of styles, in the layout that `styles` returns."""
        return self.synthesis.images_from_styles(list(styles), dtype=self._dtype).clamp(-1, 1)

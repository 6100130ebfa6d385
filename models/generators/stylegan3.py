"""StyleGAN3 as a Generator, and its exact shift and turn of the picture as an oracle beside learned directions."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from models.base import GeneratorSpec
from models.errors import ModelFailed
from models.generators.style_based import StyleBased, agree
from models.networks.stylegan3 import StyleGAN3Network, SynthesisNetwork, config_from_state, moved, placed


class StyleGAN3(StyleBased):
    """A StyleGAN3, -T or -R: `synthesize` takes one w a picture [N, w], or one a layer [N, layers, w] (the space w+).

    The first layer is the input's, whose style turns and shifts the picture.
    """

    synthesis: SynthesisNetwork

    def __init__(self, spec: GeneratorSpec, state: Mapping[str, Tensor], device: torch.device | str = "cpu") -> None:
        try:
            plan, weights = config_from_state({name: tensor.float() for name, tensor in state.items()})
            network = StyleGAN3Network(plan)
            network.load_state_dict(weights, strict=True)
        except (KeyError, RuntimeError, ValueError, IndexError) as error:
            raise ModelFailed(f"The weights of {spec.name} are no StyleGAN3's.", "Check the model family.") from error
        sizes, last = plan.mapping, plan.layers[-1]
        agree(spec, (last.after[1], last.outside, sizes.classes, plan.styles, (sizes.z,), (sizes.w,)))
        super().__init__(spec, network, device)
        self.network = network
        self.transform: Tensor | None = None

    def placed(self, right: float = 0.0, down: float = 0.0, turn: float = 0.0) -> StyleGAN3:
        """A twin whose pictures are moved by shares of their side and turned by degrees clockwise, exactly.

        -T was trained to keep its details through shifts, -R through turns as well (Karras et al. 2021, section 4).
        """
        twin = copy.copy(self)
        twin.transform = placed(right, down, turn).to(self.device)
        return twin

    def synthesize(self, latent: Tensor, classes: Tensor | None) -> Tensor:
        """`classes` went into w and say nothing more here. The moves that a latent goes on with are exact."""
        moves = self._moves(latent)
        where = None if moves is None else moved(moves)
        if self.transform is not None:
            where = self.transform if where is None else where @ self.transform
        return self.synthesis.paint(self.styles(latent), where, self._dtype).clamp(-1, 1)

    def styles(self, latent: Tensor) -> list[Tensor]:
        """The space S: every layer's style, [N, channels] each, the input's four numbers first."""
        made, changes = self.synthesis.styles(self._rows(latent)), self._changes(latent)
        return made if changes is None else [style + change for style, change in zip(made, changes, strict=True)]

    def channels(self, latent: Tensor) -> Tensor:
        return torch.cat(self.styles(latent), dim=1)

    def paint(self, styles: Sequence[Tensor]) -> Tensor:
        """Pictures of styles, as `styles` gives them."""
        return self.synthesis.paint(list(styles), self.transform, self._dtype).clamp(-1, 1)

"""StyleGAN2 as a Generator: seeds to z, z to w by class and truncation, one w a picture or one a layer to pictures."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from models.base import FirstLayer, GeneratorSpec, ModelError, Precision
from models.stylegan2 import StyleGAN2Network, plan_of

FIR = "fir"  # the resampling filter, stored beside the weights because no weight shows it
CLAMP = "clamp"  # where ADA's networks bound their maps; likewise, and only where there is one


class StyleGAN2:
    """A style-based generator: z [N, z] and class weights [N, K] to w [N, w] to images [N, C, R, R] in [-1, 1].

    `synthesize` takes one w a picture [N, w], or one a layer [N, layers, w] (the space w+). Truncation pulls towards
    the mean w of the classes given, mixed by their weights (StyleGAN2-ADA's conditional truncation).
    """

    def __init__(self, spec: GeneratorSpec, state: Mapping[str, Tensor], device: torch.device | str = "cpu") -> None:
        weights = {name: tensor.float() for name, tensor in state.items()}
        try:
            clamp = weights.pop(CLAMP, None)
            plan = plan_of(weights, weights.pop(FIR).tolist(), None if clamp is None else float(clamp))
            network = StyleGAN2Network(plan)
            network.load_state_dict(weights, strict=True)
        except (KeyError, RuntimeError, ValueError) as error:
            raise ModelError(f"The weights of {spec.name} are no StyleGAN2's.", "Check the model family.") from error
        found = (plan.resolution, plan.channels, plan.classes, plan.layers, (plan.z,), (plan.w,))
        told = (spec.resolution, spec.channels, len(spec.classes), spec.layers, spec.spaces["z"], spec.spaces["w"])
        if found != told:
            raise ModelError(
                f"The weights of {spec.name} make {plan.resolution} px pictures of {plan.classes} classes in "
                f"{plan.layers} layers, and that is not what is said of them.",
                "Check the description against the weights.",
            )
        self.spec = spec
        self.device = torch.device(device)
        self.precision: Precision = "fp32"
        self.network = network.eval().requires_grad_(False).to(self.device)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # the stubs do not know it

    def sample(self, seeds: Sequence[int]) -> Tensor:
        """Standard normal z; drawn on the CPU, so that a seed means the same everywhere."""
        shape = self.spec.spaces["z"]
        rows = [torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        return torch.stack(rows).to(self.device) if rows else torch.empty(0, *shape, device=self.device)

    def map(self, z: Tensor, classes: Tensor | None, truncation: float = 1.0) -> Tensor:
        w: Tensor = self.network.mapping(z, classes)
        if truncation == 1:
            return w
        mean = self.network.mapping.get_buffer("mean")
        return torch.lerp(mean.expand_as(w) if classes is None else classes.to(mean) @ mean, w, truncation)

    def synthesize(self, latent: Tensor, classes: Tensor | None) -> Tensor:
        """`classes` went into w and say nothing more here."""
        styles = latent[:, None].expand(-1, self.spec.layers, -1) if latent.ndim == 2 else latent
        dtype = torch.bfloat16 if self.precision == "bf16" else torch.float32
        picture: Tensor = self.network.synthesis(styles.float(), dtype=dtype)
        return picture.clamp(-1, 1)

    def at(self, precision: Precision) -> StyleGAN2:
        if precision == self.precision:
            return self
        # Weights stay in float32: each is scaled first and cast then, and casting them costs little.
        twin = copy.copy(self)
        twin.precision = precision
        return twin

    def first_layer(self, classes: Tensor | None) -> FirstLayer | None:
        """None: w enters at every layer, and no feature map is linear in it."""
        return None

    def entrance(self) -> Tensor:
        """The weights [M, w] of every layer's style, stacked: where w first enters."""
        return torch.cat([weight for name, weight in self.network.named_parameters() if name.endswith("affine.weight")])

"""DCGAN (Radford, Metz, Chintala 2016) as a Generator, plain or conditional, its sizes taken from the weights' shapes.

The layers are those of the paper's section 3: transposed convolutions of kernel 4 with batch norm and ReLU between
them, and tanh at the end. The first maps a 1x1 latent to 4x4, each further one doubles the side. A conditional model
takes class weights appended to z (Mirza and Osindero 2014).
"""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from models.base import FirstLayer, Precision
from models.errors import ModelFailed
from models.specs import GeneratorSpec


def build_network(widths: Sequence[int]) -> nn.Sequential:
    """The network for channel widths [input, ..., image]; batch norm and ReLU follow each layer but the last."""
    layers: list[nn.Module] = []
    for step, (inside, outside) in enumerate(itertools.pairwise(widths)):
        stride, padding = (1, 0) if step == 0 else (2, 1)
        layers.append(nn.ConvTranspose2d(inside, outside, 4, stride, padding, bias=False))
        if step < len(widths) - 2:
            layers += [nn.BatchNorm2d(outside), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.Tanh())


def ordered_layers(state: Mapping[str, Tensor]) -> list[Mapping[str, Tensor]]:
    """The tensors of each layer, by the layers' numbers in the file; layers without weights, as dropout, leave gaps."""
    layers: dict[int, dict[str, Tensor]] = {}
    for name, tensor in state.items():
        match = re.fullmatch(r"(?:\w+\.)*?(\d+)\.(\w+)", name)
        if match is None:
            raise ModelFailed(f"“{name}” is not a DCGAN layer's name.", "A DCGAN state has names like main.0.weight.")
        layers.setdefault(int(match[1]), {})[match[2]] = tensor
    return [layers[number] for number in sorted(layers)]


class DCGAN:
    """A DCGAN generator: z [N, 100] and class weights [N, K] in, images [N, C, H, W] in [-1, 1] out."""

    differentiable = True

    def __init__(self, spec: GeneratorSpec, state: Mapping[str, Tensor], device: torch.device | str = "cpu") -> None:
        layers = ordered_layers(state)
        convolutions = [layer["weight"] for layer in layers if "weight" in layer and layer["weight"].ndim == 4]
        widths = [weight.shape[0] for weight in convolutions] + [weight.shape[1] for weight in convolutions[-1:]]
        network = build_network(widths)
        modules = [module for module in network if isinstance(module, nn.ConvTranspose2d | nn.BatchNorm2d)]
        if not modules or len(modules) != len(layers):
            raise ModelFailed("The weights do not follow DCGAN's order of layers.", "Check the model family.")
        for number, (module, layer) in enumerate(zip(modules, layers, strict=True)):
            try:
                module.load_state_dict(dict(layer), strict=True)
            except RuntimeError as error:
                kind = type(module).__name__
                raise ModelFailed(f"Layer {number} of the weights is no {kind}.", "Check the file.") from error
        self.spec = spec
        self.device = torch.device(device)
        self.precision: Precision = "fp32"
        network = network.eval().requires_grad_(False).to(self.device)
        # The type stubs of Module.to lack `memory_format`.
        self.network: nn.Sequential = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._check_sizes(widths)

    def _check_sizes(self, widths: Sequence[int]) -> None:
        expected = self.spec.spaces["z"][0] + len(self.spec.classes)
        side = 4 * 2 ** (len(widths) - 2)
        if (widths[0], widths[-1], side) != (expected, self.spec.channels, self.spec.resolution):
            raise ModelFailed(
                f"The weights make {side} px images of {widths[-1]} channels from {widths[0]} numbers, but "
                f"{self.spec.name} is described as {self.spec.resolution} px, {self.spec.channels} channels, "
                f"{expected} numbers.",
                "Check the catalogue entry against the weights.",
            )

    def sample(self, seeds: Sequence[int]) -> Tensor:
        """Standard normal z, sampled on the CPU so that a seed gives the same z on every device."""
        shape = self.spec.spaces["z"]
        rows = [torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        return torch.stack(rows).to(self.device) if rows else torch.empty(0, *shape, device=self.device)

    def map(self, z: Tensor, classes: Tensor | None, truncation: float = 1.0) -> Tensor:
        """z scaled towards its mean, which is zero: a DCGAN has no mapping network."""
        return z * truncation

    def synthesize(self, latent: Tensor, classes: Tensor | None) -> Tensor:
        """Images [N, C, H, W] in [-1, 1] of z [N, D] and class weights [N, K]."""
        joined = latent if classes is None else torch.cat([latent, classes.to(latent)], dim=1)
        dtype = torch.bfloat16 if self.precision == "bf16" else torch.float32
        grid = joined.to(dtype)[:, :, None, None].contiguous(memory_format=torch.channels_last)
        image: Tensor = self.network(grid)
        return image.float()

    def at(self, precision: Precision) -> DCGAN:
        """A copy that computes in `precision`; itself if it already does."""
        if precision == self.precision:
            return self
        twin = copy.copy(self)
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        twin.network = copy.deepcopy(self.network).to(dtype)
        twin.precision = precision
        return twin

    def first_layer(self, classes: Tensor | None) -> FirstLayer:
        """The first transposed convolution with its batch norm applied to the weights: both are linear in z."""
        convolution, norm = self.network[0], self.network[1]
        assert isinstance(convolution, nn.ConvTranspose2d)
        assert isinstance(norm, nn.BatchNorm2d)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        scale = norm.weight.float() / (norm.running_var.float() + norm.eps).sqrt()
        weight = convolution.weight.float() * scale[None, :, None, None]  # [D + K, C, 4, 4]
        offset = norm.bias.float() - norm.running_mean.float() * scale
        width = self.spec.spaces["z"][0]
        bias = offset[:, None, None].expand(weight.shape[1:])
        if classes is not None:
            bias = bias + torch.einsum("k,kchw->chw", classes[0].float().to(weight), weight[width:])
        shape = (int(weight.shape[1]), int(weight.shape[2]), int(weight.shape[3]))
        return FirstLayer(weight[:width].reshape(width, -1).T.contiguous(), bias.reshape(-1).contiguous(), shape)

    def input_weights(self) -> Tensor:
        """The first transposed convolution with its batch norm applied to the weights, [C*4*4, D]."""
        return self.first_layer(None).weight

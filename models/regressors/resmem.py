"""ResMem (Needell and Bainbridge 2022), a network of two branches that predicts how well people remember an image.

One branch resembles AlexNet with local response normalisation, the other is a ResNet-152 up to its thousand classes;
seven linear layers and a sigmoid combine them. Written in plain torch for the published weights, whose own package
needs torchvision. Each batch normalisation is merged into its convolution when the weights are loaded.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.base import Precision
from models.errors import ModelFailed
from models.regressors.protocol import RegressorSpec

WHOLE, SIDE = 256, 227  # pixels: images are resized to a square and cropped to its centre
OFFSET = 14  # of the crop: half the difference, rounded to even
SMALLEST = 16
BLOCKS = (3, 8, 36, 3)  # of ResNet-152 (He et al. 2016, table 1)
EPSILON = 1e-5


class Bottleneck(nn.Module):
    """Three convolutions and a shortcut; the 3x3 one has the stride (He et al. 2016, figure 5, in its later form)."""

    def __init__(self, inside: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inside, width, 1)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1)
        self.conv3 = nn.Conv2d(width, 4 * width, 1)
        self.skip = nn.Conv2d(inside, 4 * width, 1, stride) if stride > 1 or inside != 4 * width else None

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.conv1(x))
        y = self.conv3(F.relu(self.conv2(y)))
        return F.relu(y + (x if self.skip is None else self.skip(x)))


class ResNet(nn.Module):
    """Images [N, 3, H, W] to the thousand logits of the ImageNet classes [N, 1000]."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, padding=3)
        inside = 64
        layers = []
        for number, count in enumerate(BLOCKS):
            width = 64 * 2**number
            for block in range(count):
                layers.append(Bottleneck(inside, width, 2 if number and block == 0 else 1))
                inside = 4 * width
        self.layers = nn.Sequential(*layers)
        self.fc = nn.Linear(inside, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layers(F.max_pool2d(F.relu(self.conv1(x)), 3, 2, padding=1))
        logits: Tensor = self.fc(x.mean(dim=(2, 3)))
        return logits


class ResMemNetwork(nn.Module):
    """Images [N, 3, 227, 227] in [0, 1] to memorability [N] in (0, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.features = ResNet()
        self.conv1 = nn.Conv2d(3, 48, 11, 4)
        self.conv2 = nn.Conv2d(48, 256, 5, padding=2, groups=2)
        self.conv3 = nn.Conv2d(256, 384, 3, padding=1, groups=2)
        self.conv4 = nn.Conv2d(384, 384, 3, padding=1, groups=2)
        self.conv5 = nn.Conv2d(384, 256, 3, padding=1, groups=2)
        widths = [256 * 36 + 1000, 4096, 4096, 2048, 1024, 512, 256, 1]
        for number in range(6, 13):
            self.add_module(f"fc{number}", nn.Linear(widths[number - 6], widths[number - 5]))

    def forward(self, images: Tensor) -> Tensor:
        x = images
        for layer in (self.conv1, self.conv2):
            x = local_response_norm(F.max_pool2d(F.relu(layer(x)), 3, 2))
        for layer in (self.conv3, self.conv4, self.conv5):
            x = F.relu(layer(x))
        # Flattened channel by channel, in every memory format.
        x = torch.cat([F.max_pool2d(x, 3, 2).flatten(1), self.features(images)], dim=1)
        for number in range(6, 12):
            x = F.relu(self.get_submodule(f"fc{number}")(x))
        memorability: Tensor = torch.sigmoid(self.get_submodule("fc12")(x).float())[:, 0]
        return memorability


class ResMem:
    """The published network as a regressor; gradients flow through it."""

    def __init__(self, spec: RegressorSpec, state: Mapping[str, Tensor], device: torch.device | str = "cpu") -> None:
        network = ResMemNetwork()
        try:
            network.load_state_dict(fold_batch_norms(state), strict=True)
        except (KeyError, RuntimeError) as error:
            raise ModelFailed(
                "These are not the weights of ResMem.", "Fetch them again: latentwalk pull resmem"
            ) from error
        self.spec = spec
        self.device = torch.device(device)
        self.precision: Precision = "fp32"
        network = network.eval().requires_grad_(False).to(self.device)
        # The type stubs of Module.to lack `memory_format`.
        self.network: ResMemNetwork = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def score(self, images: Tensor) -> Tensor:
        """Memorability [N] in (0, 1) of images [N, 1 or 3, H, W] in [-1, 1] from 16 px. ModelFailed for others."""
        if images.ndim != 4 or images.shape[1] not in (1, 3) or min(images.shape[2:]) < SMALLEST:
            raise ModelFailed(
                f"ResMem cannot score images of shape {list(images.shape)}.",
                f"They must be [N, 1 or 3, H, W] of at least {SMALLEST} px.",
            )
        dtype = torch.bfloat16 if self.precision == "bf16" else torch.float32
        inputs = centre_crop(images.to(self.device)).to(dtype).contiguous(memory_format=torch.channels_last)
        memorability: Tensor = self.network(inputs)
        return memorability

    def at(self, precision: Precision) -> ResMem:
        """A copy that computes in `precision`; itself if it already does."""
        if precision == self.precision:
            return self
        twin = copy.copy(self)
        twin.network = copy.deepcopy(self.network).to(torch.bfloat16 if precision == "bf16" else torch.float32)
        twin.precision = precision
        return twin


def local_response_norm(x: Tensor) -> Tensor:
    """Local response normalisation over five channels (Krizhevsky et al. 2012, section 3.3, with torch's constants);
    torch's own function does not support bfloat16.
    """
    around = F.pad(x.square(), (0, 0, 0, 0, 2, 2))
    mean = torch.stack([around[:, shift : shift + x.shape[1]] for shift in range(5)]).mean(dim=0)
    return x / (1 + 1e-4 * mean) ** 0.75


def centre_crop(images: Tensor) -> Tensor:
    """Images [N, C, H, W] in [-1, 1] as the input of the network: in [0, 1], resized and cropped to the centre.

    The resizing is antialiased, as that of the published package; colours are not normalised.
    """
    colours = (images.float().expand(-1, 3, -1, -1) + 1) / 2
    whole = F.interpolate(colours, (WHOLE, WHOLE), mode="bilinear", antialias=True)
    return whole[..., OFFSET : OFFSET + SIDE, OFFSET : OFFSET + SIDE]


def fold_batch_norms(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The published state with every batch normalisation merged into the weight and bias of its convolution.

    KeyError if a tensor is missing. Tensors that belong to no layer are kept, so that `load_state_dict` refuses them.
    """
    rest = {name: tensor for name, tensor in state.items() if not name.endswith("num_batches_tracked")}
    merged: dict[str, Tensor] = {}

    def merge(convolution: str, norm: str, name: str) -> None:
        gain, bias, mean, variance = (
            rest.pop(f"{norm}.{part}").double() for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gain / (variance + EPSILON).sqrt()
        weight = rest.pop(f"{convolution}.weight").double()
        merged[f"{name}.weight"] = (weight * scale[:, None, None, None]).float()
        merged[f"{name}.bias"] = (bias - mean * scale).float()

    merge("features.conv1", "features.bn1", "features.conv1")
    index = 0
    for number, count in enumerate(BLOCKS, start=1):
        for block in range(count):
            source = f"features.layer{number}.{block}"
            for part in (1, 2, 3):
                merge(f"{source}.conv{part}", f"{source}.bn{part}", f"features.layers.{index}.conv{part}")
            if block == 0:
                merge(f"{source}.downsample.0", f"{source}.downsample.1", f"features.layers.{index}.skip")
            index += 1
    return {**merged, **rest}

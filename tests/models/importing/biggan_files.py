"""A small BigGAN-deep as pytorch-pretrained-biggan stores it, and a direct evaluation in float64 to compare with."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

WIDTH, Z, CLASSES, STEPS, EPSILON = 8, 12, 5, 51, 1e-4
LAYERS = [(False, 4, 4), (True, 4, 2), (False, 2, 2), (True, 2, 1)]
ATTENTION = 3
CONFIG: dict[str, Any] = {
    "output_dim": 16, "z_dim": Z, "class_embed_dim": Z, "channel_width": WIDTH, "num_classes": CLASSES,
    "layers": [list(layer) for layer in LAYERS], "attention_layer_position": ATTENTION, "eps": EPSILON,
    "n_stats": STEPS,
}  # fmt: skip


class RandomBigGAN:
    """A random state dict. The first layer makes maps of 4 px, here of `first` widths rather than 16."""

    def __init__(self, seed: int = 0, first: int = 4) -> None:
        self.random, self.state = np.random.default_rng(seed), {}
        self.normal("embeddings.weight", Z, CLASSES)
        self.spectral("generator.gen_z", 16 * first * WIDTH, 2 * Z, bias=True)
        place = 0
        for number, (_, inside, outside) in enumerate(LAYERS):
            if number == ATTENTION:
                root, channels = f"generator.layers.{place}", WIDTH * inside
                for name, one, two in (("theta", 8, 1), ("phi", 8, 1), ("g", 2, 1)):
                    self.spectral(f"{root}.snconv1x1_{name}", channels // one, channels // two, 1, 1)
                self.spectral(f"{root}.snconv1x1_o_conv", channels, channels // 2, 1, 1)
                self.normal(f"{root}.gamma", 1)
                place += 1
            self.block(f"generator.layers.{place}", WIDTH * inside, WIDTH * outside)
            place += 1
        self.statistics("generator.bn", WIDTH)
        self.normal("generator.bn.weight", WIDTH)
        self.normal("generator.bn.bias", WIDTH)
        self.spectral("generator.conv_to_rgb", WIDTH, WIDTH, 3, 3, bias=True)

    def normal(self, name: str, *shape: int) -> np.ndarray:
        self.state[name] = self.random.standard_normal(shape).astype(np.float32)
        return self.state[name]

    def spectral(self, name: str, *shape: int, bias: bool = False) -> None:
        weight = self.normal(f"{name}.weight_orig", *shape).reshape(shape[0], -1)
        # Two power iterations, as after few training steps: the norm is not quite the largest singular value.
        left, right = self.random.standard_normal(shape[0]), None
        for _ in range(2):
            right = weight.T @ left / np.linalg.norm(weight.T @ left)
            left = weight @ right / np.linalg.norm(weight @ right)
        self.state[f"{name}.weight_u"] = left.astype(np.float32)
        self.state[f"{name}.weight_v"] = np.asarray(right, np.float32)
        if bias:
            self.normal(f"{name}.bias", shape[0])

    def statistics(self, name: str, channels: int) -> None:
        self.normal(f"{name}.running_means", STEPS, channels)
        self.state[f"{name}.running_vars"] = np.square(self.normal(f"{name}.running_vars", STEPS, channels)) + 0.5

    def block(self, root: str, inside: int, outside: int) -> None:
        middle = inside // 4
        sides = [(inside, middle, 1), (middle, middle, 3), (middle, middle, 3), (middle, outside, 1)]
        for number, (one, two, side) in enumerate(sides):
            self.statistics(f"{root}.bn_{number}", one)
            self.spectral(f"{root}.bn_{number}.scale", one, 2 * Z)
            self.spectral(f"{root}.bn_{number}.offset", one, 2 * Z)
            self.spectral(f"{root}.conv_{number}", two, one, side, side, bias=True)


def reference_images(state: dict[str, np.ndarray], z: Tensor, classes: Tensor, truncation: float) -> Tensor:
    """Images in float64. Statistics are interpolated between the two nearest truncations."""
    tensors = {name: torch.from_numpy(array.astype(np.float64)) for name, array in state.items()}

    def weight(name: str) -> Tensor:
        flat = tensors[f"{name}.weight_orig"]
        norm = tensors[f"{name}.weight_u"] @ flat.flatten(1) @ tensors[f"{name}.weight_v"]
        return flat / norm

    def norm(x: Tensor, name: str) -> Tensor:
        place = round(truncation * (STEPS - 1), 6)
        low = min(int(place), STEPS - 2)
        fraction = place - low
        means, spreads = (
            (1 - fraction) * table[low] + fraction * table[low + 1]
            for table in (tensors[f"{name}.running_means"], tensors[f"{name}.running_vars"])
        )
        x = (x - means[:, None, None]) / (spreads[:, None, None] + EPSILON).sqrt()
        if f"{name}.weight" in tensors:
            return x * tensors[f"{name}.weight"][:, None, None] + tensors[f"{name}.bias"][:, None, None]
        scale, offset = (condition @ weight(f"{name}.{part}").T for part in ("scale", "offset"))
        return x * (1 + scale[..., None, None]) + offset[..., None, None]

    def convolve(x: Tensor, name: str) -> Tensor:
        kernel = weight(name)
        return F.conv2d(x, kernel, tensors.get(f"{name}.bias"), padding=kernel.shape[-1] // 2)

    embedded = classes.double() @ tensors["embeddings.weight"].T
    condition = torch.cat([z.double(), embedded], dim=1)
    x = condition @ weight("generator.gen_z").T + tensors["generator.gen_z.bias"]
    x = x.view(len(z), 4, 4, -1).permute(0, 3, 1, 2)
    place = 0
    for number, (up, inside, outside) in enumerate(LAYERS):
        if number == ATTENTION:
            root, count = f"generator.layers.{place}", len(x)
            theta = convolve(x, f"{root}.snconv1x1_theta").flatten(2)
            phi = F.max_pool2d(convolve(x, f"{root}.snconv1x1_phi"), 2).flatten(2)
            values = F.max_pool2d(convolve(x, f"{root}.snconv1x1_g"), 2).flatten(2)
            attended = torch.einsum("ncq,npq->ncp", values, torch.softmax(torch.einsum("ncp,ncq->npq", theta, phi), -1))
            attended = attended.view(count, -1, *x.shape[2:])
            x = x + tensors[f"{root}.gamma"] * convolve(attended, f"{root}.snconv1x1_o_conv")
            place += 1
        root, y = f"generator.layers.{place}", x
        for step in range(4):
            y = torch.relu(norm(y, f"{root}.bn_{step}"))
            if step == 1 and up:
                y = y.repeat_interleave(2, 2).repeat_interleave(2, 3)
            y = convolve(y, f"{root}.conv_{step}")
        if inside != outside:
            x = x[:, : x.shape[1] // 2]
        x = y + (x.repeat_interleave(2, 2).repeat_interleave(2, 3) if up else x)
        place += 1
    x = torch.relu(norm(x, "generator.bn"))
    return torch.tanh(convolve(x, "generator.conv_to_rgb")[:, :3])

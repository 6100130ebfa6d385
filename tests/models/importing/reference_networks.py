"""StyleGAN2 and StyleGAN3 evaluated directly by their definitions, in float64, from weights in NVIDIA's names.

Each image's convolutions have modulated weights of their own; resampling inserts zeros and convolves.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.models.importing.official_files import SampleGenerator

FIR = [1.0, 3.0, 3.0, 1.0]


def float64_state(sample: SampleGenerator) -> dict[str, Tensor]:
    return {name: torch.from_numpy(np.array(array, np.float64)) for name, array in sample.state.items()}


def dense(state: Mapping[str, Tensor], name: str, x: Tensor, rate: float = 1.0) -> Tensor:
    weight = state[f"{name}.weight"] * rate / math.sqrt(x.shape[1])
    return x @ weight.T + state[f"{name}.bias"] * rate


def normalise(x: Tensor) -> Tensor:
    return x / (x.square().mean(dim=1, keepdim=True) + 1e-8).sqrt()


def leaky_relu(x: Tensor) -> Tensor:
    return torch.where(x < 0, x * 0.2, x) * math.sqrt(2)


def map_latents(sample: SampleGenerator, z: Tensor, classes: Tensor | None) -> Tensor:
    """z [N, D] to w [N, D]."""
    state, x = float64_state(sample), normalise(z.double())
    if classes is not None and sample.settings.get("joint"):
        x = normalise(torch.cat([z.double(), classes.double() @ state["mapping.embed.weight"].T], dim=1))
    elif classes is not None:
        x = torch.cat([x, normalise(dense(state, "mapping.embed", classes.double()))], dim=1)
    for number in range(sample.settings["layers"]):
        x = leaky_relu(dense(state, f"mapping.fc{number}", x, 0.01))
    return x


def resample(x: Tensor, taps: Tensor, up: int, down: int, pad: tuple[int, int, int, int], gain: float) -> Tensor:
    """Zeros between samples, padding (or cutting), convolution with the filter, and every `down`th sample."""
    count, channels, height, width = x.shape
    sparse = torch.zeros(count, channels, height * up, width * up, dtype=x.dtype)
    sparse[..., ::up, ::up] = x
    sparse = F.pad(sparse, pad)
    rows = sparse.reshape(count * channels, 1, *sparse.shape[-2:])
    if taps.ndim == 1:  # along rows, then along columns
        rows = F.conv2d(rows, (taps * gain).flip(0)[None, None, None])
        rows = F.conv2d(rows, taps.flip(0)[None, None, :, None])
    else:
        rows = F.conv2d(rows, (taps * gain).flip(0, 1)[None, None])
    return rows.reshape(count, channels, *rows.shape[-2:])[..., ::down, ::down]


def modulated_conv(x: Tensor, weight: Tensor, style: Tensor, demodulate: bool, pad: int) -> Tensor:
    """A grouped convolution with one group per image, each with its own weight."""
    each = weight[None] * style[:, None, :, None, None]
    if demodulate:
        each = each / (each.square().sum(dim=(2, 3, 4), keepdim=True) + 1e-8).sqrt()
    count = len(x)
    flat = x.reshape(1, -1, *x.shape[2:])
    y = F.conv2d(flat, each.reshape(-1, *weight.shape[1:]), padding=pad, groups=count)
    return y.reshape(count, -1, *y.shape[2:])


def upsampling_conv(x: Tensor, weight: Tensor, style: Tensor, taps: Tensor) -> Tensor:
    """The upsampling convolution: zeros between samples, the flipped kernel, then the filter."""
    each = weight[None] * style[:, None, :, None, None]
    each = each / (each.square().sum(dim=(2, 3, 4), keepdim=True) + 1e-8).sqrt()
    rows = []
    for one, kernel in zip(x, each, strict=True):
        height, width = one.shape[1:]
        sparse = torch.zeros(1, one.shape[0], 2 * height - 1, 2 * width - 1, dtype=x.dtype)
        sparse[0, :, ::2, ::2] = one
        rows.append(F.conv2d(F.pad(sparse, (2, 2, 2, 2)), kernel.flip(2, 3)))
    return resample(torch.cat(rows), taps, 1, 1, (1, 1, 1, 1), 4.0)


def stylegan2(sample: SampleGenerator, latents: Tensor) -> Tensor:
    """Latents [N, layers, w] to images."""
    state, settings = float64_state(sample), sample.settings
    taps = torch.tensor(FIR, dtype=torch.float64)
    taps = taps / taps.sum()
    clamp = settings["clamp"] or math.inf
    ws = latents.double().unbind(1)
    x = state["synthesis.b4.const"].expand(len(latents), -1, -1, -1)
    picture: Tensor | None = None
    place = 0

    def layer(x: Tensor, name: str, w: Tensor, up: bool, gain: float) -> Tensor:
        style = dense(state, f"{name}.affine", w)
        weight = state[f"{name}.weight"]
        y = upsampling_conv(x, weight, style, taps) if up else modulated_conv(x, weight, style, True, 1)
        if settings["noise"]:
            y = y + state[f"{name}.noise_const"] * state[f"{name}.noise_strength"]
        y = leaky_relu(y + state[f"{name}.bias"][:, None, None]) * gain
        return y.clamp(-clamp * gain, clamp * gain)

    for number in range(len(settings["widths"])):
        block, first, last = f"synthesis.b{4 << number}", number == 0, number == len(settings["widths"]) - 1
        residual = settings["architecture"] == "resnet" and not first
        if residual:
            weight = state[f"{block}.skip.weight"]
            skip = F.conv2d(x, weight / math.sqrt(weight.shape[1]))
            skip = resample(skip, taps, 2, 1, (2, 1, 2, 1), 4.0) * math.sqrt(0.5)
        if not first:
            x = layer(x, f"{block}.conv0", ws[place], True, 1.0)
            place += 1
        x = layer(x, f"{block}.conv1", ws[place], False, math.sqrt(0.5) if residual else 1.0)
        place += 1
        if residual:
            x = x + skip
        if picture is not None:
            picture = resample(picture, taps, 2, 1, (2, 1, 2, 1), 4.0)
        if settings["architecture"] == "skip" or last:
            weight = state[f"{block}.torgb.weight"]
            style = dense(state, f"{block}.torgb.affine", ws[place]) / math.sqrt(weight.shape[1])
            y = modulated_conv(x, weight, style, False, 0) + state[f"{block}.torgb.bias"][:, None, None]
            y = y.clamp(-clamp, clamp)
            picture = y if picture is None else picture + y
    assert picture is not None
    return picture


def stylegan3(sample: SampleGenerator, latents: Tensor, transform: Tensor | None = None) -> Tensor:
    """Latents [N, layers, w] to images, one at a time; `transform` [3, 3] is the input's own."""
    return torch.cat([_image(sample, rows[None], transform) for rows in latents.double()])


def _image(sample: SampleGenerator, latents: Tensor, transform: Tensor | None) -> Tensor:
    state, settings = float64_state(sample), sample.settings
    ws = latents.unbind(1)
    x = fourier_features(
        state, settings, ws[0], torch.eye(3, dtype=torch.float64) if transform is None else transform.double()
    )
    for number, (name, each) in enumerate(zip(settings["names"], settings["each"], strict=True)):
        root = f"synthesis.{name}"
        weight, style = state[f"{root}.weight"], dense(state, f"{root}.affine", ws[number + 1])
        gain = 1 / state[f"{root}.magnitude_ema"].sqrt()
        if each["colours"]:
            style = style / math.sqrt(weight[0].numel())
        else:
            weight = weight / weight.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
            style = style / style.square().mean().sqrt()
        x = modulated_conv(x, weight, style, not each["colours"], weight.shape[-1] - 1) * gain
        x = x + state[f"{root}.bias"][:, None, None]
        one = torch.ones(1, dtype=torch.float64)
        up, pad = each["up"], tuple(each["padding"])
        x = resample(x, state.get(f"{root}.up_filter", one), up, 1, pad, up**2)
        x = x if each["colours"] else leaky_relu(x)
        x = x.clamp(-256, 256)
        x = resample(x, state.get(f"{root}.down_filter", one), 1, each["down"], (0, 0, 0, 0), 1.0)
    return x * 0.25


def fourier_features(state: Mapping[str, Tensor], settings: Mapping[str, Any], w: Tensor, transform: Tensor) -> Tensor:
    t = dense(state, "synthesis.input.affine", w)[0]
    cosine, sine, right, down = (t / t[:2].norm()).tolist()
    turn = torch.tensor([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]], dtype=torch.float64)
    move = torch.tensor([[1, 0, -right], [0, 1, -down], [0, 0, 1]], dtype=torch.float64)
    whole = turn @ move @ transform
    frequencies = state["synthesis.input.freqs"]
    phases = state["synthesis.input.phases"] + frequencies @ whole[:2, 2]
    frequencies = frequencies @ whole[:2, :2]
    amplitude = (1 - (frequencies.norm(dim=1) - settings["band"]) / (settings["rate"] / 2 - settings["band"])).clamp(
        0, 1
    )
    side = settings["size"]
    theta = torch.tensor(
        [[[0.5 * side / settings["rate"], 0, 0], [0, 0.5 * side / settings["rate"], 0]]], dtype=torch.float64
    )
    grid = F.affine_grid(theta, [1, 1, side, side], align_corners=False)[0]
    x = torch.sin((grid @ frequencies.T + phases) * 2 * math.pi) * amplitude
    weight = state["synthesis.input.weight"]
    return (x @ (weight / math.sqrt(len(weight))).T).permute(2, 0, 1)[None]

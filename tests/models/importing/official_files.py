"""NVIDIA's modules as their pickles store them: attributes, parameters and buffers of each, with random numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.models.importing.pickle_writer import ORDERED, Call, Global, TensorValue

REBUILD = Global("torch_utils.persistence", "_reconstruct_persistent_obj")
SOURCE = "# Copyright (c) NVIDIA CORPORATION\nraise SystemExit('this was run')\n"
FIR = np.outer([1, 3, 3, 1], [1, 3, 3, 1]).astype(np.float32) / 64


def module(
    kind: str,
    *,
    parameters: Mapping[str, np.ndarray | None] = {},
    buffers: Mapping[str, np.ndarray | None] = {},
    children: Mapping[str, Any] = {},
    source: str = SOURCE,
    **attributes: Any,
) -> Call:
    """A persistent module."""
    state = {
        "training": False,
        "_parameters": ordered_dict({n: a if a is None else TensorValue(a, True) for n, a in parameters.items()}),
        "_buffers": ordered_dict({n: a if a is None else TensorValue(a) for n, a in buffers.items()}),
        "_non_persistent_buffers_set": set(),
        "_backward_hooks": Call(ORDERED),
        "_modules": ordered_dict(dict(children)),
        **attributes,
        "_init_args": (),
        "_init_kwargs": Call(Global("dnnlib.util", "EasyDict"), (), new=True, pairs={"z_dim": 3}),
    }
    meta = {"type": "class", "version": 6, "module_src": source, "class_name": kind, "state": state}
    return Call(REBUILD, (meta,))


def ordered_dict(pairs: dict[str, Any]) -> Call:
    return Call(ORDERED, (), pairs=pairs)


@dataclass
class SampleGenerator:
    """A generator as its pickle stores it, its tensors by name, and the settings that a direct evaluation needs."""

    tree: Call
    state: dict[str, np.ndarray]
    settings: dict[str, Any] = field(default_factory=dict)

    def pickle_value(self) -> dict[str, Any]:
        """The value of such a pickle."""
        d = module("Discriminator", parameters={"weight": np.ones((2, 2), np.float32)})
        return {
            "G": None,
            "D": d,
            "G_ema": self.tree,
            "augment_pipe": None,
            "training_set_kwargs": {"path": "/a/b.zip"},
        }


class RandomModules:
    """Makes modules with random tensors, which `state` collects by their dotted names."""

    def __init__(self, seed: int) -> None:
        self.random, self.state = np.random.default_rng(seed), {}

    def draw(self, name: str, *shape: int, scale: float = 1.0, about: float = 0.0) -> np.ndarray:
        self.state[name] = (self.random.standard_normal(shape) * scale + about).astype(np.float32)
        return self.state[name]

    def dense(
        self, name: str, inside: int, outside: int, rate: float = 1.0, start: float = 0.0, act: str = "linear"
    ) -> Call:
        weight = self.draw(f"{name}.weight", outside, inside, scale=1 / rate)
        bias = self.draw(f"{name}.bias", outside, scale=0.1 / rate, about=start / rate)
        return module(
            "FullyConnectedLayer",
            parameters={"weight": weight, "bias": bias},
            activation=act,
            weight_gain=np.float64(rate / math.sqrt(inside)),
            bias_gain=rate,
        )

    def mapping(self, z: int, c: int, w: int, layers: int) -> Call:
        children = {}
        if c:
            children["embed"] = self.dense("mapping.embed", c, w)
        for number in range(layers):
            inside = (z + (w if c else 0)) if number == 0 else w
            children[f"fc{number}"] = self.dense(f"mapping.fc{number}", inside, w, 0.01, act="lrelu")
        mean = self.draw("mapping.w_avg", w, scale=0.5)
        settings = {"z_dim": z, "c_dim": c, "w_dim": w, "num_ws": 0, "num_layers": layers, "w_avg_beta": 0.998}
        return module("MappingNetwork", buffers={"w_avg": mean}, children=children, **settings)


def stylegan2(
    widths: tuple[int, ...] = (12, 10, 8),
    z: int = 6,
    w: int = 8,
    c: int = 0,
    channels: int = 3,
    architecture: str = "skip",
    clamp: float | None = 256,
    start: tuple[int, int] = (4, 4),
    layers: int = 2,
    noise: bool = True,
    joint: bool = False,
    seed: int = 0,
) -> SampleGenerator:
    """A generator of stylegan2-ada-pytorch."""
    random = RandomModules(seed)
    blocks: dict[str, Any] = {}
    for number, width in enumerate(widths):
        side, inside = 4 << number, widths[number - 1] if number else 0
        height, across = start[0] << number, start[1] << number
        root, last = f"synthesis.b{side}", number == len(widths) - 1

        def conv(name: str, inside: int, up: int, root=root, width=width, height=height, across=across) -> Call:
            weight = random.draw(f"{root}.{name}.weight", width, inside, 3, 3)
            buffers: dict[str, Any] = {"resample_filter": FIR}
            parameters = {"weight": weight, "bias": random.draw(f"{root}.{name}.bias", width, scale=0.2)}
            if noise:
                buffers["noise_const"] = random.draw(f"{root}.{name}.noise_const", height, across)
                parameters["noise_strength"] = random.draw(f"{root}.{name}.noise_strength", scale=0.3)
            return module(
                "SynthesisLayer",
                parameters=parameters,
                buffers=buffers,
                children={"affine": random.dense(f"{root}.{name}.affine", w, inside, start=1.0)},
                resolution=height, up=up, use_noise=noise, activation="lrelu", conv_clamp=clamp, padding=1,
                act_gain=np.float64(math.sqrt(2)),
            )  # fmt: skip

        children, parameters = {}, {}
        if number:
            children["conv0"] = conv("conv0", inside, 2)
        else:
            parameters["const"] = random.draw(f"{root}.const", width, *start)
        children["conv1"] = conv("conv1", width, 1)
        if last or architecture == "skip":
            children["torgb"] = module(
                "ToRGBLayer",
                parameters={
                    "weight": random.draw(f"{root}.torgb.weight", channels, width, 1, 1),
                    "bias": random.draw(f"{root}.torgb.bias", channels, scale=0.2),
                },
                children={"affine": random.dense(f"{root}.torgb.affine", w, width, start=1.0)},
                conv_clamp=clamp,
                weight_gain=np.float64(1 / math.sqrt(width)),
            )
        if number and architecture == "resnet":
            weight = random.draw(f"{root}.skip.weight", width, inside, 1, 1)
            children["skip"] = module(
                "Conv2dLayer", parameters={"weight": weight, "bias": None}, buffers={"resample_filter": FIR},
                activation="linear", up=2, down=1, conv_clamp=None, weight_gain=np.float64(1 / math.sqrt(inside)),
            )  # fmt: skip
        blocks[f"b{side}"] = module(
            "SynthesisBlock", parameters=parameters, buffers={"resample_filter": FIR}, children=children,
            resolution=side, is_last=last, architecture=architecture, use_fp16=False, num_conv=1 + bool(number),
            num_torgb=int(last or architecture == "skip"),
        )  # fmt: skip
    synthesis = module("SynthesisNetwork", children=blocks, w_dim=w, img_channels=channels, num_ws=2 * len(widths))
    children = {"synthesis": synthesis, "mapping": random.mapping(z, c, w, layers)}
    tree = module("Generator", children=children, z_dim=z, c_dim=c, w_dim=w, img_channels=channels)
    settings = {
        "widths": widths,
        "architecture": architecture,
        "clamp": clamp,
        "noise": noise,
        "layers": layers,
        "c": c,
        "joint": joint,
    }
    if joint:  # classes as before ADA, which only other projects' files have
        random.draw("mapping.embed.weight", z, c)
        random.draw("mapping.fc0.weight", w, 2 * z, scale=100)
    return SampleGenerator(tree, random.state, settings)


def stylegan3(
    radial: bool = False, z: int = 6, w: int = 8, c: int = 0, side: int = 32, seed: int = 0
) -> SampleGenerator:
    """A small generator of stylegan3: four layers and colours, with filters of the paper's kind."""
    random = RandomModules(seed)
    # Sizes and sampling rates before each layer and after the last; the last two layers are critically sampled.
    sides, rates = [24, 24, 36, 52, 52], [8, 8, 16, 32, 32]
    widths = [10, 10, 8, 6, 6]
    kernel = 1 if radial else 3
    root = "synthesis.input"
    first = module(
        "SynthesisInput",
        parameters={"weight": random.draw(f"{root}.weight", widths[0], widths[0])},
        buffers={
            "transform": np.eye(3, dtype=np.float32),
            "freqs": random.draw(f"{root}.freqs", widths[0], 2, scale=0.8),
            "phases": random.draw(f"{root}.phases", widths[0], scale=0.3),
        },
        children={"affine": random.dense(f"{root}.affine", w, 4)},
        w_dim=w, channels=widths[0], size=np.array([sides[0], sides[0]]), sampling_rate=8, bandwidth=np.float64(2.0),
    )  # fmt: skip
    random.state[f"{root}.affine.bias"] += np.array([1, 0, 0, 0], np.float32)  # changes the array in the tree, too
    layers, names, settings = {"input": first}, [], []
    for number in range(5):
        colours = number == 4
        inside = widths[number]
        outside = 3 if colours else widths[min(number + 1, 4)]
        before, after = sides[number], side if colours else sides[number + 1]
        rate_in, rate_out = rates[number], 32 if colours else rates[number + 1]
        middle = max(rate_in, rate_out) * (1 if colours else 2)
        up, down = middle // rate_in, middle // rate_out
        size = 1 if colours else kernel
        taps_up = 1 if up == 1 or colours else 6 * up
        taps_down = 1 if down == 1 or colours else 6 * down
        name = f"L{number}_{after}_{outside}"
        root = f"synthesis.{name}"
        low, high = lowpass(taps_up, up), lowpass(taps_down, down)
        if radial and high is not None and number < 3:
            high = np.outer(high, high).astype(np.float32)
            high[0, 1] *= 1.5  # so that it is not an outer product, as radial filters are not
            high /= high.sum()
        total = (after - 1) * down + 1 - (before + size - 1) * up + taps_up + taps_down - 2
        left = (total + up) // 2
        padding = [left, total - left] * 2
        for kind, taps in (("up_filter", low), ("down_filter", high)):
            if taps is not None:
                random.state[f"{root}.{kind}"] = taps
        layers[name] = module(
            "SynthesisLayer",
            parameters={
                "weight": random.draw(f"{root}.weight", outside, inside, size, size),
                "bias": random.draw(f"{root}.bias", outside, scale=0.2),
            },
            buffers={
                "magnitude_ema": np.abs(random.draw(f"{root}.magnitude_ema", scale=0.2, about=1.0)),
                "up_filter": low,
                "down_filter": high,
            },
            children={"affine": random.dense(f"{root}.affine", w, inside, start=1.0)},
            is_torgb=colours, is_critically_sampled=number >= 3, conv_kernel=size, conv_clamp=256,
            in_size=np.array([before, before]), out_size=np.array([after, after]), up_factor=up, down_factor=down,
            padding=padding, in_channels=inside, out_channels=outside,
        )  # fmt: skip
        names.append(name)
        settings.append({"up": up, "down": down, "padding": padding, "colours": colours})
    synthesis = module("SynthesisNetwork", children=layers, layer_names=names, output_scale=0.25, num_ws=6, w_dim=w)
    children = {"synthesis": synthesis, "mapping": random.mapping(z, c, w, 2)}
    tree = module("Generator", children=children, z_dim=z, c_dim=c, w_dim=w, img_channels=3)
    facts = {"names": names, "each": settings, "size": sides[0], "rate": 8, "band": 2.0, "layers": 2, "c": c}
    return SampleGenerator(tree, random.state, facts)


def lowpass(taps: int, factor: int) -> np.ndarray | None:
    """A Kaiser-windowed sinc."""
    if taps == 1:
        return None
    places = np.arange(taps) - (taps - 1) / 2
    window = np.sinc(places / factor) * np.kaiser(taps, 4.0)
    return (window / window.sum()).astype(np.float32)

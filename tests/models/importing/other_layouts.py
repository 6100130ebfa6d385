"""The same StyleGAN2 as other projects store it: rosinality's, genforce's and TensorFlow's names and orientations."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.models.importing.official_files import SampleGenerator
from tests.models.importing.pickle_writer import Call, Global, TensorValue

FIR = np.outer([1, 3, 3, 1], [1, 3, 3, 1]).astype(np.float32) / 64


def layers(sample: SampleGenerator) -> list[tuple[str, bool]]:
    """NVIDIA's names of the convolutions in the order in which they run, and whether each upsamples."""
    found = [("synthesis.b4.conv1", False)]
    for number in range(1, len(sample.settings["widths"])):
        found += [(f"synthesis.b{4 << number}.conv0", True), (f"synthesis.b{4 << number}.conv1", False)]
    return found


def rosinality(sample: SampleGenerator) -> dict[str, np.ndarray]:
    """Its averaged generator's state dict."""
    s, state = sample.state, {}
    for number in range(sample.settings["layers"]):
        for part in ("weight", "bias"):
            state[f"style.{number + 1}.{part}"] = s[f"mapping.fc{number}.{part}"]
    state["input.input"] = s["synthesis.b4.const"][None]
    for number, (name, up) in enumerate(layers(sample)):
        target = "conv1" if number == 0 else f"convs.{number - 1}"
        state[f"{target}.conv.weight"] = s[f"{name}.weight"][None]
        state[f"{target}.conv.modulation.weight"] = s[f"{name}.affine.weight"]
        state[f"{target}.conv.modulation.bias"] = s[f"{name}.affine.bias"]
        state[f"{target}.noise.weight"] = s[f"{name}.noise_strength"].reshape(1)
        state[f"{target}.activate.bias"] = s[f"{name}.bias"]
        state[f"noises.noise_{number}"] = s[f"{name}.noise_const"][None, None]
        if up:
            state[f"{target}.conv.blur.kernel"] = FIR * 4
    for number in range(len(sample.settings["widths"])):
        name, target = f"synthesis.b{4 << number}.torgb", "to_rgb1" if number == 0 else f"to_rgbs.{number - 1}"
        state[f"{target}.conv.weight"] = s[f"{name}.weight"][None]
        state[f"{target}.conv.modulation.weight"] = s[f"{name}.affine.weight"]
        state[f"{target}.conv.modulation.bias"] = s[f"{name}.affine.bias"]
        state[f"{target}.bias"] = s[f"{name}.bias"].reshape(1, -1, 1, 1)
        if number:
            state[f"{target}.upsample.kernel"] = FIR * 4
    return state


def genforce(sample: SampleGenerator) -> dict[str, np.ndarray]:
    """Its averaged generator's state dict: style biases without their one, upsampling kernels flipped."""
    s, state = sample.state, {}
    for number in range(sample.settings["layers"]):
        for part in ("weight", "bias"):
            state[f"mapping.dense{number}.{part}"] = s[f"mapping.fc{number}.{part}"]
    if sample.settings["joint"]:
        state["mapping.label_weight"] = s["mapping.embed.weight"].T.copy()
    state["truncation.w_avg"] = s["mapping.w_avg"]
    state["synthesis.early_layer.const"] = s["synthesis.b4.const"][None]
    for number, (name, up) in enumerate(layers(sample)):
        target = f"synthesis.layer{number}"
        weight = s[f"{name}.weight"]
        state[f"{target}.weight"] = weight[:, :, ::-1, ::-1].copy() if up else weight
        state[f"{target}.bias"] = s[f"{name}.bias"]
        state[f"{target}.style.weight"] = s[f"{name}.affine.weight"]
        state[f"{target}.style.bias"] = s[f"{name}.affine.bias"] - 1
        state[f"{target}.noise"] = s[f"{name}.noise_const"][None, None]
        state[f"{target}.noise_strength"] = s[f"{name}.noise_strength"]
        if up:
            state[f"{target}.filter.kernel"] = (FIR * 4)[None, None]
    for number in range(len(sample.settings["widths"])):
        name = f"synthesis.b{4 << number}.torgb"
        if f"{name}.weight" in s:
            state[f"synthesis.output{number}.weight"] = s[f"{name}.weight"]
            state[f"synthesis.output{number}.bias"] = s[f"{name}.bias"]
            state[f"synthesis.output{number}.style.weight"] = s[f"{name}.affine.weight"]
            state[f"synthesis.output{number}.style.bias"] = s[f"{name}.affine.bias"] - 1
    return state


def as_tensors(state: dict[str, np.ndarray]) -> dict[str, TensorValue]:
    return {name: TensorValue(array) for name, array in state.items()}


def tensorflow(sample: SampleGenerator, version: int = 4, lod: bool = False) -> tuple[Any, Any, Any]:
    """The three networks of a TensorFlow pickle; `lod` names the last layer as the oldest of these networks do."""
    s = sample.state
    mapping, synthesis = [], []
    for number in range(sample.settings["layers"]):
        mapping.append((f"Dense{number}/weight", s[f"mapping.fc{number}.weight"].T.copy()))
        mapping.append((f"Dense{number}/bias", s[f"mapping.fc{number}.bias"]))
    if sample.settings["joint"]:
        mapping.append(("LabelConcat/weight", s["mapping.embed.weight"].T.copy()))
    elif sample.settings["c"]:
        mapping.append(("LabelEmbed/weight", s["mapping.embed.weight"].T.copy()))
        mapping.append(("LabelEmbed/bias", s["mapping.embed.bias"]))
    synthesis.append(("4x4/Const/const", s["synthesis.b4.const"][None]))
    for number, (name, up) in enumerate(layers(sample)):
        side = int(name.split(".")[1][1:])
        target = f"{side}x{side}/" + ("Conv" if number == 0 else "Conv0_up" if up else "Conv1")
        weight = s[f"{name}.weight"].transpose(2, 3, 1, 0)
        synthesis.append((f"{target}/weight", (weight[::-1, ::-1] if up else weight).copy()))
        synthesis.append((f"{target}/bias", s[f"{name}.bias"]))
        synthesis.append((f"{target}/mod_weight", s[f"{name}.affine.weight"].T.copy()))
        synthesis.append((f"{target}/mod_bias", s[f"{name}.affine.bias"] - 1))
        synthesis.append((f"{target}/noise_strength", np.float32(s[f"{name}.noise_strength"])))
        synthesis.append((f"noise{number}", s[f"{name}.noise_const"][None, None]))
    for number in range(len(sample.settings["widths"])):
        side, block = 4 << number, f"synthesis.b{4 << number}"
        if f"{block}.skip.weight" in s:
            synthesis.append((f"{side}x{side}/Skip/weight", s[f"{block}.skip.weight"].transpose(2, 3, 1, 0).copy()))
        if f"{block}.torgb.weight" in s:
            target = "ToRGB_lod0" if lod else f"{side}x{side}/ToRGB"
            synthesis.append((f"{target}/weight", s[f"{block}.torgb.weight"].transpose(2, 3, 1, 0).copy()))
            synthesis.append((f"{target}/bias", s[f"{block}.torgb.bias"]))
            synthesis.append((f"{target}/mod_weight", s[f"{block}.torgb.affine.weight"].T.copy()))
            synthesis.append((f"{target}/mod_bias", s[f"{block}.torgb.affine.bias"] - 1))
    static = {"fmap_base": 8192, "architecture": sample.settings["architecture"], "resample_kernel": [1, 3, 3, 1]}

    def network(name: str, variables: list[Any], components: dict[str, Any]) -> Call:
        state = {
            "version": version, "name": name,
            "static_kwargs": easy_dict({**static, "conv_clamp": sample.settings["clamp"]}),
            "components": easy_dict(components), "build_module_src": "raise SystemExit('this was run')",
            "build_func_name": f"{name}_main", "variables": variables,
        }  # fmt: skip
        return Call(Global("dnnlib.tflib.network", "Network"), (), state, new=True)

    parts = {"mapping": network("G_mapping", mapping, {}), "synthesis": network("G_synthesis", synthesis, {})}
    averaged = network("Gs", [("dlatent_avg", s["mapping.w_avg"])], parts)
    return network("G", [], {}), network("D", [], {}), averaged


def easy_dict(pairs: dict[str, Any]) -> Call:
    return Call(Global("dnnlib.util", "EasyDict"), (), new=True, pairs=pairs)

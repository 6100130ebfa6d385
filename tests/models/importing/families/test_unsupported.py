"""Networks that are not read are refused by their name, and variants of those that are read by what is odd in them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models.importing.families.unsupported import NETWORKS
from models.importing.limits import FileRefused
from models.importing.read_in_sandbox import read
from tests.models.importing import other_layouts as others
from tests.models.importing.biggan_files import RandomBigGAN
from tests.models.importing.official_files import module, stylegan2, stylegan3
from tests.models.importing.pickle_writer import TensorValue, pickle_bytes, torch_zip

ONE = np.ones(1, np.float32)
NAMES = {  # of some tensors of each network, as its own code stores them, and whether under a key
    "lucidrains' StyleGAN2": (
        "GAN",
        ["S.net.0.weight", "G.initial_block", "GE.blocks.0.to_style1.weight", "D.blocks.0.net.0.weight"],
    ),
    "lucidrains' lightweight GAN": (
        "GAN",
        ["G.initial_conv.0.weight", "G.layers.0.0.1.weight", "GE.initial_conv.0.weight"],
    ),
    "FastGAN": (
        "g",
        ["module.init.init.0.weight_orig", "module.feat_8.1.weight_orig", "module.se_64.main.1.weight_orig"],
    ),
    "R3GAN": (
        "",
        [
            "Model.MainLayers.0.TransitionLayer.Basis",
            "Model.MainLayers.1.Layers.0.LinearLayer1.Layer.weight",
            "Model.AggregationLayer.weight",
        ],
    ),
    "a BigGAN of ajbrock's BigGAN-PyTorch": (
        "",
        [
            "shared.weight",
            "linear.weight",
            "linear.u0",
            "blocks.0.0.conv1.weight",
            "blocks.0.0.bn1.gain.weight",
            "output_layer.0.gain",
        ],
    ),
    "StyleGAN-XL": ("", ["mapping.embed.weight", "mapping.fc0.weight", "mapping.w_avg", "synthesis.input.freqs"]),
    "rosinality's StyleGAN1": (
        "g_running",
        [
            "generator.progression.0.conv1.conv.weight_orig",
            "generator.to_rgb.0.conv.weight_orig",
            "style.1.linear.weight_orig",
        ],
    ),
    "a progressive GAN of the PyTorch GAN zoo": (
        "netG",
        ["scaleLayers.0.0.module.weight", "toRGBLayers.0.module.weight"],
    ),
    "a diffusion model": ("ema", ["model.enc.64x64_conv.weight", "model.dec.8x8_in0.norm0.weight"]),
    "a LoRA for a diffusion model": (
        "",
        ["lora_unet_down_blocks_0.lora_up.weight", "lora_unet_down_blocks_0.lora_down.weight"],
    ),
}


def refusal_of(data: bytes) -> FileRefused:
    with pytest.raises(FileRefused) as caught:
        read(memoryview(data))
    return caught.value


@pytest.mark.parametrize("title", NAMES)
def test_a_network_is_named_by_its_tensors(title: str) -> None:
    key, names = NAMES[title]
    state = {name: TensorValue(ONE) for name in names}
    refusal = refusal_of(torch_zip({key: state, "version": "1.8"} if key else state))
    assert str(refusal) == f"This is {title}, which is not supported."
    assert "onnx" in refusal.hint


def test_every_network_of_the_table_has_a_test() -> None:
    assert {network.title for network in NETWORKS} - set(NAMES) == {
        "StyleGAN-XL's upsampling network",
        "rosinality's SWAGAN",
    }


def test_networks_are_named_by_classes_in_a_pickle() -> None:
    stem = stylegan3(True).tree.args[0]["state"]["_modules"].pairs
    upsampling = module("SuperresGenerator", children=stem)
    assert "StyleGAN-XL's upsampling network" in str(refusal_of(pickle_bytes({"G_ema": upsampling})))
    fast = module("Generator", children={"synthesis": module("FastganSynthesis")})
    assert "This is FastGAN" in str(refusal_of(pickle_bytes({"G_ema": fast})))


def test_an_unconditional_stylegan_xl_is_named_by_its_unused_embedding() -> None:
    sample = stylegan3(True)
    mapping = sample.tree.args[0]["state"]["_modules"].pairs["mapping"].args[0]["state"]["_modules"].pairs
    mapping["embed"] = module("Embedding", parameters={"weight": np.ones((3, 4), np.float32)})
    assert str(refusal_of(pickle_bytes(sample.pickle_value()))).startswith("This is StyleGAN-XL,")


def rosinality(**changes: Any) -> dict[str, np.ndarray]:
    return {**others.rosinality(stylegan2(clamp=None)), **changes}


def with_key(state: dict[str, np.ndarray], **more: Any) -> bytes:
    return torch_zip({"g_ema": others.as_tensors(state), **more})


def test_rosinalitys_swagan_is_named() -> None:
    wide = {name: np.repeat(array, 4, axis=1) for name, array in rosinality().items() if name.endswith("_rgb1.bias")}
    state = rosinality(
        **wide, **{"iwt.ll": np.ones((2, 2), np.float32), "to_rgbs.0.dwt.hh": np.ones((2, 2), np.float32)}
    )
    assert str(refusal_of(with_key(state))) == "This is rosinality's SWAGAN, which is not supported."


def test_a_picture_of_twelve_channels_is_refused_even_without_wavelets() -> None:
    state = rosinality()
    for name in list(state):
        if "to_rgb" in name and name.endswith((".bias", "conv.weight")) and "modulation" not in name:
            state[name] = np.repeat(state[name], 4, axis=1)
    assert "12 channels" in str(refusal_of(with_key(state)))


def test_a_conditional_rosinality_without_its_embedding_is_refused() -> None:
    state = rosinality()
    state["style.1.weight"] = np.repeat(state["style.1.weight"], 2, axis=1)
    refusal = refusal_of(with_key(state))
    assert "the embedding of its classes is missing" in str(refusal)


def test_tensors_beside_a_generator_are_refused_unless_they_are_of_its_training() -> None:
    state, mean = rosinality(), TensorValue(np.zeros(8, np.float32))
    training = {"g": others.as_tensors(state), "g_optim": {"a": TensorValue(ONE)}, "latent_avg": mean, "args": {"n": 1}}
    read(memoryview(with_key(state, **training)))
    assert "“class_embedding”" in str(refusal_of(with_key(state, class_embedding=mean)))


def layouts() -> dict[str, Any]:
    """A state dict of each layout, and what becomes a file of it."""
    sample = stylegan2(clamp=None)
    return {
        "rosinality": (others.rosinality(sample), lambda state: torch_zip({"g_ema": others.as_tensors(state)})),
        "genforce": (others.genforce(sample), lambda state: torch_zip({"generator_smooth": others.as_tensors(state)})),
        "NVIDIA, weights alone": (sample.state, lambda state: torch_zip({"G_ema": others.as_tensors(state)})),
        "BigGAN": (RandomBigGAN().state, lambda state: torch_zip(others.as_tensors(state))),
    }


@pytest.mark.parametrize("layout", layouts())
def test_a_tensor_that_the_network_does_not_have_is_refused_by_its_name(layout: str) -> None:
    state, write = layouts()[layout]
    read(memoryview(write(state)))
    refusal = refusal_of(write({**state, "synthesis.extra.weight": ONE, "other": ONE}))
    assert "“synthesis.extra.weight” and 1 more," in str(refusal)


def test_a_tensor_beside_the_settings_of_a_pickle_is_refused() -> None:
    for sample in (stylegan2(), stylegan3(False)):
        sample.tree.args[0]["state"]["_modules"].pairs["odd"] = module("Odd", parameters={"weight": ONE})
        assert "“odd.weight”" in str(refusal_of(pickle_bytes(sample.pickle_value())))


def test_filters_that_the_official_code_does_not_use_are_ignored() -> None:
    plain, _ = read(memoryview(pickle_bytes(stylegan2().pickle_value())))
    sample = stylegan2()
    synthesis = sample.tree.args[0]["state"]["_modules"].pairs["synthesis"].args[0]["state"]["_modules"].pairs
    unused = TensorValue(np.ones((3, 3), np.float32))
    for block in synthesis.values():
        block.args[0]["state"]["_modules"].pairs["conv1"].args[0]["state"]["_buffers"].pairs["resample_filter"] = unused
    synthesis["b4"].args[0]["state"]["_buffers"].pairs["resample_filter"] = unused
    passport, converted = read(memoryview(pickle_bytes(sample.pickle_value())))
    assert passport.sizes == plain.sizes
    assert converted.state["fir"].tolist() == [1, 3, 3, 1]

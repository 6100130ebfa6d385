"""StyleGAN2 and StyleGAN3 files of every origin: converted, run, and compared with a direct evaluation in float64."""

from __future__ import annotations

import argparse
import io
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from latentwalk.latents.style_mixing import StyleMixing
from models.generators.registry import build
from models.generators.stylegan2 import StyleGAN2
from models.generators.stylegan3 import StyleGAN3
from models.importing.limits import FileRefused
from models.importing.passport import Passport
from models.importing.read_in_sandbox import read
from models.importing.spec_from_passport import spec_from_passport
from models.networks.stylegan3 import move_transforms
from models.specs import GeneratorSpec
from tests.models.importing import other_layouts as others
from tests.models.importing import reference_networks as plain
from tests.models.importing.official_files import SampleGenerator, module, stylegan2, stylegan3
from tests.models.importing.pickle_writer import Call, Global, TensorValue, legacy_file, pickle_bytes, torch_zip

NEAR = 1e-4
KINDS: dict[str, dict[str, Any]] = {
    "config-e and -f": {},
    "residual": {"architecture": "resnet", "clamp": None},
    "plain": {"architecture": "orig"},
    "of classes": {"c": 4},
    "grey": {"channels": 1},
    "with transparency": {"channels": 4, "architecture": "resnet"},
    "not square": {"start": (4, 2)},
    "tightly bounded": {"clamp": 0.3, "architecture": "resnet"},
    "without noise": {"noise": False},
    "deep mapping, wide maps": {"layers": 8, "widths": (16, 16, 12, 8)},
    "one resolution": {"widths": (10,)},
}
Read = tuple[Any, GeneratorSpec, Passport]


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


def open_file(data: bytes) -> Read:
    """The generator of a file, its spec and its passport."""
    passport, converted = read(memoryview(data))
    state = {name: torch.from_numpy(np.array(array)) for name, array in converted.state.items()}
    spec = spec_from_passport("mine", passport, state, 2026)
    return build(spec, state, "cpu", ""), spec, passport


def latents(spec: GeneratorSpec, count: int = 3) -> Tensor:
    source = torch.Generator().manual_seed(1)
    return torch.randn(count, spec.layers, *spec.spaces["w"], generator=source)


def max_difference(one: Tensor, two: Tensor) -> float:
    assert one.shape == two.shape
    return float((one - two).abs().max())


def reference_images(sample: SampleGenerator, rows: Tensor) -> Tensor:
    return plain.stylegan2(sample, rows).clamp(-1, 1)


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_nvidia_stylegan2_matches_a_direct_evaluation(kind: str, protocol: int) -> None:
    sample = stylegan2(**KINDS[kind])
    generator, spec, passport = open_file(pickle_bytes(sample.pickle_value(), protocol))
    rows = latents(spec)
    expected = plain.stylegan2(sample, rows)
    assert float(expected.std()) > 0.1
    assert max_difference(generator.synthesis(rows), expected) < NEAR
    assert max_difference(generator.synthesize(rows, None), expected.clamp(-1, 1)) < NEAR
    classes = torch.eye(4)[:3] if sample.settings["c"] else None
    z = generator.sample([1, 2, 3])
    assert max_difference(generator.map(z, classes), plain.map_latents(sample, z, classes)) < NEAR
    start = KINDS[kind].get("start", (4, 4))
    assert (passport.sizes.height, passport.sizes.width) == tuple(expected.shape[2:])
    assert passport.sizes.width * start[0] == passport.sizes.height * start[1]
    assert passport.sizes.classes == len(spec.classes) == sample.settings["c"]


@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize("radial", [False, True], ids=["T", "R"])
def test_nvidia_stylegan3_matches_a_direct_evaluation(radial: bool, classes: int) -> None:
    sample = stylegan3(radial, c=classes)
    generator, spec, _ = open_file(pickle_bytes(sample.pickle_value()))
    assert isinstance(generator, StyleGAN3)
    rows = latents(spec)
    assert max_difference(generator.synthesis(rows), plain.stylegan3(sample, rows)) < NEAR
    transform = move_transforms(torch.tensor([[0.1, -0.05, 20.0]]))[0]
    assert max_difference(generator.synthesis(rows, transform), plain.stylegan3(sample, rows, transform)) < NEAR
    z, one_hot = generator.sample([4, 5, 6]), torch.eye(3) if classes else None
    assert max_difference(generator.map(z, one_hot), plain.map_latents(sample, z, one_hot)) < NEAR


def test_stylegan3_moves_its_image_right_and_down() -> None:
    generator, spec, _ = open_file(pickle_bytes(stylegan3().pickle_value()))
    rows = latents(spec, 1)
    unmoved_image = generator.synthesize(rows, None)
    for right, down in ((4, 0), (0, 4), (-3, 2)):
        moved = generator.synthesis(rows, move_transforms(torch.tensor([[right / 32, down / 32, 0]]))).clamp(-1, 1)
        shifted = torch.roll(unmoved_image, (down, right), (2, 3))
        inner = (..., slice(10, 22), slice(10, 22))
        away = (moved[inner] - shifted[inner]).square().mean()
        unmoved = (moved[inner] - unmoved_image[inner]).square().mean()
        assert away < 0.05 * unmoved
    unmoved = generator.synthesis(rows, move_transforms(torch.zeros(1, 3))).clamp(-1, 1)
    assert max_difference(unmoved, unmoved_image) < 1e-5


def test_a_stored_transform_is_reset_and_noted() -> None:
    sample = stylegan3()
    buffers = sample.tree.args[0]["state"]["_modules"].pairs["synthesis"].args[0]["state"]["_modules"].pairs["input"]
    buffers.args[0]["state"]["_buffers"].pairs["transform"] = TensorValue(np.diag([-1, 1, 1]).astype(np.float32))
    generator, spec, passport = open_file(pickle_bytes(sample.pickle_value()))
    assert any("reset to none" in note for note in passport.notes)
    rows = latents(spec)
    assert max_difference(generator.synthesis(rows), plain.stylegan3(sample, rows)) < NEAR


@pytest.mark.parametrize("args", [False, True], ids=["weights only", "with args and optimisers"])
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "old format"])
def test_a_rosinality_checkpoint_is_the_same_network(zipped: bool, args: bool) -> None:
    sample = stylegan2(clamp=None)
    whole: dict[str, Any] = {
        "g_ema": others.as_tensors(others.rosinality(sample)),
        "latent_avg": TensorValue(sample.state["mapping.w_avg"]),
    }
    if args:
        whole |= {
            "args": Call(Global("argparse", "Namespace"), (), {"size": 16, "path": "/home/somebody"}, new=True),
            "g_optim": {"state": {0: {"step": 3}}, "param_groups": [{"lr": 0.1, "params": [0]}]},
        }
    generator, spec, passport = open_file(torch_zip(whole) if zipped else legacy_file(whole))
    rows = latents(spec)
    assert max_difference(generator.synthesize(rows, None), reference_images(sample, rows)) < NEAR
    assert passport.inert == (("argparse.Namespace",) if args else ())
    assert torch.equal(
        generator.map(generator.sample([0]), None, 0.0)[0], torch.from_numpy(sample.state["mapping.w_avg"])
    )


def test_a_rosinality_checkpoint_written_by_torch_is_read() -> None:
    sample = stylegan2(clamp=None)
    state = {name: torch.from_numpy(array.copy()) for name, array in others.rosinality(sample).items()}
    file = io.BytesIO()
    torch.save({"g_ema": state, "args": argparse.Namespace(size=16)}, file)
    generator, spec, _ = open_file(file.getvalue())
    rows = latents(spec)
    assert max_difference(generator.synthesize(rows, None), reference_images(sample, rows)) < NEAR


def test_a_missing_mean_is_sampled_and_noted() -> None:
    sample = stylegan2(clamp=None)
    generator, _, passport = open_file(torch_zip({"g_ema": others.as_tensors(others.rosinality(sample))}))
    mean = generator.map(generator.sample([0]), None, 0.0)
    true = plain.map_latents(sample, torch.randn(200_000, 6, generator=torch.Generator().manual_seed(3)), None).mean(
        dim=0
    )
    assert max_difference(mean[0], true.float()) < 0.05
    assert any("no mean w" in note for note in passport.notes)


def test_the_decoder_beside_an_encoder_is_used() -> None:
    sample = stylegan2(clamp=None)
    state = {f"decoder.{name}": array for name, array in others.rosinality(sample).items()}
    state["encoder.weight"] = np.ones(3, np.float32)
    mean = np.repeat(sample.state["mapping.w_avg"][None], 6, axis=0)
    generator, spec, _ = open_file(torch_zip({"state_dict": others.as_tensors(state), "latent_avg": TensorValue(mean)}))
    rows = latents(spec)
    assert max_difference(generator.synthesize(rows, None), reference_images(sample, rows)) < NEAR


@pytest.mark.parametrize("architecture", ["skip", "orig"])
def test_a_genforce_checkpoint_is_the_same_network(architecture: str) -> None:
    sample = stylegan2(clamp=None, architecture=architecture)
    smooth = others.as_tensors(others.genforce(sample))
    broken = {name: TensorValue(np.zeros_like(part.array)) for name, part in smooth.items()}
    generator, spec, _ = open_file(torch_zip({"generator": broken, "generator_smooth": smooth, "discriminator": {}}))
    rows = latents(spec)
    assert max_difference(generator.synthesize(rows, None), reference_images(sample, rows)) < NEAR


def test_a_conditional_genforce_checkpoint_joins_classes_and_z() -> None:
    sample = stylegan2(clamp=None, c=3, joint=True)
    generator, _, passport = open_file(torch_zip({"generator_smooth": others.as_tensors(others.genforce(sample))}))
    z, classes = generator.sample([1, 2, 3]), torch.eye(3)
    assert max_difference(generator.map(z, classes), plain.map_latents(sample, z, classes)) < NEAR
    assert passport.sizes.classes == 3


@pytest.mark.parametrize(
    ("kind", "lod"),
    [
        ({}, False),
        ({"architecture": "resnet"}, False),
        ({"architecture": "orig"}, True),
        ({"c": 3}, False),
        ({"c": 3, "joint": True}, False),
    ],
)
@pytest.mark.parametrize("protocol", [2, 4])
def test_a_tensorflow_pickle_is_the_same_network(kind: dict[str, Any], lod: bool, protocol: int) -> None:
    sample = stylegan2(**kind)
    generator, spec, passport = open_file(pickle_bytes(others.tensorflow(sample, lod=lod), protocol))
    rows = latents(spec)
    assert max_difference(generator.synthesize(rows, None), reference_images(sample, rows)) < NEAR
    z, classes = generator.sample([1, 2, 3]), torch.eye(3) if kind.get("c") else None
    assert max_difference(generator.map(z, classes), plain.map_latents(sample, z, classes)) < NEAR
    assert passport.inert == ("dnnlib.tflib.network.Network",)
    assert set(passport.sources) == {"Gs_main"}


@pytest.mark.parametrize("version", [2, 3])
def test_an_older_tensorflow_pickle_is_named_and_refused(version: int) -> None:
    with pytest.raises(FileRefused, match=f"version {version}: a progressive GAN or StyleGAN1"):
        read(memoryview(pickle_bytes(others.tensorflow(stylegan2(), version))))


@pytest.mark.parametrize(
    ("whole", "message"),
    [
        ({"G_ema": module("Generator", parameters={"weight": np.ones((2, 2), np.float32)})}, "another network"),
        (
            {"generator_smooth": {"layer0.weight": TensorValue(np.ones(1)), "output0.weight": TensorValue(np.ones(1))}},
            "progressive",
        ),
        ({"model": {"a": 1}}, "it has model"),
        ([1, 2], "something else than a generator"),
    ],
)
def test_other_networks_are_refused(whole: Any, message: str) -> None:
    with pytest.raises(FileRefused, match=message):
        read(memoryview(pickle_bytes(whole)))


def test_a_stylegan_xl_is_named_and_refused() -> None:
    sample = stylegan2()
    mapping = sample.tree.args[0]["state"]["_modules"].pairs["mapping"].args[0]["state"]["_buffers"].pairs
    mapping["w_avg"] = TensorValue(np.zeros((1000, 8), np.float32))
    with pytest.raises(FileRefused, match="StyleGAN-XL"):
        read(memoryview(pickle_bytes(sample.pickle_value())))


def test_the_passport_describes_the_file_without_its_paths() -> None:
    _, _, passport = open_file(pickle_bytes(stylegan2().pickle_value()))
    assert passport.family == "stylegan2"
    assert len(passport.sha256) == 64
    assert passport.numbers == sum(array.size for array in stylegan2().state.values()) + 8 * 16
    assert passport.tensors[0].dtype == "float32"
    assert "torch_utils.persistence._reconstruct_persistent_obj" in passport.names
    assert passport.inert == ()
    assert list(passport.sources) == ["Generator"]
    assert "NVIDIA" in passport.notes[0]
    assert "/a/b.zip" not in str(passport)


def test_unprintable_characters_are_replaced() -> None:
    sample = stylegan2()
    sample.tree.args[0]["class_name"] = "Gen\x1b[31m\u202eerator"
    _, _, passport = open_file(pickle_bytes({**sample.pickle_value(), "odd": Global("some\x07.where", "Thing")}))
    assert list(passport.sources) == ["Gen?[31m?erator"]
    assert passport.inert == ("some?.where.Thing",)
    with pytest.raises(FileRefused, match=r"^This is a pickle") as caught:
        read(memoryview(b"\x80\x04}X\x05\x00\x00\x00a\x1b[1mNs."))
    assert str(caught.value).isprintable()


def test_conversion_is_deterministic() -> None:
    data = torch_zip({"g_ema": others.as_tensors(others.rosinality(stylegan2(clamp=None)))})
    (one, first, _), (two, second, _) = open_file(data), open_file(data)
    assert first.fingerprint == second.fingerprint
    z = one.sample([5])
    assert torch.equal(one.synthesize(one.map(z, None), None), two.synthesize(two.map(z, None), None))


def test_truncation_moves_the_first_layers_towards_the_stored_mean() -> None:
    sample = stylegan2(c=3)
    generator, spec, _ = open_file(pickle_bytes(sample.pickle_value()))
    z, classes = generator.sample([1, 2]), torch.eye(3)[:2]
    w, mean = plain.map_latents(sample, z, classes), torch.from_numpy(sample.state["mapping.w_avg"])
    assert max_difference(generator.map(z, classes, 0.7), (mean + 0.7 * (w - mean)).float()) < 1e-5
    rows = StyleMixing(0.7, cutoff=2).map(generator, z, classes)
    assert max_difference(rows[:, :2], (mean + 0.7 * (w - mean)).float()[:, None].expand(-1, 2, -1)) < 1e-5
    assert max_difference(rows[:, 2:], w.float()[:, None].expand(-1, spec.layers - 2, -1)) < 1e-5


def test_truncation_can_use_the_mean_of_each_class() -> None:
    generator, _, _ = open_file(pickle_bytes(stylegan2(c=3).pickle_value()))
    z = generator.sample(range(20_000, 24_000))
    own = [generator.mean_latent(torch.eye(3)[[kind]], "class") for kind in range(3)]
    for kind in range(3):
        classes = torch.eye(3)[[kind]].expand(len(z), -1)
        true = generator.map(z, classes).mean(dim=0)
        assert max_difference(own[kind][0], true) < 0.1
    shared = generator.mean_latent(torch.eye(3)[[1]], "all")
    assert max_difference(shared[0], torch.cat(own).mean(dim=0)) < 0.1
    assert max_difference(own[0], own[1]) > 0.01
    half = generator.mean_latent(torch.tensor([[0.5, 0.5, 0.0]]), "class")
    assert max_difference(half, (own[0] + own[1]) / 2) < 1e-6
    assert torch.equal(generator.map(z[:1], torch.eye(3)[[0]], 0.0), generator.map(z[:1], torch.eye(3)[[2]], 0.0))


@pytest.mark.parametrize("sample", [stylegan2(), stylegan3()], ids=["StyleGAN2", "StyleGAN3"])
def test_styles_can_be_edited_directly(sample: SampleGenerator) -> None:
    generator, spec, _ = open_file(pickle_bytes(sample.pickle_value()))
    rows = latents(spec)
    styles = generator.styles(rows)
    assert torch.equal(generator.images_from_styles(styles), generator.synthesize(rows, None))
    numbers = [part for block in styles for part in (block if isinstance(block, list) else [block])]
    # In a StyleGAN2, every block also has the style of its conversion to colours.
    assert len(numbers) == (6 if isinstance(generator, StyleGAN3) else 8)
    numbers[-1].mul_(1.5)
    assert max_difference(generator.images_from_styles(styles), generator.synthesize(rows, None)) > 1e-3


def test_a_preview_is_the_image_of_the_first_blocks() -> None:
    sample = stylegan2(widths=(12, 10, 8, 6))
    generator, spec, _ = open_file(pickle_bytes(sample.pickle_value()))
    assert isinstance(generator, StyleGAN2)
    small = generator.synthesis(latents(spec), blocks=2)
    sample.settings["widths"] = sample.settings["widths"][:2]
    assert max_difference(small, plain.stylegan2(sample, latents(spec))) < NEAR

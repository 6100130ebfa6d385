"""StyleGAN2 and StyleGAN3 files of every origin, read, run, and compared with a plain evaluation in float64."""

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
from models.specs import GeneratorSpec
from tests.models.importing import other_layouts as others
from tests.models.importing import reference_networks as plain
from tests.models.importing.official_files import Made, module, stylegan2, stylegan3
from tests.models.importing.pickle_writer import Call, Global, Kept, legacy_file, pickled, torch_zip

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


def opened(data: bytes) -> Read:
    """The generator of a file, its description and its passport."""
    passport, converted = read(memoryview(data))
    state = {name: torch.from_numpy(np.array(array)) for name, array in converted.state.items()}
    spec = spec_from_passport("mine", passport, state, 2026)
    return build(spec, state, "cpu", ""), spec, passport


def latents(spec: GeneratorSpec, count: int = 3) -> Tensor:
    source = torch.Generator().manual_seed(1)
    return torch.randn(count, spec.layers, *spec.spaces["w"], generator=source)


def apart(one: Tensor, two: Tensor) -> float:
    assert one.shape == two.shape
    return float((one - two).abs().max())


def expected(made: Made, rows: Tensor) -> Tensor:
    return plain.stylegan2(made, rows).clamp(-1, 1)


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_nvidias_stylegan2_makes_the_pictures_of_a_plain_evaluation(kind: str, protocol: int) -> None:
    made = stylegan2(**KINDS[kind])
    generator, spec, passport = opened(pickled(made.whole(), protocol))
    rows = latents(spec)
    plainly = plain.stylegan2(made, rows)
    assert float(plainly.std()) > 0.1
    assert apart(generator.synthesis(rows), plainly) < NEAR
    assert apart(generator.synthesize(rows, None), plainly.clamp(-1, 1)) < NEAR
    classes = torch.eye(4)[:3] if made.told["c"] else None
    z = generator.sample([1, 2, 3])
    assert apart(generator.map(z, classes), plain.mapped(made, z, classes)) < NEAR
    start = KINDS[kind].get("start", (4, 4))
    assert (passport.sizes.height, passport.sizes.width) == tuple(plainly.shape[2:])
    assert passport.sizes.width * start[0] == passport.sizes.height * start[1]
    assert passport.sizes.classes == len(spec.classes) == made.told["c"]


@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize("radial", [False, True], ids=["T", "R"])
def test_nvidias_stylegan3_makes_the_pictures_of_a_plain_evaluation(radial: bool, classes: int) -> None:
    made = stylegan3(radial, c=classes)
    generator, spec, _ = opened(pickled(made.whole()))
    assert isinstance(generator, StyleGAN3)
    rows = latents(spec)
    assert apart(generator.synthesis(rows), plain.stylegan3(made, rows)) < NEAR
    turned = generator.with_move(0.1, -0.05, 20.0)
    assert apart(turned.synthesis(rows, turned.transform), plain.stylegan3(made, rows, turned.transform)) < NEAR
    z, one_hot = generator.sample([4, 5, 6]), torch.eye(3) if classes else None
    assert apart(generator.map(z, one_hot), plain.mapped(made, z, one_hot)) < NEAR


def test_stylegan3s_oracle_moves_the_picture_right_and_down() -> None:
    generator, spec, _ = opened(pickled(stylegan3().whole()))
    rows = latents(spec, 1)
    still = generator.synthesize(rows, None)
    for right, down in ((4, 0), (0, 4), (-3, 2)):
        moved = generator.with_move(right / 32, down / 32).synthesize(rows, None)
        shifted = torch.roll(still, (down, right), (2, 3))
        inner = (..., slice(10, 22), slice(10, 22))
        away = (moved[inner] - shifted[inner]).square().mean()
        unmoved = (moved[inner] - still[inner]).square().mean()
        assert away < 0.05 * unmoved
    assert apart(generator.with_move().synthesize(rows, None), still) < 1e-5


def test_a_stored_transform_is_set_back_and_said_so() -> None:
    made = stylegan3()
    buffers = made.tree.args[0]["state"]["_modules"].pairs["synthesis"].args[0]["state"]["_modules"].pairs["input"]
    buffers.args[0]["state"]["_buffers"].pairs["transform"] = Kept(np.diag([-1, 1, 1]).astype(np.float32))
    generator, spec, passport = opened(pickled(made.whole()))
    assert any("set back" in note for note in passport.notes)
    rows = latents(spec)
    assert apart(generator.synthesis(rows), plain.stylegan3(made, rows)) < NEAR


@pytest.mark.parametrize("args", [False, True], ids=["weights only", "with args and optimisers"])
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "old format"])
def test_a_rosinality_checkpoint_is_the_same_network(zipped: bool, args: bool) -> None:
    made = stylegan2(clamp=None)
    whole: dict[str, Any] = {
        "g_ema": others.kept(others.rosinality(made)),
        "latent_avg": Kept(made.state["mapping.w_avg"]),
    }
    if args:
        whole |= {
            "args": Call(Global("argparse", "Namespace"), (), {"size": 16, "path": "/home/somebody"}, new=True),
            "g_optim": {"state": {0: {"step": 3}}, "param_groups": [{"lr": 0.1, "params": [0]}]},
        }
    generator, spec, passport = opened(torch_zip(whole) if zipped else legacy_file(whole))
    rows = latents(spec)
    assert apart(generator.synthesize(rows, None), expected(made, rows)) < NEAR
    assert passport.inert == (("argparse.Namespace",) if args else ())
    assert torch.equal(
        generator.map(generator.sample([0]), None, 0.0)[0], torch.from_numpy(made.state["mapping.w_avg"])
    )


def test_a_rosinality_checkpoint_that_torch_itself_wrote_is_read() -> None:
    made = stylegan2(clamp=None)
    state = {name: torch.from_numpy(array.copy()) for name, array in others.rosinality(made).items()}
    file = io.BytesIO()
    torch.save({"g_ema": state, "args": argparse.Namespace(size=16)}, file)
    generator, spec, _ = opened(file.getvalue())
    rows = latents(spec)
    assert apart(generator.synthesize(rows, None), expected(made, rows)) < NEAR


def test_a_missing_mean_is_drawn_and_said_so() -> None:
    made = stylegan2(clamp=None)
    generator, _, passport = opened(torch_zip({"g_ema": others.kept(others.rosinality(made))}))
    mean = generator.map(generator.sample([0]), None, 0.0)
    true = plain.mapped(made, torch.randn(200_000, 6, generator=torch.Generator().manual_seed(3)), None).mean(dim=0)
    assert apart(mean[0], true.float()) < 0.05
    assert any("no mean w" in note for note in passport.notes)


def test_an_encoders_decoder_is_found_beside_it() -> None:
    made = stylegan2(clamp=None)
    state = {f"decoder.{name}": array for name, array in others.rosinality(made).items()}
    state["encoder.weight"] = np.ones(3, np.float32)
    mean = np.repeat(made.state["mapping.w_avg"][None], 6, axis=0)
    generator, spec, _ = opened(torch_zip({"state_dict": others.kept(state), "latent_avg": Kept(mean)}))
    rows = latents(spec)
    assert apart(generator.synthesize(rows, None), expected(made, rows)) < NEAR


@pytest.mark.parametrize("architecture", ["skip", "orig"])
def test_a_genforce_checkpoint_is_the_same_network(architecture: str) -> None:
    made = stylegan2(clamp=None, architecture=architecture)
    smooth = others.kept(others.genforce(made))
    broken = {name: Kept(np.zeros_like(part.array)) for name, part in smooth.items()}
    generator, spec, _ = opened(torch_zip({"generator": broken, "generator_smooth": smooth, "discriminator": {}}))
    rows = latents(spec)
    assert apart(generator.synthesize(rows, None), expected(made, rows)) < NEAR


def test_a_genforce_checkpoint_of_classes_takes_them_together_with_z() -> None:
    made = stylegan2(clamp=None, c=3, joint=True)
    generator, _, passport = opened(torch_zip({"generator_smooth": others.kept(others.genforce(made))}))
    z, classes = generator.sample([1, 2, 3]), torch.eye(3)
    assert apart(generator.map(z, classes), plain.mapped(made, z, classes)) < NEAR
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
    made = stylegan2(**kind)
    generator, spec, passport = opened(pickled(others.tensorflow(made, lod=lod), protocol))
    rows = latents(spec)
    assert apart(generator.synthesize(rows, None), expected(made, rows)) < NEAR
    z, classes = generator.sample([1, 2, 3]), torch.eye(3) if kind.get("c") else None
    assert apart(generator.map(z, classes), plain.mapped(made, z, classes)) < NEAR
    assert passport.inert == ("dnnlib.tflib.network.Network",)
    assert set(passport.sources) == {"Gs_main"}


@pytest.mark.parametrize("version", [2, 3])
def test_an_older_tensorflow_pickle_is_refused_by_its_name(version: int) -> None:
    with pytest.raises(FileRefused, match=f"version {version}: a progressive GAN or StyleGAN1"):
        read(memoryview(pickled(others.tensorflow(stylegan2(), version))))


@pytest.mark.parametrize(
    ("whole", "words"),
    [
        ({"G_ema": module("Generator", parameters={"weight": np.ones((2, 2), np.float32)})}, "another network"),
        ({"generator_smooth": {"layer0.weight": Kept(np.ones(1)), "output0.weight": Kept(np.ones(1))}}, "progressive"),
        ({"model": {"a": 1}}, "it has model"),
        ([1, 2], "something else than a generator"),
    ],
)
def test_another_network_is_told_apart(whole: Any, words: str) -> None:
    with pytest.raises(FileRefused, match=words):
        read(memoryview(pickled(whole)))


def test_a_stylegan_xl_is_called_by_its_name() -> None:
    made = stylegan2()
    mapping = made.tree.args[0]["state"]["_modules"].pairs["mapping"].args[0]["state"]["_buffers"].pairs
    mapping["w_avg"] = Kept(np.zeros((1000, 8), np.float32))
    with pytest.raises(FileRefused, match="StyleGAN-XL"):
        read(memoryview(pickled(made.whole())))


def test_the_passport_tells_what_is_in_the_file_and_hides_where_it_was_made() -> None:
    _, _, passport = opened(pickled(stylegan2().whole()))
    assert passport.family == "stylegan2"
    assert len(passport.sha256) == 64
    assert passport.numbers == sum(array.size for array in stylegan2().state.values()) + 8 * 16
    assert passport.tensors[0].dtype == "float32"
    assert "torch_utils.persistence._reconstruct_persistent_obj" in passport.names
    assert passport.inert == ()
    assert list(passport.sources) == ["Generator"]
    assert "NVIDIA" in passport.notes[0]
    assert "/a/b.zip" not in str(passport)


def test_signs_that_would_not_be_shown_are_not_told() -> None:
    made = stylegan2()
    made.tree.args[0]["class_name"] = "Gen\x1b[31m\u202eerator"
    _, _, passport = opened(pickled({**made.whole(), "odd": Global("some\x07.where", "Thing")}))
    assert list(passport.sources) == ["Gen?[31m?erator"]
    assert passport.inert == ("some?.where.Thing",)
    with pytest.raises(FileRefused, match=r"^This is a pickle") as caught:
        read(memoryview(b"\x80\x04}X\x05\x00\x00\x00a\x1b[1mNs."))
    assert str(caught.value).isprintable()


def test_the_same_file_gives_the_same_weights_every_time() -> None:
    data = torch_zip({"g_ema": others.kept(others.rosinality(stylegan2(clamp=None)))})
    (one, first, _), (two, second, _) = opened(data), opened(data)
    assert first.fingerprint == second.fingerprint
    z = one.sample([5])
    assert torch.equal(one.synthesize(one.map(z, None), None), two.synthesize(two.map(z, None), None))


def test_truncation_pulls_the_first_layers_to_the_stored_mean() -> None:
    made = stylegan2(c=3)
    generator, spec, _ = opened(pickled(made.whole()))
    z, classes = generator.sample([1, 2]), torch.eye(3)[:2]
    w, mean = plain.mapped(made, z, classes), torch.from_numpy(made.state["mapping.w_avg"])
    assert apart(generator.map(z, classes, 0.7), (mean + 0.7 * (w - mean)).float()) < 1e-5
    rows = StyleMixing(0.7, cutoff=2).mapped(generator, z, classes)
    assert apart(rows[:, :2], (mean + 0.7 * (w - mean)).float()[:, None].expand(-1, 2, -1)) < 1e-5
    assert apart(rows[:, 2:], w.float()[:, None].expand(-1, spec.layers - 2, -1)) < 1e-5


def test_a_class_may_be_truncated_to_its_own_mean() -> None:
    generator, _, _ = opened(pickled(stylegan2(c=3).whole()))
    z = generator.sample(range(20_000, 24_000))
    own = [generator.mean_latent(torch.eye(3)[[kind]], "class") for kind in range(3)]
    for kind in range(3):
        classes = torch.eye(3)[[kind]].expand(len(z), -1)
        true = generator.map(z, classes).mean(dim=0)
        assert apart(own[kind][0], true) < 0.1
    shared = generator.mean_latent(torch.eye(3)[[1]], "all")
    assert apart(shared[0], torch.cat(own).mean(dim=0)) < 0.1
    assert apart(own[0], own[1]) > 0.01
    half = generator.mean_latent(torch.tensor([[0.5, 0.5, 0.0]]), "class")
    assert apart(half, (own[0] + own[1]) / 2) < 1e-6
    assert torch.equal(generator.map(z[:1], torch.eye(3)[[0]], 0.0), generator.map(z[:1], torch.eye(3)[[2]], 0.0))


@pytest.mark.parametrize("made", [stylegan2(), stylegan3()], ids=["StyleGAN2", "StyleGAN3"])
def test_styles_are_a_space_of_their_own(made: Made) -> None:
    generator, spec, _ = opened(pickled(made.whole()))
    rows = latents(spec)
    styles = generator.styles(rows)
    assert torch.equal(generator.images_from_styles(styles), generator.synthesize(rows, None))
    numbers = [part for block in styles for part in (block if isinstance(block, list) else [block])]
    assert len(numbers) == (6 if isinstance(generator, StyleGAN3) else 8)  # every block has its picture's style, too
    numbers[-1].mul_(1.5)
    assert apart(generator.images_from_styles(styles), generator.synthesize(rows, None)) > 1e-3


def test_a_preview_is_the_picture_of_the_first_blocks() -> None:
    made = stylegan2(widths=(12, 10, 8, 6))
    generator, spec, _ = opened(pickled(made.whole()))
    assert isinstance(generator, StyleGAN2)
    small = generator.synthesis(latents(spec), blocks=2)
    made.told["widths"] = made.told["widths"][:2]
    assert apart(small, plain.stylegan2(made, latents(spec))) < NEAR

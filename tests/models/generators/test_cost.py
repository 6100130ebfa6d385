"""What an image costs, known from shapes: counted like torch counts, and refused with the size and the limit."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from safetensors.numpy import save
from torch.utils.flop_counter import FlopCounterMode

from models.errors import Invalid
from models.generators.cost import LIMITS, check_cost
from models.generators.dcgan import build_network
from models.generators.registry import build
from models.generators.sandbox_task import first_picture
from models.importing.read_in_sandbox import read
from models.importing.spec_from_passport import spec_from_passport
from tests.models.importing.biggan_files import RandomBigGAN
from tests.models.importing.official_files import stylegan2, stylegan3
from tests.models.importing.pickle_writer import TensorValue, pickle_bytes, torch_zip


def dcgan(widths: tuple[int, ...]) -> bytes:
    """A DCGAN as safetensors, with next to no channels."""
    return save({f"main.{name}": tensor.numpy() for name, tensor in build_network(widths).state_dict().items()})


FILES = {
    "a DCGAN": lambda: dcgan((5, 16, 8, 3)),
    "a StyleGAN2": lambda: pickle_bytes(stylegan2((32, 24, 16)).pickle_value()),
    "a residual StyleGAN2": lambda: pickle_bytes(stylegan2((32, 24, 16), architecture="resnet").pickle_value()),
    "a StyleGAN3-T": lambda: pickle_bytes(stylegan3(False).pickle_value()),
    "a StyleGAN3-R": lambda: pickle_bytes(stylegan3(True).pickle_value()),
    "a BigGAN": lambda: torch_zip({name: TensorValue(array) for name, array in RandomBigGAN().state.items()}),
}


@pytest.mark.parametrize("kind", FILES)
def test_operations_and_sides_are_those_of_the_network_that_is_run(kind: str) -> None:
    passport, converted = read(memoryview(FILES[kind]()))
    state = {name: torch.from_numpy(np.array(array)) for name, array in converted.state.items()}
    generator = build(spec_from_passport("mine", passport, state, 2026), state, "cpu", "")
    with FlopCounterMode(display=False) as counter:
        picture = first_picture(generator)
    cost = check_cost(passport.family, state)
    assert cost is not None
    assert (cost.height, cost.width) == tuple(picture.shape[1:])
    assert 0.5 < 2 * cost.operations / counter.get_total_flops() < 2.5


def test_a_small_file_of_a_huge_dcgan_is_refused_at_once_with_its_size_and_the_limit() -> None:
    data = dcgan((2, *[2] * 12, 3))
    assert len(data) < 18_000
    start = time.monotonic()
    with pytest.raises(Invalid, match=r"16,384 x 16,384 px; a DCGAN may have up to 2,048 px a side"):
        read(memoryview(data))
    assert time.monotonic() - start < 2


def too_large(kind: str) -> dict[str, np.ndarray]:
    """The shapes of a network beyond the limits, whose weights are views of one number."""
    one = np.ones(1, np.float32)

    def array(*shape: int) -> np.ndarray:
        return np.broadcast_to(one, shape)

    if kind == "dcgan":
        return {
            "main.0.weight": array(4, 8000, 4, 4),
            **{f"main.{n}.weight": array(8000, 8000, 4, 4) for n in range(1, 6)},
        }
    if kind == "stylegan2":
        state = {"synthesis.start": array(512, 4, 4), "fir": array(4)}
        for number in range(9):
            state[f"synthesis.blocks.{number}.rise.weight"] = array(8192, 8192, 3, 3)
            state[f"synthesis.blocks.{number}.stay.weight"] = array(8192, 8192, 3, 3)
        return state
    if kind == "stylegan3":
        plan = np.array([36, 36, 2048, 2048, 2, 2, 0, 0, 0, 0, 0, 256], np.float32)
        return {
            "synthesis.input.plan": plan[:4], "synthesis.input.weight": array(64, 64),
            "synthesis.layers.0.weight": array(512, 64, 3, 3), "synthesis.layers.0.plan": plan,
        }  # fmt: skip
    state = {"plan": np.array([1e-4, 5, *[1] * 7], np.float32), "gen_z.weight": array(16, 16)}
    state |= {"attention.theta.weight": array(64, 512, 1, 1), "attention.values.weight": array(256, 512, 1, 1)}
    for number in range(7):
        for place in range(4):
            state[f"blocks.{number}.convolutions.{place}.weight"] = array(4096, 4096, 3, 3)
    return state


@pytest.mark.parametrize("kind", LIMITS)
def test_a_network_that_is_wide_instead_of_large_is_refused_by_its_cost(kind: str) -> None:
    with pytest.raises(Invalid, match=r"billion multiply-adds; up to|GiB of feature maps; up to") as caught:
        check_cost(kind, too_large(kind))
    assert caught.value.hint


@pytest.mark.parametrize("kind", LIMITS)
def test_weights_without_the_shapes_of_their_family_are_refused(kind: str) -> None:
    with pytest.raises(Invalid, match="do not have the shapes"):
        check_cost(kind, {name: array.reshape(-1)[:1] for name, array in too_large(kind).items()})
    with pytest.raises(Invalid, match="do not have the shapes"):
        check_cost(kind, {})


def test_the_published_sizes_are_within_the_limits() -> None:
    one = np.ones(1, np.float32)
    widths = [512] * 5 + [256, 128, 64, 32]
    state = {"synthesis.start": np.broadcast_to(one, (512, 4, 4)), "fir": np.broadcast_to(one, (4,))}
    for number, width in enumerate(widths):
        inside = widths[max(number - 1, 0)]
        state[f"synthesis.blocks.{number}.rise.weight"] = np.broadcast_to(one, (width, inside, 3, 3))
        state[f"synthesis.blocks.{number}.stay.weight"] = np.broadcast_to(one, (width, width, 3, 3))
    cost = check_cost("stylegan2", state)
    assert cost is not None
    assert cost.height == 1024
    assert 50e9 < cost.operations < 120e9

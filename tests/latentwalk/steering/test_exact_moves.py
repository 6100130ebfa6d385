"""StyleGAN3's exact moves as sliders, and the comparison of learned sliders with them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from latentwalk.edit import parse
from latentwalk.errors import Invalid
from latentwalk.latents.resolve import resolve
from latentwalk.progress import finish
from latentwalk.steering.discovery import discover
from latentwalk.steering.exact_moves import exact_directions, psnr_against_exact
from latentwalk.steering.latent_sampling import Role, sample_latents
from latentwalk.steering.learning.settings import LearnSettings, layers_of
from latentwalk.steering.preview_strips import preview_strip
from latentwalk.steering.transforms import find
from models.catalogue import local
from models.generators.registry import build
from models.generators.stylegan3 import StyleGAN3
from models.importing.read_in_sandbox import read
from models.importing.spec_from_passport import spec_from_passport
from models.networks.stylegan3 import move_transforms
from server.storage.library import Library
from tests.models.importing.official_files import stylegan3
from tests.models.importing.pickle_writer import pickle_bytes


@pytest.fixture(scope="module")
def waves() -> StyleGAN3:
    passport, converted = read(memoryview(pickle_bytes(stylegan3(True).pickle_value())))
    state = {name: torch.from_numpy(array.copy()) for name, array in converted.state.items()}
    generator = build(spec_from_passport("waves", passport, state, 2026), state, "cpu", "")
    assert isinstance(generator, StyleGAN3)
    return generator


def synthesize(waves: StyleGAN3, **amounts: float) -> torch.Tensor:
    sliders = {one.id: one for one in exact_directions(waves.spec)}
    latent, classes = resolve(parse({"generator": "waves", "base": {"seed": 3}, "amounts": amounts}), waves, sliders)
    return waves.synthesize(latent, classes)


@pytest.mark.parametrize(
    ("amounts", "move"),
    [
        ({"exact_shift_x": 4.0}, (4 / 32, 0.0, 0.0)),
        ({"exact_shift_y": 4.0}, (0.0, -4 / 32, 0.0)),
        ({"exact_rotate": 30.0}, (0.0, 0.0, 30.0)),
        ({"exact_rotate": -30.0, "exact_shift_x": 2.0}, (2 / 32, 0.0, -30.0)),
    ],
)
def test_an_exact_slider_equals_the_networks_own_transform(waves: StyleGAN3, amounts, move) -> None:
    w = waves.map(waves.sample([3]), None)
    rows = w[:, None].expand(-1, waves.spec.layers, -1)
    expected = waves.synthesis(rows, move_transforms(torch.tensor([move]))).clamp(-1, 1)
    assert torch.allclose(synthesize(waves, **amounts), expected, atol=1e-5)
    assert not torch.allclose(synthesize(waves, **amounts), synthesize(waves), atol=1e-2)


def test_neutral_amounts_change_nothing(waves: StyleGAN3) -> None:
    assert torch.equal(synthesize(waves, exact_shift_x=0.0), synthesize(waves))


def test_the_library_lists_them_for_a_saved_generator_as_not_learned(waves: StyleGAN3, tmp_path: Path) -> None:
    _, converted = read(memoryview(pickle_bytes(stylegan3(True).pickle_value())))
    state = {name: torch.from_numpy(array.copy()) for name, array in converted.state.items()}
    local.save(tmp_path / "generators", waves.spec, state)
    library = Library(tmp_path)
    assert set(library.directions("waves")) == {"exact_shift_x", "exact_shift_y", "exact_rotate"}
    assert not library.is_learned("waves", "exact_rotate")
    assert preview_strip(waves, library.direction("waves", "exact_rotate")).shape == (3 * 32, 7 * 32, 3)


def test_other_families_have_no_exact_sliders(layered) -> None:
    assert exact_directions(layered.spec) == []


def test_psnr_is_capped_for_equal_images_and_falls_with_the_amount_for_unchanged_ones(waves: StyleGAN3) -> None:
    learned = finish(discover(waves, "pca", count=1))[0]
    slider = replace(learned, unit=find("shift_x").unit)
    rows = psnr_against_exact(waves, slider, "shift_x", sample_latents(waves, 2, Role.EVALUATE))
    assert [round(row[0], 3) for row in rows] == [-3.0, -2.25, -1.5, -0.75, 0.0, 0.75, 1.5, 2.25, 3.0]
    assert rows[4][1] == rows[4][2] == 99.0
    unchanged = [row[2] for row in rows]
    assert unchanged[0] < unchanged[2] < unchanged[3]
    assert unchanged[8] < unchanged[6] < unchanged[5]


def test_style_channels_come_from_different_layers(waves: StyleGAN3) -> None:
    channels = finish(discover(waves, "styles", count=3))
    assert len({one.id.split("_")[1] for one in channels}) == 3
    assert {one.space for one in channels} == {"s"}


def test_auto_layers_are_early_for_geometry_and_late_for_colour(layered, tiny) -> None:
    auto = LearnSettings("zoom", layers="auto")
    assert layers_of(layered, find("zoom"), auto) == (0, 3)
    assert layers_of(layered, find("brightness"), auto) == (3, 6)
    assert layers_of(tiny, find("zoom"), auto) is None
    assert layers_of(layered, find("zoom"), LearnSettings("zoom")) is None
    assert layers_of(layered, find("zoom"), LearnSettings("zoom", layers=(1, 4))) == (1, 4)
    with pytest.raises(Invalid, match="cannot act on layers 1 to 9"):
        layers_of(layered, find("zoom"), LearnSettings("zoom", layers=(1, 9)))

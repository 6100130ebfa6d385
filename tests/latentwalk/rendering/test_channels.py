"""Grey and transparent generators: drawn, previewed, discovered and learned on like any other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from latentwalk.progress import finish
from latentwalk.rendering import image_codec
from latentwalk.steering.discovery import discover
from latentwalk.steering.latent_sampling import Role, sample_latents
from latentwalk.steering.opaque_generator import as_opaque
from latentwalk.steering.preview_strips import preview_strip
from latentwalk.steering.transforms import find
from models.generators.registry import build
from models.importing.read_in_sandbox import read
from models.importing.spec_from_passport import spec_from_passport
from tests.models.importing.official_files import stylegan2
from tests.models.importing.pickle_writer import pickle_bytes


@pytest.fixture(params=[1, 4], ids=["grey", "transparent"], scope="module")
def other(request: pytest.FixtureRequest):
    passport, converted = read(memoryview(pickle_bytes(stylegan2(channels=request.param).pickle_value())))
    state = {name: torch.from_numpy(array.copy()) for name, array in converted.state.items()}
    return build(spec_from_passport("other", passport, state, 2026), state, "cpu", "")


def images(generator) -> torch.Tensor:
    drawn = sample_latents(generator, 2, Role.EVALUATE)
    with torch.no_grad():
        return generator.synthesize(drawn.latents, drawn.classes)


@pytest.mark.parametrize("format", ["png", "jpg", "webp"])
def test_its_picture_is_a_file_of_every_format(other, format) -> None:
    made = image_codec.to_image(image_codec.to_pixels(images(other))[0])
    assert image_codec.encode(made, format)[:2] in (b"\x89P", b"\xff\xd8", b"RI")


def test_what_is_transparent_lies_on_white_in_a_jpeg_and_in_numbers() -> None:
    clear = np.zeros((8, 8, 4), np.uint8)
    assert image_codec.flatten_alpha(image_codec.to_image(clear)).getpixel((0, 0)) == (255, 255, 255)
    assert float(image_codec.rgb(torch.full((1, 4, 2, 2), -1.0)).min()) == 1.0
    half = torch.tensor([1.0, -1.0, 0.0, 0.0])[None, :, None, None]
    assert image_codec.rgb(half).flatten().tolist() == [1.0, 0.0, 0.5]


def test_its_sliders_have_strips_in_colour(other) -> None:
    made = finish(discover(other, "pca", count=1))[0]
    assert preview_strip(other, made).shape == (3 * 16, 7 * 16, 3)
    assert Image.fromarray(preview_strip(other, made).numpy()).mode == "RGB"


def test_a_transform_sees_it_in_colours_it_knows(other) -> None:
    seen = as_opaque(other)
    assert seen.spec.channels == (3 if other.spec.channels == 4 else 1)
    assert replace(seen.spec, channels=other.spec.channels) == other.spec
    for name in ("saturation", "brightness", "shift_x"):
        edited, mask = find(name)(images(seen), torch.full((2,), 1.2))
        assert bool(torch.isfinite(edited).all())
        assert mask.shape == (2, 1, 16, 16)

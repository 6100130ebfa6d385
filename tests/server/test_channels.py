"""Grey and transparent generators: drawn, previewed, discovered and learned on like any other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from models.families import build
from models.importing.described import described
from models.importing.reading import read
from server import codecs
from server.steering.discover import discover
from server.steering.draws import Role, draw
from server.steering.opaque import opaque
from server.steering.progress import finish
from server.steering.strips import strip
from server.steering.transforms import find
from tests.models.importing.official import stylegan2
from tests.models.importing.writer import pickled


@pytest.fixture(params=[1, 4], ids=["grey", "transparent"], scope="module")
def other(request: pytest.FixtureRequest):
    passport, converted = read(memoryview(pickled(stylegan2(channels=request.param).whole())))
    state = {name: torch.from_numpy(array.copy()) for name, array in converted.state.items()}
    return build(described("other", passport, state, 2026), state, "cpu", "")


def images(generator) -> torch.Tensor:
    drawn = draw(generator, 2, Role.JUDGE)
    with torch.no_grad():
        return generator.synthesize(drawn.latents, drawn.classes)


@pytest.mark.parametrize("format", ["png", "jpg", "webp"])
def test_its_picture_is_a_file_of_every_format(other, format) -> None:
    made = codecs.picture(codecs.pixels(images(other))[0])
    assert codecs.encode(made, format)[:2] in (b"\x89P", b"\xff\xd8", b"RI")


def test_what_is_transparent_lies_on_white_in_a_jpeg_and_in_numbers() -> None:
    clear = np.zeros((8, 8, 4), np.uint8)
    assert codecs.opaque(codecs.picture(clear)).getpixel((0, 0)) == (255, 255, 255)
    assert float(codecs.rgb(torch.full((1, 4, 2, 2), -1.0)).min()) == 1.0
    half = torch.tensor([1.0, -1.0, 0.0, 0.0])[None, :, None, None]
    assert codecs.rgb(half).flatten().tolist() == [1.0, 0.0, 0.5]


def test_its_sliders_have_strips_in_colour(other) -> None:
    made = finish(discover(other, "pca", count=1))[0]
    assert strip(other, made).shape == (3 * 16, 7 * 16, 3)
    assert Image.fromarray(strip(other, made).numpy()).mode == "RGB"


def test_a_transform_sees_it_in_colours_it_knows(other) -> None:
    seen = opaque(other)
    assert seen.spec.channels == (3 if other.spec.channels == 4 else 1)
    assert replace(seen.spec, channels=other.spec.channels) == other.spec
    for name in ("saturation", "brightness", "shift_x"):
        edited, mask = find(name)(images(seen), torch.full((2,), 1.2))
        assert bool(torch.isfinite(edited).all())
        assert mask.shape == (2, 1, 16, 16)

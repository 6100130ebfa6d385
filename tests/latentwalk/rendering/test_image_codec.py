"""Pictures as files: the right size, the right pixels, the recipe inside."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from latentwalk.rendering import image_codec


def test_pixels_are_rounded_the_usual_way_and_never_wrap() -> None:
    values = torch.tensor([-2.0, -1.0, -0.999, 0.0, 0.999, 1.0, 2.0]).reshape(1, 1, 1, 7)
    assert image_codec.to_pixels(values).ravel().tolist() == [0, 0, 0, 128, 255, 255, 255]


@given(st.integers(1, 3), st.sampled_from([1, 3]), st.integers(1, 9), st.integers(1, 9))
def test_pixels_have_channels_last(count: int, channels: int, height: int, width: int) -> None:
    images = torch.rand(count, channels, height, width) * 2 - 1
    array = image_codec.to_pixels(images)
    assert array.shape == (count, height, width, channels)
    expected = (images * 127.5 + 128).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()
    assert np.array_equal(array, expected)


def test_png_keeps_every_pixel_and_the_edit() -> None:
    array = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    data = image_codec.encode(image_codec.to_image(array), "png", edit='{"a":1}')
    opened = Image.open(io.BytesIO(data))
    assert np.array_equal(np.asarray(opened), array)
    assert opened.info["latentwalk"] == '{"a":1}'


@pytest.mark.parametrize("format", ["jpg", "png", "webp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_format_takes_grey_and_colour(format: image_codec.Format, channels: int) -> None:
    array = np.full((8, 8, channels), 100, dtype=np.uint8)
    opened = Image.open(io.BytesIO(image_codec.encode(image_codec.to_image(array), format)))
    assert opened.size == (8, 8)
    assert image_codec.MEDIA_TYPES[format] == Image.MIME[str(opened.format)]


@pytest.mark.parametrize(("longest", "size"), [(None, (40, 20)), (100, (40, 20)), (10, (10, 5)), (1, (1, 1))])
def test_pictures_are_made_smaller_but_never_larger(longest: int | None, size: tuple[int, int]) -> None:
    assert image_codec.to_image(np.zeros((20, 40, 3), np.uint8), longest).size == size

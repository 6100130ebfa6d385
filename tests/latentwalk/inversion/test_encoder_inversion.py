"""Inverting an image: which files are accepted, and how close the generator gets."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch
from PIL import Image

from latentwalk.edit import parse
from latentwalk.errors import Invalid, NotFound
from latentwalk.inversion.encoder_inversion import invert, nearest_class, open_picture
from latentwalk.latents.resolve import resolve
from latentwalk.progress import finish
from latentwalk.rendering import image_codec
from latentwalk.training.encoder_files import encoder_bytes
from latentwalk.training.encoder_training import EncodeSettings, train_encoder
from latentwalk.training.evaluation.samplers import GeneratorSampler
from models.base import Generator


def file(image: Image.Image, format: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def encoder_file(tmp_path_factory: pytest.TempPathFactory, layered: Generator) -> Path:
    """An encoder of the style-based generator."""
    encoder = finish(train_encoder(GeneratorSampler(layered), EncodeSettings(steps=60, batch=8, width=8)))
    path = tmp_path_factory.mktemp("encoder") / "encoder.safetensors"
    path.write_bytes(encoder_bytes(encoder, layered.spec.fingerprint))
    return path


def test_an_image_of_the_generator_itself_is_inverted(encoder_file: Path, layered: Generator) -> None:
    latent, classes = resolve(parse({"generator": "styled", "base": {"seed": 3}}), layered, {})
    with torch.no_grad():
        image = layered.synthesize(latent, classes)
    png = file(Image.fromarray(image_codec.to_pixels(image)[0]))
    inversion = finish(invert(layered, encoder_file, open_picture(png, layered.spec))).to_json()
    again, weights = resolve(
        parse({"generator": "styled", **{key: inversion[key] for key in ("base", "classes")}}), layered, {}
    )
    with torch.no_grad():
        error = float((layered.synthesize(again, weights) - image).square().mean())
    assert inversion["generator"] == "styled"
    assert error < 0.1 * float(image.var())
    assert inversion["error"] == pytest.approx(error, abs=2e-3)
    assert set(inversion["classes"]) <= set(layered.spec.classes)


def test_the_nearest_class_of_a_class_mean_is_that_class(layered: Generator) -> None:
    means = layered.map(torch.zeros(3, 6), torch.eye(3), 0.0)
    assert [nearest_class(layered, mean[None]) for mean in means] == [{name: 1.0} for name in layered.spec.classes]


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_an_image_is_cropped_to_a_square_of_the_generators_side(layered: Generator, format: str) -> None:
    wide = Image.new("RGB", (90, 30), (255, 0, 0))
    wide.paste(Image.new("RGB", (30, 30), (0, 0, 255)), (30, 0))
    picture = open_picture(file(wide, format), layered.spec)
    assert picture.shape == (1, 3, 16, 16)
    assert float(picture[0, 2, 8, 8]) > 0.9
    assert float(picture[0, 0, 8, 8]) < -0.9


@pytest.mark.parametrize(
    "data",
    [b"", b"nothing", file(Image.new("RGB", (9, 9)))[:40], file(Image.new("RGB", (9, 9)), "TIFF"), b"<svg/>"],
    ids=["empty", "text", "cut off", "tiff", "svg"],
)
def test_a_file_that_is_not_an_image_is_rejected(layered: Generator, data: bytes) -> None:
    with pytest.raises(Invalid, match="not a picture") as error:
        open_picture(data, layered.spec)
    assert "PNG" in error.value.hint


def test_an_image_with_enormous_sides_is_rejected_before_it_is_decoded(layered: Generator) -> None:
    with pytest.raises(Invalid, match="px wide or high"):
        open_picture(file(Image.new("1", (20_000, 1))), layered.spec)


def test_a_generator_without_an_encoder_cannot_invert(layered: Generator) -> None:
    with pytest.raises(NotFound, match="no encoder"):
        finish(invert(layered, None, torch.zeros(1, 3, 16, 16)))

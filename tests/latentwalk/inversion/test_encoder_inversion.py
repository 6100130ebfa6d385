"""Bringing a picture into the latent space: what is a picture, and how near the generator comes."""

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
from latentwalk.rendering.loaded_generator import LoadedGenerator
from latentwalk.training.encoder_training import EncodeSettings, to_bytes, train_encoder
from latentwalk.training.evaluation import samplers
from models.base import Generator
from models.catalogue import local
from models.catalogue.local import ENCODER
from server.storage.library import Library


def file(image: Image.Image, format: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, described, layered: Generator) -> Library:
    """A home with the style-based generator and an encoder for it."""
    home = tmp_path_factory.mktemp("home")
    folder = local.save(home / "generators", *described).parent
    encoder = finish(train_encoder(samplers.GeneratorSampler(layered), EncodeSettings(steps=60, batch=8, width=8)))
    (folder / ENCODER).write_bytes(to_bytes(encoder, layered.spec.fingerprint))
    return Library(home)


@pytest.fixture(scope="module")
def ready(library: Library) -> LoadedGenerator:
    generator = library.load("styled")
    return LoadedGenerator(generator, generator, dict)


def test_a_picture_of_the_generators_own_is_found_again(library: Library, ready: LoadedGenerator) -> None:
    edit = parse({"generator": "styled", "base": {"seed": 3}})
    latent, classes = resolve(edit, ready.exact, {})
    with torch.no_grad():
        picture = ready.exact.synthesize(latent, classes)
    array = image_codec.to_pixels(picture)[0]
    found = finish(
        invert(ready.exact, library.encoder("styled"), open_picture(file(Image.fromarray(array)), ready.spec))
    ).to_json()
    again, weights = resolve(
        parse({"generator": "styled", **{k: found[k] for k in ("base", "classes")}}), ready.exact, {}
    )
    with torch.no_grad():
        error = float((ready.exact.synthesize(again, weights) - picture).square().mean())
    assert error < 0.1 * float(picture.var())
    assert found["error"] == pytest.approx(error, abs=2e-3)
    assert set(found["classes"]) <= set(ready.spec.classes)


def test_the_nearest_class_is_the_one_whose_mean_it_is(layered: Generator) -> None:
    means = layered.map(torch.zeros(3, 6), torch.eye(3), 0.0)
    assert [nearest_class(layered, mean[None]) for mean in means] == [{name: 1.0} for name in layered.spec.classes]


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_any_picture_is_cut_to_a_square_of_the_generators_side(layered: Generator, format: str) -> None:
    wide = Image.new("RGB", (90, 30), (255, 0, 0))
    wide.paste(Image.new("RGB", (30, 30), (0, 0, 255)), (30, 0))
    picture = open_picture(file(wide, format), layered.spec)
    assert picture.shape == (1, 3, 16, 16)
    assert float(picture[0, 2, 8, 8]) > 0.9
    assert float(picture[0, 0, 8, 8]) < -0.9


@pytest.mark.parametrize(
    "data",
    [b"", b"nothing", file(Image.new("RGB", (9, 9)))[:40], file(Image.new("RGB", (9, 9)), "GIF"), b"<svg/>"],
    ids=["empty", "text", "cut off", "gif", "svg"],
)
def test_what_is_no_picture_is_a_sentence(layered: Generator, data: bytes) -> None:
    with pytest.raises(Invalid, match="not a picture") as error:
        open_picture(data, layered.spec)
    assert "PNG" in error.value.hint


def test_a_picture_of_enormous_sides_is_refused_before_it_is_decoded(layered: Generator) -> None:
    with pytest.raises(Invalid, match="px wide or high"):
        open_picture(file(Image.new("1", (20_000, 1))), layered.spec)


def test_a_generator_without_an_encoder_says_so(ready: LoadedGenerator, tmp_path: Path, described) -> None:
    local.save(tmp_path / "generators", *described)
    with pytest.raises(NotFound, match="no encoder"):
        finish(invert(ready.exact, Library(tmp_path).encoder("styled"), torch.zeros(1, 3, 16, 16)))

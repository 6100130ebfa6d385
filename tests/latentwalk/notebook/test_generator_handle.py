"""Generators are opened by name, path and object, and their handles render edits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import latentwalk as lw
from latentwalk.rendering.draw import draw
from models.catalogue import local


def test_a_handle_renders_the_exact_image_of_an_edit(handle, make_slider) -> None:
    with_sway = handle.with_directions(make_slider(handle.spec))
    edit = with_sway.edit(3, classes={"cold": 1}, truncation=0.7, sway=4.0)
    image = with_sway.render(edit)
    assert image.size == (16, 16)
    assert np.array_equal(np.asarray(image), draw(edit, with_sway.loaded()))
    assert np.array_equal(np.asarray(with_sway.render(edit.model_dump(exclude_defaults=True))), np.asarray(image))
    assert with_sway.render(edit, size=8).size == (8, 8)


def test_without_an_edit_the_image_is_that_of_seed_0(handle) -> None:
    assert np.array_equal(np.asarray(handle.render()), np.asarray(handle.render(handle.edit(0))))


def test_with_directions_leaves_the_handle_as_it_is(handle, make_slider) -> None:
    sway = make_slider(handle.spec)
    assert list(handle.with_directions(sway).directions) == ["sway"]
    assert handle.directions == {}
    assert handle.with_directions(sway).model is handle.model


def test_a_direction_of_other_weights_is_refused(handle, make_slider, eyes_spec) -> None:
    with pytest.raises(lw.Invalid, match="was made for eyes"):
        handle.with_directions(make_slider(eyes_spec))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lw.Edit(generator="eyes", base={"seed": 1}), "for eyes, not for tiny"),
        (lw.Edit(generator="tiny", base={}), "just one of these"),
        ({"generator": "tiny"}, "has no base"),
        (lw.Edit(generator="tiny", base={"seed": 1}, amounts={"nope": 1.0}), "no direction “nope”"),
    ],
)
def test_an_edit_that_cannot_be_rendered_is_refused(handle, edit, message: str) -> None:
    with pytest.raises(lw.Invalid, match=message):
        handle.render(edit)


def test_a_bundled_generator_has_its_bundled_directions_and_encoder() -> None:
    avatars = lw.open_generator("avatars", device="cpu")
    assert {"zoom", "shift_x", "pca_1"} <= set(avatars.directions)
    assert list(avatars.directions)[:2] == ["zoom", "shift_x"]  # the order of the page
    assert avatars.encoder is not None
    assert avatars.classes == avatars.spec.classes
    assert "64 px" in repr(avatars)
    assert lw.open_generator(avatars) is avatars


def test_a_home_adds_its_generators_and_direction_files(home: Path, described, make_slider, put_direction) -> None:
    local.save(home / "generators", *described)
    put_direction(home, make_slider(described[0]))
    (home / "directions" / "styled" / "broken.safetensors").write_bytes(b"x")
    handle = lw.open_generator("styled", device="cpu", home=home)
    assert list(handle.directions) == ["sway"]
    assert handle.encoder is None
    with pytest.raises(lw.NotFound, match="no generator “styled”"):
        lw.open_generator("styled")


def test_a_folder_is_a_generator_with_the_directions_beside_it(tmp_path: Path, described, make_slider) -> None:
    folder = local.save(tmp_path, *described).parent
    lw.save_direction(make_slider(described[0]), folder)
    assert list(lw.open_generator(folder, device="cpu").directions) == ["sway"]
    assert lw.open_generator(str(folder), device="cpu").spec.name == "styled"


def test_an_object_that_is_no_generator_and_a_missing_device_are_refused(described) -> None:
    with pytest.raises(lw.Invalid, match="is not a generator"):
        lw.open_generator(object())  # type: ignore[arg-type]
    with pytest.raises(lw.Invalid, match="has no cuda:7"):
        lw.open_generator("avatars", device="cuda:7")


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "weights.pkl").write_bytes(b"nothing")
    with pytest.raises(lw.LatentwalkError):
        lw.open_generator(tmp_path / "weights.pkl")

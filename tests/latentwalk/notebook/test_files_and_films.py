"""Directions as files, and films, as the library writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

import latentwalk as lw
from latentwalk.films.recipe_extraction import recipe_of


def test_a_saved_direction_is_loaded_again(tmp_path: Path, tiny, make_slider) -> None:
    sway = make_slider(tiny.spec)
    assert lw.save_direction(sway, tmp_path) == tmp_path / "sway.safetensors"
    path = lw.save_direction(sway, str(tmp_path / "other.safetensors"))
    assert lw.load_direction(path).fingerprint == tiny.spec.fingerprint
    with pytest.raises(lw.Invalid, match="does not end in"):
        lw.save_direction(sway, tmp_path / "sway.pt")


def test_a_file_that_holds_no_direction_is_refused(tmp_path: Path) -> None:
    with pytest.raises(lw.NotFound, match="cannot be read"):
        lw.load_direction(tmp_path / "none.safetensors")
    (tmp_path / "a.safetensors").write_bytes(b"\0" * 100)
    with pytest.raises(lw.Invalid, match="is not a direction"):
        lw.load_direction(tmp_path / "a.safetensors")


def test_a_sweep_is_exported_in_the_format_of_its_extension(tmp_path: Path, handle, make_slider) -> None:
    sway = make_slider(handle.spec)
    both = handle.with_directions(sway)
    timeline = lw.sweep(both.edit(3), sway, seconds=1.0, span=(-2.0, 2.0))
    shares: list[float] = []
    film = lw.export_film(
        both, timeline, tmp_path / "a.webp", fps=8, size=32, progress=lambda one: shares.append(one.share)
    )
    assert (film.frames, film.width, film.height, film.fps) == (8, 32, 32, 8)
    assert shares == sorted(shares)
    kind, recipe = recipe_of((tmp_path / "a.webp").read_bytes())
    assert kind == "walk"
    assert recipe["keyframes"][1]["amounts"] == {"sway": 2}
    again = lw.export_film(both, recipe, tmp_path / "b.gif")
    assert (again.frames, again.digest) == (film.frames, film.digest)


def test_what_cannot_be_filmed_is_refused_before_the_first_frame(tmp_path: Path, handle, make_slider) -> None:
    sway = make_slider(handle.spec)
    timeline = lw.sweep(handle.edit(3), sway, seconds=1.0)
    with pytest.raises(lw.Invalid, match="no direction “sway”"):
        lw.export_film(handle, timeline, tmp_path / "a.gif")
    with pytest.raises(lw.Invalid, match="no known file extension"):
        lw.export_film(handle.with_directions(sway), timeline, tmp_path / "a.txt")
    with pytest.raises(lw.Invalid, match="its track runs"):
        lw.sweep(handle.edit(3), sway, span=(-99.0, 99.0))
    audio = timeline.model_copy(update={"audio": {"sha256": "0" * 64}})
    with pytest.raises(lw.Invalid, match="audio"):
        lw.export_film(handle.with_directions(sway), audio, tmp_path / "a.mp4")
    assert not list(tmp_path.iterdir())

"""Other programs' directions as sliders of a generator, refused where they are not for it; ours in their formats."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from latentwalk.directions.direction_file import from_bytes
from latentwalk.edit import parse
from latentwalk.errors import Invalid
from latentwalk.latents.latent_codec import decode_latent
from latentwalk.latents.resolve import resolve
from latentwalk.steering.preview_strips import preview_strip
from models.catalogue import local
from models.generators.stylegan2 import StyleGAN2
from models.importing.direction_files import VectorFile, read_vectors
from server.cli.main import main
from server.services.directions import external_directions
from server.storage.library import Library
from tests.models.importing.test_direction_files import npy, npz
from tests.models.sandbox.markers import needs_isolation

WIDTH = 8  # of w; z has six numbers


def held(rows: Any, kind: str = "directions", format: str = "a numpy array") -> VectorFile:
    array = np.asarray(rows, np.float32)
    return VectorFile(format, kind, array, np.ones(len(array), np.float32))


def axis(number: int, width: int = WIDTH) -> np.ndarray:
    return np.eye(width, dtype=np.float32)[[number]]


def test_a_direction_of_w_becomes_a_slider_that_steps_by_its_spread(layered: StyleGAN2) -> None:
    found = replace(held(axis(2), format="GANSpace's components"), spreads=np.array([2.5], np.float32))
    slider = external_directions.directions(found, layered, "layered_style_ipca.npz", 6, None)[0]
    assert (slider.id, slider.space, slider.unit.symbol) == ("layered_style_ipca", "w", "σ")
    wanted = [parse({"generator": "g", "base": {"seed": 1}, "amounts": {slider.id: amount}}) for amount in (0.0, 2.0)]
    still, moved = (resolve(edit, layered, {slider.id: slider}) for edit in wanted)
    assert torch.allclose(moved[0] - still[0], 5.0 * torch.eye(WIDTH)[2].expand(1, 6, -1), atol=1e-5)


def test_a_direction_of_z_acts_before_the_mapping_network(layered: StyleGAN2) -> None:
    width = layered.spec.spaces["z"][0]
    slider = external_directions.directions(held(axis(1, width)), layered, "smile.npy", 6, "z")[0]
    edit = {"generator": "g", "base": {"seed": 1}, "amounts": {"smile": 2.0}}
    latent, classes = resolve(parse(edit), layered, {"smile": slider})
    z = layered.sample([1]) + 2.0 * torch.eye(width)[1]
    assert torch.allclose(latent[:, 0], layered.map(z, classes), atol=1e-5)
    assert preview_strip(layered, slider).shape == (3 * 16, 7 * 16, 3)
    with pytest.raises(Invalid, match="starts in w"):
        resolve(parse({**edit, "base": {"seeds": {"1": 1.0}, "space": "w"}}), layered, {"smile": slider})


def test_a_name_that_says_its_space_is_believed(layered: StyleGAN2) -> None:
    found = held(axis(0))
    assert external_directions.directions(found, layered, "stylegan_age_w_boundary.npy", 6, None)[0].space == "w"


@pytest.mark.parametrize(
    ("width", "space", "said"),
    [(512, None, "has vectors of 512 numbers, but the space w of .* has 8"), (8, "z", "the space z of .* has 6")],
)
def test_a_direction_of_another_size_is_refused_with_both_sizes(layered, width: int, space, said: str) -> None:
    with pytest.raises(Invalid, match=said) as refusal:
        external_directions.directions(held(axis(0, width)), layered, "smile.npy", 6, space)
    assert "w of 8" in refusal.value.hint


def test_a_space_that_is_not_there_is_refused(tiny) -> None:
    with pytest.raises(Invalid, match="has no space w"):
        external_directions.directions(held(axis(0)), tiny, "smile.npy", 6, "w")


def test_factors_of_these_weights_are_imported_and_those_of_others_refused(layered) -> None:
    weight = layered.input_weights()
    own = torch.linalg.eigh(weight.T @ weight)[1].flip(1).T.numpy()
    made = external_directions.directions(held(own, format="rosinality's factors"), layered, "factor.pt", 3, None)
    assert [one.id for one in made] == ["factor_1", "factor_2", "factor_3"]
    with pytest.raises(Invalid, match="factors of other weights"):
        external_directions.directions(
            held(own[::-1].copy(), format="rosinality's factors"), layered, "factor.pt", 3, None
        )


def test_a_latent_starts_an_edit_and_one_of_another_model_is_refused(layered: StyleGAN2) -> None:
    rows = np.random.default_rng(0).normal(0, 1, (6, WIDTH)).astype(np.float16).astype(np.float32)
    base = external_directions.base(held(rows, "latent"), layered.spec, "projected_w.npz")
    assert torch.equal(decode_latent(base.latent, layered.spec)[0], torch.from_numpy(rows))
    with pytest.raises(Invalid, match=r"a latent of 5 x 8 numbers, but .* takes 8 in 1 or 6 rows"):
        external_directions.base(held(rows[:5], "latent"), layered.spec, "projected_w.npz")
    with pytest.raises(Invalid, match="holds a latent, not directions"):
        external_directions.directions(held(rows, "latent", "a projected w"), layered, "projected_w.npz", 1, None)
    with pytest.raises(Invalid, match="holds directions, not a latent"):
        external_directions.base(held(axis(0)), layered.spec, "smile.npy")


@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_a_slider_of_ours_comes_back_out_of_their_formats(layered: StyleGAN2, ending: str) -> None:
    slider = external_directions.directions(held(axis(3)), layered, "mine.npy", 1, None)[0]
    found = read_vectors(memoryview(external_directions.exported(slider, ending)))
    assert np.allclose(found.rows, axis(3))
    assert found.spreads.tolist() == [1.0]
    assert from_bytes(external_directions.exported(slider, "safetensors")).id == "mine"


def test_a_bent_slider_has_no_place_in_their_formats(layered: StyleGAN2, make_slider) -> None:
    slider = make_slider(layered.spec, "channel", 0, space="s")
    with pytest.raises(Invalid, match="not a linear direction"):
        external_directions.exported(slider, "npy")


@needs_isolation
def test_the_command_keeps_draws_and_gives_away(described: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("LATENTWALK_HOME", str(tmp_path))
    spec, state = described
    local.save(tmp_path / "generators", spec, state)

    def run(*words: Any) -> Any:
        return CliRunner().invoke(main, [str(word) for word in words])

    (tmp_path / "smile.npy").write_bytes(npy(axis(1)))
    (tmp_path / "big.npy").write_bytes(npy(axis(1, 512)))
    (tmp_path / "projected_w.npz").write_bytes(npz(w=np.ones((1, 6, WIDTH), np.float32)))
    made = run("sliders", "import", tmp_path / "smile.npy", "--generator", spec.name, "--json")
    assert json.loads(made.stdout)["directions"] == ["smile"]
    assert Library(tmp_path).strip(spec.name, "smile") is not None
    refused = run("sliders", "import", tmp_path / "big.npy", "--generator", spec.name)
    assert refused.exit_code == 1
    assert "of 512 numbers" in refused.stderr
    drawn = run("render", "--generator", spec.name, "--latent", tmp_path / "projected_w.npz", "--set", "smile=1",
                "--layers", "smile=0-3", "--style", "9=4-6", "--out", tmp_path / "a.png")  # fmt: skip
    assert drawn.exit_code == 0, drawn.output
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == (16, 16)
    given = run("sliders", "export", "smile", "--generator", spec.name, "--out", tmp_path / "out.npy")
    assert given.exit_code == 0, given.output
    assert np.allclose(np.load(tmp_path / "out.npy"), axis(1))
    assert run("render", "--generator", spec.name, "--out", tmp_path / "b.png").exit_code == 2


@pytest.mark.parametrize("kind", ["directions", "latent"])
@pytest.mark.parametrize("space", [None, "w"])
def test_a_vector_for_each_layer_is_one_slider_of_w_plus(layered: StyleGAN2, kind: str, space: str | None) -> None:
    rows = torch.randn(layered.spec.layers, WIDTH, generator=torch.Generator().manual_seed(4)).numpy()
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    (slider,) = external_directions.directions(held(rows, kind), layered, "pose_wplus.npy", 6, space)
    assert (slider.id, slider.name, slider.space) == ("pose_wplus", "Pose wplus", "s")
    edits = [parse({"generator": "g", "base": {"seed": 1}, "amounts": {slider.id: amount}}) for amount in (0.0, 2.0)]
    still, moved = (resolve(edit, layered, {slider.id: slider}) for edit in edits)
    wanted = layered.synthesize(still[0][:, : layered.spec.layers] + 2.0 * torch.from_numpy(rows), still[1])
    assert torch.allclose(layered.synthesize(*moved), wanted, atol=1e-4)
    assert not torch.allclose(layered.synthesize(*still), wanted, atol=1e-2)


def test_equal_rows_for_each_layer_are_one_direction_of_w(layered: StyleGAN2) -> None:
    rows = np.repeat(axis(3), layered.spec.layers, axis=0)
    (slider,) = external_directions.directions(held(rows), layered, "smile_rep_w.npy", 6, "w")
    assert (slider.id, slider.space, slider.walk.axis().tolist()) == ("smile_rep_w", "w", axis(3)[0].tolist())


def test_as_many_orthonormal_factors_as_layers_stay_one_slider_each(layered: StyleGAN2) -> None:
    rows = np.eye(WIDTH, dtype=np.float32)[: layered.spec.layers]
    assert len(external_directions.directions(held(rows), layered, "factors.npy", 8, None)) == layered.spec.layers


def test_a_name_with_umlauts_keeps_them_in_the_title_and_spells_them_out_in_the_id(layered: StyleGAN2) -> None:
    (slider,) = external_directions.directions(held(axis(0)), layered, "grünes_Lächeln.npy", 6, None)
    assert (slider.id, slider.name) == ("gruenes_laecheln", "Grünes Lächeln")

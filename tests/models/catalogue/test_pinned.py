"""The catalogue: data, pinned, and honest about what is not there."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from models.catalogue import local, pinned
from models.errors import LatentwalkError, ModelFailed, NotFound
from models.generators.dcgan import DCGAN
from models.generators.registry import FAMILIES

ROOT = Path(__file__).parents[3]


def said(error: pytest.ExceptionInfo[LatentwalkError]) -> str:
    assert str(error.value).endswith(".")
    assert error.value.hint
    return str(error.value)


@pytest.mark.parametrize("name", pinned.entries())
def test_every_entry_is_pinned_and_has_a_card(name):
    entry = pinned.find(name)
    assert re.fullmatch(r"[0-9a-f]{64}", entry.origin.sha256)
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", entry.spec.fingerprint)
    assert re.fullmatch(r"[a-z0-9-]+==[0-9.]+", entry.origin.requirement)
    assert entry.origin.bytes > 10**6
    assert 2014 <= entry.spec.card.year <= 2100
    assert entry.spec.family in FAMILIES


def test_no_code_knows_an_entry_by_name():
    names = "|".join(pinned.entries())
    for path in ROOT.glob("models/**/*.py"):
        assert not re.search(rf"[\"']({names})[\"']", path.read_text()), path


def test_an_unknown_name_is_answered_with_those_there_are():
    with pytest.raises(NotFound, match="There is no generator “ears”") as error:
        pinned.find("ears")
    assert said(error)
    assert "eyes" in error.value.hint


def test_loading_what_was_not_pulled_says_how_to_pull_it(tmp_path):
    with pytest.raises(NotFound, match="is not downloaded yet") as error:
        pinned.load("faces", tmp_path)
    assert said(error)
    assert error.value.hint == "Run: latentwalk pull faces"


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x00" * 100])
def test_damaged_weights_are_one_sentence(tmp_path, content):
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces" / local.WEIGHTS).write_bytes(content)
    with pytest.raises(ModelFailed, match="cannot be read") as error:
        pinned.load("faces", tmp_path)
    assert said(error)


def test_weights_of_another_model_are_refused_by_their_fingerprint(tmp_path):
    (tmp_path / "faces").mkdir()
    save_file({"main.0.weight": torch.zeros(4, 4, 4, 4)}, tmp_path / "faces" / local.WEIGHTS)
    with pytest.raises(ModelFailed, match="are not the ones described") as error:
        pinned.load("faces", tmp_path)
    assert said(error)


def test_a_distribution_that_is_not_installed_is_named(monkeypatch):
    eyes = pinned.find("eyes")
    missing = replace(eyes, origin=replace(eyes.origin, distribution="no-such-eyes"))
    monkeypatch.setattr(pinned, "entries", lambda: {"eyes": missing})
    assert not pinned.is_installed(missing, Path())
    with pytest.raises(ModelFailed, match=r"eyes needs no-such-eyes==0\.1") as error:
        pinned.load("eyes", Path())
    assert said(error)


def test_another_version_is_not_taken_for_the_pinned_one():
    eyes = pinned.find("eyes")
    assert pinned.is_installed(eyes, Path())
    assert not pinned.is_installed(replace(eyes, origin=replace(eyes.origin, version="0.2")), Path())


def test_a_changed_weights_file_is_refused(monkeypatch):
    eyes = pinned.find("eyes")
    other = replace(eyes, origin=replace(eyes.origin, sha256="0" * 64))
    monkeypatch.setattr(pinned, "entries", lambda: {"eyes": other})
    with pytest.raises(ModelFailed, match="were changed") as error:
        pinned.load("eyes", Path())
    assert said(error)


def test_loading_runs_none_of_the_distributions_code():
    code = "import sys; from models.catalogue import pinned; from pathlib import Path; pinned.load('eyes', Path())\n"
    code += "assert not [name for name in sys.modules if 'omniart' in name or 'torchvision' in name]"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"resolution": 32}, "described as 32 px"),
        ({"channels": 1}, "1 channels"),
        ({"spaces": {"z": (7,)}}, "9 numbers"),
        ({"classes": ("warm",)}, "7 numbers"),
    ],
)
def test_a_description_that_does_not_fit_the_weights_is_refused(make_generator, changes, sentence):
    made = make_generator()
    with pytest.raises(ModelFailed, match=sentence):
        DCGAN(replace(made.spec, **changes), made.network.state_dict())


@pytest.mark.parametrize(
    "change",
    [
        lambda state: {f"layer{number}": tensor for number, tensor in enumerate(state.values())},
        lambda state: {name: tensor for name, tensor in state.items() if not name.startswith("1.")},
        lambda state: {name: tensor for name, tensor in state.items() if tensor.ndim != 4},
        lambda state: {},
        lambda state: {**state, "1.weight": torch.ones(99)},
        lambda state: {**state, "1.extra": torch.ones(1)},
    ],
    ids=["names", "no norm", "no convolutions", "nothing", "shape", "extra"],
)
def test_weights_that_are_no_dcgan_are_refused_in_one_sentence(make_generator, change):
    made = make_generator()
    with pytest.raises(ModelFailed) as error:
        DCGAN(made.spec, change(dict(made.network.state_dict())))
    assert said(error)

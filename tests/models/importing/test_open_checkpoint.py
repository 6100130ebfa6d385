"""A stranger's checkpoint from the file, through the jail, to a generator that is kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.catalogue import local
from models.errors import Invalid, ModelFailed
from models.importing.open_checkpoint import OpenedCheckpoint, open_checkpoint, try_generator
from models.sandbox.client import Sandbox, SandboxError, available
from tests.models.importing import other_layouts as others
from tests.models.importing.biggan_files import CONFIG, Drawn
from tests.models.importing.official_files import stylegan2, stylegan3
from tests.models.importing.pickle_writer import Call, Global, Kept, pickled, torch_zip

pytestmark = pytest.mark.skipif(
    not (available()["landlock"] and available()["seccomp"]), reason="this system cannot lock anything in"
)
FILES = {
    "NVIDIA's StyleGAN2": pickled(stylegan2(c=3).whole()),
    "NVIDIA's StyleGAN3": pickled(stylegan3(True).whole()),
    "TensorFlow's StyleGAN2": pickled(others.tensorflow(stylegan2())),
    "rosinality's": torch_zip({"g_ema": others.kept(others.rosinality(stylegan2(clamp=None)))}),
    "a BigGAN": torch_zip({name: Kept(array) for name, array in Drawn().state.items()}),
}


def opened(folder: Path, data: bytes, name: str = "model.jpeg") -> OpenedCheckpoint:
    path = folder / name
    path.write_bytes(data)
    return open_checkpoint(path)


@pytest.mark.parametrize("kind", FILES)
def test_a_checkpoint_becomes_a_generator_that_is_kept(kind: str, tmp_path: Path) -> None:
    found = opened(tmp_path, FILES[kind])
    spec = found.described("mine", 2026)
    generator, golden = try_generator(found, spec)
    local.save(tmp_path / "generators", spec, found.state)
    again = local.load(local.read_entry(tmp_path / "generators" / "mine"))
    classes = torch.eye(len(spec.classes))[:1] if spec.classes else None
    z = generator.sample([0])
    assert torch.equal(
        again.synthesize(again.map(z, classes), classes), generator.synthesize(generator.map(z, classes), classes)
    )
    assert try_generator(found, spec)[1] == golden
    second = opened(tmp_path, FILES[kind])
    assert second.described("mine", 2026) == spec
    assert found.passport == second.passport
    assert spec.card.licence == "Not known."


def test_what_was_kept_is_imported_again_as_it_was(tmp_path: Path) -> None:
    found = opened(tmp_path, FILES["a BigGAN"])
    spec = replace(
        found.described("mine", 2026), classes=("ant", "bee", "cat", "dog", "eel"), default_classes={"bee": 1.0}
    )
    local.save(tmp_path / "generators", spec, found.state)
    again = open_checkpoint(tmp_path / "generators" / "mine")
    assert again.described("mine", 2026).fingerprint == spec.fingerprint
    assert again.described("mine", 2026).classes == spec.classes
    try_generator(again, again.described("mine", 2026))


def test_a_folder_is_read_with_its_config(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(FILES["a BigGAN"])
    assert any("config.json is missing" in note for note in open_checkpoint(tmp_path).passport.notes)
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    for path in (tmp_path, tmp_path / "pytorch_model.bin"):
        assert not any("config.json is missing" in note for note in open_checkpoint(path).passport.notes)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(Invalid, match=r"config\.json"):
        open_checkpoint(tmp_path)


def test_a_refusal_comes_out_of_the_jail_with_its_hint(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    harm = Call(Global("os", "system"), (f"touch {mark}",))
    with pytest.raises(Invalid, match=r"os\.system") as caught:
        opened(tmp_path, pickled({"G_ema": harm}))
    assert "with any tool" in caught.value.hint
    assert not mark.exists()


def test_weights_that_fit_their_names_but_not_one_another_are_refused(tmp_path: Path) -> None:
    made = stylegan2()
    modules = made.tree.args[0]["state"]["_modules"].pairs["synthesis"].args[0]["state"]["_modules"].pairs
    layer = modules["b8"].args[0]["state"]["_modules"].pairs["torgb"].args[0]["state"]["_parameters"].pairs
    layer["weight"] = Kept(np.ones((3, 7, 1, 1), np.float32), True)
    found = opened(tmp_path, pickled(made.whole()))
    with pytest.raises(ModelFailed, match="no StyleGAN2"):
        try_generator(found, found.described("mine", 2026))


def test_a_network_whose_pictures_are_all_alike_is_refused(tmp_path: Path) -> None:
    found = opened(tmp_path, FILES["NVIDIA's StyleGAN2"])
    state = {name: torch.zeros_like(tensor) if "picture" in name else tensor for name, tensor in found.state.items()}
    flat = OpenedCheckpoint(found.passport, state)
    with pytest.raises(Invalid, match="makes no picture"):
        try_generator(flat, flat.described("mine", 2026))


def test_too_little_memory_ends_the_jail_and_not_the_server(tmp_path: Path) -> None:
    array = np.zeros((4, 4_000_000), np.float32)
    path = tmp_path / "large.pt"
    path.write_bytes(torch_zip({"main.0.weight": Kept(array)}))
    with pytest.raises(Invalid, match=r"memory|without an answer"):
        open_checkpoint(path, memory=64 * 2**20)
    with pytest.raises(Invalid, match="something else than a generator"):
        open_checkpoint(path)


@pytest.mark.parametrize("name", ["nowhere.pkl", "."])
def test_what_is_not_there_is_said_so(name: str, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"cannot be read|no weights"):
        open_checkpoint(tmp_path / name)


def test_one_jail_reads_several_files_and_forgets_them() -> None:
    with Sandbox("checkpoint") as jail:
        for data in (FILES["rosinality's"], b"nothing", FILES["rosinality's"]):
            answer = jail.call("read", {}, [np.frombuffer(data, np.uint8)])
            assert ("refused" in answer.body) == (data == b"nothing")
        with pytest.raises(SandboxError):
            jail.call("write", {}, [])

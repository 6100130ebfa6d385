"""A checkpoint of unknown origin, from the file through the sandbox to a generator in the catalogue."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.catalogue import local
from models.errors import Invalid
from models.generators.cost import check_cost
from models.generators.dcgan import build_network
from models.importing import open_checkpoint as opening
from models.importing.open_checkpoint import OpenedCheckpoint, draw_first, open_checkpoint, try_generator
from models.sandbox.client import Sandbox, SandboxError
from models.sandbox.protocol import Message
from tests.models.importing import other_layouts as others
from tests.models.importing.biggan_files import CONFIG, RandomBigGAN
from tests.models.importing.official_files import stylegan2, stylegan3
from tests.models.importing.pickle_writer import Call, Global, TensorValue, pickle_bytes, torch_zip
from tests.models.sandbox.markers import needs_isolation

pytestmark = needs_isolation
FILES = {
    "NVIDIA's StyleGAN2": pickle_bytes(stylegan2(c=3).pickle_value()),
    "NVIDIA's StyleGAN3": pickle_bytes(stylegan3(True).pickle_value()),
    "TensorFlow's StyleGAN2": pickle_bytes(others.tensorflow(stylegan2())),
    "rosinality's": torch_zip({"g_ema": others.as_tensors(others.rosinality(stylegan2(clamp=None)))}),
    "a BigGAN": torch_zip({name: TensorValue(array) for name, array in RandomBigGAN().state.items()}),
}


def open_bytes(folder: Path, data: bytes, name: str = "model.jpeg") -> OpenedCheckpoint:
    path = folder / name
    path.write_bytes(data)
    return open_checkpoint(path)


@pytest.mark.parametrize("kind", FILES)
def test_a_checkpoint_becomes_a_generator_that_can_be_saved(kind: str, tmp_path: Path) -> None:
    checkpoint = open_bytes(tmp_path, FILES[kind])
    spec = checkpoint.spec("mine", 2026)
    generator, golden = try_generator(checkpoint, spec)
    local.save(tmp_path / "generators", spec, checkpoint.state)
    again = local.load(local.read_entry(tmp_path / "generators" / "mine"))
    classes = torch.eye(len(spec.classes))[:1] if spec.classes else None
    z = generator.sample([0])
    assert torch.equal(
        again.synthesize(again.map(z, classes), classes), generator.synthesize(generator.map(z, classes), classes)
    )
    assert try_generator(checkpoint, spec)[1] == golden
    second = open_bytes(tmp_path, FILES[kind])
    assert second.spec("mine", 2026) == spec
    assert checkpoint.passport == second.passport
    assert spec.card.licence == "Not known."


def test_a_saved_generator_is_imported_unchanged(tmp_path: Path) -> None:
    checkpoint = open_bytes(tmp_path, FILES["a BigGAN"])
    spec = replace(
        checkpoint.spec("mine", 2026), classes=("ant", "bee", "cat", "dog", "eel"), default_classes={"bee": 1.0}
    )
    local.save(tmp_path / "generators", spec, checkpoint.state)
    again = open_checkpoint(tmp_path / "generators" / "mine")
    assert again.spec("mine", 2026).fingerprint == spec.fingerprint
    assert again.spec("mine", 2026).classes == spec.classes
    try_generator(again, again.spec("mine", 2026))


def test_a_folder_is_read_together_with_its_config(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(FILES["a BigGAN"])
    assert any("config.json is missing" in note for note in open_checkpoint(tmp_path).passport.notes)
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    for path in (tmp_path, tmp_path / "pytorch_model.bin"):
        assert not any("config.json is missing" in note for note in open_checkpoint(path).passport.notes)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(Invalid, match=r"config\.json"):
        open_checkpoint(tmp_path)


def test_a_refusal_keeps_its_hint_outside_the_sandbox(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    attack = Call(Global("os", "system"), (f"touch {marker}",))
    with pytest.raises(Invalid, match=r"os\.system") as caught:
        open_bytes(tmp_path, pickle_bytes({"G_ema": attack}))
    assert "with any tool" in caught.value.hint
    assert not marker.exists()


def test_weights_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    sample = stylegan2()
    modules = sample.tree.args[0]["state"]["_modules"].pairs["synthesis"].args[0]["state"]["_modules"].pairs
    layer = modules["b8"].args[0]["state"]["_modules"].pairs["torgb"].args[0]["state"]["_parameters"].pairs
    layer["weight"] = TensorValue(np.ones((3, 7, 1, 1), np.float32), True)
    checkpoint = open_bytes(tmp_path, pickle_bytes(sample.pickle_value()))
    with pytest.raises(Invalid, match="no StyleGAN2"):
        try_generator(checkpoint, checkpoint.spec("mine", 2026))


def test_a_network_that_makes_a_uniform_image_is_refused(tmp_path: Path) -> None:
    checkpoint = open_bytes(tmp_path, FILES["NVIDIA's StyleGAN2"])
    state = {
        name: torch.zeros_like(tensor) if "picture" in name else tensor for name, tensor in checkpoint.state.items()
    }
    flat = OpenedCheckpoint(checkpoint.passport, state)
    with pytest.raises(Invalid, match="makes no image"):
        try_generator(flat, flat.spec("mine", 2026))


def test_too_little_memory_ends_the_sandbox_alone(tmp_path: Path) -> None:
    array = np.zeros((4, 4_000_000), np.float32)
    path = tmp_path / "large.pt"
    path.write_bytes(torch_zip({"main.0.weight": TensorValue(array)}))
    with pytest.raises(Invalid, match=r"memory|without an answer"):
        open_checkpoint(path, memory=64 * 2**20)
    with pytest.raises(Invalid, match="something else than a known generator"):
        open_checkpoint(path)


@pytest.mark.parametrize("name", ["nowhere.pkl", "."])
def test_a_missing_file_is_reported(name: str, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"cannot be read|no weights"):
        open_checkpoint(tmp_path / name)


def test_a_sandbox_reads_several_files_independently() -> None:
    with Sandbox("checkpoint") as sandbox:
        for data in (FILES["rosinality's"], b"nothing", FILES["rosinality's"]):
            answer = sandbox.call("read", {}, [np.frombuffer(data, np.uint8)])
            assert ("refused" in answer.body) == (data == b"nothing")
        with pytest.raises(SandboxError):
            sandbox.call("write", {}, [])


def test_the_first_image_is_drawn_within_limits_of_time_and_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors.torch import save

    layers = build_network((4, *[64] * 7, 3)).state_dict()
    checkpoint = open_bytes(tmp_path, save({f"main.{name}": tensor for name, tensor in layers.items()}))
    spec = checkpoint.spec("mine", 2026)
    with monkeypatch.context() as patch:
        patch.setattr(opening, "DRAWING_SECONDS", 0.05)
        with pytest.raises(Invalid, match=r"took longer than 0\.05 seconds"):
            draw_first(checkpoint, spec)
    cost = check_cost("dcgan", checkpoint.state)
    assert cost is not None
    monkeypatch.setattr(opening, "WEIGHT_COPIES", 0)
    monkeypatch.setattr(opening, "DRAWING_MEMORY", 2**20 - cost.memory)
    with pytest.raises(Invalid, match=r"more memory than is allowed|without an answer"):
        draw_first(checkpoint, spec)


def test_a_forged_description_of_weights_is_checked_outside_the_sandbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors.numpy import save

    checkpoint = open_bytes(tmp_path, FILES["NVIDIA's StyleGAN2"])
    huge = {f"main.{number}.weight": np.ones((2, 2, 4, 4), np.float32) for number in range(14)}
    passport = {**asdict(checkpoint.passport), "family": "dcgan"}
    forged = Message({"passport": passport}, [np.frombuffer(save(huge), np.uint8)])
    monkeypatch.setattr(opening, "_call_sandbox", lambda *_: forged)
    with pytest.raises(Invalid, match="may have up to 2,048 px"):
        open_bytes(tmp_path, FILES["NVIDIA's StyleGAN2"])

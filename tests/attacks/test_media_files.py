"""Untrusted media files, dropped on the page or uploaded as audio: read within limits, or refused with one message."""

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

    def draw_grey(edit: Edit) -> Pixels:
        return np.full((32, 32, 3), 90, dtype=np.uint8)

    films_by_format = {}
    for format in containers():
        keys = [{"at": 0, "edit": EDIT}, {"at": 1, "edit": {**EDIT, "base": {"seed": 2}}}]
        data = {
            "version": 2,
            "generator": "tiny",
            "keyframes": keys,
            "play": "once",
            "output": {"fps": 3, "format": format},
        }
        finish(render_film(route_of(read(data), {}, tiny.spec), draw_grey, {}, folder / format))
        films_by_format[format] = (folder / format).read_bytes()
    return films_by_format


def read_or_refuse(read_value: Callable[[], Any]) -> Any:
    """The result of `read_value`, or None for a proper refusal; any other error fails the test."""
    try:
        return read_value()
    except Invalid as error:
        refusal = error
    assert str(refusal).endswith(".")
    assert refusal.hint
    return None


@pytest.mark.parametrize("format", list(containers()))
def test_a_truncated_or_corrupted_film_is_read_or_refused(format: Format, films: dict[Format, bytes]) -> None:
    data = films[format]
    assert recipe_of(data)[0] == "walk"
    rng = random.Random(7)
    begin = time.monotonic()
    for _ in range(150):
        variants = [data[: rng.randrange(len(data))]]
        corrupted = bytearray(data)
        for _ in range(rng.randrange(1, 8)):
            corrupted[rng.randrange(len(corrupted))] = rng.choice((0, 1, 0x7F, 0xFF, rng.randrange(256)))
        variants.append(bytes(corrupted))
        start = rng.randrange(len(data))
        variants.append(data[:start] + rng.randbytes(64) + data[start:])
        for variant in variants:
            read_or_refuse(partial(recipe_of, variant))
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
def test_noise_behind_a_valid_signature_is_refused(kind: str) -> None:
    rng = random.Random(3)
    for length in (0, 1, 7, 64, 4096, 65536):
        assert read_or_refuse(lambda length=length: recipe_of(HEADS[kind] + rng.randbytes(length))) is None


def boxes(kind: str, count: int) -> bytes:
    if kind == "mp4":
        return HEADS["mp4"].ljust(24, b"\0") + (struct.pack(">I", 8) + b"free") * count
    if kind == "png":
        return HEADS["png"] + (struct.pack(">I", 0) + b"iTXt" + struct.pack(">I", 0)) * count
    return HEADS["webm"] + bytes.fromhex("18538067ff") + bytes.fromhex("ec80") * count


@pytest.mark.parametrize("kind", ["mp4", "png", "webm"])
def test_millions_of_empty_boxes_take_little_time(kind: str) -> None:
    begin = time.monotonic()
    assert read_or_refuse(lambda: recipe_of(boxes(kind, 2_000_000))) is None
    assert time.monotonic() - begin < 20


@pytest.mark.parametrize("size", [0, 1, 7, 2**31, 2**32 - 1])
def test_boxes_with_false_sizes_end_the_search(size: int) -> None:
    falsified = HEADS["mp4"].ljust(24, b"\0") + struct.pack(">I", size) + b"uuid" + bytes(64)
    assert read_or_refuse(lambda: recipe_of(falsified)) is None
    assert read_or_refuse(lambda: recipe_of(HEADS["png"] + struct.pack(">I", size) + b"iTXt" + bytes(64))) is None
    assert read_or_refuse(lambda: recipe_of(HEADS["webp"] + b"XMP " + struct.pack("<I", size) + bytes(64))) is None


def test_deeply_nested_elements_are_not_followed() -> None:
    assert read_or_refuse(lambda: recipe_of(HEADS["webm"] + bytes.fromhex("18538067ff") * 100_000)) is None


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@pytest.mark.parametrize("kind", [b"iTXt", b"zTXt"])
def test_a_text_chunk_bomb_takes_little_memory(kind: bytes) -> None:
    bomb = zlib.compress(b"0" * 100_000_000, 9)
    body = b"latentwalk\0" + (b"\1\0\0\0" if kind == b"iTXt" else b"\0") + bomb
    tracemalloc.start()
    assert read_or_refuse(lambda: recipe_of(HEADS["png"] + chunk(kind, body) + chunk(b"IEND", b""))) is None
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()


def test_a_zip_bomb_takes_little_memory() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("recipe.json", b" " * 100_000_000)
    honest = buffer.getvalue()
    small = struct.pack("<I", 100)
    falsified = honest.replace(struct.pack("<I", 100_000_000), small)  # claims to be small
    for data in (honest, falsified):
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
def test_foreign_or_malformed_xmp_is_no_recipe(data: bytes) -> None:
    assert recipe_in(data) is None


@pytest.mark.parametrize("recipe", ["null", "5", "[]", '{"keyframes": {}}', '{"base": []}', '{"keyframes": [1, 2]}'])
def test_a_malformed_recipe_is_refused_with_one_message(recipe: str) -> None:
    data = HEADS["png"] + chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet("walk", recipe))
    result = read_or_refuse(lambda: recipe_of(data))
    if result is not None:
        assert read_or_refuse(lambda: read(result[1])) is None


@pytest.mark.parametrize("format", [name for name, one in containers().items() if one.credential_type])
def test_a_corrupted_credential_is_never_valid(format: Format, films: dict[Format, bytes], tmp_path: Path) -> None:
    from latentwalk.provenance import keys
    from latentwalk.provenance.c2pa import ProvenanceClaim

    signing = keys.SigningKey(*keys.generate(), own=True)
    path, mime = tmp_path / "a", containers()[format].credential_type or ""
    path.write_bytes(films[format])
    c2pa.sign(path, mime, ProvenanceClaim("walk", "{}", {}), signing)
    data = path.read_bytes()
    rng = random.Random(11)
    store = data.find(b"urn.latentwalk.recipe")
    assert store > 0
    for _ in range(40):
        corrupted = bytearray(data)
        at = store + rng.randrange(-200, 400)
        corrupted[at] ^= rng.randrange(1, 256)
        state = c2pa.read(bytes(corrupted), mime, signing.anchors).state
        assert state in ("invalid", "none") or bytes(corrupted[store:]) == data[store:]
        c2pa.read(data[: rng.randrange(len(data))], mime, signing.anchors)


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
def test_other_files_than_audio_are_refused_and_leave_no_file(data: bytes, tmp_path: Path) -> None:
    store = audio_files.AudioFiles(tmp_path / "sounds")
    assert read_or_refuse(lambda: store.keep(data, "x.mp3")) is None
    assert not list(tmp_path.rglob("*.flac")) and not list(tmp_path.rglob("*.part"))  # noqa: PT018


@pytest.mark.parametrize(
    "data", [wav(rate=1, seconds=9), wav(rate=192_000, seconds=0.1), wav(channels=32, seconds=0.1)]
)
def test_unusual_audio_is_kept_or_refused(data: bytes, tmp_path: Path) -> None:
    result = read_or_refuse(lambda: audio_files.AudioFiles(tmp_path / "sounds").keep(data, "x.wav"))
    assert result is None or result.seconds > 0


def test_corrupted_audio_is_kept_or_refused(tmp_path: Path) -> None:
    good, rng = wav(), random.Random(5)
    for _ in range(6):
        corrupted = bytearray(good)
        for _ in range(4):
            corrupted[rng.randrange(60)] = rng.randrange(256)
        read_or_refuse(partial(audio_files.AudioFiles(tmp_path / "sounds").keep, bytes(corrupted), "x.wav"))


def test_a_huge_image_is_not_decoded() -> None:
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    data = HEADS["png"] + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(10_000))) + chunk(b"IEND", b"")
    with pytest.raises(Invalid, match="far too large"):
        untrusted_media.decode_frames(data)


def test_other_files_than_videos_are_refused() -> None:
    for data in (b"", b"x" * 100, HEADS["mp4"] + bytes(100), PLAYLISTS[0], json.dumps(EDIT).encode()):
        with pytest.raises(Invalid):
            untrusted_media.decode_frames(data)


def test_valid_images_and_films_are_decoded(films: dict[Format, bytes]) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), (200, 30, 30)).save(buffer, "PNG")
    assert untrusted_media.decode_frames(buffer.getvalue()).shape == (1, 64, 64, 3)
    for format, data in films.items():
        if format != "zip":
            assert np.abs(untrusted_media.decode_frames(data).astype(int) - 90).max() <= 4

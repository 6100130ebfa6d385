"""The frame header of the live socket."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentwalk.rendering.frame import Frame
from server.api import frame_protocol

SECONDS = st.floats(0, 4000)


@given(
    rev=st.integers(0, 2**32 - 1),
    data=st.binary(max_size=50),
    format=st.sampled_from(["jpg", "png", "webp"]),
    side=st.integers(1, 65535),
    batch=st.integers(1, 64),
    times=st.tuples(SECONDS, SECONDS, SECONDS),
    settled=st.booleans(),
)
def test_a_packed_frame_can_be_unpacked(rev, data, format, side, batch, times, settled) -> None:  # type: ignore[no-untyped-def]
    header, image = frame_protocol.unpack(
        frame_protocol.pack(rev, Frame(data, format, side, side, batch, *times), settled=settled)
    )
    assert image == data
    assert (header.rev, header.codec, header.width, header.batch) == (rev, format, side, batch)
    assert header.settled == settled
    assert (header.wait_us, header.render_us, header.encode_us) == tuple(round(time * 1e6) for time in times)


def test_every_header_field_is_at_its_documented_offset() -> None:
    message = frame_protocol.pack(7, Frame(b"image", "png", 128, 64, 3, 1e-6, 2e-6, 3e-6), settled=True)
    assert struct.unpack(">HBBIHHHHIIII", message[:32]) == (0x4C57, 1, 2, 7, 128, 64, 1, 3, 1, 2, 3, 0)
    assert message[32:] == b"image"


@pytest.mark.parametrize("junk", [b"", b"LW", b"\0" * 40])
def test_a_malformed_frame_is_refused(junk: bytes) -> None:
    with pytest.raises(ValueError, match="frame"):
        frame_protocol.unpack(junk)


def test_a_duration_too_long_for_its_field_is_clamped() -> None:
    header, _ = frame_protocol.unpack(frame_protocol.pack(1, Frame(b"", "jpg", 1, 1, 1, 1e9), settled=False))
    assert header.wait_us == 2**32 - 1

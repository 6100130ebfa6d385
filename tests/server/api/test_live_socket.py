"""The live socket, with a real client over a real connection."""

from __future__ import annotations

import asyncio
import io
import json
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from server.api import frame_protocol
from server.api.live_messages import MessageRefused, parse

EDIT: dict[str, Any] = {"generator": "eyes", "base": {"seed": 7}}


def edit(**fields: Any) -> dict[str, Any]:
    return {**EDIT, **fields}


@asynccontextmanager
async def tab(url: str, **options: Any) -> AsyncIterator[ClientConnection]:
    address = url.replace("http", "ws", 1) + "/ws/live"
    async with asyncio.timeout(60), connect(address, compression=None, **options) as socket:
        hello = json.loads(await socket.recv())
        assert set(hello["hello"]) == {"version", "device"}
        yield socket


async def frame(socket: ClientConnection) -> tuple[frame_protocol.Header, bytes]:
    message = await socket.recv()
    assert isinstance(message, bytes), message
    return frame_protocol.unpack(message)


async def frame_within(socket: ClientConnection, seconds: float) -> frame_protocol.Header | None:
    """The next frame's header, None where none comes in time."""
    try:
        async with asyncio.timeout(seconds):
            return (await frame(socket))[0]
    except TimeoutError:
        return None


async def error(socket: ClientConnection) -> dict[str, Any]:
    message = await socket.recv()
    assert isinstance(message, str)
    answer: dict[str, Any] = json.loads(message)
    assert set(answer) == {"rev", "error"}
    assert set(answer["error"]) == {"code", "message", "hint"}
    return answer


async def say(socket: ClientConnection, **message: Any) -> None:
    await socket.send(json.dumps(message))


async def test_an_edit_is_answered_by_a_preview_and_then_by_its_settled_frame(live_server: str) -> None:
    async with tab(live_server) as socket:
        await say(socket, rev=5, edit=edit(amounts={"sway": 3}))
        preview, jpeg = await frame(socket)
        assert (preview.rev, preview.codec, preview.settled, preview.batch) == (5, "jpg", False, 1)
        assert (preview.width, preview.height) == Image.open(io.BytesIO(jpeg)).size == (128, 128)
        assert preview.render_us > 0
        assert preview.encode_us > 0
        settled, png = await frame(socket)
        assert (settled.rev, settled.codec, settled.settled) == (5, "png", True)
    body = json.dumps(edit(amounts={"sway": 3})).encode()
    asked = urllib.request.Request(f"{live_server}/api/render", body, {"content-type": "application/json"})
    with await asyncio.to_thread(urllib.request.urlopen, asked) as answer:
        still = answer.read()
    first, second = (np.asarray(Image.open(io.BytesIO(data))) for data in (png, still))
    assert np.array_equal(first, second)
    rough = np.asarray(Image.open(io.BytesIO(jpeg))).astype(int)
    assert np.abs(rough - first).mean() < 4


async def test_several_edits_are_answered_by_one_sheet_of_their_pictures(live_server: str) -> None:
    wall = [edit(base={"seed": seed}, amounts={"sway": 3}) for seed in (1, 2, 3)]
    async with tab(live_server) as socket:
        await say(socket, rev=1, edits=wall)
        preview, jpeg = await frame(socket)
        assert (preview.rev, preview.settled, preview.batch) == (1, False, 3)
        assert Image.open(io.BytesIO(jpeg)).size == (256, 256)
        settled, png = await frame(socket)
        assert (settled.rev, settled.codec, settled.settled) == (1, "png", True)
        sheet = np.asarray(Image.open(io.BytesIO(png)))
        await say(socket, ack=1, rev=2, edit=wall[2])
        await frame(socket)
        _, alone = await frame(socket)
    assert np.array_equal(sheet[128:, :128], np.asarray(Image.open(io.BytesIO(alone))))
    assert (sheet[128:, 128:] == 255).all()


@pytest.mark.parametrize(
    ("edits", "said"),
    [
        ([], "not a list of 1 to 16"),
        ([EDIT] * 17, "not a list of 1 to 16"),
        ("seven", "not a list of 1 to 16"),
        ([EDIT, {**EDIT, "generator": "avatars"}], "several generators"),
        ([EDIT, {**EDIT, "base": {"seed": -1}}], "base.seed is wrong"),
    ],
)
def test_a_wall_that_cannot_be_drawn_is_refused_under_its_rev(edits: Any, said: str) -> None:
    with pytest.raises(MessageRefused, match=said) as refused:
        parse({"text": json.dumps({"rev": 4, "edits": edits})})
    assert refused.value.rev == 4


async def test_after_many_edits_at_once_the_last_frame_is_of_the_newest(live_server: str) -> None:
    async with tab(live_server) as socket:
        for rev in range(1, 201):
            await say(socket, rev=rev, edit=edit(truncation=rev / 200))
        revs = []
        while True:
            header, _ = await frame(socket)
            await say(socket, ack=header.rev)
            revs.append(header.rev)
            if header.settled:
                break
        assert revs[-1] == 200
        assert revs == sorted(revs)
        assert len(revs) < 100


async def test_no_more_than_two_frames_go_unacknowledged(live_server: str) -> None:
    async with tab(live_server) as socket:
        await say(socket, rev=1, edit=EDIT)
        got = [(await frame(socket))[0].rev]
        for rev in range(2, 30):
            await say(socket, rev=rev, edit=edit(truncation=rev / 40))
            await asyncio.sleep(0.02)
        while (header := await frame_within(socket, 0.6)) is not None:
            got.append(header.rev)
        assert len(got) == 2
        await say(socket, ack=got[-1])
        assert (await frame(socket))[0].rev == 29


async def test_acknowledging_frames_that_were_not_sent_gives_no_credit(live_server: str) -> None:
    async with tab(live_server) as socket:
        await say(socket, rev=1, edit=EDIT)
        got = [(await frame(socket))[0].rev]
        for rev in range(2, 60):
            await say(socket, rev=rev, edit=edit(truncation=rev / 60), ack=2**32 - 1)
            await asyncio.sleep(0.01)
        while (header := await frame_within(socket, 0.6)) is not None:
            got.append(header.rev)
        assert len(got) == 2
        await say(socket, ack=got[-1])
        assert (await frame(socket))[0].rev == 59


async def test_a_message_may_hold_an_edit_and_an_acknowledgement(live_server: str) -> None:
    async with tab(live_server) as socket:
        for rev in range(1, 8):
            await say(socket, rev=rev, edit=edit(truncation=rev / 10), ack=rev - 1)
            header = (await frame(socket))[0]
            while header.settled and header.rev < rev:  # on a slow machine the edit before has its settled frame first
                header = (await frame(socket))[0]
            assert header.rev == rev


async def test_a_preview_has_the_requested_size(live_server: str) -> None:
    async with tab(live_server) as socket:
        await say(socket, rev=1, edit=EDIT, size=64)
        header, data = await frame(socket)
        assert (header.width, header.height) == Image.open(io.BytesIO(data)).size == (64, 64)
        settled, _ = await frame(socket)
        assert (settled.width, settled.settled) == (128, True)


BAD = [
    ("{", None, "not JSON"),
    ("[1]", None, "not an object"),
    ("{}", None, "no edit"),
    ('{"rev": 1}', 1, "no edit"),
    ('{"rev": -1, "edit": {}}', None, "no rev"),
    ('{"rev": 4294967296, "edit": {}}', None, "no rev"),
    ('{"rev": 1.5, "edit": {}}', None, "no rev"),
    ('{"rev": true, "edit": {}}', None, "no rev"),
    ('{"rev": 2, "edit": 7}', 2, "edit"),
    ('{"rev": 2, "edit": {}}', 2, "generator"),
    ('{"rev": 2, "edit": null, "ack": "x"}', 2, "ack"),
    ('{"rev": 2, "edit": {"generator": "eyes", "base": {"seed": 1}}, "size": 0}', 2, "size"),
    ('{"rev": 2, "edit": {"generator": "eyes", "base": {"seed": 1}}, "colour": 0}', 2, "colour"),
    ('{"rev": 3, "edit": {"generator": "eyes", "base": {"seed": 99999999999}}}', 3, "base.seed"),
    ('{"rev": 3, "edit": {"generator": "eyes", "base": {"seed": 1}, "amounts": {"sway": NaN}}}', 3, "finite"),
    ('{"rev": 3, "edit": {"generator": "eyes", "base": {"seed": 1}, "amounts": {"sway": 1e9}}}', 3, "track"),
    ('{"rev": 3, "edit": {"generator": "eyes", "base": {"seed": 1}, "amounts": {"zoooom": 1}}}', 3, "zoooom"),
    ('{"rev": 3, "edit": {"generator": "nope", "base": {"seed": 1}}}', 3, "nope"),
    ('{"rev": 3, "edit": {"generator": "faces", "base": {"seed": 1}}}', 3, "downloaded"),
    (b"\x00\x01", None, "text"),
    ("[" * 60000, None, "not JSON"),
]


async def test_a_malformed_message_is_answered_with_an_error_and_the_socket_stays_open(live_server: str) -> None:
    async with tab(live_server) as socket:
        for message, rev, word in BAD:
            await socket.send(message)
            answer = await error(socket)
            assert answer["rev"] == rev, message
            assert word in answer["error"]["message"], message
        await say(socket, rev=9, edit=EDIT)
        assert (await frame(socket))[0].rev == 9


async def test_no_settled_frame_follows_when_a_newer_edit_was_refused(live_server: str) -> None:
    async with tab(live_server) as socket:
        await say(socket, rev=1, edit=EDIT)
        assert (await frame(socket))[0].rev == 1
        await say(socket, rev=2, edit=edit(amounts={"nope": 1}))
        assert (await error(socket))["rev"] == 2
        assert await frame_within(socket, 0.5) is None


async def test_too_large_a_message_closes_only_its_own_connection(live_server: str) -> None:
    async with tab(live_server) as other:
        async with tab(live_server) as socket:
            await socket.send("x" * 70_000)
            with pytest.raises(ConnectionClosed):
                [await socket.recv() for _ in range(9)]
        await say(other, rev=1, edit=EDIT)
        assert (await frame(other))[0].rev == 1


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:1", "null"])
async def test_a_handshake_from_another_site_is_refused(origin: str, live_server: str) -> None:
    with pytest.raises(InvalidStatus):
        async with tab(live_server, origin=origin):
            pass


async def test_a_handshake_from_the_servers_own_page_is_accepted(live_server: str) -> None:
    async with tab(live_server, origin=live_server) as socket:
        await say(socket, rev=1, edit=EDIT)
        assert (await frame(socket))[0].rev == 1


async def test_clients_that_disconnect_while_dragging_do_not_disturb_others(live_server: str) -> None:
    async def rude(seed: int) -> None:
        async with tab(live_server) as socket:
            for rev in range(20):
                await say(socket, rev=rev, edit={"generator": "eyes", "base": {"seed": seed}, "truncation": rev / 20})
            socket.transport.abort()

    async def polite(seed: int) -> bytes:
        async with tab(live_server) as socket:
            for rev in range(10):
                await say(socket, rev=rev, edit={"generator": "eyes", "base": {"seed": seed}}, ack=max(0, rev - 1))
                await asyncio.sleep(0.02)
            while True:
                header, data = await frame(socket)
                await say(socket, ack=header.rev)
                if header.settled and header.rev == 9:
                    return data

    answers = await asyncio.gather(*(rude(n) for n in range(6)), *(polite(1) for _ in range(3)), return_exceptions=True)
    assert len({data for data in answers[6:] if isinstance(data, bytes)}) == 1
    assert all(isinstance(data, bytes) for data in answers[6:])


async def test_tabs_that_share_a_batch_receive_their_own_pictures(live_server: str) -> None:
    async def person(seed: int) -> np.ndarray:
        async with tab(live_server) as socket:
            await say(socket, rev=1, edit={"generator": "eyes", "base": {"seed": seed}})
            _, data = await frame(socket)
            await say(socket, ack=1)
            header, exact = await frame(socket)
            assert header.settled
            rough, fine = (np.asarray(Image.open(io.BytesIO(one))).astype(int) for one in (data, exact))
            assert np.abs(rough - fine).mean() < 4
            return fine

    pictures = await asyncio.gather(*(person(seed) for seed in range(8)))
    assert len({picture.tobytes() for picture in pictures}) == 8


async def test_too_many_messages_are_read_slowly_and_none_is_lost(live_server: str) -> None:
    async with tab(live_server) as socket:
        begin = asyncio.get_running_loop().time()
        for _ in range(1600):
            await say(socket, ack=0)
        await say(socket, rev=1, edit=EDIT)
        assert (await frame(socket))[0].rev == 1
        assert asyncio.get_running_loop().time() - begin > 1  # 960 at once, then 480 a second


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = st.sampled_from(["rev", "edit", "ack", "size"])


@settings(max_examples=300)
@given(st.text(max_size=30) | (JUNK | st.dictionaries(FIELDS, JUNK | st.just(EDIT), max_size=4)).map(json.dumps))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        message = parse({"text": text})
    except MessageRefused:
        pass
    else:
        assert message.request is not None or message.ack is not None


async def test_a_connection_above_the_limit_is_closed_with_a_reason(
    run_server: Callable[..., AbstractContextManager[str]], tmp_path: Path
) -> None:
    with run_server(tmp_path, LATENTWALK_PEOPLE="1") as url:
        async with tab(url) as first:
            with pytest.raises(ConnectionClosed) as closed:
                async with tab(url):
                    pass
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1013
            await say(first, rev=1, edit=EDIT)
            assert (await frame(first))[0].rev == 1
        for _ in range(100):  # the one that left is gone for the server a moment after its own goodbye
            try:
                async with tab(url) as next_one:
                    await say(next_one, rev=1, edit=EDIT)
                    assert (await frame(next_one))[0].rev == 1
                break
            except ConnectionClosed:
                await asyncio.sleep(0.1)
        else:
            pytest.fail("The place that became free was given to nobody.")

"""Attacks on the door of a running server: foreign pages, rebinding, no token, too much, too slow. All are refused."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from server.api.http_protocol import HEAD_TIMEOUT, LARGEST_HEAD, MAX_HEADERS
from server.api.live_socket import MAX_SOCKETS
from server.api.middleware import body_limits

TOKEN = "the-token-of-these-attacks"
EDIT = json.dumps({"generator": "eyes", "base": {"seed": 7}}).encode()


@pytest.fixture(scope="module")
def server_url(
    tmp_path_factory: pytest.TempPathFactory, run_server: Callable[..., AbstractContextManager[str]]
) -> Iterator[str]:
    """A real server that asks for a token; its base URL."""
    with run_server(tmp_path_factory.mktemp("doors"), LATENTWALK_TOKEN=TOKEN) as url:
        yield url


def status(url: str, data: bytes | None = None, **headers: str) -> int:
    """What a request is answered with; the names of headers with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, named), timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def bearer(token: str = TOKEN) -> dict[str, str]:
    return {"authorization": f"Bearer {token}", "content_type": "application/json"}


def host(url: str) -> tuple[str, int]:
    name, _, port = url.removeprefix("http://").partition(":")
    return name, int(port)


def send_raw(url: str, *pieces: bytes, pause: float = 0.0, patience: float = 60.0) -> tuple[bytes, float]:
    """What the server sends back until it hangs up, when it was told `pieces`; and after how many seconds."""
    begin = time.monotonic()
    with socket.create_connection(host(url), timeout=patience) as line:
        heard = b""
        try:
            for piece in pieces:
                line.sendall(piece)
                time.sleep(pause)
            while chunk := line.recv(65536):
                heard += chunk
        except (ConnectionResetError, BrokenPipeError):
            pass
        return heard, time.monotonic() - begin


async def socket_opens(url: str, name: str | None = None, **headers: str) -> bool:
    """Whether the live socket opens, under another name of the server if one is given."""
    there, port = host(url)
    try:
        async with connect(
            f"ws://{there if name is None else name}:{port}/ws/live", host=there, port=port, additional_headers=headers
        ) as line:
            await line.recv()
            return True
    except InvalidStatus as refusal:
        if refusal.response.status_code != 403:
            raise
        return False


def test_the_token_itself_opens_the_door(house: str) -> None:
    assert status(f"{house}/api/render", EDIT, **bearer()) == 200
    assert asyncio.run(socket_opens(house, Authorization=f"Bearer {TOKEN}"))


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN.upper()])
def test_without_the_token_it_stays_shut(token: str, house: str) -> None:
    assert status(f"{house}/api/generators") == 401
    assert status(f"{house}/api/render", EDIT, **bearer(token)) == 401
    assert not asyncio.run(socket_opens(house))
    assert not asyncio.run(socket_opens(house, Authorization=f"Bearer {token}"))
    assert not asyncio.run(socket_opens(house, Cookie=f"latentwalk-{host(house)[1]}=x.y"))


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "", "http://127.0.0.1", "http://127.0.0.1:1", "ftp://{}"]
)
def test_a_foreign_page_can_neither_write_nor_open_a_socket(origin: str, house: str) -> None:
    origin = origin.format(house.removeprefix("http://"))
    assert status(f"{house}/api/render", EDIT, origin=origin, **bearer()) == 403
    assert not asyncio.run(socket_opens(house, Authorization=f"Bearer {TOKEN}", Origin=origin))


@pytest.mark.parametrize("site", ["cross-site", "same-site", "nonsense", ""])
def test_browsers_that_say_whose_page_asks_are_believed(site: str, house: str) -> None:
    assert status(f"{house}/api/render", EDIT, sec_fetch_site=site, **bearer()) == 403
    assert status(f"{house}/api/generators", sec_fetch_site=site, sec_fetch_mode="no-cors", **bearer()) == 403
    assert not asyncio.run(socket_opens(house, Authorization=f"Bearer {TOKEN}", **{"Sec-Fetch-Site": site}))


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_our_own_page_and_typed_addresses_are_let_in(site: str, house: str) -> None:
    assert status(f"{house}/api/render", EDIT, sec_fetch_site=site, origin=house, **bearer()) == 200
    assert asyncio.run(socket_opens(house, Authorization=f"Bearer {TOKEN}", Origin=house, **{"Sec-Fetch-Site": site}))


async def test_one_person_cannot_take_every_place(house: str) -> None:
    address = house.replace("http", "ws", 1) + "/ws/live"
    async with contextlib.AsyncExitStack() as tabs:
        for number in range(MAX_SOCKETS + 1):
            line = await tabs.enter_async_context(
                connect(address, additional_headers={"Authorization": f"Bearer {TOKEN}"})
            )
            if number < MAX_SOCKETS:
                assert "hello" in json.loads(await line.recv())
        with pytest.raises(ConnectionClosed) as closed:
            await line.recv()
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1013, "You have too many tabs open.")


def test_a_link_on_another_page_may_lead_here(house: str) -> None:
    headers = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}
    assert status(f"{house}/?token={TOKEN}", **headers) == 200
    assert status(house, **headers) == 401


@pytest.mark.parametrize("name", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", "localhost.", "[::2]", ""])
def test_a_name_that_was_bound_to_this_machine_is_not_ours(name: str, house: str) -> None:
    assert status(f"{house}/healthz", host=name) == 403
    assert status(f"{house}/api/render", EDIT, host=name, origin=f"http://{name}", **bearer()) == 403
    assert not asyncio.run(socket_opens(house, name or "none", Authorization=f"Bearer {TOKEN}"))


def test_a_body_too_large_is_refused_announced_or_not(house: str) -> None:
    too_much = b"0" * (body_limits.LARGEST + 1)
    assert status(f"{house}/api/render", too_much, **bearer()) == 413
    head = request(house, b"POST /api/render", b"Transfer-Encoding: chunked")
    pieces = [b"%x\r\n%s\r\n" % (2**16, b"0" * 2**16) for _ in range(body_limits.LARGEST // 2**16 + 1)]
    answer, _ = send_raw(house, head, *pieces)
    assert answer.startswith(b"HTTP/1.1 413 ")
    answer, _ = send_raw(
        house, request(house, b"POST /api/render", b"Content-Length: 99999999999999"), b"0" * 1000, patience=30
    )
    assert answer.startswith(b"HTTP/1.1 413 ")


def request(url: str, line: bytes, *more: bytes) -> bytes:
    """The head of a request, as bytes."""
    name, port = host(url)
    lines = [
        line + b" HTTP/1.1",
        b"Host: %s:%d" % (name.encode(), port),
        b"Authorization: Bearer " + TOKEN.encode(),
        b"Content-Type: application/json",
        *more,
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def test_a_head_too_large_is_refused(house: str) -> None:
    for head in (
        request(house, b"GET /healthz", b"X-Long: " + b"a" * LARGEST_HEAD),
        request(house, b"GET /healthz?" + b"a" * LARGEST_HEAD),
        request(house, b"GET /healthz", *(b"X-%d: a" % number for number in range(MAX_HEADERS))),
        request(house, b"GET /healthz", b"X-Long: " + b"a" * 2**22)[:-4],  # and never ends
    ):
        answer, seconds = send_raw(house, head)
        assert answer.startswith(b"HTTP/1.1 431 ") or (answer == b"" and len(head) > 2**20)  # reset while it sent
        assert seconds < HEAD_TIMEOUT
    assert status(f"{house}/healthz") == 200


def test_whoever_sends_slowly_or_nothing_is_not_waited_for(house: str) -> None:
    """Slow loris: silent connections, heads that drip, bodies that drip. Others are served meanwhile."""
    silent = (b"",)
    head = (request(house, b"GET /healthz")[:-2],)
    dripping = tuple(bytes([byte]) for byte in request(house, b"GET /healthz", b"X: " + b"a" * 400))
    body = (request(house, b"POST /api/render", b"Content-Length: 1000"), *(b"0" for _ in range(60)))
    attacks = [(silent, 0.0), (head, 0.0), (dripping, 0.1), (body, 0.5)] * 10
    with ThreadPoolExecutor(len(attacks)) as crowd:
        begun = [crowd.submit(send_raw, house, *pieces, pause=pause) for pieces, pause in attacks]
        time.sleep(1)
        begin = time.monotonic()
        assert status(f"{house}/healthz") == 200
        assert time.monotonic() - begin < 2
        answers = [attack.result(90) for attack in begun]
    longest = max(HEAD_TIMEOUT, body_limits.BODY_TIMEOUT) + 35  # the drip of a body goes on after it was refused
    for (pieces, _), (answer, seconds) in zip(attacks, answers, strict=True):
        assert answer.startswith(b"HTTP/1.1 408 ") or (pieces in (dripping, body) and answer == b"")
        assert seconds < longest
    assert status(f"{house}/healthz") == 200


def test_nonsense_is_refused_and_hung_up_on(house: str) -> None:
    for nonsense in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc" * 20, b"GET\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
        answer, seconds = send_raw(house, nonsense)
        assert answer.startswith(b"HTTP/1.1 4"), nonsense
        assert seconds < HEAD_TIMEOUT + 5


def test_two_requests_in_one_are_not_smuggled_past_the_guard(house: str) -> None:
    hidden = b"GET /api/jobs HTTP/1.1\r\nHost: evil.example\r\n\r\n"
    both = (b"Content-Length: %d" % len(hidden), b"Transfer-Encoding: chunked")
    answer, _ = send_raw(house, request(house, b"POST /api/render", *both), hidden)
    assert b" 200 " not in answer


def test_the_policy_allows_no_inline_script_and_no_frame(house: str) -> None:
    with urllib.request.urlopen(f"{house}/healthz") as answer:
        headers = answer.headers
    policy = headers["content-security-policy"]
    assert "unsafe" not in policy
    for rule in (
        "default-src 'self'",
        "script-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
    ):
        assert rule in policy
    assert "frame-ancestors 'none'" in policy
    assert f"connect-src 'self' ws://{house[7:]} wss://{house[7:]};" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cross-origin-resource-policy"] == "same-origin"


def test_no_template_has_an_inline_script_or_style() -> None:
    for page in (Path(__file__).parents[2] / "templates").glob("*.html"):
        text = page.read_text()
        assert " style=" not in text
        assert " onclick=" not in text
        assert "<style" not in text
        assert all('src="' in tag for tag in text.split("<script")[1:])

"""Attacks on a running server: foreign pages, DNS rebinding, missing tokens, oversized and slow requests."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
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
    """The base URL of a real server that requires a token."""
    with run_server(tmp_path_factory.mktemp("attacked"), LATENTWALK_TOKEN=TOKEN) as url:
        yield url


@pytest.fixture(scope="module")
def second_server_url(
    tmp_path_factory: pytest.TempPathFactory, run_server: Callable[..., AbstractContextManager[str]]
) -> Iterator[str]:
    """The base URL of another such server: rate limits of the first must not refuse the slow clients, nor reverse."""
    with run_server(tmp_path_factory.mktemp("attacked_slowly"), LATENTWALK_TOKEN=TOKEN) as url:
        yield url


def status(url: str, data: bytes | None = None, **headers: str) -> int:
    """The status of the response; header names are given with underscores."""
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


def request(url: str, line: bytes, *more: bytes) -> bytes:
    """The head of an HTTP request."""
    name, port = host(url)
    lines = [
        line + b" HTTP/1.1",
        b"Host: %s:%d" % (name.encode(), port),
        b"Authorization: Bearer " + TOKEN.encode(),
        b"Content-Type: application/json",
        *more,
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def send_raw(
    url: str, *pieces: bytes, pause: float = 0.0, connected: threading.Barrier | None = None
) -> tuple[bytes, float]:
    """What the server returns to `pieces`, sent `pause` seconds apart, until it hangs up; and after how many seconds.

    `connected` is waited for between the first piece and the others.
    """
    begin = time.monotonic()
    with socket.create_connection(host(url), timeout=60) as connection:
        received = b""
        try:
            for number, piece in enumerate(pieces):
                connection.sendall(piece)
                if connected is not None and number == 0:
                    connected.wait(60)
                time.sleep(pause)
            while chunk := connection.recv(65536):
                received += chunk
        except (ConnectionResetError, BrokenPipeError):
            pass
        return received, time.monotonic() - begin


@dataclass(frozen=True)
class SlowClients:
    """Clients that send slowly or nothing: their connections by kind, and a response to another client meanwhile."""

    futures: dict[str, list[Future[tuple[bytes, float]]]]
    health: int
    health_seconds: float


@pytest.fixture(scope="module", autouse=True)
def slow_clients(server_url: str, second_server_url: str) -> Iterator[SlowClients]:
    """Opened before the module's other tests, which run while these connections wait for their time limits."""
    url, post = second_server_url, b"POST /api/render"
    head = request(url, b"GET /healthz")
    slow_head = request(url, b"GET /healthz", b"X: " + b"a" * 400)
    kinds: dict[str, tuple[float, tuple[bytes, ...]]] = {
        "silent": (0.0, (b"",)),
        "unfinished head": (0.0, (head[:-2],)),
        "slow head": (0.1, tuple(bytes([byte]) for byte in slow_head)),
        "slow body": (0.5, (request(url, post, b"Content-Length: 1000"), *[b"0"] * 60)),
    }
    connected = threading.Barrier(10 * len(kinds) + 1)
    with ThreadPoolExecutor(10 * len(kinds) + 1) as pool:
        futures = {
            kind: [pool.submit(send_raw, url, *pieces, pause=pause, connected=connected) for _ in range(10)]
            for kind, (pause, pieces) in kinds.items()
        }
        false_length = request(server_url, post, b"Content-Length: 99999999999999")
        futures["false length"] = [pool.submit(send_raw, server_url, false_length, b"0" * 1000)]
        connected.wait(60)
        begin = time.monotonic()
        health = status(f"{url}/healthz")
        yield SlowClients(futures, health, time.monotonic() - begin)


async def socket_opens(url: str, name: str | None = None, **headers: str) -> bool:
    """Whether the live socket opens; `name` is the host name in the request, if not the server's own."""
    address, port = host(url)
    try:
        async with connect(
            f"ws://{address if name is None else name}:{port}/ws/live",
            host=address,
            port=port,
            additional_headers=headers,
        ) as connection:
            await connection.recv()
            return True
    except InvalidStatus as refusal:
        if refusal.response.status_code != 403:
            raise
        return False


def test_the_token_gives_access(server_url: str) -> None:
    assert status(f"{server_url}/api/render", EDIT, **bearer()) == 200
    assert asyncio.run(socket_opens(server_url, Authorization=f"Bearer {TOKEN}"))


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN.upper()])
def test_without_the_token_access_is_refused(token: str, server_url: str) -> None:
    assert status(f"{server_url}/api/generators") == 401
    assert status(f"{server_url}/api/render", EDIT, **bearer(token)) == 401
    assert not asyncio.run(socket_opens(server_url))
    assert not asyncio.run(socket_opens(server_url, Authorization=f"Bearer {token}"))
    assert not asyncio.run(socket_opens(server_url, Cookie=f"latentwalk-{host(server_url)[1]}=x.y"))


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "", "http://127.0.0.1", "http://127.0.0.1:1", "ftp://{}"]
)
def test_a_foreign_page_can_neither_write_nor_open_a_socket(origin: str, server_url: str) -> None:
    origin = origin.format(server_url.removeprefix("http://"))
    assert status(f"{server_url}/api/render", EDIT, origin=origin, **bearer()) == 403
    assert not asyncio.run(socket_opens(server_url, Authorization=f"Bearer {TOKEN}", Origin=origin))


@pytest.mark.parametrize("site", ["cross-site", "same-site", "malformed", ""])
def test_cross_site_requests_are_refused_by_their_fetch_metadata(site: str, server_url: str) -> None:
    assert status(f"{server_url}/api/render", EDIT, sec_fetch_site=site, **bearer()) == 403
    assert status(f"{server_url}/api/generators", sec_fetch_site=site, sec_fetch_mode="no-cors", **bearer()) == 403
    assert not asyncio.run(socket_opens(server_url, Authorization=f"Bearer {TOKEN}", **{"Sec-Fetch-Site": site}))


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_own_pages_and_typed_addresses_are_allowed(site: str, server_url: str) -> None:
    assert status(f"{server_url}/api/render", EDIT, sec_fetch_site=site, origin=server_url, **bearer()) == 200
    assert asyncio.run(
        socket_opens(server_url, Authorization=f"Bearer {TOKEN}", Origin=server_url, **{"Sec-Fetch-Site": site})
    )


async def test_one_person_cannot_open_unlimited_sockets(server_url: str) -> None:
    address = server_url.replace("http", "ws", 1) + "/ws/live"
    async with contextlib.AsyncExitStack() as sockets:
        for number in range(MAX_SOCKETS + 1):
            connection = await sockets.enter_async_context(
                connect(address, additional_headers={"Authorization": f"Bearer {TOKEN}"})
            )
            if number < MAX_SOCKETS:
                assert "hello" in json.loads(await connection.recv())
        with pytest.raises(ConnectionClosed) as closed:
            await connection.recv()
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1013, "You have too many tabs open.")


def test_links_from_other_pages_are_allowed(server_url: str) -> None:
    headers = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}
    assert status(f"{server_url}/?token={TOKEN}", **headers) == 200
    assert status(server_url, **headers) == 401


@pytest.mark.parametrize("name", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", "localhost.", "[::2]", ""])
def test_a_foreign_host_name_is_refused(name: str, server_url: str) -> None:
    assert status(f"{server_url}/healthz", host=name) == 403
    assert status(f"{server_url}/api/render", EDIT, host=name, origin=f"http://{name}", **bearer()) == 403
    assert not asyncio.run(socket_opens(server_url, name or "none", Authorization=f"Bearer {TOKEN}"))


def test_an_oversized_body_is_refused_with_or_without_its_length(server_url: str) -> None:
    too_much = b"0" * (body_limits.LARGEST + 1)
    assert status(f"{server_url}/api/render", too_much, **bearer()) == 413
    head = request(server_url, b"POST /api/render", b"Transfer-Encoding: chunked")
    pieces = [b"%x\r\n%s\r\n" % (2**16, b"0" * 2**16) for _ in range(body_limits.LARGEST // 2**16 + 1)]
    answer, _ = send_raw(server_url, head, *pieces)
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_an_oversized_head_is_refused(server_url: str) -> None:
    for head in (
        request(server_url, b"GET /healthz", b"X-Long: " + b"a" * LARGEST_HEAD),
        request(server_url, b"GET /healthz?" + b"a" * LARGEST_HEAD),
        request(server_url, b"GET /healthz", *(b"X-%d: a" % number for number in range(MAX_HEADERS))),
        request(server_url, b"GET /healthz", b"X-Long: " + b"a" * 2**22)[:-4],  # and never ends
    ):
        answer, seconds = send_raw(server_url, head)
        assert answer.startswith(b"HTTP/1.1 431 ") or (answer == b"" and len(head) > 2**20)  # reset while sending
        assert seconds < HEAD_TIMEOUT
    assert status(f"{server_url}/healthz") == 200


def test_malformed_requests_are_refused_and_disconnected(server_url: str) -> None:
    for malformed in (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc" * 20,
        b"GET\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ):
        answer, seconds = send_raw(server_url, malformed)
        assert answer.startswith(b"HTTP/1.1 4"), malformed
        assert seconds < HEAD_TIMEOUT + 5


def test_a_smuggled_request_is_refused(server_url: str) -> None:
    smuggled = b"GET /api/jobs HTTP/1.1\r\nHost: evil.example\r\n\r\n"
    both = (b"Content-Length: %d" % len(smuggled), b"Transfer-Encoding: chunked")
    answer, _ = send_raw(server_url, request(server_url, b"POST /api/render", *both), smuggled)
    assert b" 200 " not in answer


def test_the_policy_allows_no_inline_script_and_no_frame(server_url: str) -> None:
    with urllib.request.urlopen(f"{server_url}/healthz") as answer:
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
    assert f"connect-src 'self' ws://{server_url[7:]} wss://{server_url[7:]};" in policy
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


@pytest.mark.parametrize("kind", ["silent", "unfinished head", "slow head", "slow body"])
def test_slow_and_silent_clients_are_disconnected(kind: str, slow_clients: SlowClients) -> None:
    """Slow loris: other clients are served meanwhile."""
    assert slow_clients.health == 200
    assert slow_clients.health_seconds < 2
    longest = max(HEAD_TIMEOUT, body_limits.BODY_TIMEOUT) + 35  # a slow body continues after it was refused
    for future in slow_clients.futures[kind]:
        answer, seconds = future.result(90)
        assert answer.startswith(b"HTTP/1.1 408 ") or (kind in ("slow head", "slow body") and answer == b"")
        assert seconds < longest


def test_a_body_with_a_false_length_is_refused(slow_clients: SlowClients) -> None:
    (future,) = slow_clients.futures["false length"]
    answer, seconds = future.result(30)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert seconds < 30


def test_the_server_works_after_the_slow_clients(second_server_url: str, slow_clients: SlowClients) -> None:
    assert all(future.done() for futures in slow_clients.futures.values() for future in futures)
    assert status(f"{second_server_url}/healthz") == 200

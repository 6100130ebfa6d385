"""Everything that is parsed before a token is checked: bounded in bytes, and linear in what is sent."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from server.api.http_protocol import LARGEST_HEADER
from server.auth.session_cookies import SessionCookies, cookie_value

SMALL = 980  # bytes; eight times as much is just below the limit of a header
GROWTH, FLOOR = 10, 0.02  # times as long for eight times as much; seconds below which a time is noise
RUNS = 5
UPGRADE = "upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: {key}\r\n"
KEY = "dGhlIHNhbXBsZSBub25jZQ=="

# What is parsed, each as the request that makes the server parse `size` bytes of it at its worst.
PARSERS: dict[str, Callable[[int], str]] = {
    "a quoted cookie of escapes": lambda size: get("/", f'cookie: latentwalk="{pattern(chr(92), size)}"'),
    "many cookies": lambda size: get("/", f"cookie: {pattern('a=b; ', size)}"),
    "a forged session": lambda size: get("/", f"cookie: latentwalk={pattern('a.', size)}"),
    "a bearer token": lambda size: get("/api/jobs", f"authorization: bearer {pattern('x', size)}"),
    "spaces before a bearer token": lambda size: get("/api/jobs", f"authorization: bearer{pattern(' ', size)}x y"),
    "a host name": lambda size: get("/", host=pattern("a:", size)),
    "an address as a host name": lambda size: get("/", host=f"[{pattern('1:', size)}]"),
    "an origin": lambda size: post("/sign-in", "", f"origin: http://{pattern('a.', size)}"),
    "the fetch site": lambda size: get("/", f"sec-fetch-site: {pattern('x', size)}"),
    "forwarded addresses": lambda size: get("/", f"x-forwarded-for: {pattern('1.1.1.1, ', size)}"),
    "a forwarded scheme": lambda size: get("/", f"x-forwarded-proto: {pattern('https,', size)}"),
    "a path": lambda size: get(f"/{pattern('a/', size)}"),
    "an escaped path": lambda size: get(f"/{pattern('%41', size)}"),
    "the path of a static file": lambda size: get(f"/static/{pattern('../', size)}"),
    "a query": lambda size: get(f"/?{pattern('a=b&', size)}"),
    "an escaped query": lambda size: get(f"/?token={pattern('%41', size)}"),
    "accepted encodings": lambda size: get("/static/js/main.js", f"accept-encoding: {pattern('br, ', size)}"),
    "entity tags": lambda size: get("/static/js/main.js", f"if-none-match: {pattern('W/x, ', size)}"),
    "a date": lambda size: get("/static/js/main.js", f"if-modified-since: {pattern('Mon, 1 ', size)}"),
    "ranges": lambda size: get("/static/js/main.js", f"range: bytes={pattern('0-1,', size)}"),
    "numbers of a range": lambda size: get("/static/js/main.js", f"range: bytes=0-{pattern('9', size)}"),
    "the length of a body": lambda size: get("/", f"content-length: {pattern('0', size)}"),
    "the type of a body": lambda size: post("/sign-in", "", f"content-type: multipart/x; {pattern('a=b; ', size)}"),
    "the fields of a form": lambda size: post("/sign-in", pattern("a=b&", size)),
    "the escaped token of a form": lambda size: post("/sign-in", f"token={pattern('%41', size)}"),
    "requested protocols of a socket": lambda size: upgrade(f"sec-websocket-protocol: {pattern('a, ', size)}x"),
    "requested extensions of a socket": lambda size: upgrade(f"sec-websocket-extensions: {pattern('a; b=c, ', size)}x"),
    "the key of a socket": lambda size: get("/ws/live", UPGRADE.format(key=pattern("A", size)).rstrip()),
}


def pattern(text: str, size: int) -> str:
    return (text * (size // len(text) + 1))[:size]


def get(path: str, header: str = "x: y", host: str = "localhost") -> str:
    return f"GET {path} HTTP/1.1\r\nhost: {host}\r\n{header}\r\nconnection: close\r\n\r\n"


def post(path: str, body: str, header: str = "x: y") -> str:
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\n{header}\r\nconnection: close\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n{body}"


def upgrade(header: str) -> str:
    return f"GET /ws/live HTTP/1.1\r\nhost: localhost\r\n{UPGRADE.format(key=KEY)}{header}\r\n\r\n"


@pytest.fixture(scope="module")
def port(
    tmp_path_factory: pytest.TempPathFactory, run_server: Callable[..., AbstractContextManager[str]]
) -> Iterator[int]:
    """The port of a server that requires a token and trusts a proxy on this machine."""
    home: Path = tmp_path_factory.mktemp("guarded")
    settings = {"LATENTWALK_TOKEN": "a-token-of-an-administrator", "LATENTWALK_TRUSTED_PROXIES": "127.0.0.1"}
    with run_server(home, **settings) as url:
        yield int(url.rpartition(":")[2])


def exchange(port: int, request: str) -> tuple[float, str]:
    """The seconds until the server answered, and the first line of its answer."""
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        begin = time.perf_counter()
        connection.sendall(request.encode("latin-1"))
        answer = connection.recv(4096)
        return time.perf_counter() - begin, answer.partition(b"\r\n")[0].decode("latin-1")


@pytest.mark.parametrize("name", PARSERS)
def test_eight_times_as_much_takes_at_most_ten_times_as_long(name: str, port: int) -> None:
    def fastest(size: int) -> float:
        return min(exchange(port, PARSERS[name](size))[0] for _ in range(RUNS))

    allowed = GROWTH * max(fastest(SMALL), FLOOR)
    taken = fastest(8 * SMALL)
    assert taken <= allowed


@pytest.mark.parametrize("name", PARSERS)
def test_none_of_them_makes_the_server_fail(name: str, port: int) -> None:
    _, line = exchange(port, PARSERS[name](8 * SMALL))
    assert line.startswith(("HTTP/1.1 2", "HTTP/1.1 3", "HTTP/1.1 4")), line


def test_a_header_above_the_limit_is_refused(port: int) -> None:
    assert " 431 " in exchange(port, get("/healthz", f"cookie: {'a' * LARGEST_HEADER}"))[1]
    assert " 200 " in exchange(port, get("/healthz", f"cookie: {'a' * (LARGEST_HEADER - len('cookie'))}"))[1]


def test_a_socket_with_a_path_above_the_limit_is_refused(port: int) -> None:
    assert " 431 " in exchange(port, upgrade("x: y").replace("/ws/live", f"/ws/live?{'a' * LARGEST_HEADER}"))[1]


def test_a_request_with_two_host_headers_is_refused(port: int) -> None:
    assert " 400 " in exchange(port, get("/healthz", "host: localhost"))[1]


def test_a_cookie_is_found_among_others_and_its_value_is_taken_as_it_is() -> None:
    sessions = SessionCookies(b"k" * 32)
    session = sessions.issue("guest", "00")
    header = f'_xsrf="2|a\\073b"; latentwalk-8001=other; latentwalk-8000={session}; theme = dark'
    assert cookie_value(header, "latentwalk-8000") == session
    assert sessions.read(cookie_value(header, "latentwalk-8000")) is not None
    assert cookie_value(header, "theme") == "dark"
    assert cookie_value(header, "latentwalk") == ""

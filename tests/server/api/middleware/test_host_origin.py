"""Host names, origins, security headers and body sizes."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from latentwalk.directions.direction_file import LARGEST_FILE
from server.api.middleware.body_limits import LARGEST
from server.app import create_app
from server.settings import Settings

EDIT = {"generator": "eyes", "base": {"seed": 7}}


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:8123", "[::1]", "[::1]:8000", "LOCALHOST"])
def test_local_host_names_are_accepted(host: str, client: TestClient) -> None:
    assert client.get("/healthz", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "10.0.0.1"])
def test_any_other_host_name_is_refused_against_dns_rebinding(host: str, client: TestClient) -> None:
    answer = client.get("/healthz", headers={"host": host})
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "forbidden"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_configured_host_names_are_accepted(home: Path) -> None:
    app = create_app(Settings(home=home, allowed_hosts=("studio.example",)))
    with TestClient(app, base_url="http://studio.example:8000") as client:
        assert client.get("/healthz").status_code == 200


def test_a_server_on_every_address_answers_to_addresses_but_not_to_names(home: Path) -> None:
    with TestClient(create_app(Settings(home=home, host="0.0.0.0")), base_url="http://10.1.2.3:8000") as client:
        assert client.get("/healthz").status_code == 200
        assert client.get("/healthz", headers={"host": "evil.example"}).status_code == 403


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 200),
        ("http://localhost", 200),
        ("http://evil.example", 403),
        ("http://localhost:9999", 403),
        ("http://localhost.evil.example", 403),
        ("null", 403),
        ("", 403),
    ],
)
def test_writes_from_another_site_are_refused(origin: str | None, status: int, client: TestClient) -> None:
    headers = {} if origin is None else {"origin": origin}
    assert client.post("/api/render", json=EDIT, headers=headers).status_code == status


def test_reads_need_no_origin(client: TestClient) -> None:
    answer = client.get("/api/generators", headers={"origin": "http://evil.example"})
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


def test_every_response_has_the_security_headers(client: TestClient) -> None:
    for path in ("/", "/nowhere", "/api/generators", "/static/js/live/live-socket.js"):
        headers = client.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("path", "limit"),
    [("/api/render", LARGEST), ("/api/walks/export", LARGEST), ("/api/directions/upload", LARGEST_FILE)],
)
def test_too_large_a_body_is_refused(path: str, limit: int, client: TestClient) -> None:
    def in_pieces():  # type: ignore[no-untyped-def]  # without a length announced
        for _ in range(limit // 2**16 + 1):
            yield b"0" * 2**16

    for body in (b"0" * (limit + 1), in_pieces()):
        answer = client.post(path, content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 413
        assert answer.json()["error"]["message"] == "The request is too large."
    assert client.post(path, content=b"0" * min(limit, 2**20)).status_code in (422, 413)


@pytest.mark.parametrize(
    ("allowed", "origin", "status"),
    [
        ("localhost:8080", "http://localhost:8080", 200),
        ("localhost:8080", "http://localhost:8081", 403),
        ("localhost", "http://localhost:8081", 403),
        ("127.0.0.1", "http://127.0.0.1:9999", 403),
        ("localhost:8080", "http://localhost:8080.evil.example", 403),
        ("localhost:8080", "evil://localhost:8080", 403),
    ],
)
def test_a_page_behind_a_proxy_with_a_host_header_of_its_own_is_ours_where_its_name_is_allowed(
    allowed: str, origin: str, status: int, home: Path
) -> None:
    headers = {"origin": origin, "host": "127.0.0.1:8000", "sec-fetch-site": "same-origin"}
    app = create_app(Settings(home=home, allowed_hosts=(allowed,)))
    with TestClient(app, base_url="http://localhost") as client:
        answer = client.post("/api/files/identify?size=4", content=b"PK\x03\x04", headers=headers)
    assert answer.status_code == status
    assert (status == 200) or "LATENTWALK_ALLOWED_HOSTS" in answer.json()["error"]["hint"]

"""The page behind a real nginx under a URL prefix that it passes on or removes, with nginx's own Host header."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext

from tests.browser import test_learning, test_regressors, test_walks
from tests.browser.conftest import Explorer, Server

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
# docs/serving.md has these lines; a test compares the two.
LOCATION = """
proxy_http_version 1.1;
proxy_set_header Upgrade $http_upgrade;
proxy_set_header Connection $connection_upgrade;
proxy_buffering off;
proxy_request_buffering off;
client_max_body_size 0;
"""
CONFIGURATION = """
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  map $http_upgrade $connection_upgrade {{ default upgrade; "" close; }}
  server {{
    listen 127.0.0.1:{passing};
    location /lw/ {{ proxy_pass http://127.0.0.1:{port}; {location} }}
    location = /lw {{ proxy_pass http://127.0.0.1:{port}; }}
  }}
  server {{
    listen 127.0.0.1:{removing};
    location /lw/ {{ proxy_pass http://127.0.0.1:{port}/; {location} }}
  }}
}}
"""


def free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


@pytest.fixture(scope="module")
def proxied(furnished_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The page's addresses behind nginx: one where the prefix is passed on, one where it is removed."""
    if NGINX is None:
        pytest.fail("These tests need nginx: install the system's package, for example apt-get install nginx-light.")
    passing, removing = free_ports(2)
    allowed = f"127.0.0.1:{passing},127.0.0.1:{removing}"
    home = tmp_path_factory.mktemp("proxied")
    shutil.copytree(furnished_home, home, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.sqlite*", "*.log"))
    server = Server(home, LATENTWALK_ROOT_PATH="/lw", LATENTWALK_ALLOWED_HOSTS=allowed)
    server.start()
    folder = tmp_path_factory.mktemp("nginx")
    (folder / "nginx.conf").write_text(
        CONFIGURATION.format(
            folder=folder, passing=passing, removing=removing, port=server.port, location=LOCATION.replace("\n", " ")
        )
    )
    nginx = subprocess.Popen([NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"])
    pages = {"passed on": f"http://127.0.0.1:{passing}/lw", "removed": f"http://127.0.0.1:{removing}/lw"}
    for url in pages.values():
        wait_for(f"{url}/healthz")
    yield pages
    nginx.terminate()
    nginx.wait(10)
    server.stop()


def wait_for(url: str) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with suppress(OSError), urllib.request.urlopen(url, timeout=2):
            return
        time.sleep(0.05)
    pytest.fail(f"{url} does not answer")


@pytest.fixture
def behind(context: BrowserContext, proxied: dict[str, str], request: pytest.FixtureRequest) -> Iterator[Explorer]:
    explorer = Explorer(context.new_page(), proxied[request.param])
    explorer.lost = []  # type: ignore[attr-defined]
    explorer.page.on("response", lambda answer: answer.status == 404 and explorer.lost.append(answer.url))  # type: ignore[attr-defined]
    yield explorer
    assert explorer.lost == []  # type: ignore[attr-defined]
    assert explorer.complaints == []


@pytest.mark.parametrize("behind", ["passed on"], indirect=True)
def test_a_walk_is_exported_played_downloaded_and_dropped_back(behind: Explorer) -> None:
    test_walks.test_a_film_of_the_walk_is_made_kept_played_and_brings_the_session_back(behind)


@pytest.mark.parametrize("behind", ["removed"], indirect=True)
def test_a_model_is_uploaded_and_becomes_a_slider(behind: Explorer) -> None:
    test_regressors.test_a_dropped_model_becomes_a_slider(behind)


@pytest.mark.parametrize("behind", ["removed", "passed on"], indirect=True)
def test_the_picture_follows_a_slider_and_a_link_of_it_opens_the_same_picture(behind: Explorer) -> None:
    behind.open()
    before = behind.picture
    assert behind.step("sway", "PageUp", "PageUp") != before
    behind.written()
    moved = behind.picture  # by now drawn at the size that the rows below it leave
    link = behind.page.evaluate("location.href")
    assert link.startswith(f"{behind.url}/#e=")
    behind.page.goto("about:blank")
    behind.page.goto(link)
    behind.settle(0)
    assert behind.picture == moved


@pytest.mark.parametrize("behind", ["passed on"], indirect=True)
def test_learning_runs_and_its_strip_is_shown(behind: Explorer) -> None:
    test_learning.test_a_slider_is_learned_while_the_others_stay_usable_and_then_appears(behind)
    strip = behind.page.locator("learn-panel job-card img.strip").first
    behind.page.wait_for_function("strip => strip.naturalWidth > 0", arg=strip.element_handle())


def test_the_prefix_without_its_slash_leads_to_the_page(proxied: dict[str, str]) -> None:
    with urllib.request.urlopen(proxied["passed on"]) as answer:
        assert answer.url == f"{proxied['passed on']}/"


def test_a_page_of_a_name_that_is_not_allowed_is_told_which_setting_allows_it(proxied: dict[str, str]) -> None:
    request = urllib.request.Request(
        f"{proxied['removed']}/api/render", b"{}", {"origin": "http://localhost:9", "content-type": "application/json"}
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == 403
    assert "LATENTWALK_ALLOWED_HOSTS" in refused.value.read().decode()


def test_the_documented_lines_are_those_that_are_tested() -> None:
    documented = (Path(__file__).parents[3] / "docs" / "serving.md").read_text()
    for line in LOCATION.split("\n"):
        assert line in documented

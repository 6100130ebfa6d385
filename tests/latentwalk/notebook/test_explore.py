"""The page beside a notebook: a server in a process of its own, in a frame of a notebook's page."""

from __future__ import annotations

import html
import re
import shutil
import threading
import urllib.request
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

import latentwalk as lw

ROOT = Path(__file__).parents[3]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE = 30_000  # ms


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[lw.Explorer]:
    """A running page that opens with an edit of `eyes`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        edit = lw.parse({"generator": "eyes", "base": {"seed": 7}})
        explorer = lw.explore("eyes", edit=edit, home=tmp_path_factory.mktemp("home"), device="cpu", height=500)
    with explorer:
        yield explorer


def test_the_page_is_served_on_a_free_port_of_this_machine(page: lw.Explorer) -> None:
    assert page.is_running
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/#e=[\w-]+", page.url)
    with urllib.request.urlopen(page.url.split("#")[0], timeout=10) as answer:
        policy = answer.headers["content-security-policy"]
        assert answer.headers["x-frame-options"] is None
    assert "frame-ancestors 'self' http://localhost:* http://127.0.0.1:* vscode-webview:" in policy
    assert "script-src 'self'" in policy


def test_a_notebook_shows_a_frame_and_a_link(page: lw.Explorer) -> None:
    shown = page._repr_html_()
    assert f'<iframe src="{html.escape(page.url)}"' in shown
    assert "height: 500px" in shown
    assert f'<a href="{html.escape(page.url)}"' in shown
    assert page.url in repr(page)


@pytest.mark.browser
def test_the_page_works_in_a_frame_of_another_local_page(page: lw.Explorer, tmp_path: Path) -> None:
    (tmp_path / "notebook.html").write_text(f"<!doctype html><title>Notebook</title>{page._repr_html_()}")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM)
            tab = browser.new_page()
            tab.goto(f"http://localhost:{server.server_port}/notebook.html")
            inside = tab.frame_locator("iframe")
            expect(inside.locator("canvas, img").first).to_be_visible(timeout=PATIENCE)
            expect(inside.get_by_role("slider").first).to_be_visible(timeout=PATIENCE)
            browser.close()
    finally:
        server.shutdown()
        server.server_close()


def test_a_server_that_cannot_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("LATENTWALK_NO_SUCH_SETTING", "1")
    with pytest.raises(lw.ModelFailed, match="did not start"):
        lw.explore(home=tmp_path)

"""Bookmarks on the page: what is kept under a title is found again, opened, deleted and put back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Locator, expect

from latentwalk.directions.direction import Direction
from models.specs import GeneratorSpec
from server.auth.roles import Role
from server.auth.tokens import TokenStore
from tests.browser.conftest import Explorer, Server


@pytest.fixture
def visitor(context: BrowserContext, own_server: Server) -> Iterator[Explorer]:
    """A tab on it; at the end nothing is kept, and nothing may have been complained about in its console."""
    explorer = Explorer(context.new_page(), own_server.url)
    yield explorer
    assert explorer.complaints == []
    for one in context.request.get(f"{own_server.url}/api/bookmarks").json()["bookmarks"]:
        context.request.delete(f"{own_server.url}/api/bookmarks/{one['id']}", headers={"origin": own_server.url})


def marks(explorer: Explorer) -> Locator:
    return explorer.page.locator(".bookmarks li")


def look(explorer: Explorer) -> None:
    """Open the panel."""
    explorer.page.get_by_role("button", name="Bookmarks", exact=True).click()
    expect(explorer.page.get_by_role("heading", name="Bookmarks")).to_be_focused()


def keep(explorer: Explorer, title: str, kind: str = "picture") -> None:
    explorer.page.get_by_label("Title").locator("visible=true").fill(title)
    explorer.page.get_by_role("button", name=f"Save this {kind}").click()
    explorer.told(f"{title} was saved.")


def test_a_picture_kept_outlives_a_reload_and_a_restart_of_the_server(visitor, own_server):
    visitor.open()
    shown = visitor.step("sway", "PageUp")
    look(visitor)
    expect(visitor.page.get_by_text("No bookmarks yet.")).to_be_visible()
    keep(visitor, "A wide eye")
    expect(marks(visitor)).to_have_count(1)
    visitor.page.reload()
    visitor.settle(0)
    own_server.stop()
    own_server.start()
    visitor.complaints.clear()  # the browser itself notes that the server was away
    visitor.page.evaluate("sessionStorage.clear()")
    visitor.open("#")
    visitor.step("sway", "Delete")
    look(visitor)
    expect(marks(visitor)).to_contain_text("A wide eye")
    expect(marks(visitor).locator("img")).to_have_js_property("naturalWidth", 96)
    assert visitor.act(lambda: visitor.page.get_by_role("button", name="A wide eye Picture").click()) == shown
    visitor.complaints.clear()


def test_opening_one_is_a_step_that_undo_takes_back(visitor):
    visitor.open()
    look(visitor)
    keep(visitor, "At rest")
    before = visitor.step("sway", "PageUp")
    after = visitor.act(lambda: marks(visitor).get_by_role("button", name="At rest Picture").click())
    assert after != before
    visitor.page.keyboard.press("Escape")
    expect(visitor.page.get_by_role("button", name="Opened At rest")).to_have_attribute("aria-current", "step")
    assert visitor.act(lambda: visitor.page.keyboard.press("Control+z")) == before
    assert visitor.amount("sway") == "+5.0 %"


def test_with_the_timeline_open_the_walk_is_kept_and_opened_again(visitor):
    visitor.open().page.keyboard.press("k")
    visitor.step("sway", "PageUp")
    visitor.page.keyboard.press("k")
    look(visitor)
    keep(visitor, "Here and there", "walk")
    expect(marks(visitor)).to_contain_text("Walk ·")
    visitor.page.locator("walk-inspector").get_by_role("button", name="Delete", exact=True).click()
    expect(visitor.page.locator("keyframe-row .stop")).to_have_count(1)
    visitor.page.keyboard.press("w")
    expect(visitor.page.get_by_role("button", name="Save this picture")).to_be_visible()
    marks(visitor).get_by_role("button", name="Here and there Walk").click()
    expect(visitor.page.locator("keyframe-row .stop")).to_have_count(2)
    expect(visitor.page.locator("walk-panel")).to_be_visible()
    visitor.page.keyboard.press("Control+z")
    expect(visitor.page.locator("keyframe-row .stop")).to_have_count(1)


def test_without_a_title_it_is_called_what_the_picture_is_in_words(visitor):
    visitor.open().page.keyboard.press("b")
    words = visitor.page.locator("#caption").text_content()
    visitor.page.get_by_role("button", name="Save this picture").click()
    expect(marks(visitor)).to_contain_text(words)
    visitor.page.keyboard.press("b")
    expect(visitor.page.locator("bookmark-panel")).to_be_hidden()


def test_the_newest_is_first_and_one_deleted_can_be_put_back(visitor):
    visitor.open()
    look(visitor)
    keep(visitor, "The first")
    keep(visitor, "The second")
    expect(marks(visitor)).to_contain_text(["The second", "The first"])
    remove = visitor.page.get_by_role("button", name="Delete The second")
    remove.focus()
    visitor.page.keyboard.press("Enter")
    visitor.told("The second was deleted.")
    expect(marks(visitor)).to_contain_text(["The first"])
    expect(visitor.page.get_by_role("button", name="Delete The first")).to_be_focused()
    visitor.page.get_by_role("button", name="Undo", exact=True).last.click()
    expect(marks(visitor)).to_contain_text(["The second", "The first"])


@pytest.mark.parametrize(
    ("status", "sentence", "hint"),
    [
        (507, "The disk is full.", "Free some space, then try again."),
        (None, "The server does not answer.", "Nothing is lost. Try again in a moment."),
    ],
)
def test_a_server_that_fails_says_so_and_what_was_written_stays(visitor, status, sentence, hint):
    def fail(route):
        if status is None:
            return route.abort()
        error = {"error": {"code": "failed", "message": sentence, "hint": hint}}
        return route.fulfill(status=status, content_type="application/json", body=json.dumps(error))

    visitor.open().page.route("**/api/bookmarks", fail)
    look(visitor)
    expect(visitor.page.locator("bookmark-panel .problem")).to_have_text(f"{sentence} {hint}")
    visitor.page.get_by_label("Title").locator("visible=true").fill("Nearly kept")
    visitor.page.get_by_role("button", name="Save this picture").click()
    visitor.told(f"{sentence} {hint}")
    expect(visitor.page.get_by_label("Title").locator("visible=true")).to_have_value("Nearly kept")
    visitor.page.unroute("**/api/bookmarks")
    visitor.page.get_by_role("button", name="Save this picture").click()
    expect(marks(visitor)).to_contain_text("Nearly kept")
    expect(visitor.page.locator("bookmark-panel .problem")).to_have_count(0)
    visitor.complaints.clear()  # the browser itself notes every failed request


def test_axe_finds_nothing_in_the_panel_whatever_its_theme_and_width(visitor):
    visitor.open()
    look(visitor)
    keep(visitor, "A title so long that it takes more than one line wherever a list of bookmarks is as narrow as here")
    for scheme, width in (("light", 1280), ("dark", 1280), ("light", 375)):
        visitor.page.emulate_media(color_scheme=scheme)
        visitor.page.set_viewport_size({"width": width, "height": 700})
        assert visitor.page.evaluate("document.documentElement.scrollWidth") == width
        found = Axe().run(visitor.page).response["violations"]
        assert [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found] == []


def test_a_viewer_sees_and_opens_them_and_is_told_who_may_keep_and_delete(
    context: BrowserContext, tmp_path: Path, eyes_spec: GeneratorSpec, make_slider: Callable[..., Direction],
    put_direction: Callable[..., Path],
) -> None:  # fmt: skip
    put_direction(tmp_path, make_slider(eyes_spec, "sway", 1))
    tokens = {role: TokenStore(tmp_path / "access").add(f"a-{role}", role) for role in (Role.VIEWER, Role.EDITOR)}
    server = Server(tmp_path)
    server.start()
    try:
        editor = Explorer(context.new_page(), f"{server.url}/?token={tokens[Role.EDITOR]}")
        editor.page.goto(editor.url)
        editor.settle(0)
        shown = editor.step("sway", "PageUp")
        look(editor)
        keep(editor, "For all to see")
        context.clear_cookies()
        viewer = Explorer(context.new_page(), f"{server.url}/?token={tokens[Role.VIEWER]}")
        viewer.page.goto(viewer.url)
        viewer.settle(0)
        asked: list[str] = []
        viewer.page.on("request", lambda request: request.method in ("POST", "DELETE") and asked.append(request.url))
        look(viewer)
        reason = "To learn, to upload and to keep bookmarks, ask for an editor's link."
        for name in ("Save this picture", "Delete For all to see"):
            button = viewer.page.get_by_role("button", name=name)
            expect(button).to_have_attribute("aria-disabled", "true")
            expect(button).to_have_attribute("title", reason)
            button.focus()
            viewer.page.keyboard.press("Enter")
            viewer.told(reason)
        assert [url for url in asked if "bookmarks" in url] == []
        expect(marks(viewer)).to_have_count(1)
        assert viewer.act(lambda: marks(viewer).locator(".open").click()) == shown
        assert viewer.complaints == []
    finally:
        server.stop()

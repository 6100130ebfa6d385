"""Signing in by a link, and what those see who may not do everything."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from server.auth.roles import Role
from server.auth.tokens import TokenStore
from tests.browser.conftest import Server


@pytest.fixture(scope="module")
def tokens(own_home: Path) -> dict[str, str]:
    kept = TokenStore(own_home / "access")
    return {role: kept.add(f"a-{role}", role) for role in Role}


@pytest.fixture(scope="module")
def house(tokens: dict[str, str], own_server: Server) -> str:
    """The address of a server that asks for a token: it starts after the tokens were made."""
    return own_server.url


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def drawn(page: Page) -> None:
    expect(page.locator("picture-stage")).to_have_attribute("data-settled", "true")


def test_without_a_token_there_is_a_page_that_asks_for_it_and_keeps_the_picture_named(
    page: Page, house: str, tokens: dict[str, str]
) -> None:
    page.goto(f"{house}/#e=eyJiYXNlIjp7InNlZWQiOjU4fSwiZ2VuZXJhdG9yIjoiZXllcyJ9")
    expect(page.get_by_text("This server requires a token.")).to_be_visible()
    field = page.get_by_label("Token")
    expect(field).to_be_focused()
    field.fill("not-the-token-at-all")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("This token is not valid.")
    page.get_by_label("Token").fill(tokens["viewer"])
    page.get_by_role("button", name="Sign in").click()
    drawn(page)
    assert page.url == f"{house}/#e=eyJiYXNlIjp7InNlZWQiOjU4fSwiZ2VuZXJhdG9yIjoiZXllcyJ9"
    page.reload()
    drawn(page)


def test_the_page_that_asks_is_accessible(page: Page, house: str) -> None:
    page.goto(house)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_the_link_lets_in_and_its_token_does_not_stay_in_the_address(
    page: Page, house: str, tokens: dict[str, str]
) -> None:
    page.goto(f"{house}/?token={tokens['admin']}")
    drawn(page)
    assert "token" not in page.url
    assert page.evaluate("document.cookie") == ""


def test_a_link_on_another_sites_page_opens_for_whoever_is_in(page: Page, house: str, tokens: dict[str, str]) -> None:
    page.goto(f"{house}/?token={tokens['viewer']}")
    drawn(page)
    shared = f"{house}/#e=eyJiYXNlIjp7InNlZWQiOjU4fSwiZ2VuZXJhdG9yIjoiZXllcyJ9"
    elsewhere = f'<a href="{shared}">look</a>'
    page.route("http://elsewhere.test/", lambda route: route.fulfill(content_type="text/html", body=elsewhere))
    page.goto("http://elsewhere.test/")
    page.get_by_text("look").click()
    drawn(page)
    assert page.url == shared


def test_what_a_viewer_may_not_do_is_in_sight_disabled_and_says_why(
    page: Page, house: str, tokens: dict[str, str]
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: request.method != "GET" and asked.append(request.url))
    page.goto(f"{house}/?token={tokens['viewer']}")
    drawn(page)
    page.keyboard.press("l")
    reason = "To learn, to upload and to keep bookmarks, ask for an editor's link."
    expect(page.locator("learn-panel .refused")).to_have_text(reason)
    start = page.get_by_role("button", name="Start learning")
    expect(start).to_have_attribute("aria-disabled", "true")
    expect(start).to_have_attribute("title", reason)
    start.focus()
    page.keyboard.press("Enter")
    expect(page.locator("toast-stack")).to_contain_text(reason)
    page.locator("learn-panel #learn-id").press("Enter")
    assert [url for url in asked if "learn" in url] == []
    page.keyboard.press("Escape")
    get = page.locator(".generator.absent button").first
    expect(get).to_have_attribute("aria-disabled", "true")
    expect(get).to_have_attribute("title", "To add generators and to delete, ask for an administrator's link.")
    slider = page.locator("direction-slider[data-id=sway] input[type=range]")
    slider.focus()
    page.keyboard.press("PageUp")
    expect(page.locator("direction-slider[data-id=sway] input.amount")).not_to_have_value("0.0 %")


def test_an_editor_may_learn_and_not_delete_and_an_administrator_may_both(
    context: BrowserContext, house: str, tokens: dict[str, str]
) -> None:
    for role, learns, gets in (("editor", None, "true"), ("admin", None, None)):
        page = context.new_page()
        page.goto(f"{house}/?token={tokens[role]}")
        drawn(page)
        page.keyboard.press("l")
        start = page.get_by_role("button", name="Start learning")
        expect(start).to_be_visible()
        assert start.get_attribute("aria-disabled") == learns
        assert page.locator(".generator.absent button").first.get_attribute("aria-disabled") == gets
        page.close()


def test_a_token_taken_back_leads_to_the_page_that_asks(page: Page, house: str, own_home: Path) -> None:
    kept = TokenStore(own_home / "access")
    page.goto(f"{house}/?token={kept.add('guest', Role.VIEWER)}")
    drawn(page)
    kept.remove("guest")
    expect(page.get_by_text("This server requires a token.")).to_be_visible()

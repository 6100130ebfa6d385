"""The page by keyboard: how many Tabs away its main controls are, and words that explain themselves."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

FAR = 10  # Tabs
CONTROLS = {
    "the generators": "generator-picker input",
    "the seed": "#seed",
    "learning": "[data-panel=learn]",
    "a slider": "direction-slider input[type=range]",
    "the picture": "#compare",
}


def tabs_to(page, selector: str, shortcut: str | None) -> int:
    """Key presses from the top of the page to a control, by a skip link or without; FAR + 1 where it is further."""
    page.evaluate("document.activeElement.blur()")
    page.evaluate("scrollTo(0, 0), getSelection().removeAllRanges()")
    page.locator(".skip").first.focus()  # the first Tab stop
    for presses in range(1, FAR + 1):
        here = page.evaluate("document.activeElement.getAttribute('href')")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return presses
        if shortcut and here == shortcut:
            page.keyboard.press("Enter")
        else:
            page.keyboard.press("Tab")
        if page.evaluate("!!document.activeElement.closest('.actions')") and "learn" in selector:
            for _ in range(3):
                if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                    break
                page.keyboard.press("ArrowRight")
    return FAR + 1


@pytest.mark.parametrize("control", CONTROLS)
def test_every_main_control_is_at_most_ten_tabs_away(explorer, control):
    page = explorer.open().page
    ways = (None, "#sliders", "#picture")
    assert min(tabs_to(page, CONTROLS[control], way) for way in ways) <= FAR


def test_the_first_stop_of_the_page_is_a_skip_link(explorer):
    page = explorer.open().page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"


def test_the_tools_are_one_stop_and_arrows_go_from_one_to_the_next(explorer):
    page = explorer.open().page
    tools = page.get_by_role("toolbar", name="Tools").get_by_role("button")
    tools.first.focus()
    page.keyboard.press("ArrowRight")
    expect(tools.nth(1)).to_be_focused()
    page.keyboard.press("End")
    expect(tools.last).to_be_focused()
    page.keyboard.press("Tab")
    assert not page.evaluate("document.activeElement.closest('.actions')")
    page.keyboard.press("Shift+Tab")
    expect(tools.last).to_be_focused()


def test_the_steps_of_the_history_are_one_stop(explorer):
    page = explorer.open().page
    for _ in range(3):
        explorer.step("sway", "PageUp")
        explorer.step("swell", "PageUp")
    page.get_by_role("button", name="Undo").focus()
    page.keyboard.press("Tab")
    steps = page.locator("history-tree button[data-id]")
    expect(steps.and_(page.locator("[aria-current]"))).to_be_focused()
    page.keyboard.press("Home")
    expect(steps.first).to_be_focused()
    page.keyboard.press("Tab")
    assert not page.evaluate("document.activeElement.closest('history-tree')")


WORDS = {
    "weak": "direction-slider[data-id=swell] .badge",
    "measured range": ".legend [data-tip] >> nth=0",
    "hatching": ".legend [data-tip] >> nth=1",
    "padlock": "direction-slider[data-id=sway] .hold",
    "truncation": "#truncation input[type=range]",
}


def test_words_are_explained_to_the_pointer_and_to_the_keyboard(explorer):
    page = explorer.open().page
    tip = page.get_by_role("tooltip")
    for selector in WORDS.values():
        word = page.locator(selector)
        word.scroll_into_view_if_needed()
        word.hover()
        expect(tip).to_be_visible()
        explained = tip.text_content()
        page.mouse.move(5, 5)
        expect(tip).to_be_hidden()
        page.keyboard.press("Shift")  # the last input was a key, so that focus is visible
        word.focus()
        expect(tip).to_have_text(explained)
        text_of = "(id) => document.getElementById(id).textContent"
        assert explained in word.evaluate(
            f"one => one.getAttribute('aria-describedby').split(' ').map({text_of}).join()"
        )
        page.keyboard.press("Escape")
        expect(tip).to_be_hidden()
        page.evaluate("document.activeElement.blur()")

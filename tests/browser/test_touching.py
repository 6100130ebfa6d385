"""What fingers, keys, links and second thoughts do: swipes, Tabs, other generators in mid-walk, damaged links, tips."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import CDPSession, expect

from tests.browser.conftest import Explorer


@pytest.fixture
def phone(browser, server) -> Iterator[Explorer]:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, reduced_motion="reduce")
    explorer = Explorer(context.new_page(), server.url)
    yield explorer
    context.close()
    assert explorer.complaints == []


def swipe(session: CDPSession, start: tuple[float, float], by: tuple[float, float], steps: int = 8) -> None:
    def touch(kind: str, points: list[dict[str, float]]) -> None:
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", [{"x": start[0], "y": start[1]}])
    for step in range(1, steps + 1):
        share = step / steps
        touch("touchMove", [{"x": start[0] + share * by[0], "y": start[1] + share * by[1]}])
    touch("touchEnd", [])


def place(explorer: Explorer, share: float) -> tuple[float, float]:
    box = explorer.box("sway")
    return box["x"] + share * box["width"], box["y"] + box["height"] / 2


def test_a_vertical_swipe_that_begins_on_a_slider_leaves_it_alone(phone):
    session = phone.open().page.context.new_cdp_session(phone.page)
    before, rev = phone.amount("sway"), phone.rev
    swipe(session, place(phone, 0.9), (0, -120))
    assert (phone.amount("sway"), phone.rev) == (before, rev)


def test_a_sideways_move_and_a_tap_change_a_slider(phone):
    session = phone.open().page.context.new_cdp_session(phone.page)
    before = phone.amount("sway")
    phone.act(lambda: swipe(session, place(phone, 0.5), (80, 3)))
    dragged = phone.amount("sway")
    phone.act(lambda: swipe(session, place(phone, 0.1), (0, 0)))
    assert len({before, dragged, phone.amount("sway")}) == 3


def test_the_caption_on_a_phone_is_whole(phone):
    caption = phone.open().page.locator("#caption")
    assert caption.evaluate("p => p.scrollWidth <= p.clientWidth && p.scrollHeight <= p.clientHeight + 1")


def test_another_generator_in_mid_walk_keeps_its_keyframes_and_seeds(explorer):
    page = explorer.open().page
    page.keyboard.press("w")
    page.keyboard.press("k")
    explorer.act(page.get_by_role("radio", name="Styled").check)
    script = """() => {
        const stored = JSON.parse(sessionStorage.getItem('latentwalk.history'));
        const { edit, walk } = stored.nodes.find(({ id }) => id === stored.current);
        return [edit, ...stored.walks[walk].stops.map((stop) => stop.edit)]
            .map((one) => [one.generator, one.base.seed]);
    }"""
    shown, *stops = page.evaluate(script)
    assert stops == [shown]


@pytest.mark.parametrize("fragment", ["#e%3D", "#e=e30"])
def test_a_damaged_link_is_refused_and_the_picture_stays(explorer, fragment):
    explorer.open().step("sway", "PageUp")
    explorer.written()
    # Not `page.url`, which Playwright brings up to date a moment after the page has changed its address.
    picture, address = explorer.picture, explorer.page.evaluate("location.href")
    explorer.page.evaluate("fragment => { location.hash = fragment; }", fragment)
    expect(explorer.page.locator("toast-stack .problem")).to_be_visible()
    assert (explorer.picture, explorer.page.evaluate("location.href")) == (picture, address)


def test_a_gesture_that_ends_where_it_began_leaves_no_step(explorer):
    explorer.open()
    steps = explorer.page.locator("history-tree button[data-id]")
    count = steps.count()
    explorer.page.locator("#truncation input[type=range]").dblclick(position={"x": 30, "y": 14})
    expect(explorer.page.locator("#truncation .reset")).to_be_disabled()
    expect(steps).to_have_count(count)


def test_typing_into_an_amount_replaces_it(explorer):
    field = explorer.open().slider("sway").locator("input.amount")
    field.click(position={"x": 80, "y": 12})
    explorer.page.keyboard.type("9")
    assert field.input_value() == "9"
    field.press("Enter")
    explorer.page.keyboard.type("5")
    assert field.input_value() == "5"


def test_toasts_leave_the_picture_clear(explorer):
    explorer.open().page.evaluate("document.querySelector('toast-stack').say('A message of some length for everyone.')")
    toast = explorer.page.locator(".toast").bounding_box()
    picture = explorer.page.locator("picture-stage canvas").bounding_box()
    assert toast["x"] >= picture["x"] + picture["width"] or toast["y"] >= picture["y"] + picture["height"]


def test_the_name_of_a_class_on_the_pad_means_all_of_it(explorer):
    page = explorer.open().page
    name = page.locator("class-mix .pad text").nth(2)
    chosen = name.text_content()
    explorer.act(name.click)
    expect(page.locator("class-mix summary .share")).to_have_text(f"{chosen} 100 %")


def test_the_history_does_not_cover_the_class_mix_on_a_low_screen(explorer):
    page = explorer.page
    page.set_viewport_size({"width": 1280, "height": 720})
    explorer.open()
    pad, history = page.locator("class-mix .pad"), page.locator(".history")
    pad.scroll_into_view_if_needed()
    box, below = pad.bounding_box(), history.bounding_box()
    assert below["y"] >= box["y"] + box["height"] or below["y"] >= 720


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


def test_every_main_control_is_at_most_ten_tabs_away(explorer):
    page = explorer.open().page
    ways = (None, "#sliders", "#picture")
    for control, selector in CONTROLS.items():
        assert min(tabs_to(page, selector, way) for way in ways) <= FAR, control


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

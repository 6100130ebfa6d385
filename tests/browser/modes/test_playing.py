"""Sliders that play by themselves, and the first minute of a first visit."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Explorer


def wait_until_moved(explorer, id: str, before: str) -> str:
    script = "([id, before]) => document.querySelector(`direction-slider[data-id=${id}] input.amount`).value !== before"
    explorer.page.wait_for_function(script, arg=[id, before])
    return explorer.amount(id)


def button(explorer, name: str):
    return explorer.page.get_by_role("button", name=f"Play {name}")


def test_a_slider_plays_over_its_measured_range_and_space_stops_it_as_one_step(explorer):
    explorer.open()
    steps = explorer.page.locator("history-tree button[data-id]")
    count, picture, rest = steps.count(), explorer.picture, explorer.amount("sway")
    button(explorer, "Sway").click()
    expect(button(explorer, "Sway")).to_have_attribute("aria-pressed", "true")
    seen = explorer.amount("sway")
    for _ in range(4):
        seen = wait_until_moved(explorer, "sway", seen)
        assert -10 <= float(seen.rstrip(" %").replace("−", "-")) <= 8
    explorer.page.keyboard.press("Space")  # the button has the focus, and is not pressed again
    expect(button(explorer, "Sway")).to_have_attribute("aria-pressed", "false")
    expect(steps).to_have_count(count + 1)
    stopped = explorer.amount("sway")
    explorer.page.wait_for_timeout(200)
    assert explorer.amount("sway") == stopped
    assert explorer.picture != picture
    explorer.page.keyboard.press("Control+z")
    expect(explorer.slider("sway").locator("input.amount")).to_have_value(rest)


def test_several_play_at_once_and_one_that_is_touched_is_left_to_the_hand(explorer):
    rest = explorer.open().amount("swell")
    button(explorer, "Sway").click()
    button(explorer, "Swell").click()
    moved = wait_until_moved(explorer, "swell", rest)
    explorer.thumb("sway").press("Home")
    expect(button(explorer, "Sway")).to_have_attribute("aria-pressed", "false")
    expect(explorer.slider("sway").locator("input.amount")).to_have_value(re.compile("14"))
    wait_until_moved(explorer, "swell", moved)
    explorer.page.get_by_role("button", name="Reset all").click()
    expect(button(explorer, "Swell")).to_have_attribute("aria-pressed", "false")
    expect(explorer.slider("swell").locator("input.amount")).to_have_value(rest)


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_a_first_visit_is_greeted_by_a_moving_slider_and_a_sentence_and_a_second_is_not(
    browser: Browser, server, motion
):
    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion=motion)
    try:
        explorer = Explorer(context.new_page(), server.url)
        page = explorer.page
        page.goto(server.url)
        expect(page.locator(".welcome")).to_contain_text("A neural network draws this picture.")
        playing = page.locator("direction-slider button[aria-label^=Play][aria-pressed=true]")
        if motion == "reduce":
            expect(playing).to_have_count(0)
        else:
            expect(playing).to_have_count(1)
            page.mouse.click(5, 400)  # anywhere
            expect(playing).to_have_count(0)
        page.get_by_role("button", name="Dismiss").click()
        expect(page.locator(".welcome")).to_have_count(0)
        page.goto("about:blank")
        explorer.open()
        expect(page.locator(".welcome")).to_have_count(0)
        assert explorer.complaints == []
    finally:
        context.close()

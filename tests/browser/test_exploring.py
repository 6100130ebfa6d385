"""Steering pictures in the page: sliders, seeds, classes, history, comparing, links."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, expect


def test_dragging_a_slider_changes_the_picture(explorer):
    before = explorer.open().picture
    box = explorer.box("sway")
    mouse, y = explorer.page.mouse, box["y"] + box["height"] / 2

    def drag():
        mouse.move(box["x"] + box["width"] * 0.54, y)
        mouse.down()
        mouse.move(box["x"] + box["width"] * 0.8, y, steps=6)
        mouse.up()

    assert explorer.act(drag) != before
    assert explorer.amount("sway").startswith("+")
    expect(explorer.page.locator("history-tree button[data-id]")).to_have_count(2)


def test_a_thumb_dragged_close_to_neutral_comes_to_rest_there(explorer):
    neutral = explorer.open().picture
    explorer.step("sway", "PageUp")
    box = explorer.box("sway")
    zero = 9 + (box["width"] - 18) * 14 / 26  # the thumb is 18 px wide, the track runs from -14 to 12
    assert explorer.act(lambda: explorer.page.mouse.click(box["x"] + zero + 2, box["y"] + box["height"] / 2)) == neutral
    assert explorer.amount("sway") == "0.0 %"


def test_the_keyboard_steps_jumps_and_resets_a_slider(explorer):
    neutral = explorer.open().picture
    explorer.step("sway", "ArrowRight", "ArrowRight")
    assert explorer.amount("sway") == "+1.0 %"
    explorer.step("sway", "PageUp")
    assert explorer.amount("sway") == "+6.0 %"
    explorer.step("sway", "Home")
    assert explorer.amount("sway") == "−14.0 %"
    explorer.step("sway", "End")
    assert explorer.amount("sway") == "+12.0 %"
    assert explorer.step("sway", "Delete") == neutral
    assert explorer.amount("sway") == "0.0 %"


def test_a_slider_says_aloud_that_it_is_past_its_measured_limit(explorer):
    explorer.open().step("swell", "End")
    spoken = "Swell, 1.40 times, past the measured limit of 1.25 times"
    expect(explorer.thumb("swell")).to_have_attribute("aria-valuetext", spoken)


def test_a_typed_amount_moves_the_slider_and_one_that_cannot_be_says_so(explorer):
    explorer.open()
    explorer.act(lambda: explorer.type_amount("swell", "x1.1"))
    assert explorer.amount("swell") == "×1.10"
    explorer.type_amount("swell", "a lot")
    explorer.told("“a lot” is not a valid amount for Swell")
    explorer.act(lambda: explorer.type_amount("swell", "9"))
    explorer.told("Swell ranges from ×0.70 to ×1.40.")
    explorer.page.keyboard.press("Tab")
    assert explorer.amount("swell") == "×1.40"


def test_a_weak_slider_shows_its_verdict_its_reason_and_its_report(explorer):
    explorer.open()
    expect(explorer.slider("swell").locator(".note")).to_have_text("weak Reaches x1.25 of x2.00 asked.")
    explorer.slider("sway").get_by_role("button", name="Report on Sway").click()
    expect(explorer.slider("sway").locator("svg.chart .band")).to_be_attached()
    expect(explorer.slider("sway").locator(".figures")).to_contain_text("0.80 (0.75 to 0.85)")


def test_undo_and_redo_bring_back_the_same_pixels(explorer):
    first = explorer.open().picture
    second = explorer.step("sway", "PageUp")
    third = explorer.step("swell", "PageUp")
    keyboard = explorer.page.keyboard
    assert explorer.act(lambda: keyboard.press("Control+z")) == second
    assert explorer.act(lambda: keyboard.press("Control+z")) == first
    assert explorer.act(lambda: keyboard.press("Control+Shift+z")) == second
    assert explorer.act(lambda: keyboard.press("Control+Shift+z")) == third


def test_doing_something_else_after_undo_starts_a_branch_and_loses_nothing(explorer):
    explorer.open()
    kept = explorer.step("sway", "PageUp")
    explorer.act(lambda: explorer.page.get_by_role("button", name="Undo").click())
    explorer.step("sway", "PageDown")
    steps = explorer.page.locator("history-tree button[data-id]")
    expect(steps).to_have_count(3)
    expect(explorer.page.locator("history-tree .forked")).to_have_count(1)
    assert explorer.act(lambda: steps.nth(1).click()) == kept


def test_the_history_is_still_there_after_a_reload(explorer):
    explorer.open().step("sway", "PageUp")
    explorer.written()
    explorer.page.reload()
    explorer.settle(0)
    expect(explorer.page.locator("history-tree button[data-id]")).to_have_count(2)
    assert explorer.amount("sway") == "+5.0 %"


def test_a_shared_link_opens_the_same_pixels_in_a_new_tab(explorer, context: BrowserContext):
    explorer.open()
    explorer.step("sway", "PageUp", "ArrowRight")
    shown = explorer.step("swell", "ArrowLeft")
    explorer.page.get_by_role("button", name="Share").click()
    explorer.told("Link copied")
    link = explorer.page.evaluate("navigator.clipboard.readText()")
    other = type(explorer)(context.new_page(), explorer.url)
    other.page.goto(link)
    other.settle(0)
    assert other.picture == shown
    assert other.complaints == []


def test_the_back_button_returns_to_the_link_opened_before(explorer):
    first = explorer.open("#e=eyJiYXNlIjp7InNlZWQiOjV9LCJnZW5lcmF0b3IiOiJleWVzIn0").picture  # seed 5
    link = "#e=eyJiYXNlIjp7InNlZWQiOjEyfSwiZ2VuZXJhdG9yIjoiZXllcyJ9"  # seed 12
    second = explorer.act(lambda: explorer.page.evaluate("link => (location.hash = link)", link))
    assert second != first
    assert explorer.act(explorer.page.go_back) == first
    expect(explorer.page.locator("#seed")).to_have_value("5")


def test_holding_the_key_the_picture_or_the_button_shows_the_base(explorer):
    base = explorer.open().picture
    edited = explorer.step("sway", "PageUp")
    page = explorer.page
    assert explorer.act(lambda: page.keyboard.down("c")) == base
    assert explorer.act(lambda: page.keyboard.up("c")) == edited
    page.locator("picture-stage canvas").hover()
    assert explorer.act(page.mouse.down) == base
    expect(page.get_by_text("Base", exact=True)).to_be_visible()
    assert explorer.act(page.mouse.up) == edited
    page.get_by_role("button", name="Hold to compare").focus()
    assert explorer.act(lambda: page.keyboard.down("Space")) == base
    assert explorer.act(lambda: page.keyboard.up("Space")) == edited
    assert explorer.amount("sway") == "+5.0 %"


def test_a_click_in_the_filmstrip_goes_there(explorer):
    before = explorer.open().picture
    explorer.thumb("sway").focus()
    frames = explorer.page.locator("film-strip button")
    expect(frames.locator("img[src^=blob]")).to_have_count(frames.count())
    expect(explorer.page.locator("film-strip [aria-current]")).to_have_accessible_name("Sway 0.0 %")
    assert explorer.act(frames.last.click) != before
    assert explorer.amount("sway") == "+8.0 %"
    expect(frames.last).to_have_attribute("aria-current", "true")


def test_the_class_mix_works_by_pad_by_name_and_by_keyboard(explorer):
    blue = explorer.open().picture
    page = explorer.page
    page.locator("class-mix summary").click()
    green = explorer.act(lambda: page.get_by_role("button", name="green", exact=True).click())
    assert green != blue
    bar = page.get_by_label("Share of blue")
    bar.focus()
    explorer.act(lambda: [page.keyboard.press("PageUp") for _ in range(3)])
    expect(bar).to_have_attribute("aria-valuetext", "blue, 30 per cent of the mix")
    shares = page.locator("class-mix li .share").all_inner_texts()
    assert sum(int(share.removesuffix(" %")) for share in shares) == 100
    box = page.locator("class-mix .pad").bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    explorer.act(lambda: page.mouse.click(*middle))
    shares = page.locator("class-mix li .share").all_inner_texts()
    assert {int(share.removesuffix(" %")) for share in shares} <= {12, 13}


def test_seeds_are_typed_stepped_and_rolled(explorer):
    explorer.open()
    field = explorer.page.locator("#seed")
    field.fill("12")
    twelve = explorer.act(lambda: field.press("Enter"))
    thirteen = explorer.act(lambda: field.press("ArrowUp"))
    assert twelve != thirteen
    expect(field).to_have_value("13")
    field.fill("-4")
    field.press("Enter")
    explorer.told("A seed is a whole number from 0 to 4294967295.")
    explorer.page.keyboard.press("Tab")
    assert explorer.act(lambda: explorer.page.keyboard.press("r")) != thirteen


def test_a_held_slider_is_part_of_the_picture_and_of_the_link(explorer):
    explorer.open().step("sway", "End")
    free = explorer.picture
    lock = explorer.slider("swell").get_by_role("button", name="Hold Swell")
    assert explorer.act(lock.click) != free
    expect(lock).to_have_attribute("aria-pressed", "true")
    assert explorer.act(lambda: explorer.page.keyboard.press("Control+z")) == free


def test_the_search_box_finds_sliders(explorer):
    explorer.open().page.keyboard.press("/")
    explorer.page.keyboard.type("swe")
    expect(explorer.slider("swell")).to_be_visible()
    expect(explorer.slider("sway")).to_be_hidden()
    explorer.page.keyboard.type("zzz")
    expect(explorer.page.get_by_text("No slider matches “swezzz”.")).to_be_visible()


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_everything_that_steers_can_be_reached_with_the_tab_key_alone(explorer, key):
    explorer.open()
    page = explorer.page
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the skip link
    named = "document.activeElement.ariaLabel ?? document.activeElement.labels?.[0]?.textContent ?? ''"
    names = set()
    for _ in range(150):
        page.keyboard.press("Tab")
        names.add(page.evaluate(named))
    assert {"Find a slider", "Sway", "Sway, amount", "Hold Sway", "Report on Sway", "Swell"} <= names
    page.get_by_role("button", name="Report on Sway").focus()
    page.keyboard.press(key)
    expect(explorer.slider("sway").locator("report-card")).to_be_visible()

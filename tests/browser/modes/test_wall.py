"""The wall: many seeds under the same sliders, adopted, pinned, rolled, exchanged and taken along."""

from __future__ import annotations

import io

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import expect


@pytest.fixture
def wall(explorer):
    """The page with the wall open at 3 by 3, settled."""
    explorer.open()
    explorer.page.keyboard.press("g")
    settled(explorer, 0)
    return explorer


def rev(explorer) -> int:
    return int(explorer.page.locator(".wall-cells").get_attribute("data-rev") or 0)


def settled(explorer, after: int) -> None:
    script = "(after) => { const { rev, settled } = document.querySelector('.wall-cells')?.dataset ?? {};"
    explorer.page.wait_for_function(f"{script} return rev > after && settled === 'true'; }}", arg=after)


def cells(explorer) -> list[str]:
    """The pixels of every cell."""
    script = "[...document.querySelectorAll('.wall-cells canvas')].map((one) => one.toDataURL())"
    return explorer.page.evaluate(script)


def seeds(explorer) -> list[str]:
    return explorer.page.locator(".wall-cells li").evaluate_all("cells => cells.map((one) => one.dataset.seed)")


def test_one_slider_moves_all_pictures_and_the_first_is_the_seed_at_hand(wall):
    before, seed = cells(wall), wall.page.locator("#seed").input_value()
    assert len(set(before)) == 9
    assert seeds(wall)[0] == seed
    at = rev(wall)
    wall.thumb("sway").focus()
    wall.page.keyboard.press("PageUp")
    settled(wall, at)
    assert all(one != other for one, other in zip(before, cells(wall), strict=True))
    at = rev(wall)
    wall.page.keyboard.press("Control+z")
    settled(wall, at)
    assert cells(wall) == before


def test_seeds_are_typed_pinned_rolled_and_exchanged(wall):
    field = wall.page.locator(".wall-seeds")
    at = rev(wall)
    field.fill("1-9")
    field.press("Enter")
    settled(wall, at)
    assert seeds(wall) == [str(seed) for seed in range(1, 10)]
    wall.page.get_by_role("button", name="Pin seed 2").click()
    wall.page.get_by_role("button", name="Roll").click()
    rolled = seeds(wall)
    assert rolled[1] == "2"
    assert not {"1", "3", "4"} & set(rolled)
    wall.page.locator(".wall-picture").nth(1).focus()
    wall.page.keyboard.press("Alt+ArrowRight")
    assert seeds(wall)[2] == "2"
    expect(wall.page.locator(".wall-picture").nth(2)).to_be_focused()
    field.fill("1 to 9")
    field.press("Enter")
    wall.told("Seeds are numbers and ranges, such as 1-9 or 4, 8, 15.")


def test_a_click_adopts_a_picture_as_one_step(wall):
    steps = wall.page.locator("history-tree button[data-id]")
    count, wanted, before = steps.count(), seeds(wall)[4], wall.rev
    wall.page.locator(".wall-picture").nth(4).click()
    wall.settle(before)
    expect(wall.page.locator("#seed")).to_have_value(wanted)
    expect(wall.page.locator("picture-stage")).to_be_visible()
    expect(steps).to_have_count(count + 1)


def test_the_sheet_is_downloaded(wall):
    with wall.page.expect_download() as downloading:
        wall.page.get_by_role("button", name="Sheet").click()
    with open(downloading.value.path(), "rb") as file:
        image = Image.open(io.BytesIO(file.read()))
    assert image.width > 3 * 128
    assert image.height > image.width


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_axe_finds_nothing_on_the_wall(explorer, scheme, width):
    explorer.page.emulate_media(color_scheme=scheme)
    explorer.page.set_viewport_size({"width": width, "height": 800})
    explorer.open()
    explorer.page.keyboard.press("g")
    settled(explorer, 0)
    assert len(cells(explorer)) == (4 if width < 820 else 9)
    found = Axe().run(explorer.page).response["violations"]
    assert [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found] == []

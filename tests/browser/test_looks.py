"""How the page looks, weighs and reads: narrow screens, themes, accessibility, and one spelling of edits."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from latentwalk import edit as edits

ROOT = Path(__file__).parents[2]
HEAVIEST = 130_000


def findings(explorer) -> list[str]:
    found = Axe().run(explorer.page).response["violations"]
    return [f"{one['impact']}: {one['id']}: {one['nodes'][0]['html'][:200]}" for one in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_page_its_panels_and_its_reports(explorer, scheme):
    explorer.page.emulate_media(color_scheme=scheme)
    explorer.open().step("swell", "End")
    explorer.slider("sway").get_by_role("button", name="Report on Sway").click()
    expect(explorer.slider("sway").locator("svg.chart")).to_be_visible()
    explorer.page.locator("model-card summary").click()
    explorer.page.locator("class-mix summary").click()
    assert findings(explorer) == []
    for panel in ("Learn", "Attributes", "Export", "Bookmarks"):
        explorer.page.get_by_role("button", name=panel, exact=True).click()
        assert findings(explorer) == []
    explorer.page.keyboard.press("?")
    assert findings(explorer) == []


def test_on_a_narrow_screen_nothing_overflows_and_the_picture_stays_in_sight(explorer):
    page = explorer.page
    page.set_viewport_size({"width": 375, "height": 667})
    explorer.open()
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    explorer.thumb("sway").evaluate("thumb => thumb.scrollIntoView({ block: 'center' })")
    explorer.step("sway", "PageUp")
    picture, thumb = page.locator("picture-stage canvas").bounding_box(), explorer.thumb("sway").bounding_box()
    assert picture["y"] >= 0
    assert picture["y"] + picture["height"] <= thumb["y"]
    assert thumb["y"] + thumb["height"] <= 667
    page.get_by_role("button", name="Setup").click()
    expect(page.locator("#seed")).to_be_visible()
    assert findings(explorer) == []
    page.keyboard.press("Escape")
    expect(page.locator("#seed")).to_be_hidden()


@pytest.mark.parametrize(("width", "height"), [(720, 450), (640, 360)])
def test_at_200_percent_zoom_the_picture_and_two_sliders_are_in_sight(explorer, width, height):
    page = explorer.page
    page.set_viewport_size({"width": width, "height": height})
    explorer.open()
    picture = page.locator("picture-stage canvas").bounding_box()
    thumbs = page.locator("direction-slider input[type=range]")
    sliders = [thumbs.nth(index).bounding_box() for index in range(2)]
    assert picture["width"] >= 150
    assert all(box["x"] >= 0 and box["y"] >= 0 for box in (picture, *sliders))
    assert max(box["y"] + box["height"] for box in (picture, *sliders)) <= height
    assert picture["x"] + picture["width"] <= min(box["x"] for box in sliders)


def test_at_no_width_the_top_bar_is_wider_than_its_room(explorer):
    explorer.open().step("sway", "PageUp", "PageUp")
    script = """() => {
        const shown = [...document.querySelectorAll(".bar .brand, status-bar > *, .bar .actions")]
            .filter((one) => one.checkVisibility()).map((one) => one.getBoundingClientRect());
        const gaps = shown.slice(1).map((box, index) => box.left - shown[index].right);
        return [...gaps, innerWidth - shown.at(-1).right];
    }"""
    for width in (375, 820, 880, 1119, 1120, 1180, 1280, 1440):
        explorer.page.set_viewport_size({"width": width, "height": 700})
        assert min(explorer.page.evaluate(script)) >= 0, f"at {width} px"


def test_the_theme_is_chosen_kept_and_follows_the_system_by_default(explorer):
    ground = "getComputedStyle(document.body).backgroundColor"
    light = explorer.open().page.evaluate(ground)
    explorer.page.emulate_media(color_scheme="dark")
    explorer.page.wait_for_function(f"light => {ground} !== light", arg=light)
    toggle = explorer.page.get_by_role("button", name="Theme")
    toggle.click()
    expect(toggle).to_have_accessible_name("Theme: light")
    assert explorer.page.evaluate(ground) == light
    explorer.page.reload()
    expect(toggle).to_have_accessible_name("Theme: light")
    assert explorer.page.evaluate(ground) == light


def test_every_control_is_at_least_24_pixels_large(explorer):
    explorer.open()
    script = """() => [...document.querySelectorAll('button, input, select, summary, a')]
        .filter((one) => !['radio', 'checkbox'].includes(one.type)) // these share their label's target
        .filter((one) => one.checkVisibility() && !one.classList.contains('skip'))
        .map((one) => [one.outerHTML.slice(0, 120), one.getBoundingClientRect()])
        .filter(([, box]) => Math.min(box.width, box.height) < 23.5).map(([html]) => html)"""
    assert explorer.page.evaluate(script) == []


def test_the_scripts_and_styles_of_the_first_load_stay_under_the_weight_limit():
    # Comments do not count: a page that states its types may say so at length.
    files = [*(ROOT / "static").rglob("*.js"), *(ROOT / "static").rglob("*.css")]
    plain = (re.sub(r"/\*.*?\*/", "", file.read_text(), flags=re.DOTALL) for file in files if "modes" not in file.parts)
    assert sum(len(gzip.compress(text.encode())) for text in plain) <= HEAVIEST


def test_nothing_is_fetched_from_anywhere_else(explorer):
    asked = []
    explorer.page.on("request", lambda request: asked.append(request.url))
    explorer.open()
    assert [url for url in asked if not url.startswith((explorer.url, "blob:", "data:"))] == []


def test_the_page_preloads_every_module_it_imports(explorer):
    explorer.open()
    path = "(address) => new URL(address).pathname"
    fetched = f"performance.getEntriesByType('resource').map((one) => ({path})(one.name))"
    links = f"[...document.querySelectorAll('link[rel=modulepreload]')].map((one) => ({path})(one.href))"
    loaded, preloaded = set(explorer.page.evaluate(fetched)), set(explorer.page.evaluate(links))
    present = {f"/{file.relative_to(ROOT)}" for file in (ROOT / "static" / "js").rglob("*.js")}
    modes = {address for address in present if address.startswith("/static/js/modes/")}  # loaded when first used
    elsewhere = {"/static/js/shell/sign-in.js"} | modes
    assert preloaded == present - elsewhere - {"/static/js/main.js"}
    assert present - elsewhere <= loaded
    assert not loaded & modes


EDITS = [
    {"generator": "eyes", "base": {"seed": 7}},
    {"generator": "eyes", "base": {"seed": 4294967295}, "truncation": 1.0, "amounts": {}, "hold": []},
    {"generator": "eyes", "base": {"seed": 0}, "amounts": {"b": 0.1, "a": -6.0, "c": 1e-05, "d": 1e-7, "e": 0.0001}},
    {"generator": "eyes", "base": {"seed": 1}, "amounts": {"a": 1e16, "b": 1.5e22, "c": 123456789012345.6, "d": -0.0}},
    {"generator": "eyes", "base": {"seeds": {"7": 0.5, "11": 0.25}}, "truncation": 0.7, "layers": {"zoom": [0, 4]}},
    {"generator": "Ünï “q” \\ 🙂", "base": {"seed": 1}, "classes": {"Blau": 0.7, "grün": 0.3}, "hold": ["b", "a"]},
]


def test_the_page_spells_edits_and_links_exactly_as_the_server_does(explorer):
    explorer.page.goto(explorer.url)
    script = """async (text) => {
        const { canonical, toCode, fromCode } = await import('/static/js/picture/canonical.js');
        const edit = JSON.parse(text);
        return [canonical(edit), toCode(edit), canonical(fromCode(toCode(edit)))];
    }"""
    for edit in EDITS:
        parsed = edits.parse(edit)
        spelled, code, again = explorer.page.evaluate(script, json.dumps(edit))
        assert spelled == edits.canonical(parsed) == again
        assert code == edits.share_code(parsed)

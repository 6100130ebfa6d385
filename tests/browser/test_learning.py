"""Work that takes a while, seen from the page: learning a slider, cancelling."""

from __future__ import annotations

from playwright.sync_api import expect


def start_learning(explorer, steps: int, name: str) -> None:
    page = explorer.page
    page.keyboard.press("l")
    panel = page.get_by_role("dialog", name="Learn a slider")
    panel.get_by_label("Effect of the slider").select_option("brightness")
    panel.get_by_label("Steps").fill(str(steps))
    panel.get_by_label("Name").fill(name)
    panel.get_by_role("button", name="Start learning").click()


def test_a_slider_is_learned_while_the_others_stay_usable_and_then_appears(explorer):
    explorer.open_small()
    start_learning(explorer, 20, "glow")
    card = explorer.page.locator("learn-panel job-card").first
    expect(card).to_be_visible()
    explorer.step("sway", "PageUp")
    expect(explorer.slider("glow")).to_be_visible(timeout=400_000)  # on busy machines measuring takes minutes
    expect(card.locator("svg.chart .line").first).to_be_attached()
    before = explorer.picture
    assert explorer.step("glow", "PageUp") != before


def test_learning_can_be_cancelled_and_is_found_again_after_a_reload(explorer):
    explorer.open()
    start_learning(explorer, 4000, "endless")
    expect(explorer.page.locator("learn-panel").get_by_role("button", name="Cancel")).to_be_visible()
    explorer.page.reload()
    explorer.settle(0)
    explorer.page.keyboard.press("l")
    explorer.page.locator("learn-panel").get_by_role("button", name="Cancel").click()
    expect(explorer.page.locator("learn-panel job-card").first.get_by_text("Cancelled").first).to_be_visible()
    expect(explorer.slider("endless")).to_have_count(0)


def test_the_time_that_learning_takes_is_said_before_it_starts(explorer):
    explorer.page.route("**/api/directions?*", timed)
    panel = explorer.open().page.locator("learn-panel")
    explorer.page.keyboard.press("l")
    panel.get_by_label("Steps").fill("400")
    said = panel.locator(".learning-time")
    expect(said).to_contain_text("about 5 minutes")  # 0.5 s a step and 100 s of measuring
    panel.get_by_label("Steps").fill("40")
    expect(said).to_contain_text("about 2 minutes")


def test_where_nothing_was_timed_no_time_is_made_up(explorer):
    def untimed(route) -> None:
        response = route.fetch()
        answer = response.json()
        for direction in answer["directions"]:
            direction["settings"] = {}
        route.fulfill(response=response, json=answer)

    explorer.page.route("**/api/directions?*", untimed)
    explorer.open_small().page.keyboard.press("l")
    expect(explorer.page.locator("learn-panel .learning-time")).to_contain_text("has been timed yet")


def timed(route) -> None:
    """The directions of the server, as though each had been learned in 100 s of 200 steps and measured in as long."""
    response = route.fetch()
    answer = response.json()
    for direction in answer["directions"]:
        direction |= {"method": "walk", "settings": {"steps": 200, "seconds": 100}}
        direction["card"] = {**(direction["card"] or {}), "measured_in_seconds": 100}
    route.fulfill(response=response, json=answer)


def test_the_discovery_says_how_many_directions_are_new(explorer):
    panel = explorer.open_small().page.locator("learn-panel")
    explorer.page.keyboard.press("l")
    panel.get_by_label("Number of directions").fill("2")
    panel.get_by_role("button", name="Discover").click()
    said = explorer.page.locator("toast-stack").get_by_text("2 new directions were discovered.")
    expect(said).to_be_visible(timeout=120_000)

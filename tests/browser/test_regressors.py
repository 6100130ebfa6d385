"""Attributes seen from the page: the score of a picture, cards, ratings by key, and a slider learned from a score."""

from __future__ import annotations

import io

import pytest
import torch
from playwright.sync_api import expect

from tests.onnx_files import brightness, node, two_means


def attributes(explorer):
    explorer.page.keyboard.press("j")
    return explorer.page.get_by_role("dialog", name="Attributes")


def test_the_score_of_the_picture_on_screen_follows_the_picture(explorer):
    explorer.open()
    readout = explorer.page.locator("score-readout")
    readout.get_by_role("button").click()
    value = readout.locator("output")
    expect(value).to_contain_text("Brightness 0.")
    before = value.inner_text()
    explorer.step("sway", "End")
    expect(value).not_to_have_text(before)
    panel = attributes(explorer)
    panel.get_by_label("Attribute", exact=True).select_option("sharpness")
    expect(value).to_contain_text("Sharpness")
    readout.get_by_role("button").click()
    expect(value).to_be_hidden()


def test_an_attribute_says_what_it_measures_and_where_it_misleads(explorer):
    explorer.open()
    panel = attributes(explorer)
    panel.get_by_label("Attribute", exact=True).select_option("symmetry")
    expect(panel.locator("#regressor-about")).to_contain_text("left and right")
    panel.get_by_text("Card", exact=True).click()
    expect(panel.get_by_text("Limitations")).to_be_visible()


def test_a_slider_is_learned_from_a_score_and_its_report_says_what_else_changes(explorer):
    explorer.open_small()
    panel = attributes(explorer)
    panel.get_by_label("Attribute", exact=True).select_option("brightness")
    panel.get_by_label("Steps").fill("10")
    panel.get_by_label("Name", exact=True).fill("lit")
    panel.get_by_role("button", name="Learn a slider").click()
    expect(panel.locator("job-card").first).to_be_visible()
    expect(explorer.slider("lit")).to_be_visible(timeout=500_000)  # on busy machines measuring takes minutes
    before = explorer.picture
    assert explorer.step("lit", "PageUp") != before
    explorer.slider("lit").get_by_role("button", name="Report on").click()
    expect(explorer.slider("lit").locator("svg.chart")).to_be_visible()
    expect(explorer.slider("lit").get_by_text("Correlated changes")).to_be_visible()


def test_pictures_are_rated_by_key_and_too_noisy_ratings_say_so(explorer):
    # Twelve pictures may fit their ratings by chance, so these are always the same twelve.
    explorer.page.add_init_script("let n = 1; Math.random = () => (n = (n * 16807) % 2147483647) / 2147483647;")
    explorer.open()
    panel = attributes(explorer)
    panel.get_by_role("button", name="Start rating").click()
    for number in range(12):
        explorer.page.keyboard.press("1" if number % 2 else "5")
    expect(panel.get_by_text("12 pictures rated")).to_be_visible()
    panel.get_by_label("What you are rating").fill("Which key I pressed.")
    panel.get_by_role("button", name="Learn an attribute from these").click()
    expect(panel.locator("job-card").first.get_by_text("too noisy").first).to_be_visible(timeout=120_000)


def test_the_better_of_two_is_picked_by_arrow(explorer):
    explorer.open()
    panel = attributes(explorer)
    panel.get_by_label("Better of two").check()
    panel.get_by_role("button", name="Start rating").click()
    explorer.page.keyboard.press("ArrowLeft")
    explorer.page.get_by_role("button", name="The right one is better").click()
    expect(panel.get_by_text("2 pairs compared")).to_be_visible()


def test_the_picture_to_rate_stands_on_the_stage_until_the_rating_stops(explorer):
    explorer.open()
    panel = attributes(explorer)
    panel.get_by_role("button", name="Start rating").click()
    stage = explorer.page.locator("picture-stage")
    place = stage.locator(".picture").bounding_box()
    rated = stage.get_by_role("group", name="Pictures to rate").get_by_role("img")
    expect(rated).to_be_visible()
    assert rated.bounding_box()["width"] == pytest.approx(place["width"], abs=1)
    assert rated.evaluate("async (image) => (await image.decode(), image.naturalWidth)") >= 128
    explorer.page.keyboard.press("4")
    panel.get_by_role("button", name="Stop rating").click()
    expect(rated).to_have_count(0)
    expect(stage.locator("canvas")).to_be_visible()
    expect(panel.get_by_role("button", name="Continue rating")).to_be_focused()
    panel.get_by_role("button", name="Continue rating").click()
    expect(panel.get_by_text("1 picture rated")).to_be_visible()
    explorer.step("sway", "PageUp")
    expect(rated).to_have_count(0)


def test_a_pickled_regressor_is_not_run_and_says_what_to_do(explorer):
    explorer.open().drop("judge.joblib", b"\x80\x04}\x94.")  # an empty dict
    explorer.told("export it with torch.onnx.export")
    buffer = io.BytesIO()
    torch.save(torch.nn.Linear(3, 1), buffer)
    explorer.drop("judge.pth", buffer.getvalue())
    explorer.told("export it with torch.onnx.export")
    assert all("422" in complaint for complaint in explorer.complaints)
    explorer.complaints.clear()  # the browser itself notes every refused request


def test_a_dropped_model_becomes_a_slider(explorer):
    explorer.open_small().drop("light.onnx", brightness(shape=("n", 3, 64, 64)))
    panel = explorer.page.get_by_role("dialog", name="Attributes")
    expect(panel.get_by_text("Input images", exact=True)).to_be_visible()
    expect(panel.get_by_role("button", name="Learn a slider")).to_be_disabled()
    panel.get_by_label("Value range").select_option("0..1")
    panel.get_by_role("button", name="Test and save").click()
    expect(panel.get_by_text("Scores of 16 test pictures")).to_be_visible()
    for part in ("What the number means", "Training data", "Source"):
        panel.get_by_label(part).fill("Said.")
    panel.get_by_label("Licence").fill("MIT")
    panel.get_by_label("Limitations").fill("It is a formula.")
    panel.get_by_role("button", name="Save the card").click()
    expect(panel.get_by_role("button", name="Learn a slider")).to_be_enabled()
    panel.get_by_text("More options").click()
    panel.get_by_label("Pictures to score").fill("128")
    panel.get_by_label("Steps").fill("10")
    panel.get_by_role("button", name="Learn a slider").click()
    expect(explorer.slider("light")).to_be_visible(timeout=500_000)  # on busy machines measuring takes minutes
    before = explorer.picture
    assert explorer.step("light", "PageUp") != before


def test_every_question_about_a_model_is_a_field_and_can_be_corrected(explorer):
    ending = [node("Softmax", ["logits"], axis=1)]
    explorer.open_small().drop("nima.onnx", two_means(ending, columns=10, shape=("n", None, None, None)))
    panel = explorer.page.get_by_role("dialog", name="Attributes")
    panel.get_by_label("Channels").select_option("bgr")
    panel.get_by_label("Size in pixels").fill("64")
    panel.get_by_label("Normalisation").select_option("custom")
    panel.get_by_label("Mean", exact=True).fill("0, 0, 0")
    panel.get_by_label("Standard deviation").fill("1, 1, 1")
    panel.get_by_label("Take").select_option("bins")
    expect(panel.get_by_label("Values of the columns")).to_have_value("1, 2, 3, 4, 5, 6, 7, 8, 9, 10")
    panel.get_by_role("button", name="Test and save").click()
    again = panel.get_by_role("button", name="Test again and save")
    expect(again).to_be_visible(timeout=60_000)
    expect(panel.get_by_label("Channels")).to_have_value("bgr")
    expect(panel.get_by_label("Values of the columns")).to_have_value("1, 2, 3, 4, 5, 6, 7, 8, 9, 10")
    before = panel.get_by_text("Scores of 16 test pictures").inner_text()
    panel.get_by_label("Take").select_option("column")
    panel.get_by_label("Column, from 0").fill("9")
    panel.get_by_label("Pictures per call").fill("1")
    again.click()
    expect(panel.get_by_text("Its batch is fixed at 1")).to_be_visible(timeout=60_000)
    assert panel.get_by_text("Scores of 16 test pictures").inner_text() != before

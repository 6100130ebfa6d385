"""Judges seen from the page: the score of a picture, cards, ratings by key, and a slider learned from a score."""

from __future__ import annotations

import io

import torch
from playwright.sync_api import expect

from tests.onnx_files import brightness


def judges(explorer):
    explorer.page.keyboard.press("j")
    return explorer.page.get_by_role("dialog", name="Judges")


def test_the_score_of_the_picture_on_screen_follows_the_picture(explorer):
    explorer.open()
    readout = explorer.page.locator("score-readout")
    readout.get_by_role("button").click()
    value = readout.locator("output")
    expect(value).to_contain_text("Brightness 0.")
    before = value.inner_text()
    explorer.step("sway", "End")
    expect(value).not_to_have_text(before)
    panel = judges(explorer)
    panel.get_by_label("Judge", exact=True).select_option("sharpness")
    expect(value).to_contain_text("Sharpness")
    readout.get_by_role("button").click()
    expect(value).to_be_hidden()


def test_a_judge_says_what_it_measures_and_where_it_misleads(explorer):
    explorer.open()
    panel = judges(explorer)
    panel.get_by_label("Judge", exact=True).select_option("symmetry")
    expect(panel.locator("#judge-about")).to_contain_text("left and right")
    panel.get_by_text("Its card").click()
    expect(panel.get_by_text("Where it misleads")).to_be_visible()


def test_a_slider_is_learned_from_a_score_and_its_report_says_what_else_changes(explorer):
    explorer.open()
    panel = judges(explorer)
    panel.get_by_label("Judge", exact=True).select_option("brightness")
    panel.get_by_label("Steps").fill("10")
    panel.get_by_label("Name", exact=True).fill("lit")
    panel.get_by_role("button", name="Learn a slider from it").click()
    expect(panel.locator("job-card").first).to_be_visible()
    expect(explorer.slider("lit")).to_be_visible(timeout=500_000)  # on busy machines measuring takes minutes
    before = explorer.picture
    assert explorer.step("lit", "PageUp") != before
    explorer.slider("lit").get_by_role("button", name="Report on").click()
    expect(explorer.slider("lit").locator("svg.chart")).to_be_visible()
    expect(explorer.slider("lit").get_by_text("What changes along with it")).to_be_visible()


def test_pictures_are_rated_by_key_and_too_noisy_ratings_say_so(explorer):
    explorer.open()
    panel = judges(explorer)
    panel.get_by_role("button", name="Start rating").click()
    for number in range(12):
        explorer.page.keyboard.press("1" if number % 2 else "5")
    expect(panel.get_by_text("12 pictures rated")).to_be_visible()
    panel.get_by_label("What you rate by").fill("Which key I pressed.")
    panel.get_by_role("button", name="Make a judge of these").click()
    expect(panel.locator("job-card").first.get_by_text("too noisy").first).to_be_visible(timeout=120_000)


def test_the_better_of_two_is_picked_by_arrow(explorer):
    explorer.open()
    panel = judges(explorer)
    panel.get_by_label("Better of two").check()
    panel.get_by_role("button", name="Start rating").click()
    explorer.page.keyboard.press("ArrowLeft")
    panel.get_by_role("button", name="The right one is better").click()
    expect(panel.get_by_text("2 pairs judged")).to_be_visible()


def test_a_pickled_judge_is_not_run_and_says_what_to_do(explorer):
    explorer.open().drop("judge.joblib", b"\x80\x04")
    explorer.told("Export the model with torch.onnx.export")
    buffer = io.BytesIO()
    torch.save(torch.nn.Linear(3, 1), buffer)
    explorer.drop("judge.pth", buffer.getvalue())
    explorer.told("export it with torch.onnx.export")
    assert all("422" in complaint for complaint in explorer.complaints)
    explorer.complaints.clear()  # the browser itself notes every refused request


def test_a_dropped_model_becomes_a_slider(explorer):
    explorer.open().drop("light.onnx", brightness(shape=("n", 3, 64, 64)))
    panel = explorer.page.get_by_role("dialog", name="Judges")
    expect(panel.get_by_text("How it wants its pictures", exact=True)).to_be_visible()
    expect(panel.get_by_role("button", name="Learn a slider from it")).to_be_disabled()
    panel.get_by_label("Values").select_option("0..1")
    panel.get_by_role("button", name="Try it and keep this").click()
    expect(panel.get_by_text("Tried on 16 pictures")).to_be_visible()
    for part in ("What the number means", "What it learned from", "Where it comes from"):
        panel.get_by_label(part).fill("Said.")
    panel.get_by_label("What it may be used for").fill("MIT")
    panel.get_by_label("Where it misleads").fill("It is a formula.")
    panel.get_by_role("button", name="Keep the card").click()
    expect(panel.get_by_role("button", name="Learn a slider from it")).to_be_enabled()
    panel.get_by_text("More choices").click()
    panel.get_by_label("Pictures it is asked about").fill("128")
    panel.get_by_label("Steps").fill("10")
    panel.get_by_role("button", name="Learn a slider from it").click()
    expect(explorer.slider("light")).to_be_visible(timeout=500_000)  # on busy machines measuring takes minutes
    before = explorer.picture
    assert explorer.step("light", "PageUp") != before

"""A stranger's generator dropped on the page: its passport first, then a generator with its layers to play with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.models.importing.official_files import stylegan3
from tests.models.importing.onnx.test_generators import graph
from tests.models.importing.pickle_writer import Call, Global, pickle_bytes
from tests.models.importing.test_direction_files import npy
from tests.models.sandbox.markers import needs_isolation

pytestmark = needs_isolation


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "Holiday waves.pkl"
    path.write_bytes(pickle_bytes(stylegan3(True, c=3).pickle_value()))
    return path


def test_a_dropped_checkpoint_shows_its_passport_and_is_kept_only_when_told_so(explorer, file: Path) -> None:
    page = explorer.open().page
    page.set_input_files("#file", file)
    passport = page.get_by_role("dialog", name="Install this generator?")
    for said in ("stylegan3 in an NVIDIA pickle", "32 × 32 px, 3 channels, 3 classes", "none imported", "never run"):
        expect(passport.get_by_text(said, exact=False).first).to_be_visible()
    expect(passport.get_by_alt_text("Picture of seed 0")).to_be_visible()
    passport.get_by_role("button", name="Discard").last.click()
    expect(passport).to_be_hidden()
    expect(page.locator("generator-picker").get_by_text("Holiday waves")).to_have_count(0)
    page.set_input_files("#file", file)
    passport.get_by_role("button", name="Install").click()
    page.get_by_role("button", name="Open it").click()
    for name in ("Shift sideways, exact", "Rotate, exact"):
        expect(page.locator("slider-panel").get_by_text(name, exact=True)).to_be_visible()
    page.locator("layer-mix summary").click()
    page.get_by_label("Styles of another seed").fill("9")
    page.get_by_label("Styles of another seed").press("Enter")
    expect(page.locator("#caption")).to_contain_text("styles of 9 in layers 3 to 6")
    page.get_by_label("Truncate only the first layers").fill("2")
    page.get_by_label("Truncate only the first layers").press("Enter")
    expect(page.get_by_role("button", name="Truncation in 2 layers")).to_be_visible()
    vectors = file.with_name("smile.npy")
    vectors.write_bytes(npy(np.eye(8, dtype=np.float32)[[1]]))
    page.set_input_files("#file", vectors)
    expect(page.locator("slider-panel").get_by_text("Smile", exact=True)).to_be_visible()


def test_a_checkpoint_that_would_run_code_is_refused_on_the_page(explorer, tmp_path: Path) -> None:
    page = explorer.open().page
    path = tmp_path / "evil.pkl"
    path.write_bytes(pickle_bytes(Call(Global("os", "system"), ("true",))))
    page.set_input_files("#file", path)
    expect(page.locator("toast-stack")).to_contain_text("os.system")
    expect(page.get_by_role("dialog", name="Install this generator?")).to_be_hidden()
    assert all("422" in complaint for complaint in explorer.complaints)
    explorer.complaints.clear()


def test_a_dropped_onnx_file_that_makes_pictures_is_taken_for_a_generator(explorer, tmp_path: Path) -> None:
    page = explorer.open().page
    path = tmp_path / "wallpaper.onnx"
    path.write_bytes(graph())
    page.set_input_files("#file", path)
    passport = page.get_by_role("dialog", name="Install this generator?")
    picture = passport.get_by_alt_text("Picture of seed 0")
    expect(picture).to_be_visible()
    before = picture.get_attribute("src")
    expect(passport.get_by_text("A guess: the values of 4 pictures run from")).to_be_visible()
    passport.get_by_label("Range of the values").select_option("0..1")
    expect(passport.get_by_text("Values of 4 pictures:")).to_be_visible(timeout=60_000)
    expect(passport.get_by_label("Range of the values")).to_have_value("0..1")
    assert picture.get_attribute("src") != before
    passport.get_by_role("button", name="Install").click()
    page.get_by_role("button", name="Open it").click()
    expect(page.locator("generator-picker").get_by_text("Wallpaper")).to_be_visible()
    assert all("422" in complaint for complaint in explorer.complaints)  # it is no regressor, as was tried first
    explorer.complaints.clear()  # the browser itself notes every refused request

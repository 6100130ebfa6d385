"""The main journey in Debian's Firefox: opening, dragging, learning, uploading, walking, exporting, dropping."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Playwright, expect

from tests.browser import test_exploring, test_learning, test_regressors, test_walks
from tests.browser.conftest import Explorer, Server

pytestmark = pytest.mark.soak
SIGNATURE = b"\x89PNG\r\n\x1a\n"
RELAY = Path(__file__).with_name("bidi_relay.py")
FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def firefox(playwright: Playwright, downloads: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if FIREFOX is None:
        pytest.fail("These tests need Firefox: install the system's package, for example apt-get install firefox-esr.")
    started = tmp_path_factory.mktemp("firefox") / "firefox"
    started.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{RELAY}" "{FIREFOX}" "$@"\n')
    started.chmod(0o755)
    browser = playwright.firefox.launch(channel="moz-firefox", executable_path=started, downloads_path=downloads)
    yield browser
    browser.close()


def type_over(field: Locator, text: str) -> None:
    """What `fill` does elsewhere; in Firefox it adds to what a field for numbers has."""
    field.press("Control+a")
    field.press_sequentially(text)


@pytest.fixture
def explorer(firefox: Browser, server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Explorer]:
    monkeypatch.setattr(Locator, "fill", type_over)
    context = firefox.new_context(viewport={"width": 1280, "height": 800}, accept_downloads=True)
    explorer = Explorer(context.new_page(), server.url)
    yield explorer
    context.close()
    assert explorer.complaints == []


@pytest.mark.parametrize(
    "step",
    [
        test_exploring.test_dragging_a_slider_changes_the_picture,
        test_exploring.test_the_keyboard_steps_jumps_and_resets_a_slider,
        test_exploring.test_undo_and_redo_bring_back_the_same_pixels,
        test_exploring.test_the_history_is_still_there_after_a_reload,
        test_exploring.test_the_class_mix_works_by_pad_by_name_and_by_keyboard,
        test_walks.test_two_keyframes_are_a_walk_that_scrubs_exactly_and_moves_the_sliders,
        test_walks.test_a_keyframe_is_dragged_in_time_past_its_neighbour_and_undo_takes_it_back,
        test_learning.test_a_slider_is_learned_while_the_others_stay_usable_and_then_appears,
        test_regressors.test_a_dropped_model_becomes_a_slider,
    ],
    ids=lambda step: step.__name__.removeprefix("test_"),
)
def test_it_works_in_firefox(explorer: Explorer, step) -> None:
    step(explorer)


def test_a_film_is_made_played_downloaded_and_dropped_back(explorer: Explorer) -> None:
    """A video is asked in plain script: this Firefox crashes when Playwright's `expect` watches one that starts."""
    page = explorer.page
    test_walks.two_keyframes(explorer)
    film = test_walks.make_film(explorer)
    film.get_by_role("button", name="Play").click()
    deadline = time.monotonic() + 30
    while page.evaluate("document.querySelector('.exports video')?.currentTime ?? 0") == 0:
        assert time.monotonic() < deadline, "the film does not play"
        page.wait_for_timeout(100)
    with page.expect_download() as download:
        film.get_by_role("link", name="Download").first.click()
    saved = download.value.path().read_bytes()
    assert b"ftyp" in saved[:16]
    stops = test_walks.stops(explorer)
    explorer.act(stops.first.click)
    last = explorer.act(stops.last.click)
    page.keyboard.press("Delete")
    page.keyboard.press("Delete")
    expect(stops).to_have_count(0)
    explorer.act(lambda: explorer.drop("film.mp4", saved))
    expect(stops).to_have_count(2)
    assert explorer.act(stops.last.click) == last


def test_a_downloaded_picture_dropped_back_restores_its_edit(explorer: Explorer, downloads: Path) -> None:
    """Firefox tells WebDriver of no download that a script made, so the file itself is waited for."""
    shown = explorer.open().step("sway", "PageUp")
    there = set(downloads.iterdir())
    explorer.page.keyboard.press("p")
    deadline = time.monotonic() + 30
    while not (
        new := [file for file in set(downloads.iterdir()) - there if file.suffix == ".png" and file.stat().st_size]
    ):
        assert time.monotonic() < deadline, "no picture was saved"
        time.sleep(0.1)
    saved = new[0].read_bytes()
    assert saved.startswith(SIGNATURE)
    explorer.step("sway", "Delete")
    assert explorer.act(lambda: explorer.drop("saved.png", saved)) == shown
    assert explorer.amount("sway") == "+5.0 %"

"""Walks in the page: keyframes, scrubbing, playing, presets, films, and files that bring a session back."""

from __future__ import annotations

import io
import json
import math
import re
import struct
import wave
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from latentwalk.films import timeline as timelines
from tests.browser.test_looks import findings


def keyframe(explorer) -> str:
    """Add the picture on show to the timeline, and return it."""
    before = stops(explorer).count()
    explorer.page.keyboard.press("k")
    expect(stops(explorer)).to_have_count(before + 1)
    return explorer.picture


def two_keyframes(explorer) -> tuple[str, str]:
    """A loop of 4 seconds between two places of a slider; the two pictures."""
    explorer.open().page.keyboard.press("w")
    expect(explorer.page.locator("walk-panel")).to_be_visible()
    explorer.step("sway", "PageUp")
    explorer.step("sway", "Delete")  # drawn anew at the size the picture now has
    first = keyframe(explorer)
    explorer.step("sway", "PageUp", "PageUp")
    second = keyframe(explorer)
    sampled(explorer)
    return first, second


def sampled(explorer) -> None:
    """Wait until the page knows every moment of the walk as it is now."""
    # An even pace is measured on real pictures, which takes a while on busy machines.
    expect(explorer.page.locator("walk-rows:not([aria-busy])")).to_be_attached(timeout=240_000)


def stops(explorer) -> Locator:
    return explorer.page.locator("keyframe-row .stop")


def seek(explorer, seconds: float) -> str:
    """Press the ruler at a time and wait for the exact picture."""
    ruler = explorer.page.get_by_role("slider", name="Playhead")
    longest = float(ruler.get_attribute("aria-valuemax")) * 1.08
    box = ruler.bounding_box()
    place = {"x": box["width"] * seconds / longest, "y": 12}
    return explorer.act(lambda: ruler.click(position=place))


def kept(explorer) -> dict[str, Any]:
    """The walk as this tab keeps it."""
    history = json.loads(explorer.page.evaluate("sessionStorage.getItem('latentwalk.history')"))
    here = next(node for node in history["nodes"] if node["id"] == history["current"])
    return history["walks"][here["walk"]]


def clicks(seconds: float, every: float) -> bytes:
    """A WAV of short clicks."""
    rate = 22050
    samples = bytearray()
    for index in range(int(seconds * rate)):
        since = (index / rate) % every
        loud = 0.9 * math.exp(-since * 60) * math.sin(2 * math.pi * 900 * since)
        samples += struct.pack("<h", int(32767 * loud))
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(bytes(samples))
    return file.getvalue()


def make_film(explorer, seconds: str = "0.3") -> Locator:
    """Export the walk as it is, small and short; its place in the library."""
    page = explorer.page
    stops(explorer).last.click()
    page.get_by_label("To next").or_(page.get_by_label("Time back")).fill(seconds)
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Export", exact=True).click()
    panel = page.get_by_role("dialog", name="Export the walk")
    panel.get_by_label("Size").select_option("256")
    panel.get_by_label("Frames per second").fill("10")
    page.keyboard.press("Tab")
    expect(panel.locator(".estimate")).to_contain_text("frames of 256 × 256")
    before = panel.locator(".exports li[data-id]").count()
    panel.get_by_role("button", name="Export the film").click()
    films = panel.locator(".exports li[data-id]")
    expect(films).to_have_count(before + 1, timeout=90_000)
    return films.first


def test_two_keyframes_are_a_walk_that_scrubs_exactly_and_moves_the_sliders(explorer):
    first, second = two_keyframes(explorer)
    assert explorer.act(stops(explorer).first.click) == first
    assert explorer.amount("sway") == "0.0 %"
    between = seek(explorer, 1.0)
    assert between not in (first, second)
    assert 3 <= float(explorer.amount("sway").strip("+ %")) <= 7
    assert explorer.act(stops(explorer).last.click) == second
    assert explorer.amount("sway") == "+10.0 %"


def test_playing_moves_the_picture_and_space_stops_it(explorer):
    two_keyframes(explorer)
    page = explorer.page
    stops(explorer).first.click()
    explorer.page.locator("picture-stage canvas").hover()
    stops(explorer).first.focus()
    before = explorer.rev
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    explorer.page.wait_for_selector(f"picture-stage:not([data-rev='{before}'])")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    expect(page.locator("walk-panel .clock b")).not_to_have_text("0:00.00")


def test_the_keyboard_chooses_moves_exchanges_copies_and_deletes_keyframes(explorer):
    two_keyframes(explorer)
    page = explorer.page
    stops(explorer).first.focus()
    page.keyboard.press("ArrowRight")
    expect(stops(explorer).last).to_be_focused()
    expect(stops(explorer).last).to_have_attribute("aria-current", "true")
    page.keyboard.press("Shift+ArrowRight")
    expect(stops(explorer).last).to_have_accessible_name("Keyframe 2 of 2, at 2.1 s")
    page.keyboard.press("d")
    expect(stops(explorer)).to_have_count(3)
    page.keyboard.press("Delete")
    expect(stops(explorer)).to_have_count(2)
    expect(stops(explorer).last).to_be_focused()
    page.keyboard.press("Control+z")
    expect(stops(explorer)).to_have_count(3)


def test_a_keyframe_is_dragged_in_time_past_its_neighbour_and_undo_takes_it_back(explorer):
    two_keyframes(explorer)
    page = explorer.page
    pictures = [stop.get_attribute("data-key") for stop in stops(explorer).all()]
    from_, to = stops(explorer).last.bounding_box(), stops(explorer).first.bounding_box()
    page.mouse.move(from_["x"] + 22, from_["y"] + 22)
    page.mouse.down()
    page.mouse.move(to["x"] + 60, to["y"] + 22, steps=5)
    page.mouse.up()
    expect(stops(explorer).last).not_to_have_accessible_name("Keyframe 2 of 2, at 2 s")
    expect(page.locator("history-tree button[data-id]").last).to_have_attribute("title", "Keyframe moved")
    page.keyboard.press("Control+z")
    expect(stops(explorer).last).to_have_accessible_name("Keyframe 2 of 2, at 2 s")
    assert [stop.get_attribute("data-key") for stop in stops(explorer).all()] == pictures


def test_a_changed_picture_updates_the_keyframe_in_hand(explorer):
    two_keyframes(explorer)
    changed = explorer.step("sway", "Home")
    expect(explorer.page.locator("walk-inspector .primary")).to_be_visible()
    explorer.page.keyboard.press("u")
    expect(explorer.page.locator("walk-inspector .primary")).to_have_count(0)
    sampled(explorer)
    explorer.act(stops(explorer).first.click)
    assert explorer.act(stops(explorer).last.click) == changed


def test_a_slider_gets_a_track_whose_keys_are_set_moved_and_removed(explorer):
    two_keyframes(explorer)
    page = explorer.page
    seek(explorer, 1.0)
    assert explorer.amount("swell") == "×1.00"
    page.get_by_label("Animate a slider").select_option("swell")
    key = page.locator("track-row .key:not(.fixed)")
    expect(key).to_have_count(1)
    key.focus()
    page.keyboard.press("PageUp")
    sampled(explorer)
    expect(key).to_have_accessible_name("Swell 1.07 times, at 1 s")
    explorer.act(stops(explorer).first.click)
    explorer.act(key.click)
    assert explorer.amount("swell") == "×1.07"
    key.focus()
    page.keyboard.press("Delete")
    expect(key).to_have_count(0)
    page.get_by_role("button", name="Remove the track of Swell").click()
    expect(page.locator("track-row")).to_have_count(0)


def test_the_walk_is_still_there_after_a_reload(explorer):
    two_keyframes(explorer)
    explorer.page.get_by_label("How the walk ends").select_option("pingpong")
    explorer.written()
    explorer.page.reload()
    explorer.settle(0)
    expect(stops(explorer)).to_have_count(2)
    expect(explorer.page.get_by_label("How the walk ends")).to_have_value("pingpong")
    expect(explorer.page.locator("walk-panel .clock")).to_contain_text("0:04.00")


@pytest.mark.parametrize("preset", ["random", "back_and_forth", "tour", "morph"])
def test_a_preset_lays_out_a_walk_that_plays(explorer, preset):
    explorer.open()
    page = explorer.page
    page.keyboard.press("w")
    page.get_by_role("button", name="Presets").click()
    dialog = page.get_by_role("dialog", name="Start from a preset")
    dialog.locator(f"input[value={preset}]").check(force=True)
    before = explorer.rev
    dialog.get_by_role("button", name="Create the walk").click()
    expect(stops(explorer).first).to_be_visible()
    explorer.settle(before)
    sampled(explorer)
    assert stops(explorer).count() + page.locator("track-row .key:not(.fixed)").count() >= 2
    shown = explorer.picture
    assert seek(explorer, 2.0) != shown


def test_a_walk_plays_as_timed_while_its_pace_is_still_measured(explorer):
    explorer.open()
    page = explorer.page
    unanswered = []

    def measuring(route):
        if '"even"' in (route.request.post_data or ""):
            unanswered.append(route)  # a server that never finishes
        else:
            route.continue_()

    page.route("**/api/walks/**", measuring)
    page.keyboard.press("w")
    page.get_by_role("button", name="Presets").click()
    dialog = page.get_by_role("dialog", name="Start from a preset")
    dialog.locator("input[value=random]").check(force=True)
    before = explorer.rev
    dialog.get_by_role("button", name="Create the walk").click()
    expect(stops(explorer).first).to_be_visible()
    explorer.settle(before)
    shown = explorer.picture
    assert seek(explorer, 2.0) != shown
    assert unanswered
    page.unroute("**/api/walks/**")


def test_a_film_of_the_walk_is_made_kept_played_and_brings_the_session_back(explorer):
    two_keyframes(explorer)
    film = make_film(explorer)
    page = explorer.page
    film.get_by_role("button", name="Play").click()
    expect(film.locator("video")).to_have_js_property("readyState", 4)
    with page.expect_download() as download:
        film.get_by_role("link", name="Download").first.click()
    saved = download.value.path().read_bytes()
    assert b"ftyp" in saved[:16]
    explorer.act(stops(explorer).first.click)
    last = explorer.act(stops(explorer).last.click)
    page.keyboard.press("Delete")
    page.keyboard.press("Delete")
    expect(stops(explorer)).to_have_count(0)
    explorer.act(lambda: explorer.drop("film.mp4", saved))
    explorer.told("Opened the walk in “film.mp4”.")
    expect(stops(explorer)).to_have_count(2)
    assert explorer.act(stops(explorer).last.click) == last
    film.get_by_role("button", name="Copy the recipe").click()
    explorer.told("Recipe copied")
    assert '"keyframes"' in page.evaluate("navigator.clipboard.readText()")


def test_a_deleted_film_comes_back_with_undo_and_is_gone_without(explorer):
    two_keyframes(explorer)
    film = make_film(explorer)
    page = explorer.page
    films = page.locator(".exports li[data-id]")
    count = films.count()
    film.get_by_role("button", name="Delete").click()
    expect(films).to_have_count(count - 1)
    page.locator("toast-stack").get_by_role("button", name="Undo").click()
    expect(films).to_have_count(count)
    film.get_by_role("button", name="Delete").click()
    with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        page.locator("toast-stack .toast", has_text="was deleted").get_by_role("button", name="Dismiss").click()
    page.reload()
    explorer.settle(0)
    page.keyboard.press("e")
    expect(films).to_have_count(count - 1)


def test_a_dropped_sound_marks_its_beats_and_keyframes_snap_to_them(explorer):
    two_keyframes(explorer)
    page = explorer.page
    explorer.drop("clicks.wav", clicks(6, 0.5))
    expect(page.locator(".sound .name")).to_have_text("clicks.wav")
    expect(page.locator(".beats i").nth(4)).to_be_attached()
    expect(page.locator(".wave polygon")).to_have_attribute("points", re.compile(r"^0,[\d., ]{100,}"))
    beat = float(page.locator(".beats i").nth(4).evaluate("beat => beat.style.getPropertyValue('--x')"))
    box, way = stops(explorer).last.bounding_box(), page.locator("keyframe-row").bounding_box()
    page.mouse.move(box["x"] + 22, box["y"] + 22)
    page.mouse.down()
    page.mouse.move(way["x"] + beat * way["width"] + 4, box["y"] + 22, steps=4)
    page.mouse.up()
    walk = kept(explorer)
    assert min(abs(walk["stops"][-1]["at"] - at) for at in walk["beats"]) <= 0.0051
    page.get_by_role("button", name="Remove clicks.wav").click()
    expect(page.locator(".beats i")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_timeline_its_presets_and_its_films(explorer, scheme):
    explorer.page.emulate_media(color_scheme=scheme)
    two_keyframes(explorer)
    page = explorer.page
    page.get_by_label("Animate a slider").select_option("swell")
    assert findings(explorer) == []
    page.get_by_role("button", name="Presets").click()
    expect(page.get_by_role("dialog", name="Start from a preset")).to_be_visible()
    assert findings(explorer) == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Export", exact=True).click()
    assert findings(explorer) == []


def test_on_a_narrow_screen_the_timeline_leaves_the_picture_and_a_slider_in_sight(explorer):
    page = explorer.page
    page.set_viewport_size({"width": 375, "height": 667})
    two_keyframes(explorer)
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    explorer.thumb("swell").evaluate("thumb => thumb.scrollIntoView({ block: 'center' })")
    picture, panel = (page.locator(name).bounding_box() for name in ("picture-stage canvas", "#timeline"))
    thumb = explorer.thumb("swell").bounding_box()
    assert picture["y"] >= 0
    assert picture["y"] + picture["height"] <= thumb["y"]
    assert thumb["y"] + thumb["height"] <= panel["y"]
    assert findings(explorer) == []


EDIT = {"generator": "eyes", "base": {"seed": 7}, "amounts": {"sway": 2.5}}
TIMELINES = [
    {"keyframes": [{"at": 0, "edit": EDIT}, {"at": 2, "edit": EDIT}], "seconds": 3.5},
    {"keyframes": [{"at": 0, "edit": EDIT, "hold": 0.5}, {"at": 2, "amounts": {"sway": 1, "b": 1.1}}], "play": "once"},
    {
        "keyframes": [
            {"at": 0, "edit": EDIT, "easing": "in"},
            {"at": 1, "amounts": {"sway": 4}, "easing": "hold"},
            {"at": 2, "classes": {"blue": 1}, "truncation": 0.8},
            {"at": 3, "edit": {**EDIT, "base": {"seeds": {"1": 0.5, "2": 0.5}}}},
        ],
        "play": "pingpong", "curve": "spline", "speed": "even", "caption": True, "mark": True, "title": "Far",
        "grid": {"seeds": [1, 2, 3], "columns": 3}, "beats": [0.5, 1.0],
        "audio": {"sha256": "ab" * 32, "name": "a.wav"}, "output": {"format": "gif", "fps": 20, "quality": "best"},
    },
]  # fmt: skip


@pytest.mark.parametrize("timeline", TIMELINES, ids=["edits", "track", "everything"])
def test_a_timeline_is_the_same_after_the_page_has_laid_it_out(explorer, timeline):
    explorer.page.goto(explorer.url)
    script = """async (text) => {
        const { timelineOf, walkOf } = await import('/static/js/walk/timeline-json.js');
        const { generator, walk, output } = walkOf(JSON.parse(text));
        return timelineOf(walk, generator, output);
    }"""
    given = timelines.read({"version": 2, "generator": "eyes", **timeline})
    laid_out = explorer.page.evaluate(script, json.dumps(given.plain()))
    assert timelines.canonical(timelines.read(laid_out)) == timelines.canonical(given)


def test_a_long_film_is_known_frame_by_frame_around_the_playhead(explorer):
    explorer.page.goto(explorer.url)
    script = """async (timeline) => {
        const { WalkFrames } = await import('/static/js/walk/walk-frames.js');
        const { api } = await import('/static/js/shell/api.js');
        const frames = new WalkFrames(api);
        const answer = () => new Promise((done) => frames.addEventListener('ready', done, { once: true }));
        const amounts = () => [40, 40.034, 40.067].map((at) => frames.at(at).amounts.sway);
        frames.follow(timeline, 60);
        await answer();
        const roughly = amounts();
        frames.near(40);
        await answer();
        return [roughly, amounts(), frames.at(0).amounts?.sway ?? 0, frames.at(60).amounts.sway];
    }"""
    edits = [{**EDIT, "amounts": {"sway": sway}} for sway in (0, 6)]
    ends = [{"at": at, "edit": edit, "easing": "linear"} for at, edit in zip((0, 60), edits, strict=True)]
    timeline = {"version": 2, "generator": "eyes", "play": "once", "keyframes": ends}
    roughly, exactly, first, last = explorer.page.evaluate(script, timeline)
    assert len(set(roughly)) < 3
    assert exactly == pytest.approx([4.0, 4.0033, 4.0067], abs=0.0033)  # within the frame on show
    assert exactly[1] - exactly[0] == pytest.approx(exactly[2] - exactly[1]) == pytest.approx(0.0033, abs=1e-4)
    assert (first, last) == (0, pytest.approx(6))

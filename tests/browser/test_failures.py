"""What goes wrong in front of people: wrong files, damaged links, a server that goes away. Nothing is ever lost."""

from __future__ import annotations

import base64
import json
import struct
import zlib

import pytest
from playwright.sync_api import expect

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_a_wrong_file_gets_a_sentence_and_changes_nothing(explorer):
    explorer.open()
    shown = explorer.step("sway", "PageUp")
    explorer.drop("notes.md", b"hello")
    explorer.told("“notes.md” is not a file that Latentwalk can open.")
    explorer.drop("holiday.png", SIGNATURE + chunk(b"IEND", b""))
    explorer.told("“holiday.png”: The file carries no recipe")
    explorer.drop("cut.png", SIGNATURE + struct.pack(">I", 2**31) + b"tEXtlatentwalk\0{")
    explorer.told("“cut.png”: The file carries no recipe")
    assert explorer.picture == shown
    assert explorer.amount("sway") == "+5.0 %"
    explorer.complaints.clear()  # the browser itself notes every refused request


def test_a_file_that_only_claims_to_be_a_slider_is_refused_with_a_sentence(explorer):
    explorer.open().drop("broken.safetensors", b"\x10\0\0\0\0\0\0\0nonsense")
    explorer.told("“broken.safetensors” is not a file that Latentwalk can open.")


def test_a_downloaded_picture_dropped_back_restores_its_edit(explorer):
    explorer.open()
    shown = explorer.step("sway", "PageUp")
    with explorer.page.expect_download() as download:
        explorer.page.keyboard.press("p")
    saved = download.value.path().read_bytes()
    assert saved.startswith(SIGNATURE)
    explorer.step("sway", "Delete")
    assert explorer.act(lambda: explorer.drop("saved.png", saved)) == shown
    assert explorer.amount("sway") == "+5.0 %"


def test_a_damaged_link_says_so_and_opens_the_first_picture(explorer):
    whole = explorer.open().picture
    explorer.page.goto("about:blank")  # a new fragment alone would not load the page again
    explorer.open("#e=bm90IGFuIGVkaXQ")
    explorer.told("This link is damaged. Copy the whole link again.")
    assert explorer.picture == whole


def test_a_link_with_an_unknown_slider_leaves_it_out_and_says_so(explorer):
    # {"amounts":{"gone":1,"sway":5},"base":{"seed":58},"generator":"eyes"}
    explorer.open("#e=eyJhbW91bnRzIjp7ImdvbmUiOjEsInN3YXkiOjV9LCJiYXNlIjp7InNlZWQiOjU4fSwiZ2VuZXJhdG9yIjoiZXllcyJ9")
    explorer.told("Painted eyes has no slider “gone” here, so it was ignored.")
    assert explorer.amount("sway") == "+5.0 %"


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        ({"generator": "nope", "base": {"seed": 1}}, "“nope”, which this server does not have"),
        ({"generator": "<b>x</b>", "base": {"seed": 1}}, "“<b>x</b>”, which this server does not have"),
        ({"generator": "eyes", "base": {"seed": -1}}, "Its seed is not a whole number from 0 to 4294967295."),
        ({"generator": "eyes", "base": {"seed": 1, "seeds": {"2": 1}}}, "Its seed is not a whole number"),
        ({"generator": "eyes", "base": {"seed": 1}, "truncation": 9}, "Its truncation is not between 0 and 2."),
        ({"generator": "eyes", "base": {"seed": 1}, "hold": "abc"}, "Its held sliders are not a list of names."),
        (
            {"generator": "eyes", "base": {"seed": 1}, "amounts": {"sway": "<img src=x>"}},
            "Its amounts are not numbers.",
        ),
        (
            {"generator": "eyes", "base": {"seed": 1}, "classes": None},
            "Its class weights are not non-negative numbers.",
        ),
        ({"generator": "eyes", "base": {"seed": 1}, "evil": 1}, "An edit has no field “evil”."),
        ([1, 2], "It is not an edit."),
    ],
    ids=range(10),
)
def test_a_link_that_holds_something_else_than_an_edit_gets_one_sentence_and_a_picture(explorer, edit, sentence):
    explorer.open("#e=" + base64.urlsafe_b64encode(json.dumps(edit).encode()).decode().rstrip("="))
    expect(explorer.page.locator("toast-stack .problem")).to_contain_text(sentence)
    expect(explorer.page.locator("#caption")).to_have_text("Painted eyes · seed 58 · blue")


def test_a_refused_edit_is_explained_at_its_slider_and_the_slider_stays(explorer):
    explorer.open()
    address = f"{explorer.url}/api/directions/eyes/swell"
    file = explorer.page.request.get(f"{address}/file").body()
    assert explorer.page.request.delete(address).status == 204  # behind the page's back
    explorer.thumb("swell").focus()
    explorer.page.keyboard.press("PageUp")
    expect(explorer.slider("swell").locator(".problem")).to_contain_text("has no direction “swell”")
    assert explorer.amount("swell") != "×1.00"
    explorer.act(lambda: explorer.drop("swell.safetensors", file))
    explorer.told("Swell was installed.")
    expect(explorer.slider("swell").locator(".problem")).to_be_hidden()
    explorer.complaints.clear()  # the browser itself notes every refused request


def test_sliders_moved_while_the_server_is_away_are_applied_on_its_return(explorer, server):
    explorer.open()
    expected = explorer.step("sway", "PageUp", "PageUp")
    explorer.step("sway", "Delete")
    server.stop()
    try:
        expect(explorer.page.locator("status-bar")).to_contain_text("Reconnecting")
        expect(explorer.page.get_by_text("Slider changes are applied when the server is back.")).to_be_visible()
        explorer.thumb("sway").focus()
        explorer.page.keyboard.press("PageUp")
        explorer.page.keyboard.press("PageUp")
        assert explorer.amount("sway") == "+10.0 %"
        before = explorer.rev
    finally:
        server.start()
    explorer.settle(before)
    expect(explorer.page.locator("status-bar")).to_contain_text("Connected")
    assert explorer.picture == expected
    explorer.complaints.clear()  # the browser itself notes every refused connection

"""The command line: quick help, exit statuses, and errors of one sentence."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from latentwalk import edit as edits
from latentwalk.directions.direction_file import to_bytes
from latentwalk.rendering.sheet import GAP, MARGIN
from models.catalogue import local, pinned
from server.cli.main import main
from server.storage.library import Library

ROOT = Path(__file__).parents[3]
HELP_WITHOUT_TORCH = """
import sys
from click.testing import CliRunner
from server.cli.main import main
verbs = [[], ["bench", "load"], *([name] for name in main.commands)]
for verb in verbs:
    done = CliRunner().invoke(main, [*verb, "--help"])
    assert done.exit_code == 0 and "Usage:" in done.output, done.output
heavy = {"torch", "numpy", "PIL", "fastapi", "av", "pydantic"} & set(sys.modules)
assert not heavy, heavy
"""


@pytest.fixture
def run(home, monkeypatch):
    """Runs a verb in this process; its result has exit_code, stdout and stderr."""
    monkeypatch.setenv("LATENTWALK_HOME", str(home))
    return lambda *words: CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture
def swayed(home, eyes_spec, make_slider, put_direction):
    """A home whose eyes have one made-up slider, `sway`."""
    direction = make_slider(eyes_spec, card={"slope": 0.9, "per_class": {}}, note="Made up.")
    put_direction(home, direction)
    return direction


def good(result):
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(result):
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    first, *hint = result.stderr.splitlines()
    assert first.startswith("Error: ")
    assert first.endswith(".")
    assert len(hint) <= 1
    assert "Traceback" not in result.output
    return first


def test_every_help_answers_without_importing_anything_heavy():
    command = [sys.executable, "-c", HELP_WITHOUT_TORCH]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_module_can_be_run_as_well_as_the_script():
    done = subprocess.run(
        [sys.executable, "-m", "server.cli.main", "--help"], cwd=ROOT, capture_output=True, check=True
    )
    assert b"learned and measured" in done.stdout


def test_every_verb_of_the_contract_is_there():
    verbs = {"serve", "generators", "pull", "directions", "render", "learn", "discover"}
    assert set(main.commands) >= verbs | {"measure", "export", "walk", "bench", "doctor"}


def test_generators_are_the_bundled_ones_and_those_of_packages(run):
    found = json.loads(good(run("generators", "--json")))["generators"]
    assert [one["name"] for one in found] == ["toys", "avatars", *pinned.entries()]
    eyes, faces = (next(one for one in found if one["name"] == name) for name in ("eyes", "faces"))
    assert eyes["installed"] is True
    assert faces["installed"] is False
    assert faces["download"]["requirement"] == "gan-face-generate==1.1.1"
    assert "Painted eyes" in good(run("generators"))


def test_directions_are_listed_with_what_was_measured(run, swayed):
    found = json.loads(good(run("directions", "--generator", "eyes", "--json")))["directions"]
    assert next(one for one in found if one["id"] == "sway")["range"] == list(swayed.range)
    assert "Made up." in good(run("directions", "--generator", "eyes"))


def test_a_render_is_the_edits_own_picture_and_carries_it(run, swayed, tmp_path, monkeypatch):
    monkeypatch.setenv("LATENTWALK_SIGN", "false")  # two signatures are never the same
    words = ["--generator", "eyes", "--seed", 7, "--class", "blue=0.7", "--class", "green=0.3", "--set", "sway=-4.5"]
    for name in ("one.png", "two.png"):
        good(run("render", *words, "--truncation", 0.8, "--out", tmp_path / name))
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    with Image.open(tmp_path / "one.png") as picture:
        assert picture.size == (128, 128)
        edit = edits.parse_text(picture.text["latentwalk"])
    assert edit.amounts == {"sway": -4.5}
    assert edit.classes == {"blue": 0.7, "green": 0.3}
    assert edit.truncation == 0.8


def test_a_grid_shows_one_edit_with_several_seeds(run, swayed, tmp_path):
    words = ["--generator", "eyes", "--set", "sway=3", "--seeds", "3-5,9", "--columns", 4, "--json"]
    said = json.loads(good(run("grid", *words, "--out", tmp_path / "wall.png")))
    assert said["seeds"] == [3, 4, 5, 9]
    good(run("render", "--generator", "eyes", "--set", "sway=3", "--seed", 4, "--out", tmp_path / "one.png"))
    with Image.open(tmp_path / "wall.png") as wall, Image.open(tmp_path / "one.png") as one:
        left = MARGIN + 128 + GAP
        assert wall.crop((left, MARGIN, left + 128, MARGIN + 128)).tobytes() == one.convert("RGB").tobytes()


@pytest.mark.parametrize("seeds", ["", "one", "9-1", "1-999", "1,,2", "-3"])
def test_seeds_that_are_no_list_are_refused(run, tmp_path, seeds):
    result = run("grid", "--generator", "eyes", "--seeds", seeds, "--out", tmp_path / "wall.png")
    assert result.exit_code == 2
    assert not (tmp_path / "wall.png").exists()


@pytest.mark.parametrize("name", ["f.jpg", "f.webp"])
def test_the_ending_chooses_the_format(run, tmp_path, name):
    good(run("render", "--generator", "eyes", "--seed", 1, "--out", tmp_path / name))
    with Image.open(io.BytesIO((tmp_path / name).read_bytes())) as picture:
        assert picture.format.lower().startswith(name[2:4])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["render", "--generator", "ears", "--seed", 1, "--out", "f.png"], "There is no generator “ears”"),
        (["render", "--generator", "faces", "--seed", 1, "--out", "f.png"], "is not downloaded yet"),
        (["render", "--generator", "eyes", "--seed", 2**32, "--out", "f.png"], "base.seed is wrong"),
        (["render", "--generator", "eyes", "--seed", 1, "--out", "f.bmp"], "has no known file extension"),
        (["render", "--generator", "eyes", "--seed", 1, "--set", "sway=nan", "--out", "f.png"], "sway is wrong"),
        (["render", "--generator", "eyes", "--seed", 1, "--set", "sway=99", "--out", "f.png"], "cannot go to"),
        (["render", "--generator", "eyes", "--seed", 1, "--set", "smile=1", "--out", "f.png"], "no direction “smile”"),
        (["render", "--generator", "eyes", "--seed", 1, "--class", "mauve=1", "--out", "f.png"], "no class “mauve”"),
        (["render", "--generator", "eyes", "--seed", 1, "--device", "cuda:99", "--out", "f.png"], "no cuda:99"),
        (["render", "--generator", "eyes", "--seed", 1, "--device", "tpu", "--out", "f.png"], "device is wrong"),
        (["directions", "--generator", "ears"], "There is no generator “ears”"),
        (["pull", "ears"], "There is no generator “ears”"),
        (["pull", "eyes"], "is installed already"),
        (["learn", "smile", "--generator", "eyes"], "There is no transform “smile”"),
        (["learn", "zoom", "--generator", "eyes", "--id", "../zoom"], "cannot name a direction"),
        (["learn", "zoom", "--generator", "eyes", "--steps", 0], "0 steps"),
        (["learn", "brightness", "--generator", "eyes", "--warm-start", "closed_form"], "no closed form"),
        (["discover", "pca", "--generator", "eyes", "--count", 500], "500 directions"),
        (["measure", "smile", "--generator", "eyes"], "no direction “smile”"),
        (["measure", "sway", "--generator", "eyes"], "discovered, not learned"),
        (["measure", "nowhere.safetensors", "--generator", "eyes"], "cannot be read"),
        (["export", "nowhere.json", "--out", "f.mp4"], "cannot be read"),
        (["walk", "--generator", "eyes", "--seed", 1, "--sweep", "smile", "--out", "f.mp4"], "no direction “smile”"),
        (["walk", "--generator", "eyes", "--seed", 1, "--sweep", "sway", "--out", "f.avi"], "no known file extension"),
        (["bench", "--device", "tpu"], "device is wrong"),
        (["serve", "--port", 99999], "port is wrong"),
        (["serve", "--host", "192.0.2.1"], "Cannot listen on"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "",
)
def test_an_impossible_request_is_an_error_of_one_sentence(run, swayed, tmp_path, monkeypatch, words, sentence):
    monkeypatch.chdir(tmp_path)
    assert sentence in refused(run(*words))
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("f.")]


@pytest.mark.parametrize(
    "words",
    [
        ["sing"], ["render"], ["render", "--generator", "eyes"], ["learn"], ["pull"], ["measure", "zoom"],
        ["render", "--generator", "eyes", "--seed", "x", "--out", "f.png"],
        ["render", "--generator", "eyes", "--seed", "1", "--set", "zoom", "--out", "f.png"],
        ["render", "--generator", "eyes", "--seed", "1", "--set", "zoom=far", "--out", "f.png"],
        ["render", "--generator", "eyes", "--seed", "1", "--class", "=1", "--out", "f.png"],
        ["discover", "magic", "--generator", "eyes"], ["learn", "zoom", "--generator", "eyes", "--walk", "spiral"],
        ["bench", "load", "--people", "0"], ["bench", "load", "--seconds", "-1"], ["generators", "--jsonn"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_wrong_usage_is_exit_status_two(run, words):
    assert run(*words).exit_code == 2


def test_a_setting_that_does_not_exist_is_refused_by_name(run, monkeypatch):
    monkeypatch.setenv("LATENTWALK_DEVCE", "cpu")
    assert "LATENTWALK_DEVCE" in refused(run("generators"))


def test_a_direction_of_another_model_is_refused_by_measure(run, tiny, make_slider, tmp_path):
    path = tmp_path / "theirs.safetensors"
    path.write_bytes(to_bytes(make_slider(tiny.spec)))
    assert "was made for tiny" in refused(run("measure", path, "--generator", "eyes"))


def test_a_file_that_is_no_direction_is_refused_by_measure(run, tmp_path):
    path = tmp_path / "mine.safetensors"
    path.write_bytes(b"nonsense")
    assert "mine.safetensors is not a direction" in refused(run("measure", path, "--generator", "eyes"))


def test_a_walk_writes_a_film_and_a_recipe_that_makes_the_same_film(run, swayed, tmp_path, monkeypatch):
    monkeypatch.setenv("LATENTWALK_SIGN", "false")
    words = ["--generator", "eyes", "--seed", 7, "--sweep", "sway", "--seconds", 0.4, "--fps", 10, "--size", 64]
    film, recipe, again = (tmp_path / name for name in ("walk.mp4", "walk.json", "again.mp4"))
    result = run("walk", *words, "--out", film, "--recipe", recipe)
    assert good(result) == ""
    assert "Frame" in result.stderr
    good(run("export", recipe, "--out", again))
    assert film.read_bytes() == again.read_bytes()
    assert b"ftyp" in film.read_bytes()[:16]
    good(run("export", recipe, "--out", tmp_path / "walk.gif"))
    with Image.open(tmp_path / "walk.gif") as made:
        assert made.n_frames == 4
        assert made.size == (64, 64)


def test_a_film_carries_its_recipe_and_is_recognised(run, swayed, tmp_path):
    words = ["--generator", "eyes", "--seed", 7, "--sweep", "sway", "--seconds", 0.4, "--fps", 10, "--size", 64]
    film = tmp_path / "walk.mp4"
    good(run("walk", *words, "--out", film))
    good(run("export", film, "--out", tmp_path / "walk.webm"))
    assert (tmp_path / "walk.webm.credential.json").exists()
    for name, state in (("walk.mp4", "trusted"), ("walk.webm", "none")):
        answer = json.loads(good(run("made", tmp_path / name, "--json")))
        assert (answer["made"], answer["credential"]["state"]) == ("here", state)
        assert answer["matches"][0]["recipe"]["generator"] == "eyes"
    beside = ["--credential", tmp_path / "walk.webm.credential.json", "--json"]
    assert json.loads(good(run("made", tmp_path / "walk.webm", *beside)))["credential"]["state"] == "trusted"
    (tmp_path / "other.txt").write_text("nothing of ours")
    assert "Nothing like it was made here." in good(run("made", tmp_path / "other.txt"))
    picture = tmp_path / "one.png"
    good(run("render", "--generator", "eyes", "--seed", 7, "--out", picture))
    assert "is one image, not a walk" in refused(run("export", picture, "--out", tmp_path / "f.mp4"))


@pytest.mark.parametrize(
    ("text", "sentence"), [("{", "is not JSON"), ("[1]", "is not a recipe"), ("{}", "generator is wrong")]
)
def test_a_file_that_is_not_a_recipe_is_refused(run, tmp_path, text, sentence):
    (tmp_path / "recipe.json").write_text(text)
    assert sentence in refused(run("export", tmp_path / "recipe.json", "--out", tmp_path / "f.mp4"))


def test_a_keyframe_that_cannot_be_drawn_is_refused_before_anything_is_written(run, tmp_path):
    edit = {"generator": "eyes", "base": {"seed": 1}}
    keyframes = [{"at": 0, "edit": edit}, {"at": 0.2, "edit": {**edit, "amounts": {"smile": 1}}}]
    (tmp_path / "recipe.json").write_text(json.dumps({"generator": "eyes", "keyframes": keyframes, "play": "once"}))
    assert "Keyframe 2" in refused(run("export", tmp_path / "recipe.json", "--out", tmp_path / "f.mp4"))
    assert not (tmp_path / "f.mp4").exists()


def test_discovered_directions_are_saved_and_can_be_used(run, home, tmp_path):
    found = json.loads(good(run("discover", "sefa", "--generator", "eyes", "--count", 2, "--json")))
    assert found == {"generator": "eyes", "directions": ["sefa_1", "sefa_2"]}
    assert Library(home).strip("eyes", "sefa_2") is not None
    good(run("render", "--generator", "eyes", "--seed", 1, "--set", "sefa_1=2", "--out", tmp_path / "f.png"))


def test_an_unwritable_place_is_one_sentence(run):
    words = ["--generator", "eyes", "--seed", 1, "--out", "/proc/none/f.png"]
    assert "could not be saved" in refused(run("render", *words))


def test_the_doctor_finds_this_installation_fine(run, swayed):
    found = json.loads(good(run("doctor", "--json")))
    assert found["ok"] is True
    checks = {check["name"]: check for check in found["checks"]}
    assert checks["torch"]["found"].startswith(torch.__version__)
    assert checks["torchvision"]["found"].startswith("not installed")
    assert checks["generator eyes"]["state"] == "fine"
    assert checks["generator faces"]["state"] == "note"
    assert "fine" in good(run("doctor"))


def test_the_doctor_says_which_direction_is_broken_and_fails(run, home, swayed):
    folder = home / "directions" / "eyes"
    (folder / "cut.safetensors").write_bytes(to_bytes(swayed)[:-10])
    result = run("doctor", "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    broken = [check for check in found["checks"] if check["state"] == "broken"]
    assert found["ok"] is False
    assert [check["name"] for check in broken] == ["direction eyes/cut"]
    assert broken[0]["hint"]
    assert "eyes/cut" in run("doctor").stderr


def test_the_doctor_says_when_the_home_cannot_be_written(run, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("LATENTWALK_HOME", str(tmp_path / "file"))
    result = run("doctor", "--json")
    assert result.exit_code == 1
    checks = {check["name"]: check["state"] for check in json.loads(result.stdout)["checks"]}
    assert checks["home"] == "broken"


def test_the_doctor_says_when_a_setting_is_wrong(run, monkeypatch):
    monkeypatch.setenv("LATENTWALK_PORT", "lots")
    result = run("doctor", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["checks"][-1]["name"] == "settings"


def test_learning_writes_a_direction_its_strip_and_its_card(run, home, described, tmp_path):
    local.save(home / "generators", *described)
    out = tmp_path / "out"
    words = ["--generator", "styled", "--steps", 2, "--batch", 4, "--id", "bright_2", "--out", out, "--json"]
    result = run("learn", "brightness", *words)
    card = json.loads(good(result))
    assert card["generator"] == "styled"
    assert card["direction"] == "bright_2"
    assert "Step 2 of 2" in result.stderr
    assert {path.name for path in out.iterdir()} == {"bright_2.safetensors", "bright_2.jpg"}
    assert "bright_2" not in Library(home).directions("styled")
    again = json.loads(good(run("measure", out / "bright_2.safetensors", "--generator", "styled", "--json")))
    assert again["slope"] == pytest.approx(card["slope"], rel=0.1)


def test_serving_is_the_command_people_type(run_server, home):
    assert os.environ.get("LATENTWALK_HOME") is None
    with run_server(home) as url:
        assert url.startswith("http://127.0.0.1:")

"""Import a checkpoint by command and by function: previewed first, then kept, the same every time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from PIL import Image

from latentwalk.errors import Conflict, Invalid
from models.generators.sandbox_task import first_picture
from models.importing.open_checkpoint import golden_hash
from server.cli.main import main
from server.services.generators import checkpoint_import
from server.storage.library import Library
from tests.models.importing.official_files import stylegan2, stylegan3
from tests.models.importing.pickle_writer import Call, Global, pickle_bytes
from tests.models.sandbox.markers import needs_isolation

pytestmark = needs_isolation


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("given") / "holiday.jpeg"  # told by its structure, never by its name
    path.write_bytes(pickle_bytes(stylegan2(c=3).pickle_value()))
    return path


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("LATENTWALK_HOME", str(tmp_path))
    return lambda *words: CliRunner().invoke(main, [str(word) for word in words])


def test_looking_keeps_nothing(file: Path, tmp_path: Path) -> None:
    found = checkpoint_import.preview_checkpoint(file, "mine", 2026)
    assert found.view()["family"] == "stylegan2"
    assert "mine" not in Library(tmp_path).entries()


def test_a_name_with_capitals_is_said_to_be_no_generators_name(file: Path) -> None:
    with pytest.raises(Invalid, match="“FFHQ” cannot name a generator"):
        checkpoint_import.preview_checkpoint(file, "FFHQ", 2026)


def test_an_imported_generator_renders_its_golden_image_and_has_its_passport(file: Path, tmp_path: Path) -> None:
    found = checkpoint_import.preview_checkpoint(file, "mine", 2026, card={"data_licence": "CC0", "data": ""})
    folder = checkpoint_import.keep_checkpoint(Library(tmp_path), found)
    library = Library(tmp_path)
    assert golden_hash(first_picture(library.load("mine"))) == found.golden
    assert json.loads((folder / checkpoint_import.PASSPORT).read_text()) == json.loads(json.dumps(found.view()))
    assert (library.spec("mine").card.data_licence, library.spec("mine").card.data) == ("CC0", "Not known.")


def test_the_same_file_may_come_again_and_another_may_not_take_its_name(file: Path, tmp_path: Path) -> None:
    library = Library(tmp_path / "home")
    first = checkpoint_import.preview_checkpoint(file, "mine", 2026)
    checkpoint_import.keep_checkpoint(library, first)
    again = checkpoint_import.preview_checkpoint(file, "mine", 2026)
    assert again.golden == first.golden
    checkpoint_import.keep_checkpoint(library, again)
    other = tmp_path / "other.pkl"
    other.write_bytes(pickle_bytes(stylegan3(True).pickle_value()))
    with pytest.raises(Conflict, match="already, with other weights"):
        checkpoint_import.keep_checkpoint(library, checkpoint_import.preview_checkpoint(other, "mine", 2026))
    assert golden_hash(first_picture(library.load("mine"))) == first.golden


def test_a_generator_that_ships_keeps_its_name(file: Path, tmp_path: Path) -> None:
    with pytest.raises(Conflict, match="There is a generator eyes already"):
        checkpoint_import.keep_checkpoint(Library(tmp_path), checkpoint_import.preview_checkpoint(file, "eyes", 2026))


@pytest.mark.parametrize("name", ["", "../up", "Two Words", ".hidden"])
def test_a_name_that_is_no_folder_is_refused_before_the_file_is_opened(name: str, tmp_path: Path) -> None:
    with pytest.raises(Invalid):
        checkpoint_import.preview_checkpoint(tmp_path / "nothing.pkl", name, 2026)


def test_the_command_shows_the_passport_and_keeps_a_generator_that_draws(file: Path, run: Any, tmp_path: Path) -> None:
    seen = run("import", file, "--name", "mine", "--look")
    assert seen.exit_code == 0, seen.output
    assert "an NVIDIA pickle: a stylegan2 of 16 x 16 px." in seen.stdout
    assert "source of Generator, not executed" in seen.stdout
    assert "mine" not in run("generators").stdout
    kept = run("import", file, "--name", "mine", "--licence", "MIT", "--json")
    assert kept.exit_code == 0, kept.output
    assert json.loads(kept.stdout)["golden"] in seen.stdout
    listed = {one["name"]: one for one in json.loads(run("generators", "--json").stdout)["generators"]}
    assert listed["mine"]["card"]["licence"] == "MIT"
    drawn = run("render", "--generator", "mine", "--seed", "3", "--out", tmp_path / "three.png")
    assert drawn.exit_code == 0, drawn.output
    with Image.open(tmp_path / "three.png") as picture:
        assert picture.size == (16, 16)


def test_a_file_that_would_run_code_is_refused_and_runs_none(run: Any, tmp_path: Path) -> None:
    trap, path = tmp_path / "sprung", tmp_path / "evil.pkl"
    path.write_bytes(pickle_bytes(Call(Global("os", "system"), (f"touch {trap}",))))
    for given in (path, tmp_path / "missing.pkl"):
        result = run("import", given, "--name", "mine")
        assert result.exit_code == 1
        assert "Traceback" not in result.output
        assert given.name in result.stderr
    assert not trap.exists()

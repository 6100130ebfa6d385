"""Reading recipes: valid ones, invalid ones and those in the repository."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from latentwalk.errors import Invalid
from latentwalk.training.recipe import Recipe, Stage, read

RECIPE = Recipe(
    name="tiny", pictures="avatars:x", widths=(8, 8), z=8, w=8, mapping=1,
    stages=(Stage(side=8, pictures=48, batch=8),),
)  # fmt: skip


def test_the_side_after_a_number_of_images_is_that_of_its_stage() -> None:
    recipe = RECIPE.model_copy(update={"stages": (Stage(side=8, pictures=16), Stage(side=16, pictures=16))})
    assert [recipe.side_after(images) for images in (0, 8, 16, 24, 32, 40)] == [0, 8, 8, 16, 16, 16]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"stages": [{"side": 12, "pictures": 8}]}, "powers of two"),
        ({"widths": [8, 8, 8]}, "do not make a network"),
        ({"critic": [8]}, "discriminator has 1 widths"),
        ({"speed": 3}, "speed"),
        ({"stages": []}, "stages"),
    ],
)
def test_an_invalid_recipe_is_rejected_with_its_fault(tmp_path: Path, change: dict[str, object], word: str) -> None:
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps({**RECIPE.model_dump(mode="json"), **change}))
    with pytest.raises(Invalid, match=word):
        read(path)


def test_the_recipes_of_the_repository_are_valid_and_the_second_starts_from_the_first() -> None:
    recipes = Path(__file__).parents[3] / "recipes"
    first, then = read(recipes / "avatars-begin.json"), read(recipes / "avatars.json")
    assert (first.side, then.side) == (64, 64)
    assert Path(then.start).name == first.name

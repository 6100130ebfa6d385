"""Learning and measuring through the library; what is learned is tested with steering."""

from __future__ import annotations

import pytest
import torch

import latentwalk as lw
from latentwalk.progress import Progress


def test_the_arguments_of_a_direction_that_cannot_be_learned_are_refused(handle) -> None:
    with pytest.raises(lw.NotFound, match="no transform “smile”"):
        lw.learn(handle, "smile")
    with pytest.raises(lw.Invalid, match="0 steps"):
        lw.learn(handle, "zoom", steps=0)
    with pytest.raises(lw.Invalid, match="no measure “beauty”"):
        lw.learn_score(handle, "beauty")
    with pytest.raises(lw.Invalid, match="“nope” to hold"):
        lw.learn_score(handle, "brightness", hold=["nope"])


def test_another_transform_of_the_same_name_is_refused(handle) -> None:
    first = lw.transform(title="A", group="colour", unit=lw.PERCENT, reach=1.0)

    def twice(images: torch.Tensor, amounts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Does nothing."""
        return images, torch.ones_like(images[:, :1])

    old = first(twice)
    first(twice)
    with pytest.raises(lw.Invalid, match="two transforms “twice”"):
        lw.learn(handle, old)


def test_a_score_is_learned_measured_again_and_shown(handle) -> None:
    def redness(images: torch.Tensor) -> torch.Tensor:
        return images[:, 0].mean(dim=(1, 2))

    shares: list[float] = []
    red = lw.learn_score(
        handle, redness, steps=5, batch=4, warm=64, progress=lambda progress: shares.append(progress.share)
    )
    assert (red.id, red.name, red.group, red.method) == ("redness", "Redness", "attributes", "score")
    assert shares[-1] == 1.0
    assert red.settings["regressor_kind"] == "callable"
    assert red.settings["objective"] == "GANalyze"
    card = lw.measure(handle, red, score=redness, latents=16)
    assert card["n"] == 16
    with pytest.raises(lw.Invalid, match="learned from a score"):
        lw.measure(handle, red)
    assert lw.strip(handle, red, rows=2, columns=5).size == (5 * 16, 2 * 16)


def test_the_text_bar_is_one_line_that_ends_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    bar = lw.TextBar()
    for share in (0.0, 0.5, 0.5, 1.0, 1.0):
        bar(Progress(share, "Step 3 of 6"))
    lines = capsys.readouterr().err
    assert lines.count("\r") == 3
    assert lines.count("\n") == 1
    assert "50% Step 3 of 6" in lines

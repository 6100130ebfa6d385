"""Titles become file names and ids without losing letters."""

from __future__ import annotations

import pytest

from models.specs import name_from_title
from server.services.titles import download_name, title_from_file


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Grünes Lächeln", "gruenes_laecheln"),
        ("Gru\u0308n", "gruen"),
        ("Größe", "groesse"),
        ("Café crème", "cafe_creme"),
        ("Łódź", "lodz"),
        ("07 smiles", "from_07_smiles"),
        ("笑顔", "from"),
        ("x" * 90, "x" * 40),
    ],
)
def test_letters_with_marks_are_spelled_out_in_an_id(title: str, name: str) -> None:
    assert name_from_title(title, otherwise="from") == name


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Grüße aus Köln", "Grüße aus Köln.mp4"),
        ("a/b\\c:d", "a b c d.mp4"),
        ("../..", "film.mp4"),
        ("  ", "film.mp4"),
        ("x" * 300, "x" * 100 + ".mp4"),
    ],
)
def test_a_download_has_its_title(title: str, name: str) -> None:
    assert download_name(title, "film", "mp4") == name


def test_a_files_title_keeps_its_letters() -> None:
    assert title_from_file("grünes_Lächeln-2.npy") == "Grünes Lächeln 2"

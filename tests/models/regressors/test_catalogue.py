"""The table of regressors: data, pinned, with terms that must be accepted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from models.catalogue import download
from models.errors import Invalid, ModelFailed, NotFound
from models.regressors import catalogue
from models.regressors.image_measures import MEASURES


def test_measures_come_first_and_need_nothing(tmp_path: Path) -> None:
    names = list(catalogue.entries())
    assert names[:10] == list(MEASURES)
    assert all(catalogue.is_installed(name, tmp_path) for name in MEASURES)
    assert catalogue.load("brightness", tmp_path).spec is catalogue.entries()["brightness"]


@pytest.mark.parametrize("name", catalogue.pullable())
def test_what_must_be_fetched_is_pinned_and_has_its_terms(name: str, tmp_path: Path) -> None:
    regressor = catalogue.pullable()[name]
    assert re.fullmatch(r"[0-9a-f]{64}", regressor.origin.sha256)
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", regressor.spec.fingerprint)
    assert len(regressor.terms) > 500
    assert all((regressor.spec.card.measures, regressor.spec.card.licence, regressor.spec.card.limits))
    assert not catalogue.is_installed(name, tmp_path)
    with pytest.raises(NotFound, match="not downloaded yet") as error:
        catalogue.load(name, tmp_path)
    assert error.value.hint == f"Run: latentwalk pull {name}"


def test_nothing_is_fetched_before_its_terms_are_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "download_wheel", lambda *given: pytest.fail("it went to fetch"))
    with pytest.raises(Invalid, match="must be accepted first") as error:
        download.fetch_weights(catalogue.pullable()["resmem"], tmp_path, lambda share, message: None)
    assert "--accept-licence" in error.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x00" * 100])
def test_damaged_weights_are_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "resmem").mkdir()
    (tmp_path / "resmem" / "weights.safetensors").write_bytes(content)
    with pytest.raises(ModelFailed, match="cannot be read"):
        catalogue.load("resmem", tmp_path)


def test_an_unknown_regressor_is_answered_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no regressor “taste”") as error:
        catalogue.load("taste", tmp_path)
    assert "resmem" in error.value.hint

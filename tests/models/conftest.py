"""Every generator there is, ready to run; those that must be fetched are fetched once and kept between runs."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest

import models
from models.base import Generator
from models.catalogue import download, local, pinned
from models.errors import LatentwalkError
from models.specs import CatalogueEntry

ENTRIES = {**local.entries(Path(models.__file__).parent / "bundled")[0], **pinned.entries()}


@pytest.fixture(scope="session")
def zoo_folder(request: pytest.FixtureRequest) -> Path:
    """Where pulled generators are kept from one run to the next."""
    return Path(request.config.cache.mkdir("generators"))


@pytest.fixture(scope="session")
def load(zoo_folder: Path):
    """Loads a generator by name. What cannot be fetched is skipped at home and fails in CI."""

    @cache
    def loaded(name: str) -> Generator:
        entry = ENTRIES[name]
        if entry.origin.kind == "folder":
            return local.load(entry)
        if not pinned.is_installed(entry, zoo_folder):
            try:
                download.fetch_weights(entry, zoo_folder, lambda share, message: None)
            except LatentwalkError as error:
                (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{name} is not here: {error}")
        return pinned.load(name, zoo_folder)

    return loaded


@pytest.fixture(params=list(ENTRIES))
def generator(request: pytest.FixtureRequest, load) -> Generator:
    """Each generator in turn."""
    return load(request.param)


@pytest.fixture
def entry(generator: Generator) -> CatalogueEntry:
    """Where the generator comes from."""
    return ENTRIES[generator.spec.name]

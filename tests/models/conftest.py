"""Every generator of the zoo, ready to run; those that must be fetched are fetched once and kept between runs."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest

from models import fetch, zoo
from models.base import Generator, ModelError


@pytest.fixture(scope="session")
def zoo_folder(request: pytest.FixtureRequest) -> Path:
    """Where pulled generators are kept from one run to the next."""
    return Path(request.config.cache.mkdir("generators"))


@pytest.fixture(scope="session")
def load(zoo_folder: Path):
    """Loads a generator by name. What cannot be fetched is skipped at home and fails in CI."""

    @cache
    def loaded(name: str) -> Generator:
        entry = zoo.find(name)
        if not zoo.is_installed(entry, zoo_folder):
            try:
                fetch.pull(entry, zoo_folder, lambda share, message: None)
            except ModelError as error:
                (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{name} is not here: {error}")
        return zoo.load(name, zoo_folder)

    return loaded


@pytest.fixture(params=list(zoo.entries()))
def generator(request: pytest.FixtureRequest, load) -> Generator:
    """Each generator of the zoo in turn."""
    return load(request.param)

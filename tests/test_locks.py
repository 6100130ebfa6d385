"""locks/: everything that is installed has a hash, agrees with pyproject.toml, and is named in NOTICE."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
NOTICE = (ROOT / "NOTICE").read_text().partition("\nPrograms\n")[2]
INSTALLED = ("serve", "container", "dev", "torch")


def locked(name: str) -> dict[str, tuple[str, list[str]]]:
    """Version and hashes of each package in a list."""
    blocks = re.findall(r"^[^#\s].*(?:\n +.*)*", (ROOT / "locks" / f"{name}.txt").read_text(), re.MULTILINE)
    found = {}
    for block in blocks:
        match = re.fullmatch(r"([a-z0-9-]+)==([^ ;]+)(?: ; [^\\]+)?((?: \\\n +--hash=sha256:[0-9a-f]{64})+)", block)
        assert match, block.splitlines()[0]
        found[match[1]] = (match[2], re.findall(r"[0-9a-f]{64}", match[3]))
    return found


@pytest.mark.parametrize("name", [*INSTALLED, "torch-cpu", "uv"])
def test_every_locked_package_has_one_version_and_a_hash(name):
    assert locked(name)


def asked(*extras: str) -> dict[str, str]:
    wanted = [*PROJECT["project"]["dependencies"]]
    wanted += [line for extra in extras for line in PROJECT["project"]["optional-dependencies"][extra]]
    pairs = (re.split(r"==|;", line) for line in wanted)
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version, *_ in pairs}


@pytest.mark.parametrize(("name", "extras"), [("serve", ()), ("container", ("ray", "postgres")), ("dev", ("dev",))])
def test_the_lists_are_those_of_the_project_file(name, extras):
    """After a change in pyproject.toml: make lock."""
    versions = {package: version for package, (version, _) in {**locked(name), **locked("torch")}.items()}
    assert asked(*extras).items() <= versions.items()


def test_all_lists_agree_with_the_constraints():
    lines = (ROOT / "constraints.txt").read_text().splitlines()[1:]
    constraints = {line.partition(" ")[0] for line in lines}
    assert {
        f"{package}=={version}" for name in INSTALLED for package, (version, _) in locked(name).items()
    } == constraints


def test_the_cpu_builds_of_torch_have_the_version_that_pypi_has():
    assert locked("torch-cpu")["torch"][0] == f"{locked('torch')['torch'][0]}+cpu"
    assert "torch" not in {**locked("serve"), **locked("container"), **locked("dev")}


def test_what_builds_the_project_is_locked_too():
    (builder,) = PROJECT["build-system"]["requires"]
    assert builder == f"setuptools=={locked('serve')['setuptools'][0]}"


@pytest.mark.parametrize("name", ["Makefile", "Dockerfile"])
def test_nothing_is_installed_without_a_hash(name):
    text = (ROOT / name).read_text().replace("\\\n", " ")
    installing = [
        part
        for line in text.splitlines()
        for part in re.split(r"[;&]|\|\|", line)
        if re.search(r"pip.* install |\$\(PIP\)", part)
    ]
    installing = [part for part in installing if not part.startswith("PIP :=")]
    assert installing
    for part in installing:
        hashed = "$(HASHED)" in part or "$HASHED" in part
        assert hashed or "--no-build-isolation" in part, part
    assert "--require-hashes" in text


def test_every_base_image_has_a_digest():
    images = re.findall(r"^ARG PYTHON=(.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE) == ["${PYTHON}"] * 2
    compose = re.findall(r"^ +image: (.+)$", (ROOT / "docker-compose.yml").read_text(), re.MULTILINE)
    images += [image for image in compose if not image.startswith("latentwalk:")]
    assert len(images) == 2
    for image in images:
        assert re.fullmatch(r"[a-z]+:[0-9][0-9a-z.-]+@sha256:[0-9a-f]{64}", image)


def test_the_notice_names_every_package_with_its_licence_and_no_other():
    named = dict(re.findall(r"^    ([@a-z0-9/-]+) +(\S.*)$", NOTICE, re.MULTILINE))
    packages = {package for name in (*INSTALLED, "uv") for package in locked(name)}
    for folder in ("page", "avatars"):
        told = json.loads((ROOT / "tools" / folder / "package.json").read_text())
        packages |= {*told.get("dependencies", {}), *told.get("devDependencies", {})}
    assert set(named) == packages
    assert all(named.values())

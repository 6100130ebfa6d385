"""The environment: pinned versions, declared dependencies, the container, and the content of a wheel."""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

from server.settings import PREFIX, Settings

ROOT = Path(__file__).parents[1]
LAYERS = ("models", "latentwalk", "server")
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DIRECT = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
OTHER_NAMES = {"c2pa-python": "c2pa", "pillow": "pil", "pydantic-settings": "pydantic_settings"}


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


PINNED = {
    plain(name): version
    for name, version in (
        line.partition(" ")[0].split("==")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if not line.startswith("#")
    )
}


def test_torchvision_is_neither_installed_nor_pinned():
    assert importlib.util.find_spec("torchvision") is None
    assert "torchvision" not in PINNED
    assert not any("torchvision" in requirement for requirement in DIRECT)


def test_torch_has_the_version_that_was_measured():
    assert PINNED["torch"] == "2.13.0"
    assert importlib.metadata.version("torch").split("+")[0] == "2.13.0"


@pytest.mark.parametrize("requirement", DIRECT)
def test_every_direct_dependency_is_pinned_and_the_constraints_agree(requirement):
    match = re.match(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.]+)", requirement)
    assert match, "an exact version is required"
    assert PINNED[plain(match[1])] == match[2]


def test_installed_versions_match_the_constraints():
    installed = {plain(dist.metadata["Name"]): dist.version for dist in importlib.metadata.distributions()}
    wrong = {
        name: (installed[name], version)
        for name, version in PINNED.items()
        if name in installed and installed[name].split("+")[0] != version
    }
    assert wrong == {}


def test_everything_the_code_imports_is_a_declared_dependency():
    wanted = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["ray"]]  # Ray is imported where it is used
    declared = {plain(re.split(r"[=;]", requirement)[0]) for requirement in wanted}
    known = {OTHER_NAMES.get(name, name.replace("-", "_")) for name in declared}
    imported = set()
    for path in (path for layer in LAYERS for path in ROOT.glob(f"{layer}/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(str(node.module).split(".")[0])
    undeclared = {name.lower() for name in imported - sys.stdlib_module_names - set(LAYERS)} - known
    assert undeclared == set()


def test_the_package_with_the_weights_of_eyes_is_not_imported():
    assert not any("omniart" in name for name in sys.modules)


@pytest.mark.parametrize("name", ["Makefile", "Dockerfile", "docker-compose.yml", "pyproject.toml", "constraints.txt"])
def test_no_file_of_the_build_names_a_registry_or_a_machine(name):
    text = (ROOT / name).read_text()
    assert not re.search(r"https?://(?!127\.0\.0\.1)|--(extra-)?index-url|/root/|/tmp/", text)


def test_ci_runs_make_test():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text().rstrip().endswith("make test")


def test_the_container_runs_without_root_and_listens_on_this_machine_alone():
    docker = (ROOT / "Dockerfile").read_text()
    assert re.findall(r"^USER (\w+)$", docker, re.MULTILINE) == ["latentwalk"]
    assert len(re.findall(r"^FROM ", docker, re.MULTILINE)) == 2
    for service in COMPOSE["services"].values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["pids_limit"]
        assert service["mem_limit"] == service["memswap_limit"]
        assert service.get("ports", []) in ([], ["127.0.0.1:8000:8000"])


def test_every_compose_service_has_a_profile_and_the_default_is_cpu():
    profiles = {name: service["profiles"] for name, service in COMPOSE["services"].items()}
    assert profiles == {"cpu": ["cpu"], "gpu": ["gpu"], "head": ["ray"], "worker": ["ray"], "database": ["postgres"]}
    assert (ROOT / ".env").read_text().splitlines()[-1] == "COMPOSE_PROFILES=cpu"


def test_the_cluster_needs_a_token_and_its_network_is_internal():
    head, worker = COMPOSE["services"]["head"], COMPOSE["services"]["worker"]
    for service in (head, worker):
        assert service["environment"]["RAY_AUTH_MODE"] == "token"
        assert service["environment"]["RAY_AUTH_TOKEN"] is None  # taken from the caller's environment
        assert service["shm_size"]
    assert worker["networks"] == ["cluster"]
    assert COMPOSE["networks"]["cluster"]["internal"]
    assert "--include-dashboard=false" in head["command"]
    assert "--num-cpus=0" in head["command"]


def test_every_setting_in_the_compose_file_exists():
    for service in COMPOSE["services"].values():
        names = {name for name in service.get("environment", {}) if name.startswith(PREFIX)}
        assert names <= {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="Compose is not installed")
@pytest.mark.parametrize("profile", ["cpu", "gpu", "ray", "postgres", "ray,postgres"])
def test_compose_accepts_the_file(profile):
    environment = {"PATH": os.environ["PATH"], "COMPOSE_PROFILES": profile}
    subprocess.run(["docker-compose", "config", "--quiet"], cwd=ROOT, env=environment, check=True, capture_output=True)


def test_a_wheel_contains_every_file_of_the_packages_and_the_page(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for name in (*LAYERS, "static", "templates"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", tmp_path]
    subprocess.run([*command, source], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    wanted = {
        str(path.relative_to(ROOT))
        for name in (*LAYERS, "static", "templates")
        for path in (ROOT / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert wanted - inside == set()
    assert any(name.endswith("licenses/LICENSE") for name in inside)
    assert not any(name.startswith("tests/") for name in inside)

"""What every test may ask for: an empty home, a tiny generator, the application in this process, and a real server."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import settings
from starlette.testclient import TestClient

from latentwalk.directions.direction import Direction
from latentwalk.directions.direction_file import to_bytes
from latentwalk.directions.latent_walk import LinearWalk
from latentwalk.directions.response_curve import Curve
from latentwalk.directions.unit import Unit
from models.catalogue import pinned
from models.catalogue.hashing import fingerprint
from models.generators.dcgan import DCGAN, build_network
from models.generators.stylegan2 import StyleGAN2
from models.networks.stylegan2 import NetworkConfig, StyleGAN2Network
from models.specs import Card, GeneratorSpec
from server.app import create_app
from server.settings import Settings

ROOT = Path(__file__).parents[1]
settings.register_profile("latentwalk", deadline=None)  # machines differ, and a busy one must fail no test
settings.load_profile("latentwalk")
CARD = Card("A test.", "Nowhere.", "MIT", "None.", "None.", "Everything.", 2026)


SHARED_FIXTURES = ("tests/browser/", "tests/server/engine/cluster/")  # folders whose tests share a browser or a cluster


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the folders that run longest first, so that no worker of pytest-xdist is left with one at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(SHARED_FIXTURES))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the tests of a file, and those of a folder with shared fixtures, on one worker."""
    from xdist.scheduler import LoadScopeScheduling

    class FileScheduling(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return next((folder for folder in SHARED_FIXTURES if nodeid.startswith(folder)), nodeid.partition("::")[0])

    return FileScheduling(config, log)


def tiny_generator(name: str = "tiny", widths: tuple[int, ...] = (8, 6, 4, 3), seed: int = 0) -> DCGAN:
    """A DCGAN of random weights: z of 6, two classes, 16 px."""
    torch.manual_seed(seed)
    network = build_network(widths)
    state = {
        name: tensor.normal_(0, 0.3) if tensor.ndim == 4 else tensor
        for name, tensor in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    spec = GeneratorSpec(
        name=name,
        title=name.capitalize(),
        family="dcgan",
        resolution=4 * 2 ** (len(widths) - 2),
        channels=widths[-1],
        spaces={"z": (widths[0] - 2,)},
        layers=1,
        classes=("warm", "cold"),
        default_classes={"warm": 1.0},
        fingerprint=fingerprint(state),
        card=CARD,
    )
    return DCGAN(spec, state)


def styled(name: str = "styled", seed: int = 0) -> tuple[GeneratorSpec, dict[str, torch.Tensor]]:
    """A StyleGAN2 of random weights, as it is kept: z of 6, w of 8, three classes, six layers, 16 px."""
    torch.manual_seed(seed)
    network = StyleGAN2Network(NetworkConfig(6, 8, 3, (8, 6, 4), 2, fir=(1, 1)))
    network.mapping.get_buffer("mean").normal_()
    state = {"fir": torch.tensor([1.0, 1.0]), **{name: tensor.half() for name, tensor in network.state_dict().items()}}
    spec = GeneratorSpec(
        name=name,
        title=name.capitalize(),
        family="stylegan2",
        resolution=16,
        channels=3,
        spaces={"z": (6,), "w": (8,)},
        layers=6,
        classes=("round", "square", "long"),
        default_classes={"round": 1.0},
        fingerprint=fingerprint(state),
        card=CARD,
    )
    return spec, state


def slider(spec: GeneratorSpec, id: str = "sway", seed: int = 1, **fields: Any) -> Direction:
    """A made-up straight direction for a model: tests of the web are not about learning."""
    source = torch.Generator().manual_seed(seed)
    vector = torch.nn.functional.normalize(torch.randn(spec.width, generator=source), dim=0)
    given: dict[str, Any] = {
        "name": id.capitalize(),
        "group": "colour",
        "unit": Unit("%"),
        "curve": Curve.straight(0.2, 20.0),
        "range": (-10.0, 8.0),
        "track": (-14.0, 12.0),
        "requested_range": (-20.0, 20.0),
        "method": "walk",
        "seed": seed,
        "created": "2026-01-01",
        "walk": LinearWalk(vector),
    }
    made = {"id": id, "generator": spec.name, "fingerprint": spec.fingerprint, "space": spec.space}
    return Direction(**{**made, **given, **fields})


def put(home: Path, direction: Direction, generator: str | None = None) -> Path:
    """A direction file where the library looks for learned ones."""
    folder = home / "directions" / (generator or direction.generator)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{direction.id}.safetensors"
    path.write_bytes(to_bytes(direction))
    return path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty LATENTWALK_HOME."""
    return tmp_path / "home"


@pytest.fixture(scope="session")
def tiny() -> DCGAN:
    """A generator of 16 px."""
    return tiny_generator()


@pytest.fixture(scope="session")
def described() -> tuple[GeneratorSpec, dict[str, torch.Tensor]]:
    """A style-based generator as it is kept: its description and its weights."""
    return styled()


@pytest.fixture(scope="session")
def layered(described: tuple[GeneratorSpec, dict[str, torch.Tensor]]) -> StyleGAN2:
    """A style-based generator of 16 px, with six layers."""
    return StyleGAN2(*described)


@pytest.fixture(scope="session")
def eyes_spec() -> GeneratorSpec:
    """What the zoo says of `eyes`."""
    return pinned.find("eyes").spec


@contextmanager
def running_app(home: Path) -> Iterator[TestClient]:
    """The application in this process, started and stopped as in earnest."""
    with TestClient(create_app(Settings(home=home)), base_url="http://localhost") as client:
        yield client


@pytest.fixture(scope="module")
def app_home(tmp_path_factory: pytest.TempPathFactory, eyes_spec: GeneratorSpec) -> Path:
    """A home with one slider for `eyes`, shared by a module's tests."""
    folder = tmp_path_factory.mktemp("home")
    put(folder, slider(eyes_spec))
    return folder


@pytest.fixture(scope="module")
def client(app_home: Path) -> Iterator[TestClient]:
    """An HTTP client of the application in this process, shared by a module's tests."""
    with running_app(app_home) as running:
        yield running


@contextmanager
def serving(home: Path, **environment: str) -> Iterator[str]:
    """A real server in a process of its own; its base URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    cli = (ROOT / "server" / "cli" / "main.py").exists()
    command = ["-m", "server.cli.main", "serve", "--port", str(port)] if cli else UVICORN.format(port=port).split()
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, "LATENTWALK_HOME": str(home), **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while not _answers(url):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the server did not start")
            time.sleep(0.05)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(15)
        process.kill()
        process.wait()


UVICORN = "-m uvicorn --factory server.app:create_app --port {port} --ws websockets-sansio"


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=2):
            return True
    except OSError:
        return False


@pytest.fixture(scope="session")
def live_server(tmp_path_factory: pytest.TempPathFactory, eyes_spec: GeneratorSpec) -> Iterator[str]:
    """A real server with one slider, `sway`, on a free port; its base URL."""
    folder = tmp_path_factory.mktemp("served")
    put(folder, slider(eyes_spec))
    with serving(folder) as url:
        yield url


@pytest.fixture(scope="session")
def make_slider() -> Callable[..., Direction]:
    """`slider`, for tests that make their own."""
    return slider


@pytest.fixture(scope="session")
def make_generator() -> Callable[..., DCGAN]:
    """`tiny_generator`, for tests that make their own."""
    return tiny_generator


@pytest.fixture(scope="session")
def put_direction() -> Callable[..., Path]:
    """`put`, for tests that fill a home."""
    return put


@pytest.fixture(scope="session")
def run_app() -> Callable[[Path], AbstractContextManager[TestClient]]:
    """`running_app`, for tests that start and stop it themselves."""
    return running_app


@pytest.fixture(scope="session")
def run_server() -> Callable[..., AbstractContextManager[str]]:
    """`serving`, for tests that need a server of their own."""
    return serving

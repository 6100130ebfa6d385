"""ResMem against a plain evaluation of its own state, written from the published layers alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor
from torch.nn import functional as F

from models.errors import ModelFailed
from models.regressors import catalogue
from models.regressors.protocol import Regressor
from models.regressors.resmem import OFFSET, SIDE, WHOLE, ResMem, centre_crop, fold_batch_norms

State = dict[str, Tensor]
HOME = Path(os.environ.get("LATENTWALK_HOME", Path.home() / ".local" / "share" / "latentwalk"))
BLOCKS = {1: 3, 2: 8, 3: 36, 4: 3}


def plain(state: State, images: Tensor) -> Tensor:
    """Memorability [N] of images [N, 3, 227, 227] in [0, 1], operation by operation."""

    def norm(x: Tensor, name: str) -> Tensor:
        parts = [state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
        return F.batch_norm(x, *parts, training=False)

    x = F.conv2d(images, state["features.conv1.weight"], stride=2, padding=3)
    x = F.max_pool2d(F.relu(norm(x, "features.bn1")), 3, 2, 1)
    for layer, count in BLOCKS.items():
        for block in range(count):
            at = f"features.layer{layer}.{block}"
            stride = 2 if layer > 1 and block == 0 else 1
            y = F.relu(norm(F.conv2d(x, state[f"{at}.conv1.weight"]), f"{at}.bn1"))
            y = F.relu(norm(F.conv2d(y, state[f"{at}.conv2.weight"], stride=stride, padding=1), f"{at}.bn2"))
            y = norm(F.conv2d(y, state[f"{at}.conv3.weight"]), f"{at}.bn3")
            if block == 0:
                x = norm(F.conv2d(x, state[f"{at}.downsample.0.weight"], stride=stride), f"{at}.downsample.1")
            x = F.relu(x + y)
    classes = F.linear(F.adaptive_avg_pool2d(x, 1).flatten(1), state["features.fc.weight"], state["features.fc.bias"])

    def conv(x: Tensor, name: str, **how: int) -> Tensor:
        return F.relu(F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], **how))

    y = F.local_response_norm(F.max_pool2d(conv(images, "conv1", stride=4), 3, 2), 5)
    y = F.local_response_norm(F.max_pool2d(conv(y, "conv2", padding=2, groups=2), 3, 2), 5)
    for name in ("conv3", "conv4", "conv5"):
        y = conv(y, name, padding=1, groups=2)
    y = torch.cat([F.max_pool2d(y, 3, 2).reshape(-1, 9216), classes], dim=1)
    for number in range(6, 12):
        y = F.relu(F.linear(y, state[f"fc{number}.weight"], state[f"fc{number}.bias"]))
    return torch.sigmoid(F.linear(y, state["fc12.weight"], state["fc12.bias"]))[:, 0]


def drawn() -> State:
    """A state of the published shapes with drawn numbers, scaled so that nothing vanishes on the way."""
    source = torch.Generator().manual_seed(0)
    state: State = {}

    def weight(name: str, *shape: int, bias: bool = False) -> None:
        inside = torch.Size(shape[1:]).numel()
        state[f"{name}.weight"] = torch.randn(shape, generator=source) * (2 / inside) ** 0.5
        if bias:
            state[f"{name}.bias"] = torch.randn(shape[0], generator=source) * 0.1

    def norm(name: str, width: int) -> None:
        for part, low in {"weight": 0.3, "bias": -0.2, "running_mean": -0.2, "running_var": 0.5}.items():
            state[f"{name}.{part}"] = torch.rand(width, generator=source) * 0.4 + low

    weight("features.conv1", 64, 3, 7, 7)
    norm("features.bn1", 64)
    inside = 64
    for layer, count in BLOCKS.items():
        width = 64 * 2 ** (layer - 1)
        for block in range(count):
            at = f"features.layer{layer}.{block}"
            for part, shape in {1: (width, inside, 1, 1), 2: (width, width, 3, 3), 3: (4 * width, width, 1, 1)}.items():
                weight(f"{at}.conv{part}", *shape)
                norm(f"{at}.bn{part}", shape[0])
            if block == 0:
                weight(f"{at}.downsample.0", 4 * width, inside, 1, 1)
                norm(f"{at}.downsample.1", 4 * width)
            inside = 4 * width
    weight("features.fc", 1000, 2048, bias=True)
    for name, shape in {
        "conv1": (48, 3, 11, 11), "conv2": (256, 24, 5, 5), "conv3": (384, 128, 3, 3), "conv4": (384, 192, 3, 3),
        "conv5": (256, 192, 3, 3), "fc6": (4096, 10216), "fc7": (4096, 4096), "fc8": (2048, 4096),
        "fc9": (1024, 2048), "fc10": (512, 1024), "fc11": (256, 512), "fc12": (1, 256),
    }.items():  # fmt: skip
        weight(name, *shape, bias=True)
    state["fc12.weight"] *= 0.1
    return state


@pytest.fixture(scope="module")
def state() -> State:
    return drawn()


@pytest.fixture(scope="module")
def resmem(state: State) -> ResMem:
    return ResMem(catalogue.entries()["resmem"], state)


def pictures(count: int, side: int = 96) -> Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_it_is_a_regressor_and_computes_what_its_layers_say(state: State, resmem: ResMem) -> None:
    assert isinstance(resmem, Regressor)
    images = pictures(3)
    with torch.no_grad():
        found, expected = resmem.score(images), plain(state, centre_crop(images))
    assert float((found - expected).abs().max()) <= 1e-5
    assert float(found.std()) > 0


def test_the_fetched_weights_give_what_a_plain_evaluation_gives() -> None:
    folder = HOME / "regressors"
    if not catalogue.is_installed("resmem", folder):
        pytest.skip("the 489 MB of ResMem are not here: latentwalk pull resmem --accept-licence")
    state = safetensors.torch.load_file(folder / "resmem" / "weights.safetensors")
    regressor = catalogue.load("resmem", folder)
    smooth = F.interpolate(pictures(32, 12), (128, 128), mode="bicubic").clamp(-1, 1)
    with torch.no_grad():
        found = torch.cat([regressor.score(part) for part in smooth.split(8)])
        expected = torch.cat([plain(state, centre_crop(part)) for part in smooth.split(8)])
    assert float((found - expected).abs().max()) <= 1e-5
    assert bool(((found > 0.3) & (found < 1)).all())


def test_an_image_is_resized_to_a_square_and_its_middle_is_looked_at() -> None:
    ramp = torch.linspace(-1, 1, 512).expand(1, 1, 300, 512)
    seen = centre_crop(ramp)
    assert seen.shape == (1, 3, SIDE, SIDE)
    assert float(seen[0, 0, 0, 0]) == pytest.approx((OFFSET + 0.5) / WHOLE, abs=2e-3)


def test_gradients_reach_the_image_and_bf16_scores_alike(resmem: ResMem) -> None:
    images = pictures(2).requires_grad_(True)
    resmem.score(images).sum().backward()
    assert float(images.grad.abs().max()) > 0
    twin = resmem.at("bf16")
    assert twin.at("bf16") is twin
    with torch.no_grad():
        torch.testing.assert_close(twin.score(images), resmem.score(images), atol=0.05, rtol=0)


@pytest.mark.parametrize("change", ["missing", "more", "shape"])
def test_weights_of_something_else_are_refused(state: State, change: str) -> None:
    changed = dict(state)
    if change == "missing":
        del changed["features.layer3.7.bn2.running_var"]
    elif change == "more":
        changed["fc13.weight"] = torch.zeros(1)
    else:
        changed["fc6.weight"] = torch.zeros(4096, 9216)
    with pytest.raises(ModelFailed, match="not the weights of ResMem"):
        ResMem(catalogue.entries()["resmem"], changed)


def test_folding_leaves_no_normalisation(state: State) -> None:
    assert not [name for name in fold_batch_norms(state) if "bn" in name or "running" in name]


def test_what_is_no_image_is_refused(resmem: ResMem) -> None:
    with pytest.raises(ModelFailed, match="cannot score"):
        resmem.score(torch.zeros(1, 4, 64, 64))

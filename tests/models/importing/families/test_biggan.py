"""BigGAN-deep files against a direct evaluation, and against the package they come from where it is installed."""

from __future__ import annotations

import json
import sys
import types
import warnings
from typing import Any

import numpy as np
import pytest
import torch

from models.base import Generator
from models.generators.biggan import BigGAN
from models.generators.registry import build
from models.importing.limits import FileRefused
from models.importing.read_in_sandbox import read
from models.importing.spec_from_passport import spec_from_passport
from tests.models.importing.biggan_files import CLASSES, CONFIG, EPSILON, RandomBigGAN, Z, reference_images
from tests.models.importing.pickle_writer import TensorValue, torch_zip

NEAR = 1e-4


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


def open_state(state: dict[str, np.ndarray], config: dict[str, Any] | None = CONFIG) -> tuple[Generator, Any]:
    data = torch_zip({name: TensorValue(array) for name, array in state.items()})
    passport, converted = read(memoryview(data), b"" if config is None else json.dumps(config).encode())
    weights = {name: torch.from_numpy(np.array(array)) for name, array in converted.state.items()}
    return build(spec_from_passport("big", passport, weights, 2026), weights, "cpu", ""), passport


@pytest.fixture(scope="module")
def state() -> dict[str, np.ndarray]:
    return RandomBigGAN().state


@pytest.mark.parametrize("truncation", [0.02, 0.14, 0.28, 0.5, 0.507, 0.999, 1.0])
def test_images_match_a_direct_evaluation(state: dict[str, np.ndarray], truncation: float) -> None:
    generator, _ = open_state(state)
    z = generator.sample([1, 2, 3])
    classes = torch.softmax(torch.randn(3, CLASSES, generator=torch.Generator().manual_seed(0)), dim=1)
    expected = reference_images(state, z * truncation, classes, truncation)
    images = generator.synthesize(generator.map(z, classes, truncation), classes)
    assert float(expected.std()) > 0.1
    assert float((images - expected).abs().max()) < NEAR


def test_statistics_of_the_nearer_truncation_weigh_more(state: dict[str, np.ndarray]) -> None:
    generator, _ = open_state(state)
    z, classes = generator.sample([4]), torch.eye(CLASSES)[:1]

    def at(truncation: float) -> torch.Tensor:
        latent = generator.map(z, classes, 0.4)
        latent[:, -1] = truncation
        return generator.synthesize(latent, classes)

    between, low, high = at(0.405), at(0.40), at(0.42)
    assert float((between - low).abs().mean()) < float((between - high).abs().mean())


def test_a_missing_config_is_inferred_from_the_shapes_and_noted(state: dict[str, np.ndarray]) -> None:
    (one, passport), (two, with_config) = open_state(state, None), open_state(state)
    assert one.spec.fingerprint == two.spec.fingerprint
    assert any("config.json is missing" in note for note in passport.notes)
    assert not any("config.json is missing" in note for note in with_config.notes)
    assert any("right proportion" in note for note in with_config.notes)
    assert (passport.sizes.height, passport.sizes.classes, passport.sizes.z) == (16, CLASSES, Z)


def test_each_layer_accepts_its_own_latent(state: dict[str, np.ndarray]) -> None:
    generator, _ = open_state(state)
    z, classes = generator.sample([1, 2]), torch.eye(CLASSES)[:2]
    latents = generator.map(z, classes, 0.7)
    rows = latents[:, None].repeat(1, generator.spec.layers, 1)
    assert torch.equal(generator.synthesize(rows, classes), generator.synthesize(latents, classes))
    rows[:, -1] = latents.flip(0)
    assert not torch.equal(generator.synthesize(rows, classes), generator.synthesize(latents, classes))


def test_z_is_a_truncated_normal_determined_by_its_seed(state: dict[str, np.ndarray]) -> None:
    generator, _ = open_state(state)
    z = generator.sample(range(2000))
    assert float(z.abs().max()) <= 2
    assert abs(float(z.std()) - 0.8796) < 0.01
    assert torch.equal(generator.sample([7, 8])[1], generator.sample([8])[0])
    assert generator.sample([]).shape == (0, Z)


def test_first_layer_returns_the_linear_map_of_the_network(state: dict[str, np.ndarray]) -> None:
    generator, _ = open_state(state)
    assert isinstance(generator, BigGAN)
    classes = torch.eye(CLASSES)[[2]]
    layer = generator.first_layer(classes)
    latents = generator.map(generator.sample([1, 2]), classes, 0.6)
    inputs: list[torch.Tensor] = []
    hook = generator.network.blocks[0].register_forward_pre_hook(lambda module, given: inputs.append(given[0]))
    generator.synthesize(latents, classes.expand(2, -1))
    hook.remove()
    expected = (latents @ layer.weight.T + layer.bias).reshape(2, *layer.shape)
    assert torch.allclose(expected, inputs[0], atol=1e-5)
    assert generator.input_weights().shape[1] == generator.spec.width == Z + 1


def test_bf16_images_are_close_to_fp32(state: dict[str, np.ndarray]) -> None:
    generator, _ = open_state(state)
    classes = torch.eye(CLASSES)[:2]
    latents = generator.map(generator.sample([1, 2]), classes)
    difference = generator.synthesize(latents, classes) - generator.at("bf16").synthesize(latents, classes)
    assert 0 < float(difference.square().mean()) < 0.01
    assert generator.at("bf16").at("bf16").precision == "bf16"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers": CONFIG["layers"][:2]}, "another network than the weights"),
        ({"attention_layer_position": 1}, "another network than the weights"),
        ({"eps": "tiny"}, "eps"),
    ],
)
def test_a_config_of_another_network_is_refused(state: dict[str, np.ndarray], change: dict, message: str) -> None:
    with pytest.raises(FileRefused, match=message):
        open_state(state, {**CONFIG, **change})


@pytest.mark.parametrize(
    "missing", ["generator.layers.0.conv_1.weight_u", "generator.bn.running_vars", "generator.gen_z.bias"]
)
def test_a_missing_tensor_is_refused(state: dict[str, np.ndarray], missing: str) -> None:
    with pytest.raises(FileRefused, match="is missing"):
        open_state({name: array for name, array in state.items() if name != missing})


def import_original_package(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The original package, with stand-ins for the modules that it downloads with."""
    for name in ("boto3", "botocore", "botocore.exceptions", "requests", "tqdm", "scipy", "scipy.stats"):
        if name not in sys.modules:
            stand_in: Any = types.ModuleType(name)
            stand_in.truncnorm = None
            stand_in.ClientError, stand_in.tqdm, stand_in.exceptions = (
                Exception,
                None,
                types.SimpleNamespace(ClientError=Exception),
            )
            monkeypatch.setitem(sys.modules, name, stand_in)
    return pytest.importorskip("pytorch_pretrained_biggan", exc_type=ImportError)


def test_images_match_the_original_package_where_it_interpolates_correctly(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = [(False, 16, 16), (True, 16, 8), (False, 8, 8), (True, 8, 4), (True, 4, 2), (True, 2, 1)]
    config = {**CONFIG, "layers": [list(layer) for layer in layers], "eps": EPSILON}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        original = import_original_package(monkeypatch)
        torch.manual_seed(0)
        network = original.BigGAN(original.BigGANConfig.from_dict({**config, "layers": layers}))
        for name, tensor in network.state_dict().items():
            if name.endswith("running_vars"):
                tensor.uniform_(0.5, 1.5)
            elif name.endswith(("running_means", "gamma", "bn.weight", "bn.bias")):
                tensor.normal_()
        network.train()(torch.randn(1, Z), torch.eye(CLASSES)[:1], 1.0)  # a power iteration towards the spectral norms
        network.eval()
    generator, _ = open_state({name: tensor.numpy().copy() for name, tensor in network.state_dict().items()}, config)
    z, classes = generator.sample([1, 2]), torch.eye(CLASSES)[:2]
    for truncation in (0.02, 0.1, 0.4, 0.5, 0.8, 1.0):
        images = generator.synthesize(generator.map(z, classes, truncation), classes)
        expected = network(z * truncation, classes, truncation)
        assert float(expected.std()) > 0.05
        assert float((images - expected).abs().max()) < NEAR, truncation
    # A quarter of the way between two truncations, the package uses the statistics for three quarters of the way.
    images = generator.synthesize(generator.map(z, classes, 0.405), classes)
    assert float((images - network(z * 0.405, classes, 0.405)).abs().max()) > 10 * NEAR
    assert float((images - network(z * 0.405, classes, 0.415)).abs().max()) < NEAR

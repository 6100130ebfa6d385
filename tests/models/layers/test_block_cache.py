"""Early layers that are not made again, and pictures that stop early: the same pixels, sooner."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from models.base import Generator, SupportsSmallerOutput
from models.errors import Invalid
from models.generators.stylegan2 import StyleGAN2


@pytest.fixture
def fresh(described) -> Iterator[StyleGAN2]:
    with torch.no_grad():
        yield StyleGAN2(*described)


def rows(generator: Generator, seed: int = 1) -> torch.Tensor:
    classes = torch.eye(3)[:1]
    return generator.map(generator.sample([seed]), classes)[:, None].repeat(1, generator.spec.layers, 1)


def changed(latent: torch.Tensor, *layers: int) -> torch.Tensor:
    latent = latent.clone()
    latent[:, list(layers)] += 0.7
    return latent


@pytest.mark.parametrize(
    ("layers", "reused"),
    [((5,), 2), ((4,), 2), ((3,), 1), ((0,), 0), ((), 3)],
    ids=["last", "5th", "4th", "first", "none"],
)
def test_only_blocks_from_the_first_that_differs_are_made_and_the_image_is_the_same(
    fresh: StyleGAN2, described, layers: tuple[int, ...], reused: int
) -> None:
    fresh.synthesize(rows(fresh), None)
    found = fresh.synthesize(changed(rows(fresh), *layers), None)
    assert fresh._cache.reused == reused
    assert torch.equal(found, StyleGAN2(*described).synthesize(changed(rows(fresh), *layers), None))


def test_another_image_in_between_is_not_mistaken_for_the_first(fresh: StyleGAN2) -> None:
    first = fresh.synthesize(rows(fresh), None)
    other = fresh.synthesize(rows(fresh, 2), None)
    assert fresh._cache.reused == 0
    assert not torch.equal(first, other)
    assert torch.equal(fresh.synthesize(rows(fresh), None), first)


def test_precisions_and_sizes_keep_their_own(fresh: StyleGAN2) -> None:
    fresh.synthesize(rows(fresh), None)
    for twin in (fresh.at("bf16"), fresh.at_height(8)):
        twin.synthesize(rows(fresh), None)
        assert twin._cache.reused == 0


def test_batches_and_gradients_go_without(fresh: StyleGAN2) -> None:
    fresh.synthesize(rows(fresh), None)
    fresh.synthesize(rows(fresh).expand(2, -1, -1), None)
    with torch.enable_grad():
        latent = rows(fresh).requires_grad_(True)
        fresh.synthesize(latent, None).square().sum().backward()
    assert latent.grad is not None
    assert float(latent.grad.abs().sum()) > 0
    assert fresh._cache.reused == 0


def test_many_threads_all_get_their_own_picture(fresh: StyleGAN2) -> None:
    expected = [fresh.synthesize(rows(fresh, seed), None) for seed in range(4)]
    wrong: list[int] = []

    def draw(seed: int) -> None:
        with torch.no_grad():
            for _ in range(10):
                if not torch.allclose(fresh.synthesize(rows(fresh, seed), None), expected[seed], atol=1e-6):
                    wrong.append(seed)

    threads = [threading.Thread(target=draw, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_skip_network_makes_smaller_images_of_its_first_blocks(fresh: StyleGAN2) -> None:
    assert isinstance(fresh, SupportsSmallerOutput)
    assert fresh.output_heights == (4, 8, 16)
    for side in fresh.output_heights:
        assert fresh.at_height(side).synthesize(rows(fresh), None).shape == (1, 3, side, side)
    small, whole = fresh.at_height(8).synthesize(rows(fresh), None), fresh.synthesize(rows(fresh), None)
    assert torch.equal(fresh.at_height(16).synthesize(rows(fresh), None), whole)
    pooled = torch.nn.functional.avg_pool2d(whole, 2)
    assert float(torch.corrcoef(torch.stack([small.flatten(), pooled.flatten()]))[0, 1]) > 0.3
    with pytest.raises(Invalid, match="no images of 12 px"):
        fresh.at_height(12)


def test_a_network_that_paints_only_at_the_end_has_one_size(fresh: StyleGAN2) -> None:
    fresh.network.config = replace(fresh.network.config, architecture="resnet")
    assert fresh.output_heights == (16,)
    assert fresh.at_height(16).synthesize(rows(fresh), None).shape == (1, 3, 16, 16)

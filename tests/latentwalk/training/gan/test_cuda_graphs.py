"""A replayed step equals the step itself; needs a CUDA device."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from latentwalk.training.data.avatars import STYLES, Avatars
from latentwalk.training.gan.cuda_graphs import WARM_UP, CudaGraph
from latentwalk.training.gan.state import TrainingState
from latentwalk.training.gan.step import step
from latentwalk.training.recipe import Recipe, Stage

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")


def test_replayed_steps_equal_the_steps_themselves(tmp_path: Path) -> None:
    for style in STYLES:
        np.save(tmp_path / f"{style}-train.npy", np.full((2, 24, 24, 4), 200, np.uint8))
    recipe = Recipe(
        name="tiny", pictures="avatars:x", widths=(8, 8), z=8, w=8, mapping=1, stages=(Stage(side=8, pictures=8),)
    )
    pictures = Avatars(tmp_path, 8, device="cuda")
    ends = []
    for recorded in (False, True):
        state = TrainingState.start(recipe, len(STYLES), "cuda")
        run = partial(step, recipe, recipe.stages[0], state, torch.float32, 1.0, True, False)
        call = CudaGraph(run) if recorded else run
        for _ in range(WARM_UP + 4):
            real, kinds = pictures.batch(8, state.source)
            z = torch.randn(8, 8, generator=state.source).cuda()
            call(real, torch.eye(len(STYLES))[kinds].cuda(), z)
        ends.append(state.discriminator.state_dict())
    for name, value in ends[0].items():
        torch.testing.assert_close(value, ends[1][name], atol=1e-5, rtol=1e-4, msg=name)

"""The families of generators there is code for, and how a description and its weights become one that runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from models.base import Generator, GeneratorSpec, fingerprint
from models.errors import ModelFailed
from models.generators.biggan import BigGAN
from models.generators.dcgan import DCGAN
from models.generators.onnx import OnnxGenerator
from models.generators.stylegan2 import StyleGAN2
from models.generators.stylegan3 import StyleGAN3

FAMILIES: dict[str, Callable[..., Generator]] = {
    "dcgan": DCGAN,
    "stylegan2": StyleGAN2,
    "stylegan3": StyleGAN3,
    "biggan": BigGAN,
    "onnx": OnnxGenerator,
}


def build(spec: GeneratorSpec, state: Mapping[str, Tensor], device: torch.device | str, hint: str) -> Generator:
    """The generator described, once its weights prove to be the described ones; `hint` says what to do if not."""
    found = fingerprint(state)
    if found != spec.fingerprint:
        raise ModelFailed(
            f"The weights of {spec.name} are not the ones described ({found[7:15]} instead of "
            f"{spec.fingerprint[7:15]}).",
            hint,
        )
    if spec.family not in FAMILIES:
        raise ModelFailed(f"There is no code here for {spec.family[:40]} models.", "Update Latentwalk.")
    return FAMILIES[spec.family](spec, state, device)

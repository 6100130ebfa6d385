"""Builds a generator from its spec and its weights: one class per model family."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from models.base import Generator
from models.catalogue.hashing import fingerprint
from models.errors import ModelFailed
from models.generators.biggan import BigGAN
from models.generators.dcgan import DCGAN
from models.generators.onnx import OnnxGenerator
from models.generators.stylegan2 import StyleGAN2
from models.generators.stylegan3 import StyleGAN3
from models.specs import GeneratorSpec

FAMILIES: dict[str, Callable[..., Generator]] = {
    "dcgan": DCGAN,
    "stylegan2": StyleGAN2,
    "stylegan3": StyleGAN3,
    "biggan": BigGAN,
    "onnx": OnnxGenerator,
}


def build(spec: GeneratorSpec, state: Mapping[str, Tensor], device: torch.device | str, hint: str) -> Generator:
    """The generator that `spec` describes, on a device.

    ModelFailed, with `hint`, if the weights do not have the fingerprint of the spec, and if they or the family are
    unknown.
    """
    actual = fingerprint(state)
    if actual != spec.fingerprint:
        raise ModelFailed(
            f"The weights of {spec.name} are not the ones described ({actual[7:15]} instead of "
            f"{spec.fingerprint[7:15]}).",
            hint,
        )
    if spec.family not in FAMILIES:
        raise ModelFailed(
            f"This version of Latentwalk has no code for {spec.family[:40]} models.", "Update Latentwalk."
        )
    return FAMILIES[spec.family](spec, state, device)

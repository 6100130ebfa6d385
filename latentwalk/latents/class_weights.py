"""Class weights: from an edit's names and weights to the tensor that a generator takes."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from latentwalk.edit import Edit
from latentwalk.errors import Invalid
from models.specs import GeneratorSpec


def class_weights(edit: Edit, spec: GeneratorSpec) -> dict[str, float]:
    """Weight by class, summing to 1: the edit's, or the generator's default. Empty for a generator without classes."""
    if not spec.classes:
        if edit.classes:
            raise Invalid(f"{spec.name} has no classes.", "Leave the classes out.")
        return {}
    weights = dict(sorted((edit.classes or spec.default_classes).items()))  # the sum depends on the order
    for name in weights:
        if name not in spec.classes:
            raise Invalid(f"{spec.name} has no class “{name}”.", f"Its classes are {', '.join(spec.classes)}.")
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}


def class_tensor(weights: Mapping[str, float], spec: GeneratorSpec, device: torch.device) -> Tensor | None:
    """Class weights as a float tensor [1, classes]; None for a generator without classes."""
    if not spec.classes:
        return None
    return torch.tensor([[weights.get(name, 0.0) for name in spec.classes]], device=device)

"""The sandbox task that draws an imported generator's first image: untrusted weights run under limits before they may
run in the server.

It lies here and not beside the sandbox's other tasks so that the sandbox does not depend on this package.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

from models.base import Generator
from models.errors import LatentwalkError
from models.generators.registry import build
from models.specs import Card, GeneratorSpec

Answer = tuple[dict[str, Any], list[np.ndarray]]
CHECK_ORIGIN = "Check where the file comes from."
DO_NOT_FIT = "The weights do not fit together."


def prepare() -> None:
    """Import everything and use each part once, because nothing can be imported once the sandbox is closed."""
    from models.catalogue.hashing import fingerprint
    from models.generators.dcgan import build_network

    network = build_network((3, 4, 3))
    state = {f"main.{name}": tensor.contiguous() for name, tensor in network.state_dict().items()}
    spec = GeneratorSpec(
        "warm", "Warm", "dcgan", 8, 3, {"z": (3,)}, 1, (), {}, fingerprint(state), Card("", "", "", "", "", "", 2000)
    )
    data = np.frombuffer(safetensors.torch.save(state), np.uint8)
    assert not draw(to_parameters(spec), [data])[0]
    assert "refused" in draw({**to_parameters(spec), "fingerprint": ""}, [data])[0]


def draw(parameters: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    """The first image [C, H, W], float32, of the generator that `parameters` describe (see `to_parameters`).

    `arrays[0]` are its weights as safetensors (uint8). A refusal is an answer, too: the keys "refused" (its message)
    and "hint".
    """
    try:
        state = safetensors.torch.load(arrays[0].tobytes())
        picture = first_picture(build(_to_spec(parameters), state, "cpu", CHECK_ORIGIN))
    except LatentwalkError as error:
        return {"refused": str(error), "hint": error.hint}, []
    except RuntimeError as error:  # shapes that do not fit, which the readers did not notice
        if "alloc" in str(error) or "memory" in str(error):
            raise MemoryError from None
        return {"refused": DO_NOT_FIT, "hint": CHECK_ORIGIN}, []
    return {}, [picture.numpy()]


@torch.inference_mode()
def first_picture(generator: Generator) -> Tensor:
    """A generator's image of seed 0 and its first class, [C, H, W] in [-1, 1]."""
    names = generator.spec.classes
    classes = torch.eye(1, len(names)).to(generator.device) if names else None
    return generator.synthesize(generator.map(generator.sample([0]), classes), classes)[0].float().cpu()


def to_parameters(spec: GeneratorSpec) -> dict[str, Any]:
    """What a generator needs of its description, as the parameters of `draw`."""
    return {
        "family": spec.family, "resolution": spec.resolution, "channels": spec.channels, "layers": spec.layers,
        "spaces": {name: list(shape) for name, shape in spec.spaces.items()}, "classes": len(spec.classes),
        "fingerprint": spec.fingerprint, "name": spec.name,
    }  # fmt: skip


def _to_spec(parameters: Mapping[str, Any]) -> GeneratorSpec:
    names = tuple(str(number) for number in range(parameters["classes"]))
    return GeneratorSpec(
        name=parameters["name"],
        title=parameters["name"],
        family=parameters["family"],
        resolution=parameters["resolution"],
        channels=parameters["channels"],
        spaces={name: tuple(shape) for name, shape in parameters["spaces"].items()},
        layers=parameters["layers"],
        classes=names,
        default_classes={names[0]: 1.0} if names else {},
        fingerprint=parameters["fingerprint"],
        card=Card("", "", "", "", "", "", 2000),
    )


CALLS = {"draw": draw}

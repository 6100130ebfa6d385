"""Networks that people have and that are not read, by the names of their tensors and classes: so that a refusal names
what was given, instead of asking for it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from models.importing.limits import Budget, FileRefused
from models.importing.unpickle.records import ModuleRecord, OpaqueObject, mapping, modules

READ = (
    "StyleGAN2 and StyleGAN3 of NVIDIA, StyleGAN2 of rosinality and genforce, BigGAN-deep of pytorch-pretrained-biggan "
    "and DCGANs are read. If it is another generator, from z [N, D] to images [N, 3, H, W], or a regressor, export it "
    "with torch.onnx.export, and open the ONNX file."
)
MAX_NESTING = 2  # dictionaries in dictionaries that are searched for state dicts


@dataclass(frozen=True, slots=True)
class UnsupportedNetwork:
    """A network by the tensors that it has and the ones that it lacks: every pattern of `has` matches some tensor's
    name, and none of `lacks` does; or by the name of a class in the file.
    """

    title: str
    has: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()


NETWORKS = (
    UnsupportedNetwork("StyleGAN-XL's upsampling network", classes=("SuperresGenerator",)),
    # Its mapping network has an embedding of classes without a bias, even where it is unconditional.
    UnsupportedNetwork("StyleGAN-XL", (r"mapping\.embed\.weight", r"mapping\.fc0\.weight"), (r"mapping\.embed\.bias",)),
    UnsupportedNetwork("StyleGAN-XL", (r"mapping\.embed_proj\.weight",)),
    UnsupportedNetwork(
        "FastGAN", (r".*\bfeat_8\..*", r".*\b(init|to_big|to_128|se_64)\..*"), classes=("FastganSynthesis",)
    ),
    UnsupportedNetwork("R3GAN", (r".*\bMainLayers\.0\..*", r".*\b(AggregationLayer|TransitionLayer)\..*")),
    UnsupportedNetwork(
        "a BigGAN of ajbrock's BigGAN-PyTorch",
        (r"blocks\.0\.0\.conv1\..*", r"blocks\.0\.0\.bn1\..*", r"output_layer\.\d\..*"),
    ),
    UnsupportedNetwork("lucidrains' StyleGAN2", (r"(G|GE)\.blocks\.\d+\.to_style1\.weight",)),
    UnsupportedNetwork("lucidrains' lightweight GAN", (r"(G|GE)\.initial_conv\.\d+\..*",)),
    UnsupportedNetwork("rosinality's SWAGAN", (r"input\.input", r"(to_rgbs\.\d+\.)?(iwt|dwt)\.(ll|lh|hl|hh)")),
    UnsupportedNetwork(
        "rosinality's StyleGAN1", (r"(generator\.)?progression\.\d+\..*", r"(generator\.)?to_rgb\.\d+\..*")
    ),
    UnsupportedNetwork("a progressive GAN of the PyTorch GAN zoo", (r"scaleLayers\.\d+\..*", r"toRGBLayers\.\d+\..*")),
    UnsupportedNetwork("a diffusion model", (r".*\b(enc|dec)\.\d+x\d+_\w+\..*",)),
    UnsupportedNetwork("a diffusion model", (r".*\bdown_blocks\.\d+\..*", r".*\bup_blocks\.\d+\..*")),
    UnsupportedNetwork("a LoRA for a diffusion model", (r".*\blora_(up|A|down|B)\..*",)),
)


def refuse_unsupported(value: object, budget: Budget) -> None:
    """Raise FileRefused, naming the network, where a file's value holds one of NETWORKS."""
    for names, classes in _networks(value, budget, MAX_NESTING):
        for network in NETWORKS:
            if set(network.classes) & classes or (network.has and _matches(network, names)):
                raise FileRefused(f"This is {network.title}, which is not supported.", READ)


def _matches(network: UnsupportedNetwork, names: Collection[str]) -> bool:
    return all(_any(pattern, names) for pattern in network.has) and not any(
        _any(pattern, names) for pattern in network.lacks
    )


def _any(pattern: str, names: Iterable[str]) -> bool:
    compiled = re.compile(f"(?:module\\.)?(?:{pattern})")  # as torch's DataParallel prefixes them
    return any(compiled.fullmatch(name) for name in names)


def _networks(value: object, budget: Budget, nesting: int) -> Iterator[tuple[list[str], set[str]]]:
    # The names of the tensors, and of the classes, of every network in a value.
    if isinstance(value, ModuleRecord) or (isinstance(value, OpaqueObject) and "_modules" in mapping(value)):
        names, classes = [], set[str]()
        for path, module in modules(value, budget):
            classes.add(module.class_name if isinstance(module, ModuleRecord) else "")
            for group in ("_parameters", "_buffers"):
                entries = mapping(mapping(module).get(group))
                budget.count_opcodes(len(entries))
                names += [
                    f"{path}.{name}" if path else str(name) for name in entries if len(str(name)) < budget.limits.name
                ]
        yield names, classes
    elif isinstance(value, dict):
        budget.count_opcodes(len(value))
        yield [name for name in value if isinstance(name, str) and len(name) < budget.limits.name], set()
        if nesting:
            for part in value.values():
                yield from _networks(part, budget, nesting - 1)

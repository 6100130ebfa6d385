"""An uploaded ONNX graph as a Generator. It runs in a sandbox, never in this process, so it has no gradient."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.base import FirstLayer, Precision
from models.errors import Invalid, ModelFailed
from models.generators.onnx_inputs import GraphInput, pack, unpack
from models.sandbox.client import Sandbox, SandboxError
from models.sandbox.device_turn import off_device
from models.specs import GeneratorSpec

MEMORY = 3 * 2**30  # bytes that the graph may use
LARGEST = 512 * 2**20  # bytes of a graph, or of a batch of images
SECONDS = 120.0  # for one batch
BATCH = 8  # images per batch, if the graph accepts any number
EXPORT_AGAIN = "Export the graph again."

Array = NDArray[Any]
GraphFunction = Callable[["OnnxGeneratorPlan", Array, Array | None], Array]
Range = Literal["-1..1", "0..1", "0..255"]
RANGES: Mapping[str, tuple[float, float]] = {"-1..1": (1.0, 0.0), "0..1": (2.0, -1.0), "0..255": (2 / 255, -1.0)}


@dataclass(frozen=True, slots=True)
class OnnxGeneratorPlan:
    """How a graph is called, and how its output becomes images.

    The graph takes `batch` images per call (0: any number), z with `rank` 2 or 4 dimensions, in half precision or not,
    and weights of `classes` classes; `inputs` describes each of its inputs, in their order, where it takes anything
    else. Its `output` has the channels `last` or first; values times `scale` plus `offset` lie in [-1, 1].
    """

    batch: int
    rank: int
    half: bool
    classes: int
    last: bool
    scale: float
    offset: float
    output: str
    inputs: tuple[GraphInput, ...] = ()

    @property
    def has_psi(self) -> bool:
        """Whether the graph truncates by itself, by an input."""
        return any(one.role == "psi" for one in self.inputs)

    @property
    def range(self) -> str:
        """The range of the output's values as the plan takes it."""
        near = {name: abs(self.scale - scale) + abs(self.offset - offset) for name, (scale, offset) in RANGES.items()}
        return min(near, key=lambda name: near[name])

    def with_range(self, range: str) -> Self:
        """The plan for another range of the output's values. Invalid if there is no such range."""
        if range not in RANGES:
            raise Invalid(f"There is no output range “{range[:20]}”.", f"Choose one of {', '.join(RANGES)}.")
        scale, offset = RANGES[range]
        return replace(self, scale=scale, offset=offset)

    def stored(self) -> dict[str, Array]:
        """The plan as arrays, to be stored with the bytes of the graph."""
        values = [self.batch, self.rank, self.half, self.classes, self.last, self.scale, self.offset]
        more = {"inputs": pack(self.inputs)} if self.inputs else {}
        output = np.frombuffer(self.output.encode(), np.uint8).copy()
        return {"plan": np.array(values, np.float64), "output": output, **more}

    @classmethod
    def of(cls, state: Mapping[str, Tensor]) -> Self:
        """The plan in stored tensors. KeyError or ValueError if there is none."""
        batch, rank, half, classes, last, scale, offset = state["plan"].tolist()
        output = bytes(state["output"].tolist()).decode()
        inputs = unpack(bytes(state["inputs"].tolist())) if "inputs" in state else ()
        return cls(int(batch), int(rank), bool(half), int(classes), bool(last), scale, offset, output, inputs)


def sample_prior(seed: int, width: int) -> Array:
    """Standard normal z [width] of a seed."""
    z: Array = torch.randn(width, generator=torch.Generator().manual_seed(seed)).numpy()
    return z


@contextlib.contextmanager
def open_graph(graph: Array, unlocked: bool) -> Iterator[GraphFunction]:
    """A function that runs the graph in a sandbox: (plan, z [N, D], class weights [N, K] or None) to its output."""
    with Sandbox("onnx", memory=MEMORY, seconds=SECONDS, largest=LARGEST, niceness=0, unlocked=unlocked) as sandbox:
        sandbox.call("load", {}, [graph], most=0, hint=EXPORT_AGAIN)
        yield lambda plan, z, classes: _run_graph(sandbox, plan, z, classes)


class OnnxGenerator:
    """An ONNX graph: z [N, D], standard normal, and class weights to images. Truncation scales z.

    Where the graph has a truncation of its own, a latent is [z, psi], and truncation sets psi. The sandbox is started
    at the first image, and again after an error.
    """

    differentiable = False

    def __init__(self, spec: GeneratorSpec, state: Mapping[str, Tensor], device: torch.device | str = "cpu") -> None:
        try:
            self._plan = OnnxGeneratorPlan.of(state)
            self._graph: Array = state["graph"].numpy()
        except (KeyError, TypeError, ValueError) as error:
            raise ModelFailed(f"The weights of {spec.name} are no ONNX graph.", "Check the model family.") from error
        if self._plan.classes != len(spec.classes):
            raise ModelFailed(
                f"{spec.name} takes {self._plan.classes} classes, not {len(spec.classes)}.", "Import it again."
            )
        self.spec, self.device = spec, torch.device(device)
        self.precision: Precision = "fp32"
        self._lock = threading.Lock()
        self._resources: contextlib.ExitStack | None = None
        self._graph_function: GraphFunction | None = None
        self._finalizer = weakref.finalize(self, lambda: None)

    def sample(self, seeds: Sequence[int]) -> Tensor:
        """Standard normal z, sampled on the CPU so that a seed gives the same z on every device."""
        width = self.spec.spaces["z"][0]
        rows = [torch.from_numpy(sample_prior(seed, width)) for seed in seeds]
        return torch.stack(rows).to(self.device) if rows else torch.empty(0, width, device=self.device)

    def map(self, z: Tensor, classes: Tensor | None, truncation: float = 1.0) -> Tensor:
        """z scaled by `truncation`, or z with `truncation` as its last value where the graph takes it."""
        return torch.cat([z, torch.full_like(z[:, :1], truncation)], 1) if self._plan.has_psi else z * truncation

    def synthesize(self, latent: Tensor, classes: Tensor | None) -> Tensor:
        """Images [N, C, H, W] in [-1, 1]. Invalid if a gradient is needed, SandboxError if the sandbox ends it."""
        if latent.requires_grad and torch.is_grad_enabled():
            raise Invalid(f"{self.spec.title} has no gradient: it runs in a sandbox.", "Learn from a score instead.")
        if not len(latent):
            return torch.empty(0, self.spec.channels, self.spec.resolution, self.spec.resolution, device=self.device)
        z = latent.detach().float().cpu().numpy()
        weights = None if classes is None else classes.expand(len(latent), -1).float().cpu().numpy()
        size = 1 if self._differs_in_shared(z, weights) else self._plan.batch or BATCH
        with off_device(), self._lock:  # another image of this graph may take long: that wait is off the device, too
            parts = [
                self._run_batch(z[start : start + size], None if weights is None else weights[start : start + size])
                for start in range(0, len(z), size)
            ]
        output = torch.from_numpy(np.concatenate(parts)).to(self.device)
        images = output.movedim(3, 1) if self._plan.last else output
        return torch.add(self._plan.offset, images, alpha=self._plan.scale).clamp(-1, 1)

    def at(self, precision: Precision) -> Self:
        """Itself: the graph defines the precision in which it computes."""
        return self

    def first_layer(self, classes: Tensor | None) -> FirstLayer | None:
        """None: the graph is not analysed."""
        return None

    def input_weights(self) -> Tensor:
        """An empty matrix [0, D]: the graph is not analysed."""
        return torch.empty(0, self.spec.width, device=self.device)

    def close(self) -> None:
        """End the sandbox; the next image starts another."""
        with self._lock:
            self._close_sandbox()

    def _run_batch(self, z: Array, classes: Array | None) -> Array:
        count, missing = len(z), max(self._plan.batch - len(z), 0)
        if missing:  # the graph takes batches of one size: repeat the last row, and drop its images again
            z = np.concatenate([z, z[-1:].repeat(missing, 0)])
            classes = None if classes is None else np.concatenate([classes, classes[-1:].repeat(missing, 0)])
        try:
            output = self._open_graph()(self._plan, z, classes)[:count]
        except SandboxError:
            self._close_sandbox()
            raise
        sides = output.shape[1:3] if self._plan.last else output.shape[2:]
        if (
            output.ndim != 4
            or len(output) != count
            or sides[0] != self.spec.resolution
            or not np.isfinite(output).all()
        ):
            raise ModelFailed(f"{self.spec.title} did not return images of its resolution.", "Import it again.")
        return output

    def _differs_in_shared(self, latent: Array, classes: Array | None) -> bool:
        # Whether images of one call would need different values of an input that holds one for all of them.
        shared = {one.role for one in self._plan.inputs if one.is_shared}
        labels = None if classes is None else classes.argmax(1)
        return ("psi" in shared and bool((latent[:, -1] != latent[0, -1]).any())) or (
            "label" in shared and labels is not None and bool((labels != labels[0]).any())
        )

    def _open_graph(self) -> GraphFunction:
        if self._graph_function is None:
            resources = contextlib.ExitStack()
            self._graph_function = resources.enter_context(open_graph(self._graph, False))
            self._resources = resources
            # The sandbox ends with this object, or with the process.
            self._finalizer = weakref.finalize(self, resources.close)
        return self._graph_function

    def _close_sandbox(self) -> None:
        resources, self._resources, self._graph_function = self._resources, None, None
        self._finalizer.detach()
        if resources is not None:
            resources.close()


def _run_graph(sandbox: Sandbox, plan: OnnxGeneratorPlan, latent: Array, classes: Array | None) -> Array:
    if plan.classes and classes is None:
        raise Invalid("This model needs class weights, and none were given.", "Choose a class.")
    z, psi = (latent[:, :-1], latent[:, -1]) if plan.has_psi else (latent, np.ones(len(latent)))
    inputs = [one.value(z, classes, psi) for one in plan.inputs or _usual_inputs(plan)]
    arrays = sandbox.call("run", {"output": plan.output}, inputs, most=LARGEST, hint=EXPORT_AGAIN).arrays
    if len(arrays) != 1 or arrays[0].dtype != np.float32:
        raise ModelFailed("The graph returned no images.", "Check the outputs of the graph.")
    return np.asarray(arrays[0])


def _usual_inputs(plan: OnnxGeneratorPlan) -> tuple[GraphInput, ...]:
    dtype = "float16" if plan.half else "float32"
    z = GraphInput("z", "z", dtype, (None, None, *[1] * (plan.rank - 2)))
    return (z, GraphInput("classes", "weights", dtype, (None, plan.classes))) if plan.classes else (z,)

"""A stranger's ONNX graph as a Generator: it runs in the jail and nowhere else, so that it has no gradient."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.base import FirstLayer, Precision
from models.errors import Invalid, ModelFailed
from models.sandbox.client import Sandbox, SandboxError, SandboxTaskFailed
from models.sandbox.protocol import REFUSED
from models.specs import GeneratorSpec

MEMORY = 3 * 2**30
LARGEST = 512 * 2**20  # bytes of a graph, or of a batch of pictures
SECONDS = 120.0
BATCH = 8  # pictures at once, where any number may be

Numbers = NDArray[Any]
Ask = Callable[["OnnxGeneratorPlan", Numbers, Numbers | None], Numbers]


@dataclass(frozen=True, slots=True)
class OnnxGeneratorPlan:
    """How a graph is asked: `batch` pictures at once (0: any number), z of `rank` 2 or 4, as half floats or not, beside
    weights of so many `classes`; and how its output becomes pictures: channels `last` or first, values times `scale`
    plus `offset` in [-1, 1].
    """

    batch: int
    rank: int
    half: bool
    classes: int
    last: bool
    scale: float
    offset: float
    output: str

    def stored(self) -> dict[str, Numbers]:
        """The plan as tensors, beside the graph's bytes."""
        numbers = [self.batch, self.rank, self.half, self.classes, self.last, self.scale, self.offset]
        return {"plan": np.array(numbers, np.float64), "output": np.frombuffer(self.output.encode(), np.uint8).copy()}

    @classmethod
    def of(cls, state: Mapping[str, Tensor]) -> Self:
        """The stored plan; KeyError or ValueError where there is none."""
        batch, rank, half, classes, last, scale, offset = state["plan"].tolist()
        output = bytes(state["output"].tolist()).decode()
        return cls(int(batch), int(rank), bool(half), int(classes), bool(last), scale, offset, output)


def sample_prior(seed: int, width: int) -> Numbers:
    """Standard normal z [width] of a seed."""
    drawn: Numbers = torch.randn(width, generator=torch.Generator().manual_seed(seed)).numpy()
    return drawn


@contextlib.contextmanager
def open_graph(graph: Numbers, unlocked: bool) -> Iterator[Ask]:
    """A jail in which the graph is ready; ask it with a plan, z [N, D] and class weights [N, K] or None."""
    with Sandbox("onnx", memory=MEMORY, seconds=SECONDS, largest=LARGEST, unlocked=unlocked) as jail:
        _told(lambda: jail.call("load", {}, [graph], most=0))
        yield lambda plan, z, classes: _asked(jail, plan, z, classes)


class OnnxGenerator:
    """An ONNX graph: z [N, D], standard normal, and class weights to pictures; truncation scales z.

    Its jail is opened at the first picture, and anew after an error.
    """

    differentiable = False

    def __init__(self, spec: GeneratorSpec, state: Mapping[str, Tensor], device: torch.device | str = "cpu") -> None:
        try:
            self._plan = OnnxGeneratorPlan.of(state)
            self._graph: Numbers = state["graph"].numpy()
        except (KeyError, ValueError) as error:
            raise ModelFailed(f"The weights of {spec.name} are no ONNX graph.", "Check the model family.") from error
        if self._plan.classes != len(spec.classes):
            raise ModelFailed(
                f"{spec.name} takes {self._plan.classes} classes, not {len(spec.classes)}.", "Import it anew."
            )
        self.spec, self.device = spec, torch.device(device)
        self.precision: Precision = "fp32"
        self._lock = threading.Lock()
        self._open: contextlib.ExitStack | None = None
        self._ask: Ask | None = None
        self._end = weakref.finalize(self, lambda: None)

    def sample(self, seeds: Sequence[int]) -> Tensor:
        """Standard normal z; drawn on the CPU, so that a seed means the same everywhere."""
        width = self.spec.width
        rows = [torch.from_numpy(sample_prior(seed, width)) for seed in seeds]
        return torch.stack(rows).to(self.device) if rows else torch.empty(0, width, device=self.device)

    def map(self, z: Tensor, classes: Tensor | None, truncation: float = 1.0) -> Tensor:
        return z * truncation

    def synthesize(self, latent: Tensor, classes: Tensor | None) -> Tensor:
        """As every generator's; Invalid where a gradient is asked of it, ModelFailed where the jail ends it."""
        if latent.requires_grad and torch.is_grad_enabled():
            raise Invalid(f"{self.spec.title} has no gradient: it runs in a jail.", "Learn from a score instead.")
        if not len(latent):
            return torch.empty(0, self.spec.channels, self.spec.resolution, self.spec.resolution, device=self.device)
        z = latent.detach().float().cpu().numpy()
        weights = None if classes is None else classes.expand(len(latent), -1).float().cpu().numpy()
        size = self._plan.batch or BATCH
        with self._lock:
            parts = [self._part(z, weights, at, size) for at in range(0, len(z), size)]
        raw = torch.from_numpy(np.concatenate(parts)).to(self.device)
        picture = raw.movedim(3, 1) if self._plan.last else raw
        return torch.add(self._plan.offset, picture, alpha=self._plan.scale).clamp(-1, 1)

    def at(self, precision: Precision) -> Self:
        """Itself: the graph says in what precision it computes."""
        return self

    def first_layer(self, classes: Tensor | None) -> FirstLayer | None:
        """None: what is inside the graph is not looked at."""
        return None

    def input_weights(self) -> Tensor:
        """None of its weights are looked at: [0, D]."""
        return torch.empty(0, self.spec.width, device=self.device)

    def close(self) -> None:
        """End its jail; the next picture opens another."""
        with self._lock:
            self._drop()

    def _part(self, z: Numbers, weights: Numbers | None, at: int, size: int) -> Numbers:
        rows = z[at : at + size]
        kinds = None if weights is None else weights[at : at + size]
        count = len(rows)
        if self._plan.batch and count < size:  # it takes just so many: the last is repeated, and left out again
            rows = np.concatenate([rows, rows[-1:].repeat(size - count, 0)])
            kinds = None if kinds is None else np.concatenate([kinds, kinds[-1:].repeat(size - count, 0)])
        try:
            made = self._opened()(self._plan, rows, kinds)[:count]
        except SandboxError:
            self._drop()
            raise
        sides = made.shape[1:3] if self._plan.last else made.shape[2:]
        if made.ndim != 4 or len(made) != count or sides[0] != self.spec.resolution or not np.isfinite(made).all():
            raise ModelFailed(f"{self.spec.title} gave no picture of its own size.", "Import it anew.")
        return made

    def _opened(self) -> Ask:
        if self._ask is None:
            stack = contextlib.ExitStack()
            self._ask = stack.enter_context(open_graph(self._graph, False))
            self._open = stack
            self._end = weakref.finalize(self, stack.close)  # it ends with its generator, or with the program
        return self._ask

    def _drop(self) -> None:
        stack, self._open, self._ask = self._open, None, None
        self._end.detach()
        if stack is not None:
            stack.close()


def _asked(jail: Sandbox, plan: OnnxGeneratorPlan, z: Numbers, classes: Numbers | None) -> Numbers:
    kind = np.float16 if plan.half else np.float32
    given = [z.astype(kind).reshape(*z.shape, *[1] * (plan.rank - z.ndim))]
    if plan.classes:
        if classes is None:
            raise Invalid("It is asked for classes, and none were given.", "Name some.")
        given.append(classes.astype(kind))
    arrays = _told(lambda: jail.call("run", {"output": plan.output}, given, most=LARGEST)).arrays
    if len(arrays) != 1 or arrays[0].dtype != np.float32:
        raise ModelFailed("It gave no pictures.", "Check the graph's outputs.")
    return np.asarray(arrays[0])


def _told(call: Callable[[], Any]) -> Any:
    # What the jail's side refuses is a sentence of ours; other errors stay what they are.
    try:
        return call()
    except SandboxTaskFailed as error:
        if error.kind == REFUSED:
            raise SandboxError(error.text, "Export it anew.") from None
        raise

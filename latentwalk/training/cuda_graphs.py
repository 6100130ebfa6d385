"""Steps recorded once as a CUDA graph and played back: at small sides most of a step is Python asking for the next
kernel, and a recording asks for all of them at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

WARM = 3  # steps before a recording, in which libraries choose their ways and optimisers make their moments

Step = Callable[..., Tensor]


class CudaGraph:
    """A step of fixed shapes, as a callable: real steps at first, then their recording.

    What the step reads besides its inputs must stay where it is in memory, and it must not wait for the device. Its
    result is overwritten by the next call.
    """

    def __init__(self, step: Step) -> None:
        self._step, self._calls = step, 0
        self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        self._graph: torch.cuda.CUDAGraph | None = None
        self._inputs: list[Tensor | None] = []
        self._result = torch.empty(0)

    def __call__(self, *inputs: Tensor | None) -> Tensor:
        if self._graph is None and self._calls < WARM:
            self._calls += 1
            return self._aside(inputs)
        if self._graph is None:
            self._inputs = [None if given is None else given.clone() for given in inputs]
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph, stream=self._stream):
                self._result = self._step(*self._inputs)
        for kept, given in zip(self._inputs, inputs, strict=True):
            if kept is not None and given is not None:
                kept.copy_(given, non_blocking=True)
        self._graph.replay()
        return self._result

    def _aside(self, inputs: Sequence[Tensor | None]) -> Tensor:
        # Where it will be recorded: the backward pass remembers the stream of its forward.
        here = torch.cuda.current_stream()
        self._stream.wait_stream(here)
        with torch.cuda.stream(self._stream):
            result = self._step(*inputs)
        here.wait_stream(self._stream)
        return result

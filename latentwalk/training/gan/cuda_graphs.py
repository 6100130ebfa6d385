"""Training steps recorded once as a CUDA graph and replayed.

At small image sides, most of a step is the time Python takes to launch kernels; a graph launches all of them at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

WARM_UP = 3  # steps before recording, in which libraries select algorithms and optimisers allocate their moments

Step = Callable[..., Tensor]


class CudaGraph:
    """A callable that runs a step of fixed shapes a few times and then replays its recording.

    Everything the step reads besides its inputs must stay at the same address, and the step must not synchronise with
    the device. The next call overwrites the result.
    """

    def __init__(self, step: Step) -> None:
        self._step, self._calls = step, 0
        self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        self._graph: torch.cuda.CUDAGraph | None = None
        self._inputs: list[Tensor | None] = []
        self._result = torch.empty(0)

    def __call__(self, *inputs: Tensor | None) -> Tensor:
        """Run or replay the step with these inputs."""
        if self._graph is None and self._calls < WARM_UP:
            self._calls += 1
            return self._run_on_stream(inputs)
        if self._graph is None:
            self._inputs = [None if value is None else value.clone() for value in inputs]
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph, stream=self._stream):
                self._result = self._step(*self._inputs)
        for buffer, value in zip(self._inputs, inputs, strict=True):
            if buffer is not None and value is not None:
                buffer.copy_(value, non_blocking=True)
        self._graph.replay()
        return self._result

    def _run_on_stream(self, inputs: Sequence[Tensor | None]) -> Tensor:
        # On the stream that will record the step: the backward pass uses the stream of its forward pass.
        current = torch.cuda.current_stream()
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            result = self._step(*inputs)
        current.wait_stream(self._stream)
        return result

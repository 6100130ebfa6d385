"""Caches the output of each block of a network for one image, to resume from the first block whose styles changed."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import torch
from torch import Tensor

LARGEST = 2**27  # values in all cached maps; those of a 1024 px StyleGAN2 are half as many

Styles = Sequence[Sequence[Tensor]]
BlockOutput = tuple[Tensor, Tensor | None]


class BlockCache:
    """The feature map and the image after each block, for the last image that was made.

    A slider that acts on late layers leaves the early ones unchanged. The same styles give the same maps, bit for bit,
    so a cached result equals a computed one. Only single images without gradients are cached. The cache
    serves one thread at a time; a second thread computes everything.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._styles: list[Tensor] = []
        self._outputs: list[BlockOutput] = []
        self.reused = 0  # blocks of the last image that came from the cache

    def acquire(self, styles: Styles) -> bool:
        """True if the cache can be used for an image of these styles; the caller must then call `release`."""
        single = len(styles[0][0]) == 1 and not torch.is_grad_enabled()
        return single and self._lock.acquire(blocking=False)

    def release(self) -> None:
        """Let another image use the cache."""
        self._lock.release()

    def begin(self, styles: Styles) -> list[BlockOutput]:
        """The outputs of the blocks before the first whose styles differ from the last image's; forgets the rest."""
        current = [torch.cat([layer.flatten() for layer in block]) for block in styles]
        equal = 0
        if self._styles and [len(block) for block in self._styles] == [len(block) for block in current]:
            pairs = zip(self._styles, current, strict=True)
            differs = torch.stack([(old != new).any() for old, new in pairs]).tolist()
            equal = differs.index(True) if True in differs else len(differs)
        self._styles, self._outputs = current, self._outputs[:equal]
        self.reused = len(self._outputs)
        return list(self._outputs)

    def append(self, output: BlockOutput) -> None:
        """Store the output of the next block, unless the cache is full."""
        if len(self._outputs) < len(self._styles) and sum(x.numel() for x, _ in self._outputs) < LARGEST:
            self._outputs.append(output)

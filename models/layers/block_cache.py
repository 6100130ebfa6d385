"""What a network made of its last picture, block by block, to go on from where a new one first differs."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import torch
from torch import Tensor

MOST = 2**27  # numbers of all maps kept: those of a 1024 px StyleGAN2 are half of that

Styles = Sequence[Sequence[Tensor]]
Made = tuple[Tensor, Tensor | None]


class BlockCache:
    """The maps and colours behind each block of one picture. A slider that acts on late layers leaves the early ones.

    The same styles give the same maps, bit for bit, so that nothing shows whether they were made anew. Only single
    pictures without gradients are kept. A second thread finds it taken, and goes without.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._styles: list[Tensor] = []
        self._made: list[Made] = []
        self.reused = 0  # blocks of the last picture that were not made anew

    def enter(self, styles: Styles) -> bool:
        """Whether it may be used for a picture of these styles; `leave` must follow where it may."""
        alone = len(styles[0][0]) == 1 and not torch.is_grad_enabled()
        return alone and self._lock.acquire(blocking=False)

    def leave(self) -> None:
        """Let the next picture in."""
        self._lock.release()

    def begin(self, styles: Styles) -> list[Made]:
        """What the blocks before the first that differs made, and nothing of those after it."""
        now = [torch.cat([layer.flatten() for layer in block]) for block in styles]
        alike = 0
        if self._styles and [len(one) for one in self._styles] == [len(one) for one in now]:
            differ = torch.stack([(one != other).any() for one, other in zip(self._styles, now, strict=True)]).tolist()
            alike = differ.index(True) if True in differ else len(differ)
        self._styles, self._made = now, self._made[:alike]
        self.reused = len(self._made)
        return list(self._made)

    def keep(self, made: Made) -> None:
        """Remember what the next block made, unless that is too much."""
        if len(self._made) < len(self._styles) and sum(part.numel() for part, _ in self._made) < MOST:
            self._made.append(made)

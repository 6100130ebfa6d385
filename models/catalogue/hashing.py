"""Hashes that identify things: the fingerprint of weights, the same in every file, and the SHA-256 of a file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor


def fingerprint(state: Mapping[str, Tensor]) -> str:
    """`sha256:` over the name, dtype, shape and bytes of every tensor, in name order, the same in every file format."""
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}|".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data if tensor.numel() else b"")
    return "sha256:" + digest.hexdigest()


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file as hexadecimal digits, read in blocks. OSError if it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

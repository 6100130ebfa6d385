"""The file of a trained encoder: its weights, its sizes and the fingerprint of the generator it belongs to."""

from __future__ import annotations

import json
from pathlib import Path

import safetensors.torch

from latentwalk.errors import Invalid
from latentwalk.training.checkpoint_file import CheckpointFile
from models.networks.encoder import Encoder

SIZES = ("side", "w", "width", "moments", "channels")


def encoder_bytes(encoder: Encoder, fingerprint: str) -> bytes:
    """The encoder as a safetensors file, tied to the fingerprint of its generator."""
    sizes = {name: getattr(encoder, name) for name in SIZES}
    metadata = {"plan": json.dumps(sizes), "generator": fingerprint}
    tensors = {name: value.contiguous() for name, value in encoder.state_dict().items()}
    return safetensors.torch.save(tensors, metadata)


def load_encoder(file: Path, fingerprint: str) -> Encoder:
    """The encoder in a file, on the CPU and in evaluation mode.

    Raises Invalid if the file is missing or was trained for a generator with another fingerprint.
    """
    if not file.is_file():
        raise Invalid(f"There is no encoder at {file.name}.", "Train it first.")
    checkpoint = CheckpointFile.read(file)
    if checkpoint.metadata.get("generator") != fingerprint:
        raise Invalid(f"The encoder {file.name} belongs to another generator.", "Train one for this generator.")
    encoder = Encoder(**json.loads(checkpoint.metadata["plan"]))
    encoder.load_state_dict(checkpoint.tensors)
    return encoder.eval()

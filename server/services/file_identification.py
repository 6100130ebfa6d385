"""What an uploaded file is and what it can be opened as, told from its first bytes and never from its name."""

from __future__ import annotations

from dataclasses import dataclass

from models.importing.file_formats import HEAD, Use, detect_upload
from models.regressors.onnx.detect_format import advice

__all__ = ["HEAD", "IdentifiedFile", "identify"]
FILES = (
    "Choose a slider (.safetensors, .npz, .npy), a generator (.pkl, .pt, .pth, .safetensors), an attribute model "
    "(.onnx), ratings (.csv, .tsv, .txt), a sound, or a picture or film made with Latentwalk."
)


@dataclass(frozen=True, slots=True)
class IdentifiedFile:
    """A file's format, as an identifier, a noun phrase and a media type ("" where none is known).

    `uses` names what it can be opened as, likeliest first; where it is empty, `hint` says what to open instead.
    """

    format: str
    description: str
    media_type: str
    uses: tuple[Use, ...]
    hint: str


def identify(head: bytes, size: int) -> IdentifiedFile:
    """Identify a file of `size` bytes by its first `HEAD` bytes, or by all of it if it is shorter."""
    format = detect_upload(head, size)
    hint = "" if format.uses else advice(format) or FILES
    return IdentifiedFile(format.id, format.description, format.media_type, format.uses, hint)

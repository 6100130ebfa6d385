"""The readers of untrusted bytes as fuzz targets: each takes any bytes, and may only return or refuse them.

A target raises nothing but what is left after the errors that the reader may raise: whatever gets out is a fault.
"""

from __future__ import annotations

import contextlib
import json
import struct
from collections.abc import Callable

import numpy as np

from tests.models.importing.pickle_writer import zip_bytes

Target = Callable[[bytes], None]
SECONDS = 10.0  # that a reader may take for an input of at most LARGEST bytes
LARGEST = 4096
OPCODES = 20_000  # limit of pickle instructions: an input of LARGEST bytes needs far fewer


def read_pickle(data: bytes) -> None:
    """A bare pickle, through the interpreter and every converter of checkpoints."""
    _read_checkpoint(b"\x80\x04" + data)


def read_torch_file(data: bytes) -> None:
    """A PyTorch file: an even first byte chooses the pickle inside a whole zip, an odd one all bytes of the file."""
    if data[:1] and data[0] % 2 == 0:
        members = {"a/data.pkl": data[1:], "a/data/0": bytes(64), "a/data/1": bytes(256), "a/version": b"3\n"}
        _read_checkpoint(zip_bytes(members))
    else:
        _read_checkpoint(data[1:])


def read_zip(data: bytes) -> None:
    """The strict reader of zip archives, with and without compressed members, and what tells archives apart."""
    from models.importing import file_formats
    from models.importing.formats.zip_archive import read_members
    from models.importing.limits import Budget, FileRefused

    for inflated in (0, 2**20):
        with contextlib.suppress(FileRefused):
            read_members(memoryview(data), Budget(size=len(data)), inflated)
    file_formats.detect_upload(data[: file_formats.HEAD], len(data))
    file_formats.zip_names(data)


def read_safetensors(data: bytes) -> None:
    """A safetensors file: an even first byte chooses its header, before zeros, an odd one all bytes of the file."""
    _read_checkpoint(_with_header(data))


def read_vectors(data: bytes) -> None:
    """Directions and latents of other programs: NumPy's files and archives, and PyTorch's."""
    from models.importing import direction_files
    from models.importing.limits import FileRefused, Limits

    with contextlib.suppress(FileRefused):
        direction_files.read_vectors(memoryview(data), Limits(numbers=2**20, opcodes=OPCODES, seconds=SECONDS))


def read_direction(data: bytes) -> None:
    """A direction file: an even first byte chooses its description, an odd one all bytes of the file."""
    from latentwalk.directions import direction_file
    from latentwalk.errors import LatentwalkError

    if data[:1] and data[0] % 2 == 0:
        text = data[1:].decode("utf-8", "replace")
        header = {
            "__metadata__": {direction_file.KEY: text},
            "vector": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]},
        }
        raw = json.dumps(header).encode()
        body = np.array([1, 0, 0, 0], np.float32).tobytes()
        data = b"-" + struct.pack("<Q", len(raw)) + raw + body
    with contextlib.suppress(LatentwalkError):
        direction = direction_file.from_bytes(data[1:])
        again = direction_file.from_bytes(direction_file.to_bytes(direction))
        assert (again.id, again.range) == (direction.id, direction.range)


def read_message(data: bytes) -> None:
    """A message on the live socket, as text and as bytes."""
    from server.api.live_messages import MessageRefused, parse

    text = data.decode("utf-8", "surrogatepass" if data[:1] == b"{" else "replace") if _is_text(data) else None
    with contextlib.suppress(MessageRefused):
        parse({"type": "websocket.receive", "text": text} if text is not None else {"bytes": data})


def read_sandbox_answer(data: bytes) -> None:
    """What a sandbox's worker returns through its pipe; a worker that was taken over may return anything."""
    from models.sandbox.protocol import ProtocolError, receive

    rest = memoryview(data)

    def read(count: int) -> bytes:
        nonlocal rest
        if count > len(rest):
            raise EOFError  # as the client does when the pipe ends
        part, rest = rest[:count], rest[count:]
        return bytes(part)

    with contextlib.suppress(ProtocolError, EOFError):
        receive(read, 2**20)


def read_recipe(data: bytes) -> None:
    """A file that may carry the recipe of a picture or a walk: images, videos, archives and JSON."""
    from latentwalk import edit
    from latentwalk.errors import LatentwalkError
    from latentwalk.films import timeline
    from latentwalk.films.recipe_extraction import media_type, recipe_of

    media_type(data)
    with contextlib.suppress(LatentwalkError):
        kind, recipe = recipe_of(data)
        if kind == "edit":
            edit.canonical(edit.parse(recipe))
        else:
            timeline.canonical(timeline.read(recipe))


def read_ratings(data: bytes) -> None:
    """A table of ratings."""
    from latentwalk.errors import LatentwalkError
    from latentwalk.steering.scores import ratings_table

    with contextlib.suppress(LatentwalkError):
        ratings_table.read_csv(data)


TARGETS: dict[str, Target] = {
    "pickle": read_pickle,
    "torch": read_torch_file,
    "zip": read_zip,
    "safetensors": read_safetensors,
    "vectors": read_vectors,
    "direction": read_direction,
    "message": read_message,
    "sandbox": read_sandbox_answer,
    "recipe": read_recipe,
    "ratings": read_ratings,
}


def _read_checkpoint(data: bytes) -> None:
    from models.importing.limits import FileRefused, Limits
    from models.importing.read_in_sandbox import read

    with contextlib.suppress(FileRefused):
        read(memoryview(data), limits=Limits(opcodes=OPCODES, numbers=2**20, copies=2**22, seconds=SECONDS))


def _with_header(data: bytes) -> bytes:
    if data[:1] and data[0] % 2 == 0:
        return struct.pack("<Q", len(data) - 1) + data[1:] + bytes(64)
    return data[1:]


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8", "surrogatepass" if data[:1] == b"{" else "replace")
    except UnicodeDecodeError:
        return False
    return True

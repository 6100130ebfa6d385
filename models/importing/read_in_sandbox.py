"""A checkpoint's bytes to its passport and its weights in our layout: the whole of what runs in the jail."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from models.importing.families import biggan, genforce, nvidia, plain, rosinality, tensorflow
from models.importing.formats.detect_format import GIVE, FileContents, read_contents
from models.importing.limits import Budget, FileRefused, Limits
from models.importing.passport import Converted, Passport, passport
from models.importing.unpickle.records import Inert, Node

READERS = (nvidia.convert, tensorflow.convert, rosinality.convert, genforce.convert, biggan.convert, plain.convert)
LARGEST_CONFIG = 2**20


def read(data: memoryview, config: bytes = b"", limits: Limits | None = None) -> tuple[Passport, Converted]:
    """What a file contains, and its generator. `config` is the config.json that lay beside it, if there was one.

    Refused, with a sentence and a hint, for everything that is not a whole checkpoint of a known kind.
    """
    budget = Budget(limits or Limits())
    found = read_contents(data, budget, _config(config))
    with np.errstate(all="ignore"):  # what is not finite is refused in the end
        for reader in READERS:
            converted = reader(found, budget)
            if converted is not None:
                return passport(data, converted, found.names), converted
    raise FileRefused(f"This is {found.format}, but of {_what(found)}.", GIVE)


def _config(data: bytes) -> Mapping[str, Any]:
    if not data:
        return {}
    if len(data) > LARGEST_CONFIG:
        raise FileRefused("The config.json is larger than any network's.")
    try:
        told = json.loads(data)
    except (ValueError, RecursionError):
        raise FileRefused("The config.json cannot be read.") from None
    return told if isinstance(told, dict) else {}


def _what(found: FileContents) -> str:
    value = found.value
    if isinstance(value, Inert | Node):
        kind = value.kind if isinstance(value, Node) else value.name
        return f"a “{str(kind)[:80]}”, not of a generator that is known here"
    if isinstance(value, dict):
        words = ", ".join(str(key)[:40] for key in list(value)[:6])
        return f"something else than a generator that is known here (it has {words})" if words else "nothing"
    return "something else than a generator"

"""A checkpoint's bytes to its passport and its converted weights: all of what the sandbox does with a checkpoint."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from models.generators.cost import check_cost
from models.importing.families import biggan, genforce, nvidia, plain, rosinality, tensorflow
from models.importing.families.unsupported import READ, refuse_unsupported
from models.importing.formats.read_contents import read_contents
from models.importing.limits import Budget, FileRefused, Limits
from models.importing.passport import ConvertedGenerator, Passport, make_passport
from models.importing.state_dicts import OTHER_NETWORK
from models.importing.unpickle.records import ModuleRecord, OpaqueObject

CONVERTERS = (nvidia.convert, tensorflow.convert, rosinality.convert, genforce.convert, biggan.convert, plain.convert)
MAX_CONFIG = 2**20  # bytes
CHANNELS = (1, 3, 4)  # of a picture


def read(data: memoryview, config: bytes = b"", limits: Limits | None = None) -> tuple[Passport, ConvertedGenerator]:
    """The passport and the generator of a file; `config` is the config.json beside it, if there is one.

    Raises FileRefused, with a message and a hint, for everything that is not a whole checkpoint of a known family.
    """
    budget = Budget(limits or Limits(), len(data))
    contents = read_contents(data, budget, _parse_config(config))
    refuse_unsupported(contents.value, budget)
    with np.errstate(all="ignore"):  # numbers that are not finite are refused in the end
        for convert in CONVERTERS:
            converted = convert(contents, budget)
            if converted is not None:
                _check(converted)
                return make_passport(data, converted, contents.names), converted
    raise FileRefused(f"This is {contents.format}, but of {_describe(contents.value)}.", READ)


def _check(converted: ConvertedGenerator) -> None:
    if converted.sizes.channels not in CHANNELS:
        raise FileRefused(
            f"The network makes pictures of {converted.sizes.channels} channels; grey, RGB and RGBA have 1, 3 or 4.",
            OTHER_NETWORK,
        )
    check_cost(converted.family, converted.state)


def _parse_config(data: bytes) -> Mapping[str, Any]:
    if not data:
        return {}
    if len(data) > MAX_CONFIG:
        raise FileRefused("The config.json is larger than any network's.")
    try:
        config = json.loads(data)
    except (ValueError, RecursionError):
        raise FileRefused("The config.json cannot be read.") from None
    return config if isinstance(config, dict) else {}


def _describe(value: object) -> str:
    if isinstance(value, OpaqueObject | ModuleRecord):
        name = value.class_name if isinstance(value, ModuleRecord) else value.name
        return f"a “{str(name)[:80]}”, not of a known generator" if name else "an object, not of a known generator"
    if isinstance(value, dict):
        keys = ", ".join(str(key)[:40] for key in list(value)[:6])
        return f"something else than a known generator (it has {keys})" if keys else "nothing"
    return "something else than a generator"

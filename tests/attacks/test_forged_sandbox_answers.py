"""A sandbox whose worker was taken over: whatever it returns is checked before it is used."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ModelFailed
from models.regressors.onnx import InputPlan, OnnxRegressor, Passport, guess_plan, inspect
from models.regressors.onnx.passport import validate
from models.sandbox.client import Sandbox, SandboxError, SandboxRefused, SandboxTaskFailed
from models.sandbox.protocol import Message
from tests.onnx_files import brightness, spec

DATA = brightness()
VALUE = {"name": "picture", "kind": "float32", "shape": [None, 3, 32, 32]}
VALID = {
    "opset": 17, "producer": "", "nodes": 3, "parameters": 3, "input": VALUE, "outputs": [VALUE], "metadata": {},
}  # fmt: skip
FORGED: dict[str, Any] = {
    "nothing": {},
    "a list": [],
    "an opset that is no number": {**VALID, "opset": float("nan")},
    "nodes without end": {**VALID, "nodes": float("inf")},
    "nodes beyond counting": {**VALID, "nodes": 10**400},
    "nodes that are true": {**VALID, "nodes": True},
    "parameters below none": {**VALID, "parameters": -1},
    "no input": {**VALID, "input": None},
    "an input that is a list": {**VALID, "input": ["name", "kind", "shape"]},
    "a shape of words": {**VALID, "input": {**VALUE, "shape": ["a"]}},
    "a shape that is a word": {**VALID, "input": {**VALUE, "shape": "1333"}},
    "a shape of fractions": {**VALID, "input": {**VALUE, "shape": [1.5, 3, 32, 32]}},
    "a million sides": {**VALID, "input": {**VALUE, "shape": [1] * 10**6}},
    "a kind that is none": {**VALID, "input": {**VALUE, "kind": "object"}},
    "a kind that cannot be looked up": {**VALID, "input": {**VALUE, "kind": []}},
    "outputs as an object": {**VALID, "outputs": {"a": 1}},
    "a million outputs": {**VALID, "outputs": [VALUE] * 10**6},
    "an output of nothing": {**VALID, "outputs": [None]},
    "metadata as a list": {**VALID, "metadata": [["a", "b"]]},
    "a million notes": {**VALID, "metadata": {str(number): "" for number in range(10**6)}},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def test_a_valid_answer_is_accepted() -> None:
    passport = validate(VALID, DATA)
    assert (passport.opset, passport.input, passport.shape) == (17, "picture", (None, 3, 32, 32))
    assert guess_plan(passport)[0].side == 32


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_passport_is_refused(name: str) -> None:
    with pytest.raises(SandboxError, match="is malformed"):
        validate(FORGED[name], DATA)


@given(st.sampled_from(sorted(VALID)), JSON)
def test_any_passport_is_valid_or_refused(part: str, value: object) -> None:
    try:
        passport = validate({**VALID, part: value}, DATA)
    except SandboxError:
        return
    texts = [passport.producer, passport.input, *passport.metadata, *passport.metadata.values()]
    assert all(text.isprintable() and len(text) <= 200 for text in texts)
    assert all(type(value) is int and value >= 0 for value in (passport.opset, passport.nodes, passport.parameters))
    assert isinstance(asdict(passport), dict)


def test_escapes_and_invisible_characters_are_removed() -> None:
    value = {**VALID, "producer": "\x1b[2Jtorch\u202e\nsecond", "metadata": {"a\x00b": "c\rd"}}
    passport = validate(value, DATA)
    assert passport.producer == "[2Jtorch"
    assert passport.metadata == {"ab": "c"}


class ForgingSandbox:
    """Stands for a sandbox whose worker returns whatever it likes."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def call(
        self, name: str, given: object, arrays: object = (), *, most: int | None = None, hint: str = ""
    ) -> Message:
        if isinstance(self.answer, Exception):
            raise self.answer
        return Message({}, self.answer if name == "run" else ())

    def close(self) -> None:
        self.answer = SandboxError("The sandbox is closed.")


@pytest.fixture
def plan() -> InputPlan:
    return InputPlan(side=32, output="score")


@pytest.mark.parametrize(
    "answer",
    [
        [],
        [np.zeros(4, np.float32)] * 2,
        [np.zeros((0,), np.float32)],
        [np.zeros((4, 0), np.float32)],
        [np.zeros((4, 0, 2**30), np.float32)],
        [np.zeros((3, 2), np.float32)],
        [np.array(1.0)],
        [np.array([1, 2, 3, np.inf])],
        [np.array([1, 2, 3, 1e300])],  # no float32
        SandboxRefused("no"),
        SandboxTaskFailed("", ""),
    ],
)
def test_impossible_scores_are_refused(answer: Any, plan: InputPlan) -> None:
    regressor = OnnxRegressor(spec(DATA, plan), DATA, plan)
    regressor._sandbox = ForgingSandbox(answer)  # type: ignore[assignment]
    with pytest.raises(ModelFailed) as error:
        regressor.score(torch.zeros(4, 3, 32, 32))
    assert str(error.value).isprintable()
    regressor.close()
    assert regressor.score(torch.zeros(1, 3, 32, 32)).shape == (1,)  # the next sandbox is a real one


def test_an_inspection_allows_no_arrays_in_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[int | None] = []
    call = Sandbox.call

    def record(self: Sandbox, *arguments: Any, most: int | None = None, hint: str = "") -> Message:
        limits.append(most)
        return call(self, *arguments, most=most, hint=hint)

    monkeypatch.setattr(Sandbox, "call", record)
    assert isinstance(inspect(DATA), Passport)
    assert limits == [0]

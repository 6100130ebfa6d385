"""Edits: one spelling, one link, and a sentence for everything that is not one."""

import base64
import json
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from latentwalk.edit import Edit, canonical, parse, parse_text, share_code
from latentwalk.errors import Invalid

numbers = st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False))
weights = st.one_of(st.integers(0, 100), st.floats(0, 1e6))
names = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp"]), min_size=1, max_size=64)
seeds = st.integers(0, 2**32 - 1)


def some(mapping):
    return mapping.filter(lambda table: not table or sum(table.values()) > 0)


bases = st.one_of(
    st.builds(lambda seed: {"seed": seed}, seeds),
    st.builds(lambda table: {"seeds": table}, some(st.dictionaries(seeds.map(str), weights, min_size=1, max_size=16))),
)
recipes = st.fixed_dictionaries(
    {"generator": names, "base": bases},
    optional={
        "classes": some(st.dictionaries(names, weights, max_size=8)),
        "truncation": st.floats(0, 2),
        "amounts": st.dictionaries(names, numbers, max_size=8),
        "layers": st.dictionaries(names, st.tuples(st.integers(0, 18), st.integers(0, 18)), max_size=3),
        "hold": st.lists(names, max_size=4),
    },
)


@given(recipes)
@example({"generator": "eyes", "base": {"seed": 7}, "amounts": {"zoom": -0.0}})
@example({"generator": "eyes", "base": {"seeds": {"7": 1}}, "classes": {"blue": 1e-300}})
def test_an_edit_survives_its_canonical_spelling_and_its_link(recipe):
    edit = parse(recipe)
    assert parse_text(canonical(edit)) == edit
    code = share_code(edit)
    assert parse_text(base64.urlsafe_b64decode(code + "=" * (-len(code) % 4))) == edit
    assert canonical(parse_text(canonical(edit))) == canonical(edit)


@given(recipes)
def test_the_spelling_does_not_depend_on_the_order_of_writing(recipe):
    def reversed_(value):
        if isinstance(value, dict):
            return {name: reversed_(inner) for name, inner in reversed(value.items())}
        return value

    assert canonical(parse(reversed_(recipe))) == canonical(parse(recipe))


@given(recipes)
def test_links_hold_only_characters_that_need_no_escape(recipe):
    assert set(share_code(parse(recipe))) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_defaults_are_left_out_and_whole_numbers_have_no_point():
    edit = parse(
        {"generator": "eyes", "base": {"seed": 7}, "truncation": 1, "classes": {}, "hold": [], "layers": {},
         "amounts": {"zoom": 2.0, "shift_x": -6.5}}
    )  # fmt: skip
    assert canonical(edit) == '{"amounts":{"shift_x":-6.5,"zoom":2},"base":{"seed":7},"generator":"eyes"}'


def test_an_edit_cannot_be_changed():
    edit = parse({"generator": "eyes", "base": {"seed": 7}})
    with pytest.raises(ValueError, match="frozen"):
        edit.truncation = 0.5


def test_the_directions_of_an_edit_are_all_that_influence_the_image():
    edit = {"amounts": {"zoom": 2}, "hold": ["warmth"], "layers": {"zoom": [0, 2], "shift_x": [0, 1]}}
    assert parse({"generator": "eyes", "base": BASE, **edit}).directions() == ("shift_x", "warmth", "zoom")


BASE = {"seed": 7}
REFUSED = [
    ({}, "has no generator"),
    ([], "The edit is not a JSON object."),
    (None, "The edit is not a JSON object."),
    ("eyes", "The edit is not a JSON object."),
    ({"generator": "eyes"}, "has no base"),
    ({"base": BASE}, "has no generator"),
    ({"generator": "", "base": BASE}, "generator is wrong"),
    ({"generator": "e" * 65, "base": BASE}, "generator is wrong"),
    ({"generator": 7, "base": BASE}, "generator is wrong"),
    ({"generator": "eyes", "base": BASE, "zoom": 2}, "An edit has no field “zoom”."),
    ({"generator": "eyes", "base": {"seed": 7, "sneed": 1}}, "An edit has no field “base.sneed”."),
    ({"generator": "eyes", "base": 7}, "base is wrong"),
    ({"generator": "eyes", "base": {}}, "one seed, or seeds with weights"),
    ({"generator": "eyes", "base": {"seed": None}}, "one seed, or seeds with weights"),
    ({"generator": "eyes", "base": {"seed": 7, "seeds": {"7": 1}}}, "one seed, or seeds with weights"),
    ({"generator": "eyes", "base": {"seed": -1}}, "base.seed is wrong"),
    ({"generator": "eyes", "base": {"seed": 2**32}}, "base.seed is wrong"),
    ({"generator": "eyes", "base": {"seed": 10**30}}, "base.seed is wrong"),
    ({"generator": "eyes", "base": {"seed": 7.5}}, "base.seed is wrong"),
    ({"generator": "eyes", "base": {"seed": "7"}}, "base.seed is wrong"),
    ({"generator": "eyes", "base": {"seed": True}}, "base.seed is wrong"),
    ({"generator": "eyes", "base": {"seeds": {}}}, "all zero"),
    ({"generator": "eyes", "base": {"seeds": {"7": 0}}}, "all zero"),
    ({"generator": "eyes", "base": {"seeds": {"7": -1}}}, "base.seeds.7 is wrong"),
    ({"generator": "eyes", "base": {"seeds": {"7": math.nan}}}, "base.seeds.7 is wrong"),
    ({"generator": "eyes", "base": {"seeds": {"seven": 1}}}, "base.seeds.seven is wrong"),
    ({"generator": "eyes", "base": {"seeds": {"07": 1}}}, "base.seeds.07 is wrong"),
    ({"generator": "eyes", "base": {"seeds": {"4294967296": 1}}}, "Seeds run from 0 to 4294967295."),
    ({"generator": "eyes", "base": {"seeds": {str(i): 1 for i in range(17)}}}, "base.seeds is wrong"),
    ({"generator": "eyes", "base": BASE, "truncation": -0.1}, "truncation is wrong"),
    ({"generator": "eyes", "base": BASE, "truncation": 2.1}, "truncation is wrong"),
    ({"generator": "eyes", "base": BASE, "truncation": math.nan}, "truncation is wrong"),
    ({"generator": "eyes", "base": BASE, "truncation": "1"}, "truncation is wrong"),
    ({"generator": "eyes", "base": BASE, "classes": {"blue": -1}}, "classes.blue is wrong"),
    ({"generator": "eyes", "base": BASE, "classes": {"blue": math.inf}}, "classes.blue is wrong"),
    ({"generator": "eyes", "base": BASE, "classes": {"blue": 0}}, "all zero"),
    ({"generator": "eyes", "base": BASE, "classes": ["blue"]}, "classes is wrong"),
    ({"generator": "eyes", "base": BASE, "amounts": {"zoom": math.nan}}, "amounts.zoom is wrong"),
    ({"generator": "eyes", "base": BASE, "amounts": {"zoom": math.inf}}, "amounts.zoom is wrong"),
    ({"generator": "eyes", "base": BASE, "amounts": {"zoom": 10**400}}, "amounts.zoom is wrong"),
    ({"generator": "eyes", "base": BASE, "amounts": {"zoom": None}}, "amounts.zoom is wrong"),
    ({"generator": "eyes", "base": BASE, "amounts": {"zoom": "2"}}, "amounts.zoom is wrong"),
    ({"generator": "eyes", "base": BASE, "amounts": {str(i): 1 for i in range(257)}}, "amounts is wrong"),
    ({"generator": "eyes", "base": BASE, "layers": {"zoom": [1]}}, "layers.zoom"),
    ({"generator": "eyes", "base": BASE, "hold": "zoom"}, "hold is wrong"),
    ({"generator": "eyes", "base": BASE, "hold": [str(i) for i in range(33)]}, "hold is wrong"),
]


@pytest.mark.parametrize(("data", "sentence"), REFUSED, ids=[str(index) for index in range(len(REFUSED))])
def test_what_is_not_an_edit_is_refused_in_one_sentence(data, sentence):
    with pytest.raises(Invalid) as refusal:
        parse(data)
    told = str(refusal.value)
    assert sentence in told
    assert told.endswith(".")
    assert "\n" not in told
    assert len(told) < 300
    assert refusal.value.hint


anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(anything)
def test_no_json_at_all_gets_more_than_a_sentence_out_of_it(data):
    try:
        assert isinstance(parse(data), Edit)
    except Invalid as refusal:
        assert "\n" not in str(refusal)  # noqa: PT017 - most draws are refused, a few might be edits


LONG = '{"generator": "eyes", "base": {"seed": ' + "9" * 5000 + "}}"


@pytest.mark.parametrize("text", ["", "{", "nonsense", b"\xff\xfe\x00", "[" * 100_000, LONG])
def test_what_is_not_json_is_refused_in_one_sentence(text):
    with pytest.raises(Invalid, match="is not JSON"):
        parse_text(text)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_json_with_numbers_that_are_none_is_refused(number):
    with pytest.raises(Invalid, match=r"amounts\.zoom is wrong"):
        parse_text('{"generator": "eyes", "base": {"seed": 7}, "amounts": {"zoom": ' + number + "}}")


def test_the_schema_of_an_edit_can_be_shown():
    assert json.dumps(Edit.model_json_schema())

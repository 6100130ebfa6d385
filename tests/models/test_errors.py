"""Errors: one shape everywhere."""

import pytest

from models import errors

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.LatentwalkError)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_shows_its_code_sentence_and_hint(kind):
    shown = kind("It went wrong.", "Try again.").view()
    assert shown == {"code": kind.code, "message": "It went wrong.", "hint": "Try again."}
    assert kind("It went wrong.").view()["hint"] == ""


def test_codes_are_unique():
    assert len({kind.code for kind in KINDS}) == len(KINDS)


def test_every_error_stands_in_the_tree_that_opens_the_module():
    assert all(kind.__name__ in errors.__doc__ for kind in KINDS)

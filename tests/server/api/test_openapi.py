"""Every route, called with valid and invalid input that is generated from its OpenAPI description."""

from __future__ import annotations

import contextlib
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from models.specs import GeneratorSpec
from server.app import create_app
from server.settings import Settings

PROMISES = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
DESCRIBED = schemathesis.openapi.from_dict(create_app(Settings(home=Path("/nowhere"), token=None)).openapi())
THERE = {
    "generator": "eyes",
    "id": "sway",
    "edit": {"generator": "eyes", "base": {"seed": 7}, "amounts": {"sway": 2.0}},
    "timeline": {"generator": "eyes", "stops": [{"at": 0, "edit": {"generator": "eyes", "base": {"seed": 7}}}]},
}
BLIND = {  # routes that would start minutes of work, or take away what others need, if asked for something sensible
    "POST /api/directions/learn", "POST /api/directions/discover",
    "POST /api/walks/export", "POST /api/regressors/{name}/learn", "POST /api/regressors/ratings",
    "DELETE /api/directions/{generator}/{id}",
}  # fmt: skip
ROUTES = {found.ok().label: found.ok() for found in DESCRIBED.get_all_operations()}


@pytest.fixture(scope="module")
def ready(
    tmp_path_factory: pytest.TempPathFactory,
    eyes_spec: GeneratorSpec,
    make_slider: Any,
    put_direction: Any,
    run_server: Any,
) -> Iterator[str]:
    """A server of its own that is ready: until then it would rightly answer 503 to whoever asks for that."""
    home = tmp_path_factory.mktemp("asked")
    put_direction(home, make_slider(eyes_spec))
    with run_server(home) as url:
        for _ in range(600):
            with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen(f"{url}/readyz"):
                break
            time.sleep(0.1)
        yield url


def asked(route: Any, mode: GenerationMode, server: str, examples: int) -> None:
    """Ask a route `examples` things, and hold each answer against what the description promises."""

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=route.as_strategy(generation_mode=mode), knowing=st.booleans())
    def ask(case: schemathesis.Case, knowing: bool) -> None:
        if knowing and route.label not in BLIND:
            know(case)
        case.call_and_validate(base_url=server, checks=PROMISES, timeout=60)

    try:
        ask()
    except Unsatisfiable:
        pytest.skip("there is nothing about this route that could be got wrong")


def know(case: schemathesis.Case) -> None:
    """Put what there is where a name is asked for: whoever guesses would never get past the first check."""
    for place in (case.path_parameters, case.query, case.body):
        if isinstance(place, dict):
            place.update({name: value for name, value in THERE.items() if name in place})


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_a_route_conforms_to_its_description(route: str, mode: GenerationMode, ready: str) -> None:
    asked(ROUTES[route], mode, ready, 12)


@pytest.mark.soak
@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_a_route_conforms_to_its_description_with_many_examples(route: str, mode: GenerationMode, ready: str) -> None:
    asked(ROUTES[route], mode, ready, 300)


def test_every_route_is_described() -> None:
    assert len(ROUTES) >= 40

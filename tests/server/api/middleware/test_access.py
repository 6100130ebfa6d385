"""Access control of a server on a network: tokens, cookies, roles, rate limits and the audit log."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from contextlib import ExitStack
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from models.specs import GeneratorSpec
from server.api.middleware.host_origin import SAFE
from server.api.permissions import RoleNeeded
from server.app import create_app
from server.auth.roles import Role, token_account
from server.auth.tokens import TokenStore
from server.jobs.fair_semaphore import MOST_PER_PERSON
from server.settings import Settings
from server.storage.db.job import Job
from tests.walk_bodies import sweep_body

EDIT = {"generator": "eyes", "base": {"seed": 7}}
SWEEP = sweep_body(EDIT, "sway")
BASE = "http://10.1.2.3:8000"


@pytest.fixture(scope="module")
def shared_home(
    tmp_path_factory: pytest.TempPathFactory, eyes_spec: GeneratorSpec, make_slider: Any, put_direction: Any
) -> Path:
    home: Path = tmp_path_factory.mktemp("shared")
    put_direction(home, make_slider(eyes_spec))
    return home


@pytest.fixture(scope="module")
def tokens(shared_home: Path) -> dict[str, str]:
    kept = TokenStore(shared_home / "access")
    return {role: kept.add(f"a-{role}", role) for role in Role}


@pytest.fixture(scope="module")
def house(shared_home: Path, tokens: dict[str, str]) -> Iterator[TestClient]:
    """A server for everybody, and somebody without a token before it."""
    app = create_app(Settings(home=shared_home, host="0.0.0.0"))
    with TestClient(app, base_url=BASE, follow_redirects=False) as client:
        yield client


@pytest.fixture
def stranger(house: TestClient) -> TestClient:
    return TestClient(house.app, base_url=BASE, follow_redirects=False)


@pytest.fixture
def come_in(house: TestClient, tokens: dict[str, str]) -> Any:
    """Somebody who came in by the link of their role."""

    def enter(role: str) -> TestClient:
        client = TestClient(house.app, base_url=BASE, follow_redirects=False)
        assert client.get(f"/?token={tokens[role]}").status_code == 200
        return client

    return enter


@pytest.fixture
def new_link(house: TestClient, shared_home: Path) -> Any:
    """A link of somebody's own, whose limits no other test uses; each call opens it in a further browser."""
    secrets: dict[str, str] = {}

    def enter(name: str, role: Role = Role.VIEWER) -> TestClient:
        if name not in secrets:
            secrets[name] = TokenStore(shared_home / "access").add(f"{name}-{len(SEEN)}", role)
            SEEN.append(name)
        client = TestClient(house.app, base_url=BASE, follow_redirects=False)
        assert client.get(f"/?token={secrets[name]}").status_code == 200
        return client

    return enter


SEEN: list[str] = []  # names of links, so that no two tests create the same token
GUARDED = [
    ("GET", "/api/generators"), ("GET", "/api/directions?generator=eyes"), ("GET", "/api/jobs"), ("GET", "/api/me"),
    ("GET", "/metrics"), ("GET", "/openapi.json"), ("POST", "/api/render"), ("GET", "/nowhere"),
    ("GET", "/static/../api/jobs"), ("DELETE", "/api/directions/eyes/sway"), ("POST", "/sign-out"),
]  # fmt: skip


WRONG = [
    {},
    {"authorization": "Bearer wrong-but-long-enough"},
    {"authorization": "nonsense"},
    {"cookie": "latentwalk-8000=made.up"},
]


@pytest.mark.parametrize(("method", "path"), GUARDED)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong-but-long-enough"},
        {"cookie": "latentwalk-8000=made.up"},
        {"authorization": "x"},
    ],
)
def test_every_route_but_the_public_ones_needs_a_token(
    method: str, path: str, headers: dict[str, str], stranger: TestClient, house: TestClient
) -> None:
    house.app.state.services.rate_limits._buckets.clear()  # the many wrong guesses here are no attack
    answer = stranger.request(method, path, headers=headers)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "unauthorized"
    assert answer.headers["www-authenticate"] == "Bearer"


def test_health_checks_and_static_files_need_no_token(stranger: TestClient) -> None:
    assert stranger.get("/healthz").json() == {"status": "ok"}  # and not what runs here
    assert stranger.get("/readyz").status_code in (200, 503)
    assert stranger.get("/static/js/shell/sign-in.js").status_code == 200


def test_the_page_without_a_token_asks_for_one(stranger: TestClient) -> None:
    answer = stranger.get("/")
    assert answer.status_code == 401
    assert "This server requires a token." in answer.text
    assert '<form method="post" action="sign-in"' in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert "eyes" not in answer.text


def test_the_sign_in_link_sets_a_strict_http_only_cookie(stranger: TestClient, tokens: dict[str, str]) -> None:
    answer = stranger.get(f"/?token={tokens['viewer']}")
    assert answer.status_code == 200
    [cookie] = SimpleCookie(answer.headers["set-cookie"]).values()
    assert cookie.key == "latentwalk-8000"
    assert (cookie["samesite"], cookie["httponly"], cookie["path"]) == ("strict", True, "/")
    assert tokens["viewer"] not in answer.headers["set-cookie"]
    assert stranger.get("/").status_code == 200
    assert stranger.get("/api/me").json() == {
        "role": "viewer",
        "token": "a-viewer",
        "open": False,
        "may": ["viewer"],
        "refused": {
            "editor": "To learn, to upload and to keep bookmarks, ask for an editor's link.",
            "admin": "To add generators and to delete, ask for an administrator's link.",
        },
    }


def test_over_https_the_cookie_is_secure(house: TestClient, tokens: dict[str, str]) -> None:
    client = TestClient(house.app, base_url="https://10.1.2.3")
    answer = client.get(f"/?token={tokens['viewer']}")
    [cookie] = SimpleCookie(answer.headers["set-cookie"]).values()
    assert (cookie.key, cookie["secure"]) == ("latentwalk", True)


def test_the_sign_in_form_sets_the_cookie_and_redirects(stranger: TestClient, tokens: dict[str, str]) -> None:
    answer = stranger.post("/sign-in", data={"token": f" {tokens['editor']} "}, headers={"origin": BASE})
    assert (answer.status_code, answer.headers["location"]) == (303, "./")
    assert stranger.get("/api/me").json()["role"] == "editor"
    assert stranger.post("/sign-out").status_code == 303
    assert stranger.get("/api/me").status_code == 401


def test_wrong_tokens_are_refused_and_soon_rate_limited(house: TestClient, stranger: TestClient) -> None:
    house.app.state.services.rate_limits._buckets.clear()
    answers: list[Any] = []
    while len(answers) < 60 and not (answers and answers[-1].status_code == 429):  # a slow machine is let guess more
        answers.append(stranger.post("/sign-in", data={"token": f"guess-number-{len(answers)}-of-many"}))
    assert [answer.status_code for answer in answers[:-1]] == [401] * (len(answers) - 1)
    assert len(answers) > 10
    assert "This token is not valid." in answers[0].text
    assert "Too many wrong tokens" in answers[-1].text
    assert stranger.get("/?token=another-guess-of-mine").status_code == 429
    headers = {"authorization": "Bearer another-guess-of-mine"}
    assert stranger.get("/api/jobs", headers=headers).status_code == 429
    house.app.state.services.rate_limits._buckets.clear()


def test_a_bearer_token_is_accepted(stranger: TestClient, tokens: dict[str, str]) -> None:
    headers = {"authorization": f"Bearer {tokens['viewer']}"}
    assert stranger.get("/api/jobs", headers=headers).status_code == 200
    assert stranger.post("/api/render", json=EDIT, headers=headers).status_code == 200


ROLES = {
    ("POST", "/api/generators"): Role.ADMIN,
    ("POST", "/api/generators/{name}/invert"): Role.EDITOR,
    ("POST", "/api/render"): Role.VIEWER,
    ("POST", "/api/grids"): Role.VIEWER,
    ("POST", "/api/files/identify"): Role.VIEWER,
    ("POST", "/api/imports"): Role.ADMIN,
    ("POST", "/api/imports/{id}"): Role.ADMIN,
    ("POST", "/api/imports/{id}/preview"): Role.ADMIN,
    ("DELETE", "/api/imports/{id}"): Role.ADMIN,
    ("POST", "/api/directions/foreign"): Role.EDITOR,
    ("POST", "/api/states"): Role.VIEWER,
    ("POST", "/api/bookmarks"): Role.EDITOR,
    ("DELETE", "/api/bookmarks/{id}"): Role.EDITOR,
    ("POST", "/api/directions/learn"): Role.EDITOR,
    ("POST", "/api/directions/discover"): Role.EDITOR,
    ("POST", "/api/directions/upload"): Role.EDITOR,
    ("DELETE", "/api/directions/{generator}/{id}"): Role.ADMIN,
    ("PATCH", "/api/regressors/{name}"): Role.EDITOR,
    ("PUT", "/api/regressors/{name}/plan"): Role.EDITOR,
    ("POST", "/api/regressors"): Role.EDITOR,
    ("POST", "/api/regressors/ratings"): Role.EDITOR,
    ("POST", "/api/regressors/{name}/score"): Role.VIEWER,
    ("POST", "/api/regressors/{name}/learn"): Role.EDITOR,
    ("POST", "/api/regressors/{name}/resume"): Role.EDITOR,
    ("DELETE", "/api/regressors/{name}"): Role.ADMIN,
    ("DELETE", "/api/jobs/{id}"): Role.VIEWER,
    ("DELETE", "/api/exports/{id}"): Role.ADMIN,
    ("POST", "/api/walks/edits"): Role.VIEWER,
    ("POST", "/api/walks/estimate"): Role.VIEWER,
    ("POST", "/api/walks/presets/{id}"): Role.VIEWER,
    ("POST", "/api/walks/export"): Role.VIEWER,
    ("POST", "/api/walks/restore"): Role.VIEWER,
    ("POST", "/api/walks/audio"): Role.EDITOR,
    ("POST", "/api/provenance/check"): Role.VIEWER,
    ("POST", "/api/provenance/still"): Role.VIEWER,
}


def test_every_route_that_changes_something_declares_a_role(house: TestClient) -> None:
    found = {}
    for route in routes(house.app):
        for method in set(route.methods) - set(SAFE):
            if route.path not in ("/sign-in", "/sign-out"):
                [needed] = [one.dependency for one in route.dependencies if isinstance(one.dependency, RoleNeeded)]
                found[method, route.path] = needed.role
    assert found == ROLES


def routes(app: Any) -> Iterator[APIRoute]:
    """Every route with a handler, those of included routers too."""
    for route in app.routes:
        inner = getattr(route, "original_router", None)
        yield from ([route] if isinstance(route, APIRoute) else routes(inner) if inner is not None else [])


@pytest.mark.parametrize(("method", "path"), [key for key, role in ROLES.items() if role is not Role.VIEWER])
def test_a_refusal_names_the_role_that_is_needed(method: str, path: str, come_in: Any) -> None:
    needed = ROLES[method, path]
    address = re.sub(r"{\w+}", "nothing", path)
    for role in Role:
        answer = come_in(role).request(method, address, json={})
        if role.covers(needed):
            assert answer.status_code in (404, 409, 422), answer.text
        else:
            assert answer.status_code == 403
            assert f"ask for an {'editor' if needed is Role.EDITOR else 'administrator'}'s link" in answer.text


def test_a_viewer_explores_exports_and_stops_only_their_own_jobs(come_in: Any) -> None:
    first, second = come_in("viewer"), come_in("viewer")
    assert first.post("/api/render", json=EDIT).status_code == 200
    started = first.post("/api/walks/export", json=SWEEP)
    assert started.status_code == 202
    address = f"/api/jobs/{started.json()['id']}"
    assert second.get(address).status_code == 200
    refused = second.delete(address)
    assert (refused.status_code, refused.json()["error"]["message"]) == (403, "That job belongs to somebody else.")
    assert first.delete(address).status_code == 202
    assert come_in("editor").delete(address).status_code == 202


def test_after_a_restart_a_viewer_still_stops_only_their_own_jobs(
    tmp_path: Path, eyes_spec: GeneratorSpec, make_slider: Any, put_direction: Any
) -> None:
    put_direction(tmp_path, make_slider(eyes_spec))
    secret = TokenStore(tmp_path / "access").add("a-viewer", Role.VIEWER)
    settings = Settings(home=tmp_path, host="0.0.0.0")
    cookies = []
    with TestClient(create_app(settings), base_url=BASE) as client:
        for _ in range(2):
            client.cookies.clear()
            client.get(f"/?token={secret}")
            cookies.append(dict(client.cookies))
        started = client.post("/api/walks/export", json=sweep_body(EDIT, "sway", seconds=10, fps=50, format="mp4"))
        assert started.status_code == 202
        assert "person" not in started.json()
    address = f"/api/jobs/{started.json()['id']}"
    with TestClient(create_app(settings), base_url=BASE) as client:
        answers = []
        for mine in cookies:
            client.cookies.clear()
            client.cookies.update(mine)
            answers.append(client.delete(address).status_code)
            assert "person" not in client.get(address).json()
        assert answers == [403, 202]


def test_every_job_records_the_person_who_started_it(
    house: TestClient, come_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = house.app.state.services
    asked: list[str] = []

    async def noting(*arguments: Any, person: str, **more: Any) -> Job:
        asked.append(person)
        return Job("j-1", "learn", "Learning")

    for owner, names in (
        (services.learning_jobs, ("learn", "learn_from_regressor", "fit_ratings", "discover")),
        (services.generator_jobs, ("download", "invert")),
        (services.film_jobs, ("start",)),
    ):
        for name in names:
            monkeypatch.setattr(owner, name, noting)
    bodies = {
        "/api/directions/learn": {"generator": "eyes", "transform": "zoom"},
        "/api/directions/discover": {"generator": "eyes", "method": "pca"},
        "/api/regressors/ratings": {"generator": "eyes", "name": "mine", "ratings": [{"seed": 1, "score": 1}]},
        "/api/regressors/{name}/learn": {"generator": "eyes"},
        "/api/generators": {"pull": "faces"},
        "/api/generators/{name}/invert": {},
        "/api/walks/export": SWEEP,
    }
    jobs = {route.path for route in routes(house.app) for one in route.dependencies
            if isinstance(one.dependency, RoleNeeded) and one.dependency.job}  # fmt: skip
    assert set(bodies) == jobs
    client = come_in("admin")
    for path, body in bodies.items():
        answer = client.post(path.replace("{name}", "eyes"), json=body)
        assert answer.status_code == 202, (path, answer.text)
    assert asked == [_person(client, services)] * len(bodies)


def test_revoking_a_token_ends_its_sessions_at_once(house: TestClient, shared_home: Path) -> None:
    kept = TokenStore(shared_home / "access")
    secret = kept.add("guest", Role.ADMIN)
    client = TestClient(house.app, base_url=BASE)
    client.get(f"/?token={secret}")
    assert client.get("/api/me").json()["role"] == "admin"
    kept.remove("guest")
    assert client.get("/api/me").status_code == 401


def test_a_damaged_token_file_refuses_everyone_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "access").mkdir()
    (tmp_path / "access" / "tokens.json").write_text("[]")
    with TestClient(create_app(Settings(home=tmp_path, host="0.0.0.0")), base_url=BASE) as client:
        (tmp_path / "access" / "tokens.json").write_text("{damaged")
        answer = client.get("/api/jobs", headers={"authorization": "Bearer whatever-it-is-worth"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (507, "storage_failed")


def test_jobs_are_rate_limited_per_token_however_often_its_link_is_opened(new_link: Any, house: TestClient) -> None:
    first, again, other = new_link("first"), new_link("first"), new_link("other")
    services = house.app.state.services
    services.rate_limits.of(_person(first, services), "jobs").take(100)
    for client in (first, again):
        refused = client.post("/api/walks/export", json=SWEEP)
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_much")
        assert int(refused.headers["retry-after"]) >= 1
    assert other.post("/api/walks/export", json=SWEEP).status_code == 202


def test_one_token_cannot_take_every_place_for_jobs_by_signing_in_again(new_link: Any, house: TestClient) -> None:
    runner = house.app.state.services.jobs
    people = [_person(new_link("crowd"), house.app.state.services) for _ in range(4)]
    waiting = [people[n % 4] for n in range(MOST_PER_PERSON)]
    runner._starting.extend(waiting)
    try:
        assert new_link("crowd").post("/api/walks/export", json=SWEEP).status_code == 503
        assert new_link("loner").post("/api/walks/export", json=SWEEP).status_code == 202
    finally:
        del runner._starting[-len(waiting) :]


def test_one_token_leaves_places_for_live_connections_to_others(new_link: Any, house: TestClient) -> None:
    def connect(stack: ExitStack, client: TestClient) -> str:
        headers = {"origin": BASE, "cookie": f"latentwalk-8000={client.cookies['latentwalk-8000']}"}
        # Through one client, because each has an event loop of its own.
        socket = stack.enter_context(house.websocket_connect("ws://10.1.2.3:8000/ws/live", headers=headers))
        message = socket.receive()
        return str(message.get("text") or message.get("reason"))

    with ExitStack() as stack:
        answers = [connect(stack, new_link("class")) for _ in range(house.app.state.services.settings.people // 2 + 1)]
        assert all("hello" in answer for answer in answers[:-1])
        assert answers[-1] == "Too many people are connected with your link."
        assert "hello" in connect(stack, new_link("teacher"))


def test_a_refused_job_does_not_count_against_the_rate_limit(new_link: Any, house: TestClient) -> None:
    client = new_link("clumsy")
    for _ in range(60):
        assert client.post("/api/walks/export", json=sweep_body(EDIT, "nope")).status_code in (404, 422)
    assert client.post("/api/walks/export", json=SWEEP).status_code == 202


def test_bytes_and_requests_are_rate_limited_per_person(new_link: Any, house: TestClient) -> None:
    client, services = new_link("greedy"), house.app.state.services
    services.rate_limits.of(_person(client, services), "bytes").take(2e9)
    refused = client.post("/api/walks/restore", content=b"x" * 1000)
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_much")
    assert client.get("/api/jobs").status_code == 200
    services.rate_limits.of(_person(client, services), "requests").take(1e6)
    refused = client.get("/api/jobs")
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_much")
    assert int(refused.headers["retry-after"]) >= 1
    assert new_link("modest").get("/api/jobs").status_code == 200


def test_people_with_one_token_share_eight_times_the_requests_of_one(new_link: Any, house: TestClient) -> None:
    client, services = new_link("many"), house.app.state.services
    share = services.rate_limits.shares.requests
    services.rate_limits.of(token_account(_token(client, services)), "requests").take(7 * share.burst)
    assert new_link("many").get("/api/jobs").status_code == 200
    services.rate_limits.of(token_account(_token(client, services)), "requests").take(2 * share.burst)
    assert new_link("many").get("/api/jobs").status_code == 429


def test_wrong_tokens_of_others_at_an_address_do_not_lock_out_a_right_one(
    stranger: TestClient, new_link: Any, house: TestClient, tokens: dict[str, str]
) -> None:
    right = {"authorization": f"Bearer {tokens['viewer']}"}
    assert stranger.get("/api/jobs", headers=right).status_code == 200
    for _ in range(20):
        last = stranger.get("/api/jobs", headers={"authorization": "Bearer a-wrong-guess-of-a-token"})
    assert last.status_code == 429
    assert stranger.get("/api/jobs", headers=right).status_code == 200
    assert stranger.get(f"/?token={tokens['viewer']}").status_code == 200
    assert stranger.post("/sign-in", data={"token": tokens["viewer"]}).status_code == 303
    house.app.state.services.rate_limits.of("testclient", "guesses").take(-20)


def test_sign_ins_refusals_and_changes_are_in_the_audit_log(
    come_in: Any, stranger: TestClient, caplog: pytest.LogCaptureFixture, tokens: dict[str, str]
) -> None:
    with caplog.at_level(logging.INFO, "latentwalk.audit"):
        client = come_in("editor")
        stranger.get("/api/jobs")
        client.delete("/api/directions/eyes/sway")
        client.post("/api/directions/upload", content=b"nonsense")
        client.post("/api/render", json=EDIT)
    facts = [record.facts for record in caplog.records if record.name == "latentwalk.audit"]  # type: ignore[attr-defined]
    assert [(fact["event"], fact.get("path"), fact.get("status")) for fact in facts] == [
        ("signed in", None, None),
        ("refused", "/api/jobs", None),
        ("refused", "/api/directions/eyes/sway", 403),
        ("changed", "/api/directions/upload", 422),
    ]
    assert {fact["person"] for fact in facts if "person" in fact} == {facts[0]["person"]}
    assert facts[2]["role"] == "editor"
    assert not any(token in json.dumps(facts) for token in tokens.values())


def _token(client: TestClient, services: Any) -> str:
    return services.authenticator.person(client.cookies["latentwalk-8000"]).by


def _person(client: TestClient, services: Any) -> str:
    return services.authenticator.person(client.cookies["latentwalk-8000"]).id

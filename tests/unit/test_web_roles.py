"""Every route says which role it takes, and it is so: route x role, made from the routes (T18)."""

import json

import pytest
from fake_front import ATTEMPT, BATCH, TOKENS, FakeDoor, FakeFront
from fastapi import APIRouter
from inprocess import InProcess

from orchestrator.model.talk import Role
from orchestrator.model.wire import KEY
from orchestrator.web import app as web
from orchestrator.web.who import LOCAL

ORDER = list(Role)
BODIES = {
    "/v1/login": {"role": "user", "password": "horse"},
    "/v1/token": {"name": "me"},
    "/v1/preview": {"sheets": [], "cluster": "studio"},
    "/v1/manifest": {"sheets": [], "cluster": "studio"},
    "/v1/batches": {"sheets": []},
    "/v1/storage/clean": {"batch": BATCH.id},
    "/v1/act": {"verb": "pause", "id": BATCH.id},
    "/v1/priority": {"id": BATCH.id, "priority": "high"},
    "/v1/nodes/{name}/pause": {},
    "/v1/nodes/{name}/trust": {"fingerprint": "SHA256:x"},
}
IDS = {
    "/v1/batches/{id:path}": BATCH.id,
    "/v1/timeline/{id:path}": BATCH.id,
    "/v1/attempts/{id}/log": ATTEMPT.id,
}
ROUTES = [
    (method, route.path, web.role_of(route))
    for route in web.api(FakeFront(), FakeDoor(), lambda: "PEM").routes
    for method in sorted(route.methods)
]
DECLARED = {
    Role.NOBODY: {"/v1/authority", "/v1/info", "/v1/login", "/v1/openapi.json"},
    Role.USER: {
        *("/v1/logout", "/v1/batches", "/v1/batches/{id:path}", "/v1/act", "/v1/priority"),
        *("/v1/storage", "/v1/storage/clean", "/v1/timeline/{id:path}"),
        *("/v1/attempts/{id}/log", "/v1/nodes", "/v1/events"),
    },
}
LOCAL_ALONE = {"/v1/token"}
WHO = {
    "nobody": (Role.NOBODY, {}),
    "user": (Role.USER, {"Authorization": f"Bearer {TOKENS[Role.USER]}"}),
    "admin": (Role.ADMIN, {"Authorization": f"Bearer {TOKENS[Role.ADMIN]}"}),
    "wrong token": (None, {"Authorization": "Bearer token-of-nobody"}),
    "empty token": (None, {"Authorization": "Bearer "}),
    "other scheme": (None, {"Authorization": f"Basic {TOKENS[Role.ADMIN]}"}),
    "forged": (Role.NOBODY, {LOCAL: "1", "X-Forwarded-For": "127.0.0.1", "X-Role": "admin"}),
}


@pytest.fixture
def http():
    front = FakeFront()
    client = InProcess(web.application(front, FakeDoor(), lambda: "PEM"))
    client.front = front
    return client


def asked(http, method, path, headers):
    url = path.replace("{id:path}", IDS.get(path, "")).replace("{id}", IDS.get(path, ""))
    url = url.replace("{name}", "n1") + ("?seconds=0" if path.endswith("events") else "")
    noun = BODIES.get(path) if method in ("POST", "PUT") else None
    content = None if noun is None else json.dumps(noun)
    sort = {} if noun is None else {"Content-Type": "application/json", KEY: "a-key-or-two"}
    return http.request(method, url, content=content, headers={**sort, **headers})


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize(("method", "path", "role"), ROUTES)
def test_route_takes_the_role_that_it_declares_and_no_less(http, method, path, role, who):
    has, headers = WHO[who]
    answer = asked(http, method, path, headers)
    if has is None:
        assert answer.status_code == 401
    elif ORDER.index(has) >= ORDER.index(role) and path in LOCAL_ALONE:
        assert answer.status_code == 403
        assert "local socket alone" in answer.json()["error"]
    elif ORDER.index(has) >= ORDER.index(role):
        assert answer.is_success, answer.text
    else:
        assert answer.status_code == (401 if has is Role.NOBODY else 403)
    if not answer.is_success:
        assert answer.json()["error"]
        assert not http.front.calls
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", LOCAL_ALONE)
def test_who_may_open_the_local_socket_gets_an_administrators_token(path):
    inner = web.application(FakeFront(), FakeDoor(), lambda: "PEM")

    async def over_the_socket(scope, receive, send):
        await inner({**scope, LOCAL: True}, receive, send)

    answer = asked(InProcess(over_the_socket), "POST", path, {})
    assert answer.json() == {"token": TOKENS[Role.ADMIN]}


def test_what_is_not_for_administrators_alone_stands_here():
    for role in (Role.NOBODY, Role.USER):
        assert {path for _, path, takes in ROUTES if takes is role} == DECLARED[role]


def test_route_without_a_role_stops_the_start(monkeypatch):
    bare = APIRouter()
    bare.add_api_route("/v1/all", lambda: "everything")
    monkeypatch.setattr(web.nodes, "routes", lambda front: bare)
    with pytest.raises(ValueError, match=r"without a role: .*/v1/all"):
        web.api(FakeFront(), FakeDoor(), lambda: "PEM")


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/v1", "/v1/nodes/", "/v1/x"])
def test_what_is_no_route_is_not_there(http, path):
    answer = http.get(path, headers=WHO["admin"][1])
    assert answer.status_code == 404
    assert answer.json()["kind"] == "not-there"

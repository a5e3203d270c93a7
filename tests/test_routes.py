"""Every route is tried by a stranger and by another organisation; a new route without a case fails.

A case says how to call a route with things that organisation A owns. B, with a valid key of its own,
gets 404 for A's things and lists without a trace of them. The happy paths are in the rooms' tests.
"""

from importlib import import_module
from pathlib import Path

import pytest
from fastapi.routing import APIRoute, APIWebSocketRoute

from camel_ext.rooms import ROOMS, routers
from camel_ext.serving import serving_of
from tests.conftest import House
from tests.fakes.engine import FakeEngine
from tests.route_calls import (
    CANARY,
    CREATES,
    HIDDEN,
    LISTS,
    NAME,
    OPEN,
    OPERATES,
    OWN,
    STREAMS,
    Cases,
    Owned,
    get,
    send,
)

MODELS = """\
models:
  base: {engine: local, file: bundled, context_tokens: 4096}
aliases:
  canary4711: base
"""
AGENTS = """\
agents:
  canary4711-agent: {model: canary4711, system: "secret4712", description: secret4712}
"""
WORKFLOWS = """\
workflows:
  canary4711-flow:
    inputs: {goal: {type: string}}
    steps:
      - {name: say, agent: canary4711-agent, prompt: "{{ input.goal }}"}
"""
FILES = {"models.yaml": MODELS, "agents.yaml": AGENTS, "workflows.yaml": WORKFLOWS}


CASES: Cases = {
    ("PUT", "/api/v1/configurations"): (
        send("PUT", "/api/v1/configurations", {"name": "other", "files": {"models.yaml": ""}}),
        CREATES,
    ),
    ("GET", "/api/v1/configurations"): (get("/api/v1/configurations"), LISTS),
    ("GET", "/api/v1/configurations/{name}"): (get("/api/v1/configurations/main"), HIDDEN),
    ("GET", "/api/v1/agents"): (get("/api/v1/agents"), LISTS),
    ("GET", "/api/v1/workflows"): (get("/api/v1/workflows"), LISTS),
    ("GET", "/api/v1/tools"): (get("/api/v1/tools"), LISTS),
    ("POST", "/api/v1/runs"): (
        send("POST", "/api/v1/runs", {"workflow": "canary4711-flow", "input": {"goal": "x"}}),
        HIDDEN,
    ),
    ("GET", "/api/v1/runs"): (get("/api/v1/runs"), LISTS),
    ("GET", "/api/v1/runs/{run_id}"): (get("/api/v1/runs/{run_id}"), HIDDEN),
    ("GET", "/api/v1/runs/{run_id}/turns"): (get("/api/v1/runs/{run_id}/turns"), HIDDEN),
    ("POST", "/api/v1/runs/{run_id}/cancel"): (
        send("POST", "/api/v1/runs/{run_id}/cancel"),
        HIDDEN,
    ),
    ("POST", "/api/v1/runs/{run_id}/pause"): (send("POST", "/api/v1/runs/{run_id}/pause"), HIDDEN),
    ("POST", "/api/v1/runs/{run_id}/resume"): (
        send("POST", "/api/v1/runs/{run_id}/resume", {}),
        HIDDEN,
    ),
    ("POST", "/api/v1/runs/{run_id}/decide"): (
        send("POST", "/api/v1/runs/{run_id}/decide", {"step_key": "a", "decision": "repeat"}),
        HIDDEN,
    ),
    ("POST", "/api/v1/runs/{run_id}/retry"): (
        send("POST", "/api/v1/runs/{run_id}/retry", {}),
        HIDDEN,
    ),
    ("GET", "/api/v1/interactions"): (get("/api/v1/interactions"), LISTS),
    ("GET", "/api/v1/interactions/export"): (get("/api/v1/interactions/export"), LISTS),
    ("GET", "/api/v1/interactions/count"): (get("/api/v1/interactions/count"), LISTS),
    ("GET", "/api/v1/interactions/facets"): (get("/api/v1/interactions/facets"), LISTS),
    ("GET", "/api/v1/interactions/histogram"): (get("/api/v1/interactions/histogram"), LISTS),
    ("GET", "/api/v1/interactions/{interaction_id}"): (
        get("/api/v1/interactions/{interaction_id}"),
        HIDDEN,
    ),
    ("GET", "/api/v1/interactions/{interaction_id}/request"): (
        get("/api/v1/interactions/{interaction_id}/request"),
        HIDDEN,
    ),
    ("GET", "/api/v1/events/stream"): (get("/api/v1/events/stream"), STREAMS),
    ("GET", "/api/v1/events/log"): (get("/api/v1/events/log"), LISTS),
    ("GET", "/api/v1/events/streams"): (get("/api/v1/events/streams?subject={stream_id}"), LISTS),
    ("GET", "/api/v1/events/streams/{stream_id:path}"): (
        get("/api/v1/events/streams/{stream_id}"),
        HIDDEN,
    ),
    ("GET", "/api/v1/models"): (get("/api/v1/models"), LISTS),
    ("POST", "/api/v1/models"): (
        send("POST", "/api/v1/models", {"name": "own", "engine": "local", "file": "bundled"}),
        CREATES,
    ),
    ("POST", "/api/v1/models/{name}/adapters"): (
        send("POST", "/api/v1/models/base/adapters", {"name": "a", "file": "a.gguf"}),
        HIDDEN,
    ),
    ("GET", "/api/v1/models/{name:path}/versions"): (get("/api/v1/models/base/versions"), HIDDEN),
    ("GET", "/api/v1/models/{name:path}"): (get("/api/v1/models/base"), HIDDEN),
    ("PUT", "/api/v1/models/{name:path}"): (
        send("PUT", "/api/v1/models/base", {"description": "x"}, If_Match='"1"'),
        HIDDEN,
    ),
    ("GET", "/api/v1/model-versions/{version_id}"): (
        get("/api/v1/model-versions/{version_id}"),
        HIDDEN,
    ),
    ("GET", "/api/v1/aliases"): (get("/api/v1/aliases"), LISTS),
    ("POST", "/api/v1/aliases"): (
        send("POST", "/api/v1/aliases", {"name": "new", "targets": [{"target": "base"}]}),
        HIDDEN,
    ),
    ("GET", "/api/v1/aliases/{name}"): (get("/api/v1/aliases/canary4711"), HIDDEN),
    ("PUT", "/api/v1/aliases/{name}"): (
        send(
            "PUT", "/api/v1/aliases/canary4711", {"targets": [{"target": "base"}]}, If_Match='"1"'
        ),
        HIDDEN,
    ),
    ("DELETE", "/api/v1/aliases/{name}"): (
        send("DELETE", "/api/v1/aliases/canary4711", If_Match='"2"'),
        HIDDEN,
    ),
    ("GET", "/api/v1/aliases/{name}/moves"): (get("/api/v1/aliases/canary4711/moves"), HIDDEN),
    ("GET", "/v1/models"): (get("/v1/models"), LISTS),
    ("POST", "/v1/chat/completions"): (
        send(
            "POST",
            "/v1/chat/completions",
            {"model": "canary4711", "messages": [{"role": "user", "content": "hi"}]},
        ),
        HIDDEN,
    ),
    ("DELETE", "/api/v1/serving/answers"): (send("DELETE", "/api/v1/serving/answers"), CREATES),
    ("GET", "/api/v1/serving/engines"): (get("/api/v1/serving/engines"), LISTS),
}
ROOM_CASES = [
    import_module(f"tests.{room}.route_cases")
    for room in ROOMS
    if (Path(__file__).parent / room / "route_cases.py").exists()
]
for module in ROOM_CASES:
    CASES |= module.CASES


def all_routes() -> set[tuple[str, str]]:
    return {
        (method, route.path)
        for router in routers()
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }


def test_every_route_has_a_case() -> None:
    missing = sorted(all_routes() - CASES.keys())
    assert not missing, f"add a case for each: {missing}"


def test_no_case_is_left_over() -> None:
    gone = sorted(CASES.keys() - all_routes())
    assert not gone, f"these routes are gone: {gone}"


def test_every_socket_is_tried_by_its_room() -> None:
    sockets = {
        r.path for router in routers() for r in router.routes if isinstance(r, APIWebSocketRoute)
    }
    assert sockets == {"/api/v1/events"}  # strangers and other tenants: tests/events


@pytest.fixture
async def owned(house: House) -> Owned:
    """A configuration, a run, an interaction and a key of the local organisation."""
    return await own_everything(house)


async def own_everything(house: House) -> Owned:
    """Let the local organisation own a row of everything that every room has."""
    serving_of(house.runtime).use(FakeEngine())
    body = {"name": "main", "files": FILES}
    applied = await house.client.put("/api/v1/configurations", json=body)
    assert applied.status_code == 200, applied.text
    wanted = {"workflow": "canary4711-flow", "input": {"goal": CANARY}}
    run = (await house.client.post("/api/v1/runs", json=wanted)).json()
    owned = Owned({"run_id": run["id"]})
    for _ in range(600):
        run = (await house.client.get(f"/api/v1/runs/{run['id']}")).json()
        if run["state"] not in ("queued", "running"):
            break
        await house.runtime.clock.sleep(0.02)
    assert run["state"] == "succeeded", run
    turn = (await house.client.get(f"/api/v1/runs/{run['id']}/turns")).json()["items"][0]
    owned.ids["interaction_id"] = turn["interaction_id"]
    owned.ids["stream_id"] = f"{run['id']}/{turn['step_key']}/{turn['interaction_id']}"
    owned.ids["version_id"] = run["resolved"]["models"][NAME]["version_id"]
    for module in ROOM_CASES:
        await module.own(house, owned)
    return owned


async def test_a_stranger_gets_401_from_every_route(house: House, owned: Owned) -> None:
    wrong = {}
    for who in (house.as_key(None), house.as_key("cx_" + "x" * 40)):
        for route, (call, _) in CASES.items():
            answer = await call(who, owned)
            if answer.status_code != 401 or CANARY in answer.text:
                wrong[route] = answer.status_code
    assert not wrong


async def test_another_organisation_gets_nothing_of_ours(house: House, owned: Owned) -> None:
    other = await house.as_role("owner", org="other")
    wrong = {}
    for route, (call, expected) in CASES.items():
        if expected in (STREAMS, OPEN):
            continue
        answer = await call(other, owned)
        known = CANARY in answer.text or (expected == LISTS and NAME in answer.text)
        refusal = {HIDDEN: 404, OPERATES: 403}.get(expected)
        bad = answer.status_code >= 500 or (refusal and answer.status_code != refusal)
        if known or bad or (expected == LISTS and answer.status_code != 200):
            wrong[route] = (answer.status_code, answer.text[:200])
    assert not wrong


async def test_a_viewer_changes_nothing(house: House, owned: Owned) -> None:
    viewer = await house.as_role("viewer")
    wrong = {}
    for (method, path), (call, expected) in CASES.items():
        if expected in (STREAMS, OPEN):
            continue
        answer = await call(viewer, owned)
        looks = method == "GET" and path != "/api/v1/keys" and expected != OPERATES
        allowed = expected == OWN or looks
        if (answer.status_code == 403) == allowed:
            wrong[method, path] = answer.status_code
    assert not wrong


async def test_the_owner_gets_what_is_ours(house: House, owned: Owned) -> None:
    """The cases really reach things: the same calls work for who owns them."""
    wrong = {}
    for route, (call, expected) in CASES.items():
        if expected in (STREAMS, OPEN):
            continue
        answer = await call(house.client, owned)
        if route[1].endswith("/decide"):  # it waits for no decision: tests/workflows has one
            continue
        if answer.status_code in (401, 403, 404) or answer.status_code >= 500:
            wrong[route] = (answer.status_code, expected, answer.text[:200])
    assert not wrong

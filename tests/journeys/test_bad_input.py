"""What a person or a program can get wrong, as the API answers it: where, what, and what would be right.

One row for each mistake; nothing is changed by any of them. What goes wrong before a request is made
(a port in use, a data directory that is locked, cannot be written, is full or of another schema) is in
tests/cli/test_server.py, tests/core/test_migrate.py and tests/core/test_gate.py.
"""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from httpx import Response

from tests.conftest import House

MODELS = "models:\n  m: {engine: local, file: gone.gguf}\naliases:\n  small: m\n"
AGENTS = "agents:\n  one: {model: small, system: You answer.}\n"
NOBODY = UUID(int=0)


def workflow(step: str) -> str:
    return f"workflows:\n  w:\n    steps:\n      - {step}\n    output: steps.s.text\n"


FILES = {
    "malformed YAML": (
        {"workflows.yaml": "workflows:\n  w: [1,\n"},
        ["workflows.yaml:3:1", "not valid YAML", "Check brackets"],
    ),
    "unknown agent": (
        {"agents.yaml": AGENTS, "workflows.yaml": workflow("{name: s, agent: two, prompt: x}")},
        ["workflows.yaml:4:26", "steps[0].agent", "no agent `two`", "`one`"],
    ),
    "unknown model": (
        {"agents.yaml": AGENTS.replace("small", "smal")},
        ["agents.yaml:2:16", "agents.one.model", "no model alias `smal`", "`small`"],
    ),
    "unknown tool": (
        {"agents.yaml": AGENTS.replace("}", ", tools: [pyton]}")},
        ["agents.yaml:2:", "agents.one.tools[0]", "no tool `pyton`", "`python`"],
    ),
    "unknown field": (
        {"agents.yaml": AGENTS.replace("system", "sytem")},
        ["agents.yaml:2:", "agents.one.sytem", "no field `sytem`", "`system`"],
    ),
    "template error": (
        {
            "agents.yaml": AGENTS,
            "workflows.yaml": workflow("{name: s, agent: one, prompt: 'Do {{ input.goal'}"),
        },
        ["workflows.yaml:4:", "steps[0].prompt", "end of template", "expected `}}`"],
    ),
    "endless loop": (
        {
            "agents.yaml": AGENTS,
            "workflows.yaml": workflow(
                "{name: s, loop: {until: 'false'}, steps: [{name: t, agent: one, prompt: x}]}"
            ),
        },
        ["workflows.yaml:4:", "loop.max_rounds", "is missing", "max_rounds: 5"],
    ),
    "condition error": (
        {
            "agents.yaml": AGENTS,
            "workflows.yaml": workflow(
                "{name: s, loop: {max_rounds: 2, until: 'x ==='},"
                " steps: [{name: t, agent: one, prompt: x}]}"
            ),
        },
        ["workflows.yaml:4:", "loop.until"],
    ),
}


@pytest.mark.parametrize("name", FILES)
async def test_files_that_cannot_be_used(house: House, name: str) -> None:
    files, words = FILES[name]
    given = {"files": {"models.yaml": MODELS} | files}
    answer = await house.client.put("/api/v1/configurations", json=given)
    assert_told(answer, 422, "workflows.language_error", words)
    for problem in answer.json()["errors"]:
        assert problem.keys() >= {"file", "line", "field", "message", "fix"}
    assert (await house.client.get("/api/v1/agents")).json() == []


JSON = {"Content-Type": "application/json"}
REQUESTS: dict[str, tuple[str, str, dict[str, Any], int, str, list[str]]] = {
    "50 MB body": (
        "POST", "runs", {"content": b"x" * (50 * 2**20), "headers": JSON},
        413, "core.body_too_large", ["8388608 bytes", "server.max_body_bytes"],
    ),
    "600,000 fields": (
        "POST", "runs", {"content": b'{"a":1' + b',"b":1' * 600_000 + b"}", "headers": JSON},
        413, "core.too_many_values", ["50000 values", "server.max_body_values"],
    ),
    "broken JSON": (
        "POST", "runs", {"content": b'{"workflow": ', "headers": JSON},
        422, "core.invalid", ["body", "not valid JSON", "character 13", "Expecting value"],
    ),
    "a body nested too deeply": (
        "POST", "runs", {"content": b"[" * 30_000, "headers": JSON},
        400, "core.bad_request", ["body"],
    ),
    "a field that is not there": (
        "POST", "runs", {"json": {"workflow": "w", "goal": "x"}},
        422, "core.invalid", ["body.goal", "not permitted"],
    ),
    "a number out of bounds": (
        "POST", "runs", {"json": {"workflow": "w", "budgets": {"max_turns": 0}}},
        422, "core.invalid", ["body.budgets.max_turns", "greater than or equal to 1"],
    ),
    "unknown workflow": (
        "POST", "runs", {"json": {"workflow": "nothing"}},
        404, "workflows.definition_unknown", ["'nothing'", "apply a folder"],
    ),
    "bad cursor": (
        "GET", "runs?cursor=x", {}, 422, "core.bad_cursor", ["cursor", "`next_cursor`"],
    ),
    "bad cursor of the feed": (
        "GET", "events/log?topics=*&after=x", {},
        422, "events.bad_cursor", ["cursor", "the feed sent"],
    ),
    "wrong UUID": (
        "GET", "runs/five", {}, 422, "core.invalid", ["path.run_id", "valid UUID"],
    ),
    "unknown UUID": (
        "GET", f"runs/{NOBODY}", {}, 404, "workflows.run_unknown", [str(NOBODY)],
    ),
    "unknown topic": (
        "GET", "events/log?topics=workflow", {},
        422, "events.unknown_topic", ["'workflow'", "workflows.run.finished"],
    ),
    "foreign Host": (
        "GET", "runs", {"headers": {"Host": "evil.example"}},
        403, "core.foreign_host", ["'evil.example'", "server.allowed_hosts"],
    ),
    "foreign Origin": (
        "GET", "runs", {"headers": {"Origin": "https://evil.example"}},
        403, "core.foreign_origin", ["'https://evil.example'", "server.allowed_origins"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REQUESTS)
async def test_requests_that_cannot_be_served(house: House, name: str) -> None:
    method, path, given, status, code, words = REQUESTS[name]
    answer = await house.client.request(method, f"/api/v1/{path}", **given)
    assert_told(answer, status, code, words)


MODEL_FILES = {
    "missing model file": ("{engine: local, file: gone.gguf}", ["gone.gguf", "bring it there"]),
    "wrong sha256": (
        "{engine: local, file: there.gguf, sha256: " + "a" * 64 + "}",
        ["there.gguf", "instead of aaa", "Bring the right one"],
    ),
}


@pytest.mark.parametrize("name", MODEL_FILES)
async def test_model_files_that_cannot_be_used(house: House, tmp_path: Path, name: str) -> None:
    entry, words = MODEL_FILES[name]
    (tmp_path / "there.gguf").write_bytes(b"GGUF")
    entry = entry.replace("file: ", f"file: {tmp_path}/")
    files = {"models.yaml": f"models:\n  m: {entry}\naliases:\n  small: m\n"}
    applied = await house.client.put("/api/v1/configurations", json={"files": files})
    assert applied.is_success, applied.text
    asked = {"model": "small", "messages": [{"role": "user", "content": "x"}]}
    answer = await house.client.post("/v1/chat/completions", json=asked)
    assert not answer.is_success
    for word in words:
        assert word in answer.json()["error"]["message"]


def assert_told(answer: Response, status: int, code: str, words: list[str]) -> None:
    told = answer.json()
    assert (answer.status_code, told["code"]) == (status, code), told
    assert answer.headers["content-type"] == "application/problem+json"
    assert told["trace_id"]
    for word in words:
        assert word in told["detail"], (word, told["detail"])

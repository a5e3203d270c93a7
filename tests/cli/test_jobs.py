"""The groups `jobs` and `workers`, over a real server."""

import asyncio
import re
import threading
from uuid import UUID

import pytest
from inline_snapshot import snapshot

from camel_ext.cli.exits import Exit
from camel_ext.core.queue import TASKS, TaskContext
from camel_ext.core.tasks import AGAIN
from camel_ext.workflows.runs import TASK
from tests.cli.conftest import Camel, shown


def neutral(text: str) -> str:
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", text)
    text = re.sub(r"\b[0-9a-f]{8}\b", "SHORT", text)
    text = re.sub(r"\d+(\.\d+)? (ms|s|min)( \d+ s)?( ago)?|just now", "TIME", text)
    return "\n".join(line.rstrip() for line in text.splitlines())


def queue_of(camel: Camel, name: str) -> dict[str, object]:
    (found,) = [each for each in shown(camel("jobs", "queues", "--json")) if each["name"] == name]
    queue: dict[str, object] = found
    return queue


def test_a_job_is_listed_shown_and_names_what_it_works_for(camel: Camel) -> None:
    run = shown(camel("run", "write", "a poem", "--json"))
    listed = camel("jobs", "--queue", "workflows", "--limit", "1")
    assert listed.exit_code == 0, listed.output
    assert "workflows." in listed.stdout
    assert "succeeded" in listed.stdout
    whole = camel("jobs", "show", "last")
    assert whole.exit_code == 0, whole.output
    assert run["id"] in whole.stdout
    assert shown(camel("jobs", "show", "last", "--json"))["args"] == {"run_id": run["id"]}
    queue = queue_of(camel, "workflows")
    per_min = (queue["started_per_min"], queue["finished_per_min"])
    assert per_min == (0.2, 0.2)  # one, in five minutes
    assert re.search(r"^workflows .* 0\.2 +0\.2 ", camel("jobs", "queues").stdout, re.MULTILINE)


def test_a_paused_queue_holds_runs_until_it_is_resumed(camel: Camel) -> None:
    paused = camel("jobs", "pause", "workflows")
    assert paused.exit_code == 0, paused.output
    try:
        run = shown(camel("run", "write", "a poem", "--detach", "--json"))
        assert queue_of(camel, "workflows")["queued"] == 1
        assert "paused" in camel("jobs", "queues").stdout
        moved = camel("jobs", "priority", "last", "7")
        assert moved.stdout == snapshot("Its priority is 7 now.\n")
        stopped = camel("jobs", "cancel", "last")
        assert stopped.stdout == snapshot("It is cancelled.\n")
        assert shown(camel("show", run["id"], "--json"))["run"]["state"] == "cancelled"
    finally:
        resumed = camel("jobs", "resume", "workflows")
    assert resumed.stdout == snapshot("Workers take from workflows again; 0 jobs queued.\n")


def test_a_job_in_hand_names_its_worker(camel: Camel, monkeypatch: pytest.MonkeyPatch) -> None:
    free = threading.Event()

    async def held(_context: TaskContext, *, run_id: str) -> None:
        while not free.is_set():  # noqa: ASYNC110 - set by another thread
            await asyncio.sleep(0.01)
        raise RuntimeError("enough")

    (worker,) = shown(camel("workers", "--json"))
    with monkeypatch.context() as patched:
        patched.setitem(TASKS, TASK, held)
        assert camel("run", "write", "a poem", "--detach").exit_code == 0
        try:
            while shown(camel("jobs", "show", "last", "--json"))["state"] == "queued":
                pass
            assert f"held by worker {worker['id'][-8:]}" in camel("jobs", "show", "last").stdout
            last = worker["id"][-8:]
            (mine,) = shown(camel("jobs", "--worker", last, "--json"))
            assert (mine["state"], mine["worker_id"]) == ("running", worker["id"])
            assert "workflows.run" in camel("jobs", "-w", worker["id"]).stdout
            assert f"camel-ext jobs --worker {last}" in camel("workers").stderr
            viewer = camel("keys", "create", "looks", "--role", "viewer").stdout.strip()
            assert camel("workers", "--key", viewer).exit_code == Exit.REFUSED  # an operator's
            assert shown(camel("jobs", "-w", last, "--json", "--key", viewer)) == [mine]
        finally:
            free.set()
        while shown(camel("jobs", "show", "last", "--json"))["state"] == "running":
            pass
    assert "held by" not in camel("jobs", "show", "last").stdout
    assert camel("jobs", "--worker", "last").stderr == snapshot("No such job.\n")
    unknown = camel("jobs", "--worker", "0000ffff")
    assert unknown.exit_code == Exit.NOT_FOUND
    assert "camel-ext workers" in unknown.stderr


def test_a_failed_job_is_repeated(camel: Camel, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_context: TaskContext, *, run_id: str) -> None:
        raise RuntimeError("a bug of ours")

    with monkeypatch.context() as patched:
        patched.setitem(TASKS, TASK, broken)
        assert camel("run", "write", "a poem", "--json").exit_code == Exit.FAILED
    while shown(camel("jobs", "show", "last", "--json"))["state"] == "running":
        pass  # its room hears before it is written off
    failed = camel("jobs", "show", "last")
    assert "a bug of ours" in failed.stdout
    assert "camel-ext jobs repeat" in failed.stderr
    again = camel("jobs", "repeat", "last")
    assert neutral(again.stdout) == snapshot("Queued again, as job SHORT.")


def test_what_was_done_meanwhile_is_said_to_be(
    camel: Camel, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert camel("run", "write", "a poem").exit_code == 0
    done = shown(camel("jobs", "show", "last", "--json"))

    async def broken(_context: TaskContext, *, run_id: str) -> None:
        raise RuntimeError("a bug of ours")

    with monkeypatch.context() as patched:
        patched.setitem(TASKS, TASK, broken)
        assert camel("run", "write", "a poem", "--json").exit_code == Exit.FAILED
    while shown(camel("jobs", "show", "last", "--json"))["state"] == "running":
        pass
    monkeypatch.setitem(AGAIN, TASK, lambda _db, _door, **_args: UUID(done["id"]))
    again = camel("jobs", "repeat", "last")
    assert neutral(again.stdout) == snapshot("It was done already, by job SHORT.")


def test_workers_are_listed_drained_and_taken_back(camel: Camel) -> None:
    (worker,) = shown(camel("workers", "--json"))
    last = worker["id"].replace("-", "")[-8:]
    drained = camel("workers", "drain", last)
    assert drained.stdout == snapshot("It takes no more jobs, and holds 0 of this project.\n")
    assert "drains" in camel("workers").stdout
    assert camel("workers", "resume", last).stdout == snapshot("It takes jobs again.\n")


def test_bad_words_say_what_would_be_right(camel: Camel) -> None:
    no_queue = camel("jobs", "pause", "nowhere")
    assert no_queue.exit_code == Exit.NOT_FOUND
    assert "workflows" in no_queue.stderr
    no_state = camel("jobs", "--state", "done")
    assert no_state.exit_code == Exit.USAGE
    assert "succeeded" in no_state.stderr


def test_a_limit_is_set_holds_runs_says_so_and_is_dropped(camel: Camel) -> None:
    made = camel("jobs", "limit", "workflow:write", "0")
    assert made.exit_code == 0, made.output
    assert made.stdout == snapshot("At most 0 jobs at once use workflow:write: 0 now.\n")
    try:
        assert camel("run", "write", "a poem", "--detach").exit_code == 0
        listed = camel("jobs", "--limit", "1").stdout
        assert "limit of workflow:write (0 of 0)" in " ".join(listed.split())
        (limit,) = shown(camel("jobs", "limits", "--json"))
        assert (limit["name"], limit["running"], limit["waiting"]) == ("workflow:write", 0, 1)
        assert camel("jobs", "cancel", "last").exit_code == 0
    finally:
        dropped = camel("jobs", "limit", "workflow:write", "--off")
    assert dropped.exit_code == 0, dropped.output
    assert "No limit." in dropped.output


def test_a_limit_wants_a_number_or_off(camel: Camel) -> None:
    for words in (("workflow:write",), ("workflow:write", "2", "--off")):
        assert camel("jobs", "limit", *words).exit_code == Exit.USAGE
    refused = camel("jobs", "limit", "solve", "2")
    assert refused.exit_code != 0
    assert "workflow:NAME" in refused.output

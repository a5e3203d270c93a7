"""`jobs repeat --dead`, over a real server: looked at, asked about, queued again; what cannot be says why."""

import json
import sqlite3
from types import SimpleNamespace

import pytest
from inline_snapshot import snapshot

from camel_ext.cli.exits import Exit
from camel_ext.core.queue import TASKS, TaskContext
from camel_ext.core.tasks import AGAIN
from camel_ext.workflows.runs import TASK
from tests.cli.conftest import Camel, Served, shown
from tests.cli.test_jobs import neutral


@pytest.fixture
def two_dead(camel: Camel, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs whose jobs ran out of tries."""

    async def broken(_context: TaskContext, *, run_id: str) -> None:
        raise RuntimeError("a bug of ours")

    with monkeypatch.context() as patched:
        patched.setitem(TASKS, TASK, broken)
        for _ in range(2):
            assert camel("run", "write", "a poem", "--json").exit_code == Exit.FAILED
    while shown(camel("jobs", "--state", "running", "--json")):
        pass  # its room hears before a job is written off
    with sqlite3.connect(served.data_dir / "camel-ext.db") as database:
        database.execute(
            "UPDATE jobs SET dead_at = finished_at WHERE id IN "
            "(SELECT id FROM jobs WHERE state = 'failed' ORDER BY created_at DESC LIMIT 2)"
        )
    database.close()


def total(camel: Camel) -> int:
    return sum(each["dead"] for each in shown(camel("jobs", "queues", "--json")))


def test_all_are_counted_queued_again_and_gone(camel: Camel, two_dead: None) -> None:
    listed = camel("jobs", "--dead")
    assert "all: camel-ext jobs repeat --dead" in listed.stderr
    none = camel("jobs", "repeat", "--dead", "--queue", "training")
    assert (none.exit_code, none.stdout) == (0, "")
    assert none.stderr == snapshot("No dead letter of that.\n")
    done = camel("jobs", "repeat", "--dead", "--queue", "workflows", "--kind", TASK, "--yes")
    assert done.exit_code == 0, done.output
    assert done.stderr == snapshot("2 dead letters: 2 of workflows.run.\n")
    assert done.stdout == snapshot("2 jobs queued again.\n")
    assert camel("jobs", "repeat", "--dead").stderr == snapshot("No dead letter.\n")
    assert shown(camel("jobs", "repeat", "--dead", "--json")) == {"repeated": 0, "refused": []}


def test_a_person_is_asked_before(
    camel: Camel, two_dead: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    typing = SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("camel_ext.cli.dead_letters.sys", typing)
    no = camel("jobs", "repeat", "--dead", stdin="\n")
    assert (no.exit_code, no.stdout.strip()) == (Exit.INTERRUPTED, "")
    assert no.stderr == snapshot("""\
2 dead letters: 2 of workflows.run.
Queue them all again? [y/N]:Nothing was queued.
""")
    assert total(camel) == 2
    assert camel("jobs", "repeat", "--dead", stdin="y\n").stdout.endswith("2 jobs queued again.\n")
    assert total(camel) == 0


def test_what_cannot_be_says_why_and_the_command_ends_so(
    camel: Camel, two_dead: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.delitem(AGAIN, TASK)
        done = camel("jobs", "repeat", "--dead")
        assert done.exit_code == Exit.FAILED
        assert neutral(done.stdout) == snapshot("""\
0 jobs queued again.
2 jobs could not be and stay dead:
job        kind            why
SHORT   workflows.run   a job of the kind workflows.run is not queued again: start anew what it worked for
SHORT   workflows.run   a job of the kind workflows.run is not queued again: start anew what it worked for\
""")
        told = json.loads(camel("jobs", "repeat", "--dead", "--json").stdout)
        assert (told["repeated"], len(told["refused"])) == (0, 2)
        assert {each["code"] for each in told["refused"]} == {"jobs.job_not_repeatable"}
    assert camel("jobs", "repeat", "--dead").exit_code == 0


def test_one_or_all_is_to_be_said(camel: Camel) -> None:
    for words in (
        ("jobs", "repeat"),
        ("jobs", "repeat", "last", "--dead"),
        ("jobs", "repeat", "last", "--queue", "workflows"),
    ):
        assert camel(*words).exit_code == Exit.USAGE
    assert camel("jobs", "repeat").stderr == snapshot("""\
error  Which job?
       Name one, as `camel-ext jobs` lists them, or say --dead for all that ran out of tries.
""")
    wrong = camel("jobs", "repeat", "--dead", "--kind", "workflows.fly")
    assert wrong.exit_code == Exit.NOT_FOUND
    assert TASK in wrong.stderr

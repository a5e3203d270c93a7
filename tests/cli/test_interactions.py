"""`camel-ext interactions`: calls made elsewhere, brought in once."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from camel_ext_client import ApiError
from camel_ext_client.archives import Archives
from camel_ext_client.interactions import Interactions
from camel_ext_client.jobs import Jobs
from inline_snapshot import snapshot

from tests.cli.conftest import Camel, Served, shown
from tests.interactions.test_importing import line


def test_a_file_of_calls_is_recorded_once(camel: Camel, tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    file.write_text("".join(json.dumps(line(n, model="small")) + "\n" for n in range(600)))
    first = camel("interactions", "import", str(file))
    assert first.exit_code == 0, first.stderr
    assert "600 calls" in first.stdout
    again = shown(camel("interactions", "import", str(file), "--json"))
    assert again == {"recorded": 0, "duplicates": 600}
    listed = camel("interactions", "-n", "2")
    assert "It scatters." in listed.stdout


def test_a_wrong_line_is_said(camel: Camel, tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    file.write_text(json.dumps({**line(0), "nonsense": 1}))
    refused = camel("interactions", "import", str(file))
    assert refused.exit_code != 0
    assert "Line 1" in refused.stderr
    assert "nonsense" in refused.stderr


def test_calls_are_taken_along_by_filter(camel: Camel, tmp_path: Path) -> None:
    told = tmp_path / "calls.jsonl"
    calls = [
        line(n, model="small", external_id=f"taken-{n}", session=f"user-{n % 2}")
        for n in range(250)
    ]
    told.write_text("".join(json.dumps(each) + "\n" for each in calls))
    assert camel("interactions", "import", str(told)).exit_code == 0
    out = tmp_path / "out.jsonl"
    words = ["interactions", "export", "-o", str(out), "--session", "user-1"]
    said = camel(*words)
    assert "125 calls" in said.stdout
    found = [json.loads(each) for each in out.read_text().splitlines()]
    assert {each["session"] for each in found} == {"user-1"}
    assert len({each["id"] for each in found}) == 125
    assert all(each["messages"] for each in found)
    told_again = shown(camel(*words, "--no-bodies", "--json"))
    assert (told_again["calls"], told_again["file"]) == (125, str(out))
    assert "messages" not in json.loads(out.read_text().splitlines()[0])
    piped = camel("interactions", "export", "--session", "user-0", "--no-bodies")
    assert len(piped.stdout.splitlines()) == 125


def test_a_file_that_cannot_be_written_or_is_refused_leaves_nothing(
    camel: Camel, tmp_path: Path
) -> None:
    there = tmp_path / "kept.jsonl"
    there.write_text("kept")
    assert camel("interactions", "export", "-o", str(there), "--since", "nonsense").exit_code == 2
    assert camel("interactions", "export", "-o", str(there), "--run", "ffff").exit_code == 5
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(("kept", "."))] == [
        "kept.jsonl"
    ]
    assert there.read_text() == "kept"
    refused = camel("interactions", "export", "-o", str(tmp_path / "no" / "where.jsonl"))
    assert refused.exit_code == 2
    assert "cannot be written" in refused.stderr


def test_retention_is_set_followed_and_ended(camel: Camel, served: Served) -> None:
    assert "for ever" in camel("interactions", "retention").stdout
    kept = camel("interactions", "retention", "--keep-days", "30")
    assert "kept for 30 days, then archived" in kept.stdout
    assert served.runtime is not None
    done = shown(camel("interactions", "archive", "--json"))
    assert (done["state"], done["archive"], done["archived"]) == ("succeeded", True, 0)
    assert "Nothing is archived" in camel("interactions", "archives").stderr
    assert camel("interactions", "restore", "abcd").exit_code == 5
    assert camel("interactions", "retention", "--erase").exit_code == 2
    assert shown(camel("interactions", "retention", "--for-ever", "--json")) is None


@pytest.fixture
def unserved(camel: Camel, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Wait for a sweep while there are these workers; return what was said at once."""

    def wait(**worker: Any) -> str:
        one = {"id": "0" * 24 + "3f9a01bc", "queues": None, "draining_since": None}
        found = {"items": [one | worker] if worker else []}
        with monkeypatch.context() as patched:
            patched.setattr(Jobs, "workers", lambda _self: found)
            done = camel("interactions", "archive", "--older-than", "30")
        assert done.exit_code == 0, done.stderr
        return done.stderr

    return wait


def test_who_waits_is_told_at_once_that_nobody_works_on_it(unserved: Callable[..., str]) -> None:
    assert unserved() == snapshot(
        "Nobody works on it: no worker takes from the queue interactions. Start one: camel-ext worker --queues interactions\n"
    )
    assert unserved(queues=["training"]) == snapshot(
        "Nobody works on it: no worker takes from the queue interactions, only from others. Start one: camel-ext worker --queues interactions\n"
    )
    assert unserved(draining_since="2026-01-01T00:00:00Z") == snapshot(
        "Nobody works on it: each worker that takes from the queue interactions drains. Take that back: camel-ext workers resume 3f9a01bc\n"
    )
    assert unserved(queues=["training", "interactions"]) == ""


def test_a_paused_queue_is_said_and_what_resumes_it(camel: Camel) -> None:
    assert camel("jobs", "pause", "interactions").exit_code == 0
    resumes = threading.Timer(1.0, camel, ("jobs", "resume", "interactions"))
    resumes.start()
    done = camel("interactions", "archive", "--older-than", "30")
    resumes.join()
    assert done.exit_code == 0, done.stderr
    assert done.stderr == snapshot(
        "Nobody works on it: the queue interactions is paused. Let workers take from it: camel-ext jobs resume interactions\n"
    )


def test_who_may_not_see_workers_just_waits(camel: Camel, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_self: Jobs) -> None:
        raise ApiError(403, "identity.role_too_low", "not yours")

    monkeypatch.setattr(Jobs, "workers", refused)
    done = camel("interactions", "archive", "--older-than", "30")
    assert (done.exit_code, done.stderr) == (0, "")


def test_an_archive_that_is_away_names_the_flag_that_leaves_it_out(
    camel: Camel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_args: Any, **_wanted: Any) -> Any:
        raise ApiError(503, "interactions.archive_away", "a.parquet is away")

    monkeypatch.setattr(Interactions, "export", away)
    refused = camel("interactions", "export")
    assert refused.exit_code == 3
    assert refused.stderr == snapshot("""\
error  A.parquet is away.
       `camel-ext interactions export --skip-missing` exports the rest.
""")


def test_a_restore_that_nobody_works_on_says_so_and_waits(
    camel: Camel, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {"id": "0" * 24 + "3f9a01bc", "state": "restoring", "rows": 3, "file": "a.parquet"}
    monkeypatch.setattr(Jobs, "workers", lambda _self: {"items": []})
    monkeypatch.setattr(Archives, "each", lambda _self: iter([kept]))
    monkeypatch.setattr(Archives, "restore", lambda _self, _id: kept)
    monkeypatch.setattr(Archives, "get", lambda _self, _id: {**kept, "state": "restored"})
    done = camel("interactions", "restore", "3f9a01bc")
    assert (done.exit_code, done.stdout) == (0, "restored: 3 calls of a.parquet\n")
    assert done.stderr.startswith("Nobody works on it: no worker takes from the queue interactions")
    quiet = camel("interactions", "restore", "3f9a01bc", "--json")
    assert (shown(quiet)["state"], quiet.stderr) == ("restored", "")

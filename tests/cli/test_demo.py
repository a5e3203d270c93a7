"""The demo: what counts as broken, what is left behind, and (slow) the whole of it, for real."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from camel_ext_client import Client
from camel_ext_client.shapes import Run, Turn

from camel_ext.cli.demo_artefacts import Result, collect, judge, transcript, write_summary
from camel_ext.cli.exits import Stop
from camel_ext.cli.runs import _awaited
from tests.cli.conftest import Camel, Served, shown


def a_run(**fields: Any) -> Run:
    base = {
        "id": "0190", "workflow": "solve", "state": "succeeded", "turns": 2, "output": "Paris.",
        "input": {"goal": "Capital?"}, "error_code": None, "error_detail": None,
        "waiting_detail": None, "waiting_for": None, "prompt_tokens": 5, "completion_tokens": 3,
        "running_ms": 1200,
    }  # fmt: skip
    return cast(Run, {**base, **fields})


def a_turn(seq: int, kind: str, name: str, output: Any = None) -> Turn:
    turn = {
        "run_id": "0190", "seq": seq, "step_key": f"s{seq}", "kind": kind, "name": name,
        "interaction_id": "i" if kind == "model" else None, "input": None, "output": output,
        "total_ms": 3.0, "created_at": "",
    }  # fmt: skip
    return cast(Turn, turn)


TURNS = [a_turn(1, "verify", "length", {"passed": False}), a_turn(2, "model", "reviewer")]
ANSWERS = {1: None, 2: {"content": '{"approved": true}'}}


class TestJudging:
    def test_a_poor_answer_is_no_problem_of_the_platform(self) -> None:
        result = judge(1, a_run(), TURNS, ANSWERS, 1)
        assert result.problems == []
        assert (result.verifier_passed, result.reviewer_approved) == (False, True)

    def test_an_answer_out_of_form_is_data_too(self) -> None:
        run = a_run(state="failed", error_code="workflows.answer_not_in_schema")
        assert judge(1, run, TURNS, {1: None, 2: {"content": "what?"}}, 1).problems == []

    @pytest.mark.parametrize(
        ("run", "turns", "calls"),
        [
            (a_run(state="failed", error_code="core.camel_ext_error"), TURNS, 1),
            (a_run(state="waiting", waiting_for="provider"), TURNS, 1),
            (a_run(), TURNS[1:], 1),
            (a_run(), TURNS, 0),
        ],
    )
    def test_what_the_platform_broke_is_a_problem(
        self, run: Run, turns: list[Turn], calls: int
    ) -> None:
        assert len(judge(1, run, turns, ANSWERS, calls).problems) == 1

    def test_a_transcript_is_a_page_to_read(self) -> None:
        page = transcript(judge(1, a_run(), TURNS, ANSWERS, 1), TURNS, ANSWERS)
        assert page.startswith("# Capital?\n")
        assert "Verifier: not passed. Reviewer: approved." in page
        assert page.endswith("```text\nParis.\n```\n")


def test_artefacts_are_read_back_from_the_platform(
    camel: Camel, served: Served, tmp_path: Path
) -> None:
    ids = [shown(camel("run", "write", f"poem {n}", "--json"))["id"] for n in range(2)]
    key = (served.data_dir / "owner.key").read_text().strip()
    with Client(served.url, key) as client:
        results: list[Result] = collect(client, tmp_path, ids)
    write_summary(tmp_path, results, 1.0)
    assert [result.problems for result in results] == [[], []]
    assert len(list((tmp_path / "transcripts").glob("*.md"))) == 2
    calls = [
        json.loads(line) for line in (tmp_path / "interactions.jsonl").read_text().splitlines()
    ]
    assert [call["run_id"] for call in calls] == ids
    assert calls[0]["messages"][-1]["content"] == "Write: poem 0"
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert (summary["runs"], summary["succeeded"], summary["problems"]) == (2, 2, [])


def test_the_call_that_a_run_waits_for_is_read_from_its_detail() -> None:
    detail = "send_letter at rounds[1]/send was being called when the run was interrupted, and ..."
    assert _awaited(a_run(waiting_for="person", waiting_detail=detail)) == "rounds[1]/send"
    with pytest.raises(Stop, match="does not say which call"):
        _awaited(a_run())


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_the_demo_for_real(tmp_path: Path, bundled_model: Path) -> None:
    """Four goals and the loop, the real model, a real server: rc 0, everything left, nothing running."""
    (tmp_path / "models").mkdir()
    shutil.copy(bundled_model, tmp_path / "models")
    folder = tmp_path / "demo"
    done = subprocess.run(
        [sys.executable, "-m", "camel_ext.cli", "demo", "--dir", str(folder)],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=1_800,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["runs"] == 4
    assert summary["problems"] == []
    assert len(list((folder / "transcripts").glob("*.md"))) == 4
    assert len(json.loads((folder / "runs.json").read_text())) == 4
    calls = [json.loads(line) for line in (folder / "interactions.jsonl").read_text().splitlines()]
    assert {call["engine"] for call in calls} == {"local"}
    assert "of 4 answers passed the verifier" in done.stdout
    proven = json.loads((folder / "certificate.json").read_text())
    assert proven["verdict"] in ("better", "not_worse", "worse", "inconclusive")
    assert (proven["n"], proven["topics"], proven["leaked"]) == (200, 40, 0)
    low, high = proven["interval"]
    assert low <= proven["effect"] <= high
    assert proven["fixed"] > proven["broken"]  # it learns, whether that is proven or not
    assert (folder / "certificate.html").read_text().startswith("<!doctype html>")
    assert (folder / "certificate.md").read_text().startswith("# C-0001")
    assert "Traceback" not in (folder / "server.log").read_text()
    assert not (folder / "data" / "server.url").exists(), "its server is still there"


@pytest.mark.slow
def test_who_ends_the_demo_ends_its_server(tmp_path: Path, bundled_model: Path) -> None:
    (tmp_path / "models").mkdir()
    shutil.copy(bundled_model, tmp_path / "models")
    address = tmp_path / "demo" / "data" / "server.url"
    demo = subprocess.Popen(
        [sys.executable, "-m", "camel_ext.cli", "demo", "--dir", str(tmp_path / "demo")],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    until_s = time.monotonic() + 60
    while not address.exists() and time.monotonic() < until_s:
        time.sleep(0.05)
    url = address.read_text().strip()
    demo.terminate()
    assert demo.wait(30) == 128 + signal.SIGTERM
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/health/live", trust_env=False)


@pytest.mark.slow
def test_a_demo_whose_server_does_not_start_says_why(tmp_path: Path, bundled_model: Path) -> None:
    data = tmp_path / "demo" / "data"
    (data / "models").mkdir(parents=True)
    shutil.copy(bundled_model, data / "models")
    (data / "camel-ext.db").write_bytes(b"this is no database, but it is long enough to be one" * 9)
    done = subprocess.run(
        [sys.executable, "-m", "camel_ext.cli", "demo", "--dir", str(tmp_path / "demo")],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    assert "The demo's server did not start" in done.stderr
    assert "server.log" in done.stderr

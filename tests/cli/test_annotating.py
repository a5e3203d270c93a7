"""The groups `annotate` and `queue`, over a real server."""

import json
import os
import pty
import re
import shlex
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot
from pydantic import TypeAdapter
from typer.testing import Result

from camel_ext.annotations.schemas import AnnotationCreate
from camel_ext.annotations.schemas_batches import BatchStart
from camel_ext.annotations.schemas_queues import QueueCreate
from camel_ext.cli.annotating import read_order
from camel_ext.cli.batches import read_params
from camel_ext.cli.exits import Stop
from tests.cli.conftest import Camel, Served, command_on, error, shown

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "annotations.md"


def answered(camel: Camel, *more: str) -> str:
    """The interaction of a fresh run's first turn."""
    run = shown(camel("run", "write", "a poem", "--json", *more))
    assert run["state"] == "succeeded"
    interaction: str = shown(camel("show", run["id"], "--json"))["turns"][0]["interaction_id"]
    return interaction


def lines(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def neutral(text: str) -> str:
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", text)
    return re.sub(r"\b[0-9a-f]{8}\b", "SHORT", text)


@pytest.fixture(scope="module")
def answers(served: Served) -> list[str]:
    """Three answers for all tests here, so that each need not start runs of its own."""
    camel = command_on(served.data_dir)
    return [answered(camel, "--tag", "three") for _ in range(3)]


class TestByHand:
    def test_thumbs_on_the_last_turn(self, camel: Camel) -> None:
        it = answered(camel)
        result = camel("annotate", "thumbs", "last:1", "up", "--why", "kind")
        assert result.exit_code == 0, result.output
        assert neutral(result.stdout) == "Kept: SHORT  thumbs  up  (kind).\n"
        assert "camel-ext annotate withdraw" in result.stderr
        (found,) = shown(camel("annotate", "list", "--of", it, "--json"))
        assert (found["judge"], found["score"], found["rationale"]) == ("owner", 1.0, "kind")
        again = camel("annotate", "thumbs", it, "down")
        assert "takes the place of what you said before" in again.stdout
        assert len(shown(camel("annotate", "list", "--of", it, "--json"))) == 1
        assert len(shown(camel("annotate", "list", "--of", it, "--all", "--json"))) == 2

    def test_the_other_kinds(self, camel: Camel, answers: list[str]) -> None:
        a, b, c = answers
        rated = shown(camel("annotate", "rate", a, "4", "--json"))
        assert rated["value"] == {"rating": 4.0, "low": 1.0, "high": 5.0}
        labelled = shown(camel("annotate", "label", a[-8:], "long", "rude", "--json"))
        assert labelled["value"] == {"labels": ["long", "rude"]}
        corrected = camel("annotate", "correct", a, "-", "--json", stdin="better words")
        assert shown(corrected)["value"] == {"text": "better words"}
        chosen = shown(camel("annotate", "choose", a, b, "second", "--json"))
        assert chosen["value"] == {"chosen_id": b}
        ranked = shown(camel("annotate", "rank", a, b, c, "--order", "2 > 1 = 3", "--json"))
        assert ranked["value"] == {"ranking": [[b], [a, c]]}
        listed = camel("annotate", "list", "-n", "5")
        assert neutral(listed.stdout).splitlines()[1].split()[:3] == ["SHORT", "owner", "ranking"]
        assert re.search(r"better words *$", listed.stdout, re.MULTILINE)

    def test_taking_back(self, camel: Camel) -> None:
        it = answered(camel)
        camel("annotate", "rate", it, "2")
        result = camel("annotate", "withdraw", "last")
        assert neutral(result.stdout) == "Taken back: SHORT  2 of 1 to 5\n"
        assert shown(camel("annotate", "list", "--of", it, "--json")) == []
        nothing = camel("annotate", "list", "--of", it)
        assert "camel-ext annotate thumbs" in nothing.stderr

    @pytest.mark.parametrize(
        ("arguments", "code", "said"),
        [
            (["thumbs", "last:99", "up"], 5, "no turn 99"),
            (["thumbs", "last:x", "up"], 2, "no turn of a run"),
            (["thumbs", "zz", "up"], 2, "not an answer's id"),
            (["thumbs", "last:2", "up"], 2, "there is no answer to judge"),
            (["rate", "last:1", "9"], 2, "`rating` is 9"),
            (["correct", "last:1", "three fine words"], 2, "`text`: it is the answer"),
            (["correct", "last:1", " "], 2, "text"),
            (["choose", "last:1", "last:1", "tie"], 2, "`interaction_ids` holds an answer twice"),
            (["rank", "last:1", "last:1", "--order", "1"], 2, "each of the 2 answers once"),
            (["withdraw", "ffffffff"], 5, "No judgement ends with ffffffff"),
            (["undo", "ffffffff"], 5, "No batch ends with ffffffff"),
            (["batch", "length", "-p", "max"], 2, "no NAME=VALUE"),
            (["batch", "nonsense"], 5, "no verifier 'nonsense'"),
            (["batch", "length", "-p", "top=3"], 2, "`top` is not a parameter"),
            (["batch", "length", "--of", "last:1", "--tag", "x"], 2, "--of names answers"),
        ],
    )
    def test_what_cannot_be(self, camel: Camel, arguments: list[str], code: int, said: str) -> None:
        answered(camel)
        result = camel("annotate", *arguments, "--json")
        assert result.exit_code == code, result.output
        assert said in error(result)["detail"]


class TestBatches:
    def test_from_a_dry_run_to_undoing(self, camel: Camel) -> None:
        it = answered(camel, "--tag", "batch")
        wanted = ["batch", "length", "-p", "unit=words", "-p", "max=2", "--tag", "batch"]
        dry = camel("annotate", *wanted, "--dry-run")
        assert dry.exit_code == 0, dry.output
        assert neutral(dry.stdout) == snapshot(
            """\
length  succeeded  dry run  batch ID
  1 answer · 0 passed · 1 failed · mean score 0.667
  failed  SHORT  3 words, at most 2 wanted
"""
        )
        assert "without --dry-run" in dry.stderr
        assert shown(camel("annotate", "list", "--of", it, "--json")) == []
        done = shown(camel("annotate", *wanted, "--json"))
        assert (done["state"], done["failed"], done["total"]) == ("succeeded", 1, 1)
        (found,) = shown(camel("annotate", "list", "--batch", "last", "--json"))
        assert (found["judge"], found["interaction_ids"]) == ("length", [it])
        undone = camel("annotate", "undo", "last")
        assert neutral(undone.stdout).startswith("Taken back: 1 verdict of batch SHORT.")
        assert shown(camel("annotate", "list", "--of", it, "--json")) == []
        listed = camel("annotate", "batches")
        assert "undone" in listed.stdout
        assert "dry run" in listed.stdout

    def test_of_answers_by_name_and_with_their_prompt(
        self, camel: Camel, answers: list[str]
    ) -> None:
        arguments = [part for each in answers[:2] for part in ("--of", each)]
        done = shown(
            camel("annotate", "batch", "exact", "--prompt-as", "expected", *arguments, "--json")
        )
        assert (done["done"], done["failed"]) == (2, 2)
        assert done["per_subject"] == {"expected": "prompt"}

    def test_detached_watched_and_cancelled_too_late(
        self, camel: Camel, answers: list[str]
    ) -> None:
        started = camel("annotate", "batch", "length", "--detach")
        assert "camel-ext annotate watch" in started.stderr or "passed" in started.stdout
        watched = camel("annotate", "watch")
        assert watched.exit_code == 0
        assert "passed" in watched.stdout
        assert shown(camel("annotate", "cancel", "--json"))["state"] == "succeeded"

    def test_nothing_matches(self, camel: Camel) -> None:
        result = camel("annotate", "batch", "length", "--tag", "nobody")
        assert result.exit_code == 0
        assert "0 answers" in result.stdout
        assert "camel-ext logs" in result.stderr


@pytest.fixture
def queue(camel: Camel, answers: list[str], request: pytest.FixtureRequest) -> Iterator[str]:
    """A queue of three answers, each to be rated with thumbs."""
    name = "q-" + re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:40]
    of = [part for each in answers for part in ("--of", each)]
    made = camel("queue", "add", name, "thumbs", *of, "--guideline", "Is it kind?")
    assert made.exit_code == 0, made.output
    yield name
    camel("queue", "close", name)


class TestQueues:
    def test_lines_from_a_pipe(self, camel: Camel, queue: str, answers: list[str]) -> None:
        result = camel("queue", "work", queue, stdin="u\nwhat\n?\ns\nd\nz\nd\nu\n")
        assert result.exit_code == 0, result.output
        assert result.stdout.startswith("  Is it kind?")
        assert "'what' says nothing here." in result.stderr
        assert "three fine words" in result.stdout
        assert "3 judgements kept." in result.stderr
        assert "Nothing is left for you" in result.stderr
        found = [shown(camel("annotate", "list", "--of", each, "--json"))[0] for each in answers]
        assert sorted(each["value"]["up"] for each in found) == [False, True, True]
        assert all(each["time_spent_ms"] is not None for each in found)
        assert shown(camel("queue", "show", queue, "--json"))["items_done"] == 3

    def test_leaving_gives_back(self, camel: Camel, queue: str) -> None:
        result = camel("queue", "work", queue, stdin="u\nq\n")
        assert result.exit_code == 0
        assert f"Go on: camel-ext queue work {queue}" in result.stderr
        found = shown(camel("queue", "show", queue, "--json"))
        assert (found["items_done"], found["items_reserved"]) == (1, 0)
        text = camel("queue", "show", queue).stdout
        assert "1 of 3 judged · 0 taken · 1 person each · an item is kept 15 min 00 s" in text
        assert queue in camel("queue").stdout

    def test_for_programs_it_is_lines(self, camel: Camel, queue: str) -> None:
        told = lines(camel("queue", "work", queue, "--json", stdin="u\n"))
        assert [each["type"] for each in told] == ["item", "judged", "item"]
        assert told[0]["item"]["subjects"][0]["answer"]["content"] == "three fine words"
        assert told[1]["annotation"]["queue_item_id"] == told[0]["item"]["id"]

    @pytest.mark.slow
    def test_keys_on_a_terminal(self, served: Served, camel: Camel, queue: str) -> None:
        ours, theirs = pty.openpty()
        arguments = ["queue", "work", queue, "--data-dir", str(served.data_dir)]
        child = subprocess.Popen(
            [sys.executable, "-m", "camel_ext.cli", *arguments],
            stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True,
        )  # fmt: skip
        os.close(theirs)
        try:
            for key, answered_by in (("u", "✓ up"), ("x", "nothing here"), ("d", "✓ down")):
                press(ours, key)
                read_until(ours, answered_by)
            press(ours, "q")
            said = read_until(ours, "Go on")
            assert child.wait(20) == 0
        finally:
            child.kill()
            os.close(ours)
        assert "2 judgements kept." in said
        assert shown(camel("queue", "show", queue, "--json"))["items_done"] == 2

    @pytest.mark.parametrize(
        ("kind", "typed", "value"),
        [
            ("rating", "6\n4\n", {"rating": 4.0, "low": 1.0, "high": 5.0}),
            ("labels", "soft\n2, long\n", {"labels": ["rude", "long"]}),
            ("correction", "\nbetter words\n", {"text": "better words"}),
        ],
    )
    def test_the_other_kinds(
        self, camel: Camel, answers: list[str], kind: str, typed: str, value: Any
    ) -> None:
        labels = ["--label", "long", "--label", "rude"] if kind == "labels" else []
        name = f"one-{kind}"
        camel("queue", "add", name, kind, "--of", answers[0], "--blind", *labels)
        told = lines(camel("queue", "work", name, "--json", stdin=typed))
        (made,) = [each["annotation"] for each in told if each["type"] == "judged"]
        assert (made["value"], made["blind"]) == (value, True)

    @pytest.mark.parametrize(
        ("kind", "typed"), [("choice", "t"), ("choice", "b"), ("ranking", "2 > 1")]
    )
    def test_side_by_side(self, camel: Camel, answers: list[str], kind: str, typed: str) -> None:
        name = f"pair-{kind}-{typed[0]}"
        made = camel("queue", "add", name, kind, "--of", ",".join(answers[:2]), "--json")
        assert shown(made)["items_total"] == 1
        result = camel("queue", "work", name, stdin=f"{typed}\n")
        assert "answer 1  writer · small" in result.stdout
        assert "1 judgement kept." in result.stderr

    def test_from_a_filter(self, camel: Camel) -> None:
        for _ in range(2):
            answered(camel, "--tag", "twice")
        made = camel("queue", "add", "by-filter", "choice", "--tag", "twice", "-n", "10")
        assert made.stdout == "by-filter asks for 1 judgement.\n"

    @pytest.mark.parametrize(
        ("arguments", "code", "said"),
        [
            (["work", "nowhere"], 5, "no queue 'nowhere'"),
            (["add", "x", "thumbs", "--tag", "nobody"], 2, "`filter`: no answer"),
            (["add", "x", "choice", "--of", "last:1"], 2, "takes 2 at a time"),
            (["add", "x", "thumbs", "--of", "last:1", "--tag", "y"], 2, "--of names answers"),
        ],
    )
    def test_what_cannot_be(self, camel: Camel, arguments: list[str], code: int, said: str) -> None:
        answered(camel)
        result = camel("queue", *arguments, "--json")
        assert result.exit_code == code, result.output
        assert said in error(result)["detail"]

    def test_a_closed_queue(self, camel: Camel, queue: str) -> None:
        closed = camel("queue", "close", queue)
        assert closed.stdout == f"{queue} is closed; 3 items stay unjudged.\n"
        result = camel("queue", "work", queue, "--json")
        assert result.exit_code == 6
        assert error(result)["code"] == "annotations.queue_closed"


@pytest.mark.parametrize(
    ("order", "groups"), [("2 > 1 = 3", [[1], [0, 2]]), ("1=2=3", [[0, 1, 2]]), ("3>2>1", [[2], [1], [0]])]
)  # fmt: skip
def test_an_order(order: str, groups: list[list[int]]) -> None:
    assert read_order(order, 3) == groups


@pytest.mark.parametrize("order", ["", "1 >", "1 > 2", "1 > 2 > 2", "1 > 2 > 4", "a > b > c"])
def test_no_order(order: str) -> None:
    with pytest.raises(Stop):
        read_order(order, 3)


def test_parameters_are_json_or_text() -> None:
    read = read_params(["max=40", "unit=words", 'any=["a"]', "text=a=b"])
    assert read == {"max": 40, "unit": "words", "any": ["a"], "text": "a=b"}


def press(terminal: int, key: str) -> None:
    """Press a key once it is waited for: what is typed ahead is thrown away."""
    while termios.tcgetattr(terminal)[3] & termios.ICANON:
        time.sleep(0.01)
    os.write(terminal, key.encode())


def read_until(terminal: int, words: str) -> str:
    """Return what is written on a terminal up to some words, without its colours."""
    seen = ""
    while words not in seen:
        raw = os.read(terminal, 65_536).decode("utf-8", "replace")
        seen += re.sub(r"\x1b\[[0-9;]*m", "", raw)
    return seen


class TestGuide:
    """docs/guide/annotations.md, tried as it stands."""

    def test_its_commands_work_one_after_the_other(self, camel: Camel) -> None:
        answered(camel, "--tag", "train")
        commands = [line for block in blocks("sh") for line in block.splitlines()]
        assert len(commands) > 10
        for line in commands:
            program, *arguments = shlex.split(line)
            assert program == "camel-ext"
            result = camel(*arguments)
            assert result.exit_code == 0, (line, result.output)

    def test_its_bodies_are_ones_the_server_takes(self) -> None:
        shapes: dict[str, TypeAdapter[Any]] = {
            "/api/v1/annotations": TypeAdapter(AnnotationCreate),
            "/api/v1/annotation-batches": TypeAdapter(BatchStart),
            "/api/v1/annotation-queues": TypeAdapter(QueueCreate),
        }
        (block,) = blocks("http")
        requests = re.findall(r"POST (\S+)\n(\{.*?\}\n)(?:\n|$)", block, re.DOTALL)
        assert [path for path, _ in requests] == list(shapes)
        for path, body in requests:
            shapes[path].validate_json(body)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)

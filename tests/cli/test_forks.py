"""`fork`, the group `forks`, and runs with pinned models and a purpose, over a real server."""

import re
import shlex
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from camel_ext.serving import EngineRefused
from tests.cli.conftest import Camel, Served, error, shown

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "forks.md"


def answered(camel: Camel) -> tuple[str, str]:
    """A fresh run, and the call of its first turn."""
    run = shown(camel("run", "write", "a poem", "--json"))
    assert run["state"] == "succeeded"
    call: str = shown(camel("show", run["id"], "--json"))["turns"][0]["interaction_id"]
    return run["id"], call


def neutral(text: str) -> str:
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", text)
    text = re.sub(r"\b[0-9a-f]{8}\b", "SHORT", text)
    return "\n".join(line.rstrip() for line in text.splitlines())


class TestFork:
    def test_it_shows_the_answers_side_by_side(self, camel: Camel) -> None:
        answered(camel)
        result = camel("fork", "last", "-k", "2", "--temperature", "0.3", "--temperature", "1")
        assert result.exit_code == 0, result.output
        assert neutral(result.stdout) == snapshot("""\
writer  succeeded  fork ID
  4 of 4 further answers

answer     asked       said
SHORT   as it was   three fine words
SHORT   t 0.3       three fine words
SHORT   t 0.3       three fine words
SHORT   t 1         three fine words
SHORT   t 1         three fine words\
""")
        assert "camel-ext annotate choose" in result.stderr

    @pytest.mark.parametrize("named", ["{run}", "{run}:1", "{call}", "{short}"])
    def test_a_call_is_named_by_its_run_or_itself(self, camel: Camel, named: str) -> None:
        run, call = answered(camel)
        wanted = named.format(run=run, call=call, short=call.replace("-", "")[-12:])
        made = shown(camel("fork", wanted, "-k", "1", "--seed", "4", "--json"))
        assert (made["fork"]["interaction_id"], made["fork"]["seed"]) == (call, 4)
        (one,) = made["answers"]
        assert one["purpose"] == "sample"
        assert one["forked_from_id"] == call
        assert one["answer"]["content"] == "three fine words"
        assert "messages" not in one

    def test_a_turn_of_a_tool_has_no_answer(self, camel: Camel) -> None:
        answered(camel)
        result = camel("fork", "last", "--turn", "2", "--json")
        assert result.exit_code == 2
        assert "no answer" in error(result)["detail"]

    def test_what_a_model_refuses_is_told(self, camel: Camel, served: Served) -> None:
        answered(camel)
        served.answers["poem"] = EngineRefused("the model wants no poems")
        result = camel("fork", "last", "-k", "2")
        assert result.exit_code == 1
        assert "2 refused" in result.stdout
        assert "the model wants no poems" in result.stdout

    def test_detached_listed_shown_watched_and_cancelled_too_late(self, camel: Camel) -> None:
        answered(camel)
        started = camel("fork", "last", "--detach")
        assert started.exit_code == 0, started.output
        assert "camel-ext forks watch" in started.stderr
        assert camel("forks", "watch").exit_code == 0
        assert "4 of 4 further answers" in camel("forks", "show").stdout
        assert "4 of 4" in camel("forks").stdout
        assert "succeeded, with 4 answers" in camel("forks", "cancel", "last").stdout
        newest, *_ = shown(camel("forks", "list", "--limit", "1", "--json"))
        assert len(shown(camel("forks", "show", newest["id"], "--json"))["answers"]) == 4

    @pytest.mark.parametrize(
        ("arguments", "code", "said"),
        [
            (["fork", "zz"], 2, "is not a run's id"),
            (["fork", "ffffffff"], 5, "No answer ends with ffffffff"),
            (["fork", "last", "--turn", "99"], 5, "no turn 99"),
            (["fork", "last", "--model", "nobody"], 5, "nobody"),
            (["forks", "show", "ffffffff"], 5, "No fork ends with ffffffff"),
        ],
    )
    def test_what_cannot_be(self, camel: Camel, arguments: list[str], code: int, said: str) -> None:
        answered(camel)
        result = camel(*arguments, "--json")
        assert result.exit_code == code, result.output
        assert said in error(result)["detail"]


class TestRuns:
    def test_a_model_for_this_run_alone_and_a_purpose(self, camel: Camel) -> None:
        wanted = ["run", "write", "a poem", "--model", "small=tiny@1", "--purpose", "eval"]
        run = shown(camel(*wanted, "--json"))
        assert run["purpose"] == "eval"
        assert run["resolved"]["models"]["small"]["name"] == "tiny"
        assert re.search(r"purpose +eval", camel("show", run["id"]).stdout)
        listed = shown(camel("runs", "--purpose", "eval", "--json"))
        assert [each["id"] for each in listed] == [run["id"]]
        assert run["id"] not in [
            e["id"] for e in shown(camel("runs", "--purpose", "run", "--json"))
        ]
        assert "No run is like that" in camel("runs", "--purpose", "sample").stderr

    @pytest.mark.parametrize(
        ("pinned", "code", "said"),
        [
            ("small", 2, "no ALIAS=TARGET"),
            ("nobody=tiny", 2, "'nobody', which no agent of the workflow uses"),
            ("small=nothing", 5, "nothing"),
        ],
    )
    def test_what_cannot_stand_for_it(
        self, camel: Camel, pinned: str, code: int, said: str
    ) -> None:
        result = camel("run", "write", "a poem", "--model", pinned, "--json")
        assert result.exit_code == code, result.output
        assert said in error(result)["detail"]


def test_the_commands_of_the_guide_work_one_after_the_other(camel: Camel) -> None:
    answered(camel)
    blocks = re.findall(r"^```sh\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    commands = [line for block in blocks for line in block.splitlines()]
    assert len(commands) > 5
    for line in commands:
        program, *arguments = shlex.split(line)
        assert program == "camel-ext"
        result = camel(*arguments)
        assert result.exit_code == 0, (line, result.output)

"""`run`, `watch`, `show`, `logs` and the group `runs`, over a real server."""

import json
import re
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from camel_ext.serving import EngineRefused
from tests.cli.conftest import Camel, Served, error, shown


def started(camel: Camel, *more: str) -> str:
    run: str = shown(camel("run", "write", "a poem", "--detach", "--json", *more))["id"]
    return run


class TestRun:
    def test_it_shows_each_turn_the_output_and_what_it_took(self, camel: Camel) -> None:
        result = camel("run", "write", "a poem", "--seed", "5")
        assert result.exit_code == 0, result.output
        text = re.sub(r"\d+(\.\d)? m?s\b", "T", result.stdout)
        text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", text)
        text = re.sub(r"show [0-9a-f]{8}", "show ID", text)
        assert text == snapshot(
            """\
write  a poem
run ID

  1  writer   draft/call[0] · T
     three fine words

  2  check length   check · T
     ✓ passed   score 1   3 words

output
     three fine words

✓ succeeded  2 turns · 8 tokens · T · free  · run ID
Look again: camel-ext show ID
"""
        )

    def test_for_machines_it_is_the_run_in_its_last_state(self, camel: Camel) -> None:
        run = shown(camel("run", "write", "a poem", "--json", "--seed", "5", "--tag", "x"))
        assert run["state"] == "succeeded"
        assert run["output"] == "three fine words"
        assert (run["seed"], run["tags"], run["turns"]) == (5, ["x"], 2)

    def test_quiet_prints_the_output_alone(self, camel: Camel) -> None:
        assert camel("run", "write", "a poem", "-q").stdout == "three fine words\n"

    def test_an_output_of_fields_is_json(self, camel: Camel) -> None:
        printed = camel("run", "twice", "a poem", "-q").stdout
        assert json.loads(printed) == {"first": "three fine words", "second": "three fine words"}

    def test_detached_it_says_how_to_come_back(self, camel: Camel) -> None:
        result = camel("run", "write", "a poem", "--detach")
        assert result.exit_code == 0
        assert "Started: " in result.stdout
        assert "camel-ext watch " in result.stderr

    def test_a_failed_run_ends_with_1_and_says_why(self, camel: Camel, served: Served) -> None:
        served.answers["poem"] = EngineRefused("the model wants no poems")
        result = camel("run", "write", "a poem")
        assert result.exit_code == 1
        assert "the model wants no poems" in result.stdout
        assert "camel-ext runs retry" in result.stdout

    def test_a_run_at_its_budget_ends_with_7_and_says_how_to_go_on(self, camel: Camel) -> None:
        result = camel("run", "twice", "a poem", "--budget", "max_turns=1")
        assert result.exit_code == 7
        assert "max_turns is 1, 1 are used" in result.stdout
        assert re.search(r"runs resume \w+ --budget max_turns=2", result.stdout)
        again = shown(camel("runs", "resume", "last", "--budget", "max_turns=5", "--json"))
        assert again["budgets"]["max_turns"] == 5
        assert camel("watch", "last").exit_code == 0

    def test_step_by_step(self, camel: Camel) -> None:
        first = camel("run", "twice", "a poem", "--step")
        assert first.exit_code == 7
        assert "camel-ext runs step" in first.stdout
        assert camel("runs", "step", "last").exit_code == 0
        assert camel("watch", "last").exit_code == 0

    def test_a_cancelled_run_ends_with_8(self, camel: Camel) -> None:
        camel("run", "twice", "a poem", "--step")
        assert camel("runs", "cancel", "last").exit_code == 0
        assert camel("watch", "last").exit_code == 8


class TestInputs:
    def test_values_have_the_type_that_the_workflow_says(self, camel: Camel) -> None:
        run = shown(camel("run", "write", "--input", "goal=5", "--input", "least=2", "--json"))
        assert run["input"] == {"goal": "5", "least": 2}

    def test_a_file_and_single_values_add_up(self, camel: Camel, tmp_path: Path) -> None:
        file, goal = tmp_path / "inputs.yaml", tmp_path / "goal.txt"
        file.write_text("goal: from the file # a comment\nleast: 1\n")
        goal.write_text("a longer\ngoal")
        given = ["--input-file", str(file), "-i", f"goal=@{goal}"]
        assert shown(camel("run", "write", *given, "--json"))["input"] == {
            "goal": "a longer\ngoal", "least": 1,
        }  # fmt: skip

    def test_a_file_may_come_by_a_pipe(self, camel: Camel) -> None:
        result = camel("run", "write", "--input-file", "-", "--json", stdin='{"goal": "x"}')
        assert shown(result)["input"]["goal"] == "x"

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--input", "goal"], "that is no NAME=VALUE"),
            (["--input", "least=many", "--input", "goal=x"], "takes an integer"),
            (["--input", "goal=@/no/such/file"], "cannot read /no/such/file"),
            (["--input-file", "/no/such/file"], "cannot read /no/such/file"),
            (["x", "--budget", "max_words=3"], "there is no such limit"),
            (["x", "--budget", "max_turns=few"], "is not a whole number"),
            (["x", "--budget", "max_turns=0"], "greater than or equal to 1"),
            (["--input", "colour=red", "--input", "goal=x"], "colour"),
            ([], "goal"),
        ],
    )
    def test_what_is_wrong_is_said_in_a_sentence(
        self, camel: Camel, arguments: list[str], words: str
    ) -> None:
        result = camel("run", "write", *arguments)
        assert result.exit_code == 2, result.output
        assert words in result.stderr
        assert "Traceback" not in result.output

    def test_wrong_yaml_is_named_with_its_place(self, camel: Camel, tmp_path: Path) -> None:
        file = tmp_path / "inputs.yaml"
        file.write_text("goal: x\n  least: 3\n")
        result = camel("run", "write", "--input-file", str(file))
        assert result.exit_code == 2
        assert "inputs.yaml:2:8: mapping values are not allowed here" in result.stderr

    def test_a_list_is_no_mapping(self, camel: Camel) -> None:
        result = camel("run", "write", "--input-file", "-", stdin="[1, 2]")
        assert result.exit_code == 2
        assert "a mapping of names to values" in result.stderr

    def test_an_unknown_workflow_names_those_there_are(self, camel: Camel) -> None:
        result = camel("run", "writes", "x")
        assert result.exit_code == 5
        assert "There is: " in result.stderr
        assert "write" in result.stderr


class TestFinding:
    def test_by_its_id_its_last_letters_or_last(self, camel: Camel) -> None:
        run_id = started(camel)
        for wanted in (run_id, run_id[-8:], run_id[-6:].upper(), "last"):
            assert shown(camel("show", wanted, "--json"))["run"]["id"] == run_id

    @pytest.mark.parametrize(("wanted", "code"), [("abc", 2), ("what?", 2), ("00000000", 5)])
    def test_what_is_no_id_is_said_to_be_none(self, camel: Camel, wanted: str, code: int) -> None:
        result = camel("show", wanted)
        assert result.exit_code == code
        assert "camel-ext runs" in result.stderr

    def test_an_id_that_nobody_has_is_not_found(self, camel: Camel) -> None:
        result = camel("show", "01900000-0000-7000-8000-000000000000", "--json")
        assert result.exit_code == 5
        assert error(result)["code"] == "workflows.run_unknown"


class TestShow:
    def test_a_run_is_shown_with_its_turns(self, camel: Camel) -> None:
        camel("run", "write", "a poem")
        text = camel("show", "last").stdout
        assert "goal     a poem" in text
        assert "three fine words" in text
        found = shown(camel("show", "last", "--json"))
        assert [turn["kind"] for turn in found["turns"]] == ["model", "verify"]

    def test_a_turn_is_shown_with_its_exact_prompt_and_answer(self, camel: Camel) -> None:
        camel("run", "write", "a poem")
        text = camel("show", "last", "--turn", "1").stdout
        assert "You write." in text
        assert "Write: a poem" in text
        found = shown(camel("show", "last", "--turn", "1", "--json"))
        assert found["interaction"]["messages"][-1]["content"] == "Write: a poem"
        assert found["interaction"]["answer"]["content"] == "three fine words"

    def test_a_check_is_shown_whole(self, camel: Camel) -> None:
        camel("run", "write", "a poem")
        text = camel("show", "last", "--turn", "2").stdout
        assert "passed" in text
        assert "3 words" in text

    def test_a_turn_that_is_not_there(self, camel: Camel) -> None:
        camel("run", "write", "a poem")
        result = camel("show", "last", "--turn", "9")
        assert result.exit_code == 5
        assert "no turn 9" in result.stderr

    def test_text_of_a_model_is_never_markup(self, camel: Camel, served: Served) -> None:
        served.answers["poem"] = "[red]not red[/red] \x1b[31mnor this"
        text = camel("run", "write", "a poem").stdout
        assert "[red]not red[/red] ·[31mnor this" in text


class TestRuns:
    def test_the_newest_is_first(self, camel: Camel) -> None:
        run_id = started(camel)
        assert run_id.replace("-", "")[-8:] in camel("runs").stdout.splitlines()[1]
        assert shown(camel("runs", "--json", "-n", "1"))[0]["id"] == run_id
        assert shown(camel("runs", "list", "--json", "-n", "1"))[0]["id"] == run_id

    def test_filters_reach_the_server(self, camel: Camel) -> None:
        camel("run", "write", "a poem")
        found = shown(camel("runs", "--state", "succeeded", "--workflow", "write", "--json"))
        assert {(run["state"], run["workflow"]) for run in found} == {("succeeded", "write")}
        assert camel("runs", "--state", "tired").exit_code == 2

    def test_a_retry_is_a_new_run_that_names_its_parent(self, camel: Camel) -> None:
        old = shown(camel("run", "twice", "a poem", "--json"))
        new = shown(camel("runs", "retry", old["id"], "--from", "second", "--json"))
        assert (new["parent_run_id"], new["prefix_seq"]) == (old["id"], 1)
        assert camel("watch", new["id"]).exit_code == 0

    def test_what_its_state_does_not_allow_is_a_conflict(self, camel: Camel) -> None:
        camel("run", "write", "a poem")
        result = camel("runs", "pause", "last")
        assert result.exit_code == 6
        assert "succeeded" in result.stderr
        assert camel("runs", "decide", "last", "repeat").exit_code == 6
        assert camel("runs", "retry", "last", "--from", "nowhere").exit_code == 5


class TestWatch:
    def test_for_machines_each_turn_and_state_is_a_line(self, camel: Camel) -> None:
        camel("run", "write", "a poem")
        result = camel("watch", "last", "--json")
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        assert [line["type"] for line in lines] == ["turn", "turn", "run"]
        assert lines[0]["answer"]["content"] == "three fine words"
        assert lines[-1]["run"]["state"] == "succeeded"


class TestLogs:
    def test_questions_and_answers_in_order(self, camel: Camel) -> None:
        camel("run", "twice", "a poem")
        text = camel("logs", "--run", "last").stdout
        assert text.index("First: a poem") < text.index("Second: a poem")
        assert "three fine words" in text

    def test_for_machines_each_call_is_a_line(self, camel: Camel) -> None:
        run = shown(camel("run", "twice", "a poem", "--json"))
        rows = camel("logs", "--run", run["id"], "--json").stdout.splitlines()
        assert [json.loads(row)["run_id"] for row in rows] == [run["id"]] * 2

    def test_filters(self, camel: Camel, served: Served) -> None:
        served.answers["tragedy"] = EngineRefused("no")
        camel("run", "write", "a tragedy")
        found = camel("logs", "--failed", "--since", "1h", "--json").stdout.splitlines()
        assert found
        assert all(json.loads(row)["error_code"] for row in found)
        assert "No call of a model matches" in camel("logs", "--agent", "nobody").stderr

    def test_a_time_that_is_none(self, camel: Camel) -> None:
        result = camel("logs", "--since", "yesterday")
        assert result.exit_code == 2
        assert "--since 2h" in result.stderr

"""suite, eval and compare on a running server: from a file to a verdict, and every empty state."""

from pathlib import Path

import pytest

from camel_ext.cli.exits import Exit
from tests.cli.conftest import Camel, Served, error, shown

TOPICS = ("rivers", "clouds", "horses", "bridges", "lamps", "bread", "trains", "islands")
SUITE = """\
name: brief-lines
description: Are the lines short?
topics:
{topics}
scorers:
  brief: {{verify: length, params: {{unit: words, max: 4}}, description: at most four words}}
"""
POLICY = "primary: brief\nmin_cases: 8\nmin_topics: 4\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A suite of sixteen goals."""
    lines = [f"  {topic}: [One on {topic}., Two on {topic}.]" for topic in TOPICS]
    path = tmp_path / "brief.yaml"
    path.write_text(SUITE.format(topics="\n".join(lines)))
    return path


def evaluated(camel: Camel, *more: str) -> str:
    found = shown(camel("eval", "start", "brief-lines", "-w", "write", "--json", *more))
    assert found["state"] == "succeeded"
    return str(found["id"])


def test_nothing_yet_names_the_next_command(camel: Camel) -> None:
    assert "camel-ext suite define FILE" in camel("suite").stderr
    assert "camel-ext eval start SUITE" in camel("eval").stderr
    assert "camel-ext compare BASELINE CANDIDATE" in camel("eval", "verdicts").stderr
    result = camel("eval", "show", "last")
    assert (result.exit_code, "There is no evaluation yet" in result.stderr) == (
        Exit.NOT_FOUND,
        True,
    )


def test_from_a_file_to_a_verdict(served: Served, camel: Camel, file: Path, tmp_path: Path) -> None:
    defined = camel("suite", "define", str(file))
    assert "version 1: 16 cases in 8 topics, primary brief" in defined.stdout
    assert "unchanged 1" in camel("suite", "define", str(file)).stdout
    whole = camel("suite", "show", "brief-lines", "-n", "3")
    assert "at most four words" in whole.stdout
    assert "13 more cases" in whole.stderr
    assert "Are the lines short?" in camel("suite", "list").stdout
    assert shown(camel("suite", "versions", "brief-lines", "--json"))[0]["number"] == 1

    plan = camel("eval", "plan", "brief-lines", "-w", "write", "--guard", "error=0.1")
    assert "16 cases in 8 topics" in plan.stdout
    assert "below `min_cases`" in plan.stdout

    served.answers["Write"] = "a line that is far too long to be called brief by anybody"
    before = evaluated(camel, "--seed", "1")
    served.answers.clear()
    after = evaluated(camel, "--seed", "2")
    looked = camel("eval", "show", "last")
    assert "16 of 16 cases" in looked.stdout
    assert "100.0 %" in looked.stdout
    assert "small = tiny@1" in looked.stdout
    assert "brief-lines" in camel("eval", "--suite", "brief-lines").stdout
    failing = shown(
        camel("eval", "cases", before, "--fails", "brief", "--topic", "bread", "--json")
    )
    assert len(failing) == 2
    assert "far too long" in camel("eval", "cases", before, "-n", "2").stdout
    assert "No case is like that" in camel("eval", "cases", after, "--fails", "brief").stderr

    policy = tmp_path / "gate.yaml"
    policy.write_text(POLICY)
    verdict = camel("compare", before, after, "-p", str(policy), "--guard", "error=0.5")
    assert verdict.stdout.startswith("better")
    assert "0.0 % → 100.0 %   +100.0 points" in verdict.stdout
    assert "16 fixed, 0 broken" in verdict.stdout
    assert "held  error" in verdict.stdout
    assert "the seeds differ" in verdict.stdout
    assert camel("eval", "verdict", "last").stdout == verdict.stdout
    assert "better" in camel("eval", "verdicts").stdout
    turned = camel("compare", after, before, "-p", str(policy), "--require", "not_worse")
    assert (turned.exit_code, turned.stdout.startswith("worse")) == (Exit.FAILED, True)


@pytest.mark.parametrize(
    ("arguments", "exit_code", "said"),
    [
        (("eval", "start", "nowhere", "-w", "write"), Exit.NOT_FOUND, "no suite"),
        (("suite", "show", "nowhere@2"), Exit.NOT_FOUND, "no suite"),
        (("compare", "last", "last", "--guard", "error"), Exit.USAGE, "no MEASURE=MARGIN"),
        (("compare", "last", "last", "--guard", "error=x%"), Exit.USAGE, "no MEASURE=MARGIN"),
        (("compare", "zz", "last"), Exit.USAGE, "not an evaluation's id"),
        (("eval", "start", "brief-lines", "-w", "write", "--model", "small"), Exit.USAGE,
         "no ALIAS=TARGET"),
        (("eval", "cancel", "ffffffff"), Exit.NOT_FOUND, "No evaluation ends"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(
    camel: Camel, file: Path, arguments: tuple[str, ...], exit_code: Exit, said: str
) -> None:
    camel("suite", "define", str(file))
    evaluated(camel)
    result = camel(*arguments, "--json")
    assert result.exit_code == exit_code
    assert said in error(result)["detail"]


def test_a_file_that_is_no_suite(camel: Camel, tmp_path: Path) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text("topics: [a, b]")
    assert "mapping of topics to lists" in camel("suite", "define", str(path)).stderr
    path.write_text("topics: {a: [x, y]}")
    assert "has no name" in camel("suite", "define", str(path)).stderr


def test_detached_and_watched(camel: Camel, file: Path) -> None:
    camel("suite", "define", str(file))
    started = camel("eval", "start", "brief-lines", "-w", "write", "--detach", "--afresh")
    assert "Started: " in started.stdout
    watched = camel("eval", "watch", "last")
    assert watched.exit_code == 0
    assert "succeeded" in watched.stdout
    assert "succeeded" in camel("eval", "cancel", "last").stdout

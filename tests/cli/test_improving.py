"""`improve` and its like, against a served platform whose engine learns and whose trainers play."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from camel_ext.training.process import yard_of
from tests.cli.conftest import Camel, Served, error, shown
from tests.experiments.conftest import FILES, answering, brief, improve_yaml, wordy
from tests.fakes.launcher import FakeLauncher
from tests.training.makers import write_base


@pytest.fixture
def school(served: Served, camel: Camel, tmp_path: Path) -> Iterator[Path]:
    """The folder of an improve.yaml; the engine learns by adapter, and the alias is back at the base."""
    assert served.runtime is not None
    yard = yard_of(served.runtime)
    yard.launcher = FakeLauncher()
    write_base(yard.models_dir)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    applied = camel("apply", "-f", str(tmp_path))
    assert applied.exit_code == 0, applied.stderr
    camel("models", "move", "brief", "base")
    before, served.engine.answer = served.engine.answer, answering(brief)
    (tmp_path / "improve.yaml").write_text(improve_yaml())
    yield tmp_path
    served.engine.answer = before


@pytest.mark.slow
def test_a_workflow_is_improved_with_its_stages_shown(camel: Camel, school: Path) -> None:
    out = school / "out"
    file = str(school / "improve.yaml")
    result = camel("improve", "answer", "-f", file, "--seed", "1", "-o", str(out))
    assert result.exit_code == 0, result.stderr
    for word in ("✓ sample", "8 runs", "✓ train", "3 steps", "✓ verify_live", "↗ Better",
                 "promotion by the policy, for owner"):  # fmt: skip
        assert word in result.stdout
    kept = json.loads((out / "certificate.json").read_text())
    assert kept["verdict"] == "better"
    assert {"effect", "interval", "level", "n", "topics", "baseline", "candidate", "seed",
            "wall_s"} <= kept.keys()  # fmt: skip
    assert (out / "certificate.html").read_text().startswith("<!doctype html>")
    assert (out / "certificate.md").read_text().startswith("# C-")
    listed = camel("improvements")
    assert "answer" in listed.stdout
    assert "better" in listed.stdout
    assert "✓ gate" in camel("improvements", "show", "last").stdout
    assert "↗ Better" in camel("certificate").stdout
    assert shown(camel("certificate", kept["name"], "--json"))["id"] == kept["id"]
    back = shown(camel("rollback", "brief", "-m", "A trial.", "--json"))
    assert back["kind"] == "rollback"
    again = camel("rollback", "brief")
    assert (again.exit_code, "o promotion of 'brief' is in force" in again.stderr) == (6, True)


def test_a_plan_starts_nothing(camel: Camel, school: Path) -> None:
    before = len(shown(camel("improvements", "--json"))["items"])
    result = camel("improve", "answer", "-f", str(school / "improve.yaml"), "--plan")
    assert result.exit_code == 0, result.stderr
    assert "30 held-out goals in 10 topics" in result.stdout
    assert len(shown(camel("improvements", "--json"))["items"]) == before


def test_a_file_that_is_wrong_is_shown_at_its_line(camel: Camel, school: Path) -> None:
    path = school / "improve.yaml"
    path.write_text(improve_yaml(gate="{primary: breif}"))
    result = camel("improve", "answer", "-f", str(path))
    assert result.exit_code == 2
    assert "gate.primary" in result.stderr
    assert "there is no scorer `breif`" in result.stderr
    assert "nothing was started" in result.stderr
    assert error(camel("improve", "answer", "-f", str(path), "--json"))["exit_code"] == 2


def test_what_the_server_finds_wrong_is_shown_at_its_line_too(camel: Camel, school: Path) -> None:
    path = school / "improve.yaml"
    path.write_text(improve_yaml(agent="talker"))
    result = camel("improve", "answer", "-f", str(path))
    assert result.exit_code == 2
    assert "improve.yaml:1:8" in result.stderr
    assert "no agent 'talker' acts in 'answer'" in result.stderr


@pytest.mark.slow
def test_a_person_decides(camel: Camel, school: Path) -> None:
    path = school / "improve.yaml"
    path.write_text(improve_yaml(promote="{when: better, approval: person}"))
    result = camel("improve", "answer", "-f", str(path))
    assert result.exit_code == 7
    assert "camel-ext promote" in result.stderr
    both = camel("promote", "last", "--refuse", "--override")
    assert both.exit_code == 2
    made = camel("promote", "last", "--refuse", "-m", "Not today.")
    assert "stays as it is" in made.stdout
    assert camel("improvements", "watch", "last").exit_code == 0


@pytest.mark.slow
def test_an_honest_no_is_no_failure(camel: Camel, school: Path, served: Served) -> None:
    served.engine.answer = answering(wordy)
    result = camel("improve", "answer", "-f", str(school / "improve.yaml"), "--json")
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert json.loads(lines[0])["type"] in ("improvement", "progress")
    assert '"kind": "refusal"' in result.stdout
    refused = camel("promote", "last")
    assert refused.exit_code == 6
    assert "override" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["improve", "answer", "-f", "nowhere.yaml"], 2, "docs/guide/improve.md"),
        (["improvements", "show", "ffffffff"], 5, "No improvement ends"),
        (["certificate", "C-9999"], 5, "no certificate"),
        (["rollback", "nothing"], 5, "there is no alias"),
    ],
)
def test_what_is_not_there_is_said(
    camel: Camel, school: Path, arguments: list[str], code: int, said: str
) -> None:
    result: Any = camel(*arguments)
    assert result.exit_code == code
    assert said.lower() in result.stderr.lower()

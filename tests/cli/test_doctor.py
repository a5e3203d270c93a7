"""`doctor`: each check finds what is wrong, names the cure, and changes nothing."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from camel_ext.cli.program import program
from camel_ext.core.datadir import DataDir
from tests.cli.conftest import Served


def examine(data_dir: Path, code: int = 0) -> dict[str, dict[str, Any]]:
    result = CliRunner().invoke(program, ["doctor", "--json", "--data-dir", str(data_dir)])
    assert result.exit_code == code, result.output
    return {each["check"]: each for each in json.loads(result.stdout)["checks"]}


def test_an_empty_machine_runs_with_limits_and_nothing_is_made(tmp_path: Path) -> None:
    found = examine(tmp_path / "new")
    assert found["data directory"]["state"] == "ok"
    assert found["model"]["state"] == "warn"
    assert "camel-ext models pull" in found["model"]["cure"]
    assert found["engine"]["state"] == "warn"
    assert not (tmp_path / "new").exists()


def test_for_people_each_line_has_its_mark_and_its_cure(tmp_path: Path) -> None:
    result = CliRunner().invoke(program, ["doctor", "--data-dir", str(tmp_path / "new")])
    assert "✓ Python" in result.stdout
    assert "● model" in result.stdout
    assert "→ camel-ext models pull" in result.stdout
    assert "It runs, with limits" in result.stdout


def test_a_data_directory_that_cannot_be_written_fails(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = examine(tmp_path / "file", code=1)
    assert found["data directory"]["state"] == "fail"


def test_a_model_of_another_content_fails(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf").write_bytes(b"GGUF not really")
    found = examine(tmp_path, code=1)
    assert found["model"]["state"] == "fail"
    assert "bytes instead of" in found["model"]["detail"]


@pytest.mark.parametrize(
    ("revision", "state", "code"), [("0000", "warn", 0), ("0001", "ok", 0), ("9999", "fail", 1)]
)
def test_the_age_of_the_schema(
    tmp_path: Path, sqlite_template: Path, revision: str, state: str, code: int
) -> None:
    database = tmp_path / "camel-ext.db"
    shutil.copy(sqlite_template, database)
    with closing(sqlite3.connect(database)) as connection:
        if revision != "0001":
            connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
        connection.commit()
    found = examine(tmp_path, code)["database"]
    assert found["state"] == state
    if state == "warn":
        assert "at revision 0000" in found["detail"]
        assert "Start a server on it once, `camel-ext up`" in found["cure"]


def test_a_running_server_is_asked(served: Served) -> None:
    found = examine(served.data_dir)
    assert found["server"]["state"] == "ok"
    assert "you are owner" in found["server"]["detail"]
    assert "in use" in found["database"]["detail"]


def test_a_lock_that_nobody_answers_behind_fails(tmp_path: Path) -> None:
    holder = DataDir(tmp_path)
    holder.lock("process 4711")
    (tmp_path / "server.url").write_text("http://127.0.0.1:1")
    found = examine(tmp_path, code=1)
    holder.unlock()
    assert "process 4711" in found["server"]["detail"]


@pytest.mark.slow
def test_the_real_engine_is_really_started(tmp_path: Path, bundled_model: Path) -> None:
    (tmp_path / "models").mkdir()
    shutil.copy(bundled_model, tmp_path / "models")
    found = examine(tmp_path)
    assert found["model"]["state"] == "ok"
    assert "tokens/s" in found["engine"]["detail"]

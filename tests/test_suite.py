"""The second look at what failed: what is red stays red, and what was only unlucky is named."""

from pathlib import Path

import pytest

from tests import suite

UNLUCKY = """
from pathlib import Path
def test_it():
    seen = Path(__file__).with_name("seen")
    before = len(seen.read_text()) if seen.exists() else 0
    seen.write_text("x" * (before + 1))
    assert before not in {bad}
"""
FINE = "def test_fine(): pass\n"


@pytest.fixture(autouse=True)
def no_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # a start takes seconds with them
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)


def run(folder: Path, **files: str) -> int:
    (folder / "pytest.ini").write_text("[pytest]\n")
    for name, text in files.items():
        (folder / f"test_{name}.py").write_text(text)
    return suite.main(["-q"], folder)


def test_what_holds_needs_no_second_look(tmp_path: Path) -> None:
    assert run(tmp_path, fine=FINE) == 0


def test_one_that_was_unlucky_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, fine=FINE, unlucky=UNLUCKY.format(bad={0})) == 0
    assert "UNSTEADY, holds alone: test_unlucky.py::test_it" in capsys.readouterr().out
    assert (tmp_path / "seen").read_text() == "x" * (1 + suite.TIMES)


@pytest.mark.parametrize("bad", [{0, 1}, {0, 3}])
def test_one_that_fails_once_more_is_red(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], bad: set[int]
) -> None:
    assert run(tmp_path, unlucky=UNLUCKY.format(bad=bad)) == 1
    assert "FAILED AGAIN: test_unlucky.py::test_it" in capsys.readouterr().out


def test_many_are_red_at_once(tmp_path: Path) -> None:
    many = "".join(f"def test_{n}(): assert {n} < 0\n" for n in range(suite.FEW + 1))
    assert run(tmp_path, many=many) == 1


def test_what_cannot_be_collected_is_red(tmp_path: Path) -> None:
    assert run(tmp_path, fine=FINE, broken="import nothing_of_the_kind\n") == 2


def test_a_failure_of_an_earlier_run_is_not_this_ones(tmp_path: Path) -> None:
    assert run(tmp_path, fine=UNLUCKY.format(bad=set(range(9)))) == 1
    (tmp_path / "test_fine.py").unlink()
    assert run(tmp_path, other=UNLUCKY.format(bad={9})) == 0

"""`camel-ext gui` before it serves: what is missing is said with its cure; nothing secret is an argument."""

import importlib.util
from pathlib import Path

import pytest
from camel_ext_gui import launch
from camel_ext_gui.launch import APP, THEME, Given
from typer.testing import CliRunner

from camel_ext.cli import gui
from camel_ext.cli.command import Here
from camel_ext.cli.exits import Exit, Stop
from camel_ext.cli.program import program


def test_nobody_answers(tmp_path: Path) -> None:
    words = ["gui", "--server", "http://127.0.0.1:1", "--no-open", "--data-dir", str(tmp_path)]
    result = CliRunner().invoke(program, words)
    assert result.exit_code == Exit.UNREACHABLE
    assert "the connection was refused" in result.stderr
    assert "camel-ext up" in result.stderr


@pytest.mark.parametrize(
    ("missing", "said"), [("streamlit", "streamlit"), ("camel_ext_gui", "pages")]
)
def test_what_is_not_installed(missing: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(gui, "find_spec", lambda name: None if name == missing else found(name))
    with pytest.raises(Stop, match=said) as stopped:
        gui.open_gui(Here(), None, open_browser=False)
    assert "pip install 'camel-extensions[gui]'" in stopped.value.advice


def test_no_argument_of_streamlit_is_secret_and_all_are_its_own() -> None:
    from streamlit.config import _config_options_template as known

    said = launch.arguments(8501)
    assert said[:2] == ["run", str(APP)]
    assert set(launch.options(8501)) <= set(known)
    assert not [word for word in said if "cx_" in word or "token" in word]
    assert launch.options(1)["server.address"] == "127.0.0.1"
    assert launch.options(1)["client.disableDataExport"] is True
    assert THEME.is_file()


def test_only_the_token_of_this_start_opens_it() -> None:
    given = Given("http://server", "cx_key", "the token")
    assert given.is_for("the token")
    assert not any(
        given.is_for(other) for other in ("", "the-token", "the token ", None, ["the token"])
    )
    assert "cx_key" not in launch.address(8501, given.token)
    assert launch.free_port() > 1023

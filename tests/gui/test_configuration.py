"""Configuration: YAML as it was applied, checked, mended at its line, applied; and a conflict."""

import pytest
from camel_ext_client import Client
from streamlit.testing.v1 import AppTest

from tests.cli.conftest import FILES
from tests.gui.conftest import Open, press, said

pytestmark = pytest.mark.slow
NEW = """\
agents:
  writer: {model: small, system: You write.}
  reader: {model: small, system: You read.}
"""


def typed(page: AppTest, file: str, text: str) -> AppTest:
    [area] = [each for each in page.text_area if each.label == file]
    area.set_value(text).run()
    return page


def test_files_are_shown_as_they_were_applied(open_page: Open) -> None:
    page = open_page("configuration")
    assert {each.label: each.value for each in page.text_area} == FILES


def test_a_check_writes_nothing_and_apply_does(open_page: Open, client: Client) -> None:
    before = client.configurations.get()["revision"]
    page = typed(open_page("configuration"), "agents.yaml", NEW)
    press(page, "Check")
    assert "Only checked, nothing was written" in said(page)
    changes = page.dataframe[0].value
    assert list(changes[changes["name"] == "reader"]["change"]) == ["+ added"]
    assert client.configurations.get()["revision"] == before
    press(page, "Apply")
    assert client.configurations.get()["revision"] == before + 1
    assert "reader" in [each["name"] for each in client.agents()]


def test_what_is_wrong_stands_at_its_line_and_nothing_is_lost(open_page: Open) -> None:
    wrong = "agents:\n  writer: {model: small, sytem: You write.}\n"
    page = typed(open_page("configuration"), "agents.yaml", wrong)
    press(page, "Apply")
    assert "Nothing was changed" in said(page)
    row = page.dataframe[0].value.iloc[0]
    assert (row["file"], row["line"]) == ("agents.yaml", 2)
    assert "sytem" in f"{row['field']} {row['problem']}"
    assert "  writer: {model: small, sytem: You write.}" in said(page)
    assert [each.value for each in page.text_area if each.label == "agents.yaml"] == [wrong]


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(
    open_page: Open, client: Client
) -> None:
    page = open_page("configuration")
    files = client.configurations.get()["files"]
    client.configurations.apply({**files, "agents.yaml": FILES["agents.yaml"] + "# later\n"})
    typed(page, "agents.yaml", NEW + "# mine\n")
    assert "What you typed is still here." in said(page)
    press(page, "Apply")
    assert "Changed by someone else meanwhile." in page.error[0].value
    assert client.configurations.get()["files"]["agents.yaml"].endswith("# later\n")
    [area] = [each for each in page.text_area if each.label == "agents.yaml"]
    assert str(area.value).endswith("# mine\n")
    press(page, "Take theirs")
    [area] = [each for each in page.text_area if each.label == "agents.yaml"]
    assert str(area.value).endswith("# later\n")


def test_a_new_one_begins_empty(open_page: Open, client: Client) -> None:
    page = open_page("configuration")
    page.selectbox[0].set_value("a new one").run()
    page.text_input[0].set_value("second").run()
    typed(page, "agents.yaml", "agents:\n  other: {model: small, system: You wait.}\n")
    press(page, "Apply")
    assert "Applied: revision 1" in said(page)
    assert "second" in [each["name"] for each in client.configurations.list()]

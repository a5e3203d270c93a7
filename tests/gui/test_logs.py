"""Logs: a table of calls, filtered by the server, one call in full, a CSV without formulas."""

import pandas as pd
import pytest
from camel_ext_client import Client
from camel_ext_gui.untrusted import csv_bytes, label, one_line, visible

from tests.cli.conftest import Served
from tests.gui.conftest import Open, press, said, wait_for


@pytest.mark.slow
class TestPage:
    def test_before_the_first_call_it_says_how_to_make_one(
        self, open_page: Open, served: Served
    ) -> None:
        assert f"{served.url}/v1" in said(open_page("logs"))

    def test_calls_are_found_by_the_filters(self, open_page: Open, client: Client) -> None:
        run = client.runs.start("write", {"goal": "a very rare word: quokka"})
        client.runs.start("write", {"goal": "something else"})
        wait_for(lambda: len(client.interactions.list()["items"]) == 2)
        page = open_page("logs")
        assert len(page.dataframe[0].value) == 2
        page.text_input[0].set_value("quokka")
        press(page, "Search")
        [row] = page.dataframe[0].value.to_dict("records")
        assert "quokka" in row["prompt"]
        assert row["answer"] == "three fine words"
        page.text_input[0].set_value("nowhere")
        press(page, "Search")
        assert "No calls match." in said(page)
        page.text_input[0].set_value("")
        page.text_input[4].set_value(run["id"])
        press(page, "Search")
        assert len(page.dataframe[0].value) == 1

    def test_a_filter_that_the_server_refuses_is_explained(self, open_page: Open) -> None:
        page = open_page("logs")
        page.text_input[4].set_value("no id")
        press(page, "Search")
        assert page.error[0].value == "The server did not do it."


FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "  =1",
    "\uff1d1+1",
    "\uff20x",
    "=HYPERLINK(1)",
]


@pytest.mark.parametrize("cell", FORMULAS)
def test_no_cell_of_the_csv_is_a_formula(cell: str) -> None:
    [line] = csv_bytes(pd.DataFrame({"a": ["before"], cell: [cell]})).decode().split("\n", 1)[1:]
    assert line.replace('"', "").split(",")[1].startswith("'")


def test_numbers_and_plain_text_of_the_csv_stay() -> None:
    found = csv_bytes(pd.DataFrame({"n": [-1.5], "text": ["a, b"], "none": [None]}))
    assert found == b'n,text,none\n-1.5,"a, b",\n'


def test_what_nobody_sees_is_named() -> None:
    assert visible("a\u202eb\u200bc\x00\n\td 👨\u200d👩") == (
        "a⟨U+202E⟩b⟨U+200B⟩c⟨U+0000⟩\n\td 👨\u200d👩"
    )
    assert one_line("x\n y" * 100, 10) == "x yx yx y…"


@pytest.mark.parametrize(
    "markup", ["![a](http://x)", "[a](b)", "**b**", ":red[x]", "$x$", "<b>", "`c`"]
)
def test_a_label_is_no_markup(markup: str) -> None:
    assert not set(label(markup)) & set("![](){}*:$<>`/.")

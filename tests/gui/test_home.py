"""Home, and the way to it: whose key is used, what is said where nobody answers."""

import pytest
from camel_ext_client import Client
from camel_ext_gui import launch
from camel_ext_gui.launch import APP
from streamlit.testing.v1 import AppTest

from tests.cli.conftest import Served
from tests.gui.conftest import Open, key_of, said

pytestmark = pytest.mark.slow


def test_before_the_first_run_it_says_what_to_do(open_page: Open) -> None:
    page = open_page()
    assert "Nothing has run yet. Watch three agents answer a goal." in said(page)
    assert "camel-ext demo" in said(page)


def test_it_shows_workflows_and_what_waits(open_page: Open, client: Client) -> None:
    client.runs.start("write", {"goal": "tea"}, single_step=True)
    _until(client, "waiting")
    page = open_page()
    tables = [frame.value for frame in page.dataframe]
    assert any("write" in str(table) for table in tables), tables
    assert any("single" in str(table).lower() or "pause" in str(table) for table in tables), tables


def _until(client: Client, state: str) -> None:
    for _ in client.watch(["workflows"], give_up_s=10):
        if client.runs.list(state=state)["items"]:
            return


class TestConnecting:
    def test_who_has_not_the_token_gets_a_form_and_no_key(self, open_page: Open) -> None:
        page = open_page(token="guessed")
        assert "client" not in page.session_state
        assert [each.label for each in page.text_input] == ["Server", "Key"]
        assert not page.dataframe

    def test_a_key_typed_in_is_kept_in_the_session_alone(
        self, open_page: Open, served: Served
    ) -> None:
        page = open_page(token="guessed")
        page.text_input[1].set_value(key_of(served))
        page.button[0].click().run()
        assert page.title[0].value == "Home"
        assert key_of(served) not in str(page.query_params)

    def test_a_wrong_key_is_said_and_kept_out(self, open_page: Open) -> None:
        page = open_page(token="guessed")
        page.text_input[1].set_value("cx_wrong")
        page.button[0].click().run()
        assert "The server refused the key." in said(page)
        assert "client" not in page.session_state

    def test_nobody_answers(self, open_page: Open) -> None:
        page = open_page(token="guessed")
        page.text_input[0].set_value("http://127.0.0.1:1")
        page.button[0].click().run()
        assert "No server answers there." in said(page)

    def test_leaving_forgets_everything(self, open_page: Open) -> None:
        page = open_page()
        [leave] = [each for each in page.button if each.label == "Use another server or key"]
        leave.click().run()
        assert "client" not in page.session_state
        assert "token" not in page.query_params

    def test_started_by_hand_it_knows_no_key(self) -> None:
        launch.use(None)
        page = AppTest.from_file(str(APP), default_timeout=20).run()
        assert not page.exception
        assert [each.label for each in page.text_input] == ["Server", "Key"]

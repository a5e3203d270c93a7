"""Runs: started from a form, watched while they run, steered, looked into."""

import time
from collections.abc import Callable

import pytest
from camel_ext_client import Client
from streamlit.testing.v1 import AppTest

from tests.cli.conftest import Served
from tests.gui.conftest import Open, press, said

pytestmark = pytest.mark.slow


def until(page: AppTest, seen: Callable[[AppTest], bool]) -> AppTest:
    """Look again, as the page's clock does, until something is seen."""
    for _ in range(60):
        if seen(page):
            return page
        time.sleep(0.1)
        page.run()
    raise AssertionError(said(page))


def state(page: AppTest) -> str:
    return next((str(each.value) for each in page.metric if each.label == "State"), "")


def test_a_run_is_started_and_watched_to_its_end(open_page: Open, client: Client) -> None:
    page = open_page("runs")
    page.selectbox[0].set_value("write").run()
    assert "Write a line, and check it." in said(page)
    [goal] = page.text_area
    goal.set_value("a line about rain")
    press(page, "Start the run")
    until(page, lambda page: "succeeded" in state(page))
    assert "three fine words" in said(page), "its output"
    [turns] = [frame.value for frame in page.dataframe]
    assert list(turns["kind"]) == ["model", "verify"]
    assert client.runs.list(limit=1)["items"][0]["input"]["goal"] == "a line about rain"


def test_a_field_that_is_missing_is_the_servers_word_and_nothing_is_lost(open_page: Open) -> None:
    page = open_page("runs")
    page.selectbox[0].set_value("write").run()
    press(page, "Start the run")
    assert "goal" in "".join(each.value for each in page.text)
    assert page.error[0].value == "The server did not do it."


def test_a_run_goes_on_by_one_turn_and_is_retried(open_page: Open, client: Client) -> None:
    run = client.runs.start("twice", {"goal": "tea"}, single_step=True)
    page = open_page("runs", run=run["id"])
    until(page, lambda page: "waiting for pause" in state(page))
    press(page, "One turn")
    until(page, lambda page: "succeeded" in state(page))
    press(page, "Retry")
    assert page.query_params["run"] != [run["id"]]


def test_a_run_is_stopped_for_good(open_page: Open, client: Client) -> None:
    run = client.runs.start("twice", {"goal": "tea"}, single_step=True)
    page = open_page("runs", run=run["id"])
    until(page, lambda page: "waiting for pause" in state(page))
    press(page, "Cancel")
    until(page, lambda page: "cancelled" in state(page))


def test_a_limit_that_was_reached_is_raised(open_page: Open, client: Client) -> None:
    run = client.runs.start("twice", {"goal": "tea"}, budgets={"max_turns": 1})
    page = open_page("runs", run=run["id"])
    until(page, lambda page: "waiting for budget" in state(page))
    press(page, "Go on")
    until(page, lambda page: "succeeded" in state(page))


def test_markup_of_a_model_is_shown_as_text(
    open_page: Open, served: Served, client: Client
) -> None:
    evil = "<script>alert(1)</script> ![x](http://evil.example/x.png) **bold** \u202ecod.exe"
    served.answers["evil"] = evil
    run = client.runs.start("write", {"goal": "evil"})
    page = open_page("runs", run=run["id"])
    until(page, lambda page: "succeeded" in state(page))
    shown = [each.value for each in page.code]
    assert any("<script>alert(1)</script>" in each and "⟨U+202E⟩cod.exe" in each for each in shown)
    assert not any("evil.example" in each.value for each in page.markdown)


def test_what_is_not_there_is_said_and_the_page_goes_on(open_page: Open) -> None:
    page = open_page("runs", run="01900000-0000-7000-8000-000000000000")
    assert "Not here, or not yours." in said(page)
    press(page, "All runs")
    assert page.title[0].value == "Runs"

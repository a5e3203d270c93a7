"""What a person can tell a run in its state: pause, go on, one turn, stop, retry, raise a limit, decide."""

import re
from collections.abc import Callable
from typing import Literal, cast

import streamlit as st
from camel_ext_client import Client
from camel_ext_client.shapes import FINAL, Budgets, Run

from camel_ext_gui import problems
from camel_ext_gui.untrusted import visible

Decision = Literal["happened", "repeat"]
LIMITS = ("max_turns", "max_tokens", "max_seconds", "max_cost_usd")


def steer(client: Client, run: Run) -> None:
    """Show the buttons that make sense now, and do what is pressed."""
    waits_for = run["waiting_for"] if run["state"] == "waiting" else None
    if waits_for:
        st.text(visible(run["waiting_detail"] or ""))
    if waits_for == "budget":
        _raise_limit(client, run)
    elif waits_for == "person":
        _decide(client, run)
    with st.container(horizontal=True):
        if waits_for == "pause":
            _button("Resume", lambda: client.runs.resume(run["id"], single_step=False))
            _button("One turn", lambda: client.runs.resume(run["id"], single_step=True))
        if run["state"] in ("queued", "running"):
            _button("Pause", lambda: client.runs.pause(run["id"]))
        if run["state"] in FINAL:
            _button("Retry", lambda: client.runs.retry(run["id"]))
        else:
            _button("Cancel", lambda: client.runs.cancel(run["id"]))


def _button(words: str, do: Callable[[], Run]) -> None:
    if st.button(words):
        with problems.shown():
            st.query_params["run"] = do()["id"]
            st.session_state.pop("watched").follower.stop()
            st.rerun()


def _raise_limit(client: Client, run: Run) -> None:
    with st.form("limit"):
        left, right = st.columns(2)
        reached = re.match(rf"({'|'.join(LIMITS)}) is ([\d.]+)", run["waiting_detail"] or "")
        at = LIMITS.index(reached[1]) if reached else 0
        name = left.selectbox("Limit", list(LIMITS), index=at)
        value = right.number_input("Raise it to", value=2 * float(reached[2]) if reached else 100.0)
        if st.form_submit_button("Go on", type="primary"):
            raised = value if name in ("max_seconds", "max_cost_usd") else int(value)
            with problems.shown():
                client.runs.resume(run["id"], budgets=cast(Budgets, {name: raised}))
                st.rerun()


def _decide(client: Client, run: Run) -> None:
    """A call was interrupted that must not be done twice: only a person can say what happened."""
    with st.form("decide"):
        named = re.search(r" at (\S+) was being called", run["waiting_detail"] or "")
        step = st.text_input("Step", value=named[1] if named else "")
        words = st.text_input("Its result, if it happened")
        happened = st.form_submit_button("It happened")
        repeat = st.form_submit_button("It did not: repeat it")
        if happened or repeat:
            decision: Decision = "happened" if happened else "repeat"
            with problems.shown():
                client.runs.decide(run["id"], step, decision, words)
                st.rerun()

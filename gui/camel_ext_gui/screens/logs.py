"""Logs: every call of a model as a table, filtered by the server; one in full; all of them as CSV."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pandas as pd
import streamlit as st
from camel_ext_client import Client
from camel_ext_client.shapes_interactions import InteractionRow

from camel_ext_gui import calls, connection, formats
from camel_ext_gui.untrusted import csv_bytes, one_line

LOADED = "logs_loaded"
AMOUNTS = (100, 1_000, 10_000)
SINCE = {"any time": None, "last hour": 1, "last day": 24, "last week": 168}
OUTCOMES = {"any": None, "failed": True, "succeeded": False}


def show() -> None:
    """Show the page."""
    st.title("Logs")
    client = connection.client()
    filters, at_most = _filters()
    rows = _load(client, filters, at_most)
    if not rows:
        _empty(client, filters)
        return
    more = f"the newest {formats.count(at_most)}" if len(rows) == at_most else "all that match"
    st.caption(f"{len(rows):,} calls, {more}. Click at the left of a row to see all of it.")
    table = _table(rows)
    picked = st.dataframe(
        table,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        height=420,
        key="logs",
    )
    st.download_button(
        "Download as CSV",
        st.session_state[LOADED][2],
        file_name="calls.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )
    st.caption("Cells that a spreadsheet would take for a formula begin with an apostrophe.")
    if picked["selection"]["rows"]:
        st.subheader("The call")
        calls.show(client, rows[picked["selection"]["rows"][0]]["id"])


def _filters() -> tuple[dict[str, Any], int]:
    with st.form("filters", border=True):
        first, second = st.columns(4), st.columns(4)
        text = first[0].text_input("Text", help="In prompt or answer")
        agent = first[1].text_input("Agent")
        alias = first[2].text_input("Alias")
        tag = first[3].text_input("Tag")
        run = second[0].text_input("Run", help="Its whole id")
        since = second[1].selectbox("Since", list(SINCE))
        outcome = second[2].selectbox("Outcome", list(OUTCOMES))
        at_most = second[3].selectbox("At most", AMOUNTS, format_func=formats.count)
        if st.form_submit_button("Search", type="primary"):
            st.session_state.pop(LOADED, None)
    typed = {"text": text, "agent_id": agent, "alias": alias, "tag": tag, "run_id": run}
    filters: dict[str, Any] = {name: said.strip() for name, said in typed.items() if said.strip()}
    if OUTCOMES[outcome] is not None:
        filters["failed"] = str(OUTCOMES[outcome]).lower()
    if (hours := SINCE[since]) is not None:
        filters["since_hours"] = hours
    return filters, at_most


def _load(client: Client, filters: dict[str, Any], at_most: int) -> list[InteractionRow]:
    """Read once for each search: a rerun by a click must not ask for ten thousand rows again."""
    kept = st.session_state.get(LOADED)
    wanted = (filters, at_most)
    if kept is None or kept[0] != wanted:
        asked = dict(filters)
        if (hours := asked.pop("since_hours", None)) is not None:
            now = datetime.now(UTC)  # noqa: TID251 - core's clock is the server's
            asked["since"] = (now - timedelta(hours=hours)).isoformat()
        with st.spinner("Searching"):
            rows = list(islice(client.interactions.each(**asked), at_most))
            kept = wanted, rows, csv_bytes(pd.DataFrame(rows)) if rows else b""
        st.session_state[LOADED] = kept
    found: list[InteractionRow] = kept[1]
    return found


def _table(rows: list[InteractionRow]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "when": formats.moment(row["created_at"]),
            "agent": row["agent_id"] or row["source"],
            "alias": row["alias"],
            "prompt": one_line(row["prompt_preview"]),
            "answer": one_line(row["answer_preview"]),
            "tokens": formats.tokens(row["prompt_tokens"], row["completion_tokens"]),
            "time": formats.duration(row["total_ms"]),
            "cost": formats.cost(row["cost_usd_micros"]),
            "run": formats.short(row["run_id"]),
            "error": row["error_code"],
        }
        for row in rows
    )


def _empty(client: Client, filters: dict[str, Any]) -> None:
    if filters:
        st.info("No calls match. Take a filter away.", icon=":material/filter_alt_off:")
        return
    st.info("No turns yet. Any OpenAI client can write here.", icon=":material/forum:")
    st.code(f"{client.url}/v1", language=None)


show()

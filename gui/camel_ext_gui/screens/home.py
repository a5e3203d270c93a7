"""Home: what runs now, what waits for somebody, and whether we are getting better."""

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st
from camel_ext_client import Client
from camel_ext_client.shapes import FINAL

from camel_ext_gui import connection, formats, problems
from camel_ext_gui.untrusted import one_line

EVERY_S = 5.0


def show() -> None:
    """Show the page."""
    st.title("Home")
    _now()


@st.fragment(run_every=EVERY_S)
@problems.told
def _now() -> None:
    client = connection.client()
    runs = client.runs.list(limit=50)["items"]
    if not runs:
        st.info("Nothing has run yet. Watch three agents answer a goal.", icon=":material/home:")
        st.code("camel-ext demo", language=None)
    left, right = st.columns(2)
    with left:
        _running(client)
        _waiting(client)
    with right:
        _verdicts(client)
        _workflows(client)


def _running(client: Client) -> None:
    st.subheader("Runs now")
    rows = [
        {"what": f"run {formats.short(run['id'])}", "of": run["workflow"],
         "state": formats.state(run), "so far": formats.plural(run["turns"], "turn")}
        for state in ("running", "queued")
        for run in client.runs.list(state=state, limit=10)["items"]
    ]  # fmt: skip
    rows += [
        {"what": f"training {formats.short(job['id'])}", "of": job["name"],
         "state": formats.state(job), "so far": formats.percent(job["progress_ratio"])}
        for job in client.trainings.list(state="running", limit=10)["items"]
    ]  # fmt: skip
    rows += [
        {"what": f"improvement {formats.short(each['id'])}", "of": each["workflow"],
         "state": formats.state(each), "so far": each["stage"] or formats.UNKNOWN}
        for each in client.improvements.list(state="running", limit=10)["items"]
    ]  # fmt: skip
    _table(rows, "Nothing runs at the moment.")


def _waiting(client: Client) -> None:
    st.subheader("Waits for you")
    rows = [
        {"what": f"run {formats.short(run['id'])}", "of": run["workflow"],
         "why": one_line(run["waiting_detail"] or run["waiting_for"] or "")}
        for run in client.runs.list(state="waiting", limit=10)["items"]
    ]  # fmt: skip
    for queue in client.annotations.queues.list(limit=10)["items"]:
        left = queue["items_total"] - queue["items_done"]
        if left and queue["closed_at"] is None:
            rows.append({"what": "queue", "of": queue["name"], "why": f"{left} to judge"})
    rows += [
        {"what": f"improvement {formats.short(each['id'])}", "of": each["workflow"],
         "why": f"{formats.VERDICTS.get(each['verdict'] or '', '')} waits for a decision"}
        for each in client.improvements.list(state="waiting", limit=10)["items"]
    ]  # fmt: skip
    _table(rows, "Nothing waits for you.")


def _verdicts(client: Client) -> None:
    st.subheader("Latest verdicts")
    listed = client.certificates.list(limit=5)["items"]
    rows = [
        {"certificate": f"C-{each['number']:04d}", "workflow": each["workflow"],
         "verdict": formats.VERDICTS.get(each["verdict"], each["verdict"]),
         "when": formats.ago(each["created_at"])}
        for each in listed
    ]  # fmt: skip
    _table(rows, "No verdict yet. It needs a candidate and held-out goals.")
    if listed:
        newest = client.certificates.get(listed[0]["id"])
        low, high = newest["interval"]
        shown = formats.estimate(newest["effect"], low, high, newest["level"], newest["n"])
        st.caption(f"The newest: {shown}.")


def _workflows(client: Client) -> None:
    st.subheader("Workflows")
    runs = pd.DataFrame(client.runs.list(limit=200, purpose="run")["items"])
    if runs.empty:
        st.caption("No runs yet.")
        return
    rows = [
        {"workflow": name, "latest runs": len(group),
         "succeeded": formats.percent(_success(group["state"])),
         "tokens": formats.count(int(group["prompt_tokens"].sum() + group["completion_tokens"].sum())),
         "cost": formats.cost(int(group["cost_usd_micros"].sum()))}
        for name, group in runs.groupby("workflow")
    ]  # fmt: skip
    _table(rows, "")


def _success(states: pd.Series) -> float | None:
    """Return which part of those that ended did well; what still runs says nothing yet."""
    ended = states[states.isin(FINAL)]
    return None if ended.empty else float((ended == "succeeded").mean())


def _table(rows: Sequence[Mapping[str, object]], empty: str) -> None:
    if rows:
        st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch")
    else:
        st.caption(empty)


show()

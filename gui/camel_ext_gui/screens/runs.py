"""Runs: start a workflow, watch it live, look at any turn, and steer it."""

import json
from typing import Any

import pandas as pd
import streamlit as st
from camel_ext_client import Client
from camel_ext_client.shapes import Definition, Run, at_rest

from camel_ext_gui import calls, connection, formats, problems
from camel_ext_gui.following import Follower, Watched
from camel_ext_gui.steering import steer
from camel_ext_gui.untrusted import label, one_line, visible

WATCHED = "watched"
TICK_S = 0.7


def show() -> None:
    """Show one run where the address names it, else how to start one and what there is."""
    run_id = st.query_params.get("run")
    if run_id:
        if st.button("All runs", icon=":material/arrow_back:", type="tertiary"):
            del st.query_params["run"]
            st.rerun()
        _one(run_id)
        return
    st.title("Runs")
    client = connection.client()
    workflows = client.workflows()
    if workflows:
        _start(client, workflows)
    else:
        st.info("No workflow of your own. Start from a template.", icon=":material/schema:")
        st.code("camel-ext apply -f examples/three-roles", language=None)
    _recent(client)


def _start(client: Client, workflows: list[Definition]) -> None:
    names = [each["name"] for each in workflows]
    chosen = workflows[names.index(st.selectbox("Workflow", names))]
    st.text(visible(chosen["content"].get("description", "")))
    with st.form(f"start {chosen['name']}"):
        inputs = chosen["content"].get("inputs", {})
        given = {name: _input(name, spec) for name, spec in inputs.items()}
        left, middle, right = st.columns(3)
        seed = left.number_input("Seed", min_value=0, value=None, step=1, placeholder="random")
        turns = middle.number_input("At most turns", min_value=1, value=None, step=1)
        step = right.checkbox("Pause after each turn")
        if st.form_submit_button("Start the run", type="primary"):
            with problems.shown():
                made = client.runs.start(
                    chosen["name"],
                    {name: read for name, value in given.items() if (read := _read(value)) != ""},
                    seed=seed,
                    budgets={"max_turns": turns} if turns else None,
                    single_step=step,
                )
                st.query_params["run"] = made["id"]
                st.rerun()


def _input(name: str, spec: dict[str, Any]) -> Any:
    words, kind, default = label(spec.get("description", "")), spec.get("type"), spec.get("default")
    if kind in ("integer", "number"):
        step = 1 if kind == "integer" else None
        return st.number_input(label(name), value=default, step=step, help=words or None)
    if kind == "boolean":
        return st.checkbox(label(name), value=bool(default), help=words or None)
    if kind == "string":
        return st.text_area(label(name), value=default or "", height=80, help=words or None)
    given = st.text_area(label(name), value=json.dumps(default) if default else "", help="JSON")
    return {"json": given} if given else ""


def _read(value: Any) -> Any:
    """Read a field as it was typed; what is no JSON goes as text, and the server says what is wrong."""
    if not isinstance(value, dict):
        return "" if value is None else value
    try:
        return json.loads(value["json"])
    except ValueError:
        return value["json"]


def _recent(client: Client) -> None:
    st.subheader("Latest runs")
    left, right = st.columns([1, 3])
    state = left.selectbox("State", ["any", *formats.STATES])
    runs = client.runs.list(state=None if state == "any" else state, limit=100)["items"]
    if not runs:
        right.info("No runs match." if state != "any" else "No runs yet. Start one above.")
        return
    rows = [
        {"run": formats.short(run["id"]), "workflow": run["workflow"], "state": formats.state(run),
         "given": one_line(next(iter(run["input"].values()), "")), "turns": run["turns"],
         "tokens": formats.tokens(run["prompt_tokens"], run["completion_tokens"]),
         "cost": formats.cost(run["cost_usd_micros"]),
         "time": formats.elapsed(run), "started": formats.ago(run["created_at"])}
        for run in runs
    ]  # fmt: skip
    picked = st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key="runs",
    )
    st.caption("Click at the left of a row to open the run.")
    if picked["selection"]["rows"]:
        st.query_params["run"] = runs[picked["selection"]["rows"][0]]["id"]
        st.rerun()


def _one(run_id: str) -> None:
    watched: Watched | None = st.session_state.get(WATCHED)
    if watched is None or watched.run_id != run_id or (watched.run and at_rest(watched.run)):
        if watched is not None:
            watched.follower.stop()
        watched = Watched(run_id, Follower(connection.client(), [f"*:{run_id}"]))
        st.session_state[WATCHED] = watched
    run = watched.look(connection.client())
    st.title(f"Run {formats.short(run_id)}")
    st.fragment(problems.told(_live), run_every=None if at_rest(run) else TICK_S)(watched)


def _live(watched: Watched) -> None:
    client = connection.client()
    rested = watched.run is not None and at_rest(watched.run)
    run = watched.look(client)
    if at_rest(run) and not rested:
        st.rerun()  # the whole page once more, without the clock
    lost_s = watched.follower.lost_s()
    if lost_s is not None and not at_rest(run):
        st.warning(f"Connection lost, {lost_s:.0f} s. What is shown may be old.")
    _figures(run)
    calls.text("\n".join(f"{name}: {value}" for name, value in run["input"].items()))
    steer(client, run)
    for stream, text in watched.follower.texts().items():
        if not at_rest(run) and text:
            st.text(visible("/".join(stream.split("/")[1:-1])) + " writes")
            calls.text(text)
    _outcome(run)
    _turns(client, watched)


def _figures(run: Run) -> None:
    figures = {
        "State": formats.state(run),
        "Turns": formats.count(run["turns"]),
        "Tokens in + out": formats.tokens(run["prompt_tokens"], run["completion_tokens"]),
        "Time": formats.elapsed(run),
        "Cost": formats.cost(run["cost_usd_micros"]),
    }
    with st.container(horizontal=True, gap="large"):
        for name, value in figures.items():
            st.metric(name, value, width="content")


def _outcome(run: Run) -> None:
    if run["state"] == "succeeded" and run["output"] is not None:
        st.subheader("Output")
        output = run["output"]
        calls.text(output if isinstance(output, str) else json.dumps(output, indent=2))
    elif run["state"] == "failed":
        st.error("The run failed. Its turns until then are safe.", icon=":material/error:")
        calls.text(f"{run['error_detail']}\n{run['error_code']}   trace {run['trace_id']}")


def _turns(client: Client, watched: Watched) -> None:
    st.subheader("Turns")
    if not watched.turns:
        st.caption("No turn yet.")
        return
    rows = []
    for turn in watched.turns:
        call = watched.calls.get(turn["interaction_id"] or "")
        said = call["answer_preview"] if call else turn["output"]
        rows.append(
            {"turn": turn["seq"], "step": turn["step_key"], "kind": turn["kind"],
             "by": turn["name"], "time": formats.duration(turn["total_ms"]),
             "said": one_line(said if isinstance(said, str) else json.dumps(said))}
        )  # fmt: skip
    picked = st.dataframe(
        pd.DataFrame(rows), hide_index=True, on_select="rerun", selection_mode="single-row",
        key=f"turns {watched.run_id}",
    )  # fmt: skip
    if not picked["selection"]["rows"]:
        st.caption("Click at the left of a turn to see its exact prompt and answer.")
        return
    turn = watched.turns[picked["selection"]["rows"][0]]
    if turn["interaction_id"]:
        calls.show(client, turn["interaction_id"])
    else:
        calls.text(json.dumps({"input": turn["input"], "output": turn["output"]}, indent=2))


show()

"""Training: start one from a dataset and a preset, watch its curves, stop it, go on with it."""

from typing import Any

import pandas as pd
import streamlit as st
from camel_ext_client import Client
from camel_ext_client.shapes import FINAL
from camel_ext_client.training import Metric, Training

from camel_ext_gui import calls, connection, formats, problems
from camel_ext_gui.untrusted import visible

TICK_S = 2.0
BLUE, ORANGE, GREY = "#367FE0", "#E06700", "#8C8982"
CURVES = {  # what is drawn together, by its name on the wire; each chart has its unit
    "Loss, nats": {"loss": "loss"},
    "Margin, nats": {"margin": "margin"},
    "Accuracy, ratio": {"accuracy": "accuracy"},
    "Log probability, nats": {"chosen_logps": "chosen", "rejected_logps": "rejected"},
    "Gradient norm": {"grad_norm": "norm"},
    "Learning rate": {"learning_rate": "rate"},
}
HELD_OUT = ("loss", "margin", "accuracy")


def show() -> None:
    """Show one training where the address names it, else how to start one and what there is."""
    client = connection.client()
    job_id = st.query_params.get("job")
    if job_id:
        if st.button("All trainings", icon=":material/arrow_back:", type="tertiary"):
            del st.query_params["job"]
            st.rerun()
        job = client.trainings.get(job_id)
        st.title("Training")
        every_s = None if job["state"] in FINAL else TICK_S
        st.fragment(problems.told(_one), run_every=every_s)(job_id)
        return
    st.title("Training")
    _start(client)
    _list(client)


def _start(client: Client) -> None:
    versions = [
        (f"{version['dataset']}@{version['number']}", version)
        for dataset in client.datasets.list(limit=50)["items"]
        for version in client.datasets.versions(dataset["name"], limit=10)["items"]
        if version["state"] == "succeeded" and version["pairs"]
    ]
    bases = [each["name"] for each in client.models.each() if each["kind"] == "base"]
    if not versions or not bases:
        st.info(
            "No dataset yet. 100 judgements would give about 84 pairs.", icon=":material/dataset:"
        )
        st.code("camel-ext dataset build NAME --tag TAG", language=None)
        return
    ready = client.trainings.environment()
    if not ready["ready"]:
        st.warning("This server cannot train yet.", icon=":material/build:")
        st.text(visible(ready["advice"] or ""))
    presets = client.trainings.presets()
    names = [each["name"] for each in presets["items"]]
    words = {each["name"]: each["words"] for each in presets["items"]}
    preset = st.selectbox("Preset", names, index=names.index(presets["default"]))
    st.text(visible(words[preset]))
    with st.form("training"):
        left, middle, right = st.columns(3)
        name = left.text_input("Name of the adapter", placeholder="brevity")
        chosen = middle.selectbox("Dataset", [name for name, _ in versions])
        base = right.selectbox("Base model", bases)
        dry_run = st.checkbox("Only look: memory, time, and the first batch")
        if st.form_submit_button(f"Train with the {preset} preset", type="primary"):
            with problems.shown():
                made = client.trainings.start(
                    name.strip(), base=base, dataset=chosen, preset=preset, dry_run=dry_run
                )
                st.query_params["job"] = made["id"]
                st.rerun()


def _list(client: Client) -> None:
    jobs = client.trainings.list(limit=100)["items"]
    st.subheader("Trainings")
    if not jobs:
        st.info(
            "No job yet. A preset and a dataset are all it takes.", icon=":material/model_training:"
        )
        return
    rows = [
        {"training": formats.short(job["id"]), "adapter": f"{job['base']}/{job['name']}",
         "dataset": job["dataset"], "preset": job["preset"], "state": formats.state(job),
         "done": formats.percent(job["progress_ratio"]), "alarms": len(job["alarms"]),
         "started": formats.ago(job["created_at"])}
        for job in jobs
    ]  # fmt: skip
    picked = st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key="jobs",
    )
    st.caption("Click at the left of a row to open the training.")
    if picked["selection"]["rows"]:
        st.query_params["job"] = jobs[picked["selection"]["rows"][0]]["id"]
        st.rerun()


def _one(job_id: str) -> None:
    client = connection.client()
    before = st.session_state.get("job_state")
    job = client.trainings.get(job_id)
    st.session_state["job_state"] = job["state"]
    if job["state"] in FINAL and before not in (None, *FINAL):
        st.rerun()  # the whole page once more, without the clock
    st.text(visible(f"{job['base']}/{job['name']} on {job['dataset']}, preset {job['preset']}"))
    _figures(job)
    st.progress(min(1.0, job["progress_ratio"]))
    for alarm in job["alarms"]:
        st.warning("Alarm", icon=":material/notification_important:")
        st.text(visible(f"{alarm['words']} ({alarm['code']}, step {alarm['step']})"))
    if job["error_code"]:
        st.error("The training failed.", icon=":material/error:")
        calls.text(f"{job['error_detail']}\n{job['error_advice'] or ''}\n{job['error_code']}")
    with st.container(horizontal=True):
        if job["state"] not in FINAL and st.button("Stop, and keep a checkpoint"):
            client.trainings.cancel(job_id)
            st.rerun()
        if job["state"] in ("failed", "cancelled") and st.button("Go on from the checkpoint"):
            client.trainings.resume(job_id)
            st.session_state.pop("job_state")
            st.rerun()
    _curves(client, job_id)
    with st.expander("Console, its end"):
        calls.text(job.get("console_tail") or "")


def _figures(job: Training) -> None:
    progress: dict[str, Any] = job["progress"]
    left_s, margin = progress.get("eta_s"), progress.get("margin")
    figures = {
        "State": formats.state(job),
        "Step": f"{progress.get('step', 0)} of {progress.get('steps') or formats.UNKNOWN}",
        "Time left": _left(job, left_s),
        "Margin": formats.UNKNOWN if margin is None else f"{margin:.2f} nats",
        "Speed": f"{progress['tokens_per_s']:.0f} tokens/s" if progress.get("tokens_per_s") else formats.UNKNOWN,
    }  # fmt: skip
    with st.container(horizontal=True, gap="large"):
        for name, value in figures.items():
            st.metric(name, value, width="content")


def _left(job: Training, left_s: float | None) -> str:
    if job["state"] in FINAL or left_s is None:
        return formats.UNKNOWN
    return f"about {formats.duration(1000 * left_s)}"


def _curves(client: Client, job_id: str) -> None:
    steps = _table(list(client.trainings.each_metric(job_id, "step")))
    held_out = _table(list(client.trainings.each_metric(job_id, "eval")))
    if steps.empty:
        st.caption("The curves begin with the first step.")
        return
    columns = st.columns(3)
    for place, (title, names) in enumerate(CURVES.items()):
        drawn = steps[[name for name in names if name in steps]].rename(columns=names)
        if drawn.empty:
            continue
        colours, said = [BLUE, ORANGE][: drawn.shape[1]], _last(drawn)
        for name in names:
            if name in HELD_OUT and name in held_out:
                said += f", held out {held_out[name].iloc[-1]:.4g}"
                if len(held_out) > 1:
                    drawn = drawn.join(held_out[name].rename("held out"), how="outer")
                    colours.append(GREY)
        with columns[place % 3]:
            st.caption(f"{title}: {said}")
            st.line_chart(drawn.interpolate(limit_area="inside"), height=200, color=list(colours))
    with st.expander("The curves as numbers"):
        st.dataframe(steps)


def _last(drawn: pd.DataFrame) -> str:
    ends = {name: drawn[name].dropna().iloc[-1] for name in drawn}
    if len(ends) == 1:
        return f"{next(iter(ends.values())):.4g}"
    return ", ".join(f"{name} {value:.4g}" for name, value in ends.items())


def _table(points: list[Metric]) -> pd.DataFrame:
    rows = [{"step": each["step"], **_numbers(each["values"])} for each in points]
    return pd.DataFrame(rows).set_index("step") if rows else pd.DataFrame()


def _numbers(values: dict[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items() if isinstance(value, int | float)}


show()

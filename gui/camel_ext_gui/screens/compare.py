"""Compare versions: two evaluations and their verdict, case by case; and the certificates."""

import pandas as pd
import streamlit as st
from camel_ext_client import Client
from camel_ext_client.shapes_evaluation import Comparison, Evaluation, EvaluationCase

from camel_ext_gui import certificate, connection, formats, problems, verdicts
from camel_ext_gui.untrusted import one_line

CASES = "compare_cases"
CHANGES = ("broken", "fixed", "still wrong", "kept")


def show() -> None:
    """Show the page."""
    st.title("Compare versions")
    compare, certificates = st.tabs(["Comparisons", "Certificates"])
    client = connection.client()
    with compare, problems.shown():
        _compare(client)
    with certificates, problems.shown():
        certificate.choose(client)


def _compare(client: Client) -> None:
    evaluations = {
        each["id"]: each
        for each in client.evaluations.list(limit=100)["items"]
        if each["state"] == "succeeded"
    }
    if len(evaluations) < 2:
        st.info(
            "Nothing to compare. 120 cases would show a gain of 20 points with power 0.99.",
            icon=":material/balance:",
        )
        st.code("camel-ext eval run SUITE --workflow WORKFLOW", language=None)
        return
    _make(client, list(evaluations.values()))
    made = client.comparisons.list(limit=50)["items"]
    if not made:
        st.caption("No verdict yet: compare two evaluations above.")
        return
    known = {each["id"]: each for each in made}
    asked = st.query_params.get("comparison")
    ids = list(known)
    chosen = st.selectbox(
        "Verdict",
        ids,
        index=ids.index(asked) if asked in known else 0,
        format_func=lambda key: _named(known[key], evaluations),
    )
    st.query_params["comparison"] = chosen
    found = known[chosen]
    verdicts.show(found["result"])
    _cases(client, found)


def _named(made: Comparison, evaluations: dict[str, Evaluation]) -> str:
    sides = [
        target_name(evaluations[each]) if each in evaluations else formats.short(each)
        for each in (made["baseline_id"], made["candidate_id"])
    ]
    word = formats.VERDICTS.get(made["verdict"], made["verdict"])
    return f"{word}: {sides[1]} against {sides[0]}, {formats.when(made['created_at'])}"


def target_name(evaluation: Evaluation) -> str:
    """Return which models answered, by alias."""
    models = evaluation["pinned"]["models"]
    told = [f"{alias} = {each['name']}@{each['number']}" for alias, each in models.items()]
    return one_line(", ".join(told) or evaluation["target"], 80)


def _make(client: Client, evaluations: list[Evaluation]) -> None:
    with st.expander("Compare two evaluations"), st.form("compare"):
        left, right = st.columns(2)
        names = [
            f"{one_line(each['suite'], 40)}: {target_name(each)}, {formats.short(each['id'])}"
            for each in evaluations
        ]
        before = left.selectbox("Baseline", names, index=min(1, len(names) - 1))
        after = right.selectbox("Candidate", names)
        left.caption("It decides by the suite's own primary scorer.")
        if st.form_submit_button("Compare", type="primary"):
            baseline, candidate = (evaluations[names.index(each)] for each in (before, after))
            with problems.shown():
                suite = client.suites.version(baseline["suite_version_id"])
                made = client.comparisons.make(
                    baseline["id"], candidate["id"], {"primary": suite["primary"]}
                )
                st.query_params["comparison"] = made["id"]
                st.rerun()


def _cases(client: Client, made: Comparison) -> None:
    st.subheader("Case by case")
    primary = str(made["result"]["primary"])
    asked = client.suites.version(made["suite_version_id"])["cases"]
    before, after = (_read(client, made[side]) for side in ("baseline_id", "candidate_id"))
    rows = []
    for position in sorted(before.keys() & after.keys()):
        change = _change(before[position], after[position], primary)
        rows.append(
            {"case": one_line(_input(asked, position), 200), "topic": before[position]["topic"],
             "change": change, "before": one_line(before[position]["answer"], 400),
             "after": one_line(after[position]["answer"], 400)}
        )  # fmt: skip
    counts = {change: sum(row["change"] == change for row in rows) for change in CHANGES}
    wanted = st.segmented_control(
        "Show",
        [f"{change} {counts[change]}" for change in CHANGES],
        default=f"broken {counts['broken']}",
    )
    kept = [row for row in rows if wanted and wanted.startswith(row["change"])]
    if kept:
        st.dataframe(pd.DataFrame(kept), hide_index=True)
    else:
        st.caption("No such case.")


def _read(client: Client, evaluation_id: str) -> dict[int, EvaluationCase]:
    """Read a finished evaluation's cases once for a session: they do not change any more."""
    kept: dict[str, dict[int, EvaluationCase]] = st.session_state.setdefault(CASES, {})
    if evaluation_id not in kept:
        if len(kept) > 8:
            kept.clear()
        cases = client.evaluations.each_case(evaluation_id)
        kept[evaluation_id] = {case["position"]: case for case in cases}
    return kept[evaluation_id]


def _input(cases: list[dict[str, object]], position: int) -> object:
    given = cases[position].get("input") if position < len(cases) else None
    return next(iter(given.values()), "") if isinstance(given, dict) else ""


def _change(before: EvaluationCase, after: EvaluationCase, primary: str) -> str:
    passed = [case["scores"].get(primary, {}).get("state") == "passed" for case in (before, after)]
    return {
        (True, True): "kept",
        (False, True): "fixed",
        (True, False): "broken",
        (False, False): "still wrong",
    }[passed[0], passed[1]]


show()

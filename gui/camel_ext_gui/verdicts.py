"""A verdict with its effect, interval and n, drawn to scale, and its guardrails. Two views share it."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from camel_ext_gui import formats
from camel_ext_gui.untrusted import visible

COLOUR, FAINT = "#5B66E0", "#8C8982"  # seen on light and dark ground


def show(found: Mapping[str, Any]) -> None:
    """Show a comparison's result, or a certificate, which holds the same."""
    low, high = found["interval"] if "interval" in found else (found["low"], found["high"])
    more = found.get("about_n_more")
    word = formats.VERDICTS.get(found["verdict"], str(found["verdict"]))
    st.subheader(f"{word}: about {more:,} more cases would tell" if more else word)
    st.text(visible(found["reason"]))
    st.text(formats.estimate(found["effect"], low, high, found["level"], found["n"]))
    st.vega_lite_chart(
        spec=_interval(found["effect"], low, high, found.get("needed") or 0.0), width="stretch"
    )
    st.caption("Effect in points, with its interval; 0 is no change.")
    figures = {
        "Fixed": found["fixed"],
        "Broken": found["broken"],
        "Kept": found["kept"],
        "Still wrong": found["still_wrong"],
        "Topics": found["topics"],
    }
    with st.container(horizontal=True, gap="large"):
        for name, value in figures.items():
            st.metric(name, formats.count(value), width="content")
    _guardrails(found["guardrails"])
    for warning in found.get("warnings") or []:
        st.warning("Read with care.", icon=":material/warning:")
        st.text(visible(warning))


def _interval(effect: float, low: float, high: float, needed: float) -> dict[str, Any]:
    """Return the interval that was decided on, drawn to scale, with zero and what was needed."""
    widest = 100 * max(abs(low), abs(high), abs(needed), 0.01) * 1.15
    scale = {"domain": [-widest, widest], "nice": False}

    def at(value: float, **more: Any) -> dict[str, Any]:
        return {"datum": 100 * value, "type": "quantitative", "scale": scale, **more}

    end = {"type": "tick", "color": COLOUR, "thickness": 3, "size": 18}
    line = {"type": "rule", "color": FAINT, "strokeDash": [4, 3]}
    layers = [
        *({"mark": line, "encoding": {"x": at(each, title=None)}} for each in sorted({0.0, needed})),
        {"mark": {"type": "rule", "color": COLOUR, "strokeWidth": 3},
         "encoding": {"x": at(low), "x2": {"datum": 100 * high}}},
        *({"mark": end, "encoding": {"x": at(each)}} for each in (low, high)),
        {"mark": {"type": "point", "color": COLOUR, "filled": True, "size": 120},
         "encoding": {"x": at(effect)}},
    ]  # fmt: skip
    return {"height": 90, "data": {"values": [{}]}, "layer": layers}


def _guardrails(rails: list[dict[str, Any]]) -> None:
    if not rails:
        return
    rows = [
        {"guardrail": visible(rail.get("description") or rail["measure"]),
         "before": _value(rail["measure"], rail["baseline"]),
         "after": _value(rail["measure"], rail["candidate"]),
         "at worst": _change(rail["measure"], rail["worst"]), "allowed": _allowed(rail),
         "": "✓ held" if rail["held"] else "✕ broken" if rail["broken"] else "◌ open"}
        for rail in rails
    ]  # fmt: skip
    st.dataframe(pd.DataFrame(rows), hide_index=True)


def _allowed(rail: Mapping[str, Any]) -> str:
    return _change(rail["measure"], rail["margin"] * (1 if rail["better"] == "lower" else -1))


def _value(name: str, value: float) -> str:
    if name == "latency_ms":
        return formats.duration(value)
    if name == "cost_usd_micros":
        return formats.cost(round(value))
    return f"{value:.1f}" if name == "completion_tokens" else formats.percent(value)


def _change(name: str, value: float) -> str:
    if name not in ("latency_ms", "cost_usd_micros", "completion_tokens"):
        return f"{formats.points(value)} points"
    return f"{'+' if value >= 0 else formats.MINUS}{_value(name, abs(value))}"

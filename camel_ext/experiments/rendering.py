"""A certificate as a page: HTML that opens offline, and Markdown. The words and numbers of both are one.

It says what the certificate's content says and computes nothing that was decided on. Names, goals and
answers are somebody else's text: they are escaped wherever they stand.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from camel_ext.experiments import charts
from camel_ext.experiments.charts import points

if TYPE_CHECKING:
    from jinja2 import Environment

Json = dict[str, Any]
WORDS = {
    "better": "Better",
    "not_worse": "Not worse",
    "worse": "Worse",
    "inconclusive": "Inconclusive",
}
TONES = {"better": "better", "not_worse": "same", "worse": "worse", "inconclusive": "open"}
_PATHS = {  # lucide: trending-up, equal, trending-down, circle-dashed
    "better": '<path d="M16 7h6v6"/><path d="m22 7-8.5 8.5-5-5L2 17"/>',
    "not_worse": '<path d="M5 9h14"/><path d="M5 15h14"/>',
    "worse": '<path d="M16 17h6v-6"/><path d="m22 17-8.5-8.5-5 5L2 7"/>',
    "inconclusive": '<circle cx="12" cy="12" r="9" stroke-dasharray="4 3"/>',
}


def as_html(shown: Json) -> str:
    """Return a certificate, as it is shown on the wire, as one page that needs no network."""
    from markupsafe import Markup

    verdict = shown["verdict"]
    icon = f'<svg viewBox="0 0 24 24" aria-hidden="true">{_PATHS[verdict]}</svg>'
    low, high = shown["interval"]
    drawn = {
        "css": _style(),
        "tone": TONES[verdict],
        "icon": icon,
        "interval_chart": charts.interval(
            low, shown["effect"], high, shown["needed"], TONES[verdict]
        ),
        "topic_chart": charts.by_topic(shown["by_topic"]),
        "curve": charts.curve([tuple(each) for each in shown["training"]["curve"]], "Margin"),
    }
    safe = {name: Markup(text) for name, text in drawn.items()}  # noqa: S704 - made by us alone
    page = _pages().get_template("certificate.html")
    return page.render(**_words(shown), **safe)


def as_markdown(shown: Json) -> str:
    """Return a certificate as Markdown."""
    text = _pages().get_template("certificate.md").render(**_words(shown))
    return re.sub(r"\n{3,}", "\n\n", text)


def story(shown: Json) -> str:
    """Return what happened in one plain sentence or two."""
    does = shown["description"] or f"passes `{shown['primary']}`"
    before, after = shown["baseline"]["passed"], shown["candidate"]["passed"]
    first = (
        f"On {shown['n']} goals that training never saw, {shown['agent']} {does} {after} times "
        f"with the adapter, {before} times without."
    )
    return f"{first} {_plural(shown['fixed'], 'goal')} fixed, {shown['broken']} broken."


def luck(shown: Json) -> str:
    """Return what the interval allows to say, in words."""
    if shown["verdict"] == "inconclusive":
        return _doubt(shown)
    if shown["verdict"] == "not_worse":
        return "No gain is proven, and no loss beyond what was allowed."
    p = shown["p"]
    if p is None:
        return ""
    if p < 1e-9:
        return "Luck alone would show a difference this large less than once in a billion tries."
    return f"Luck alone would show a difference this large about once in {_round(1 / p)} tries."


def _doubt(shown: Json) -> str:
    lost = [_label(rail) for rail in shown["guardrails"] if not rail["held"]]
    if lost and shown["interval"][0] > shown["needed"]:
        return f"The gain is real, but these are not shown to have held: {', '.join(lost)}."
    more = shown["about_n_more"]
    tell = f" About {_round(more)} more goals would tell." if more else ""
    return f"The interval holds no change, so nothing is proven either way.{tell}"


@dataclass(frozen=True, slots=True)
class _Rail:
    label: str
    before: str
    after: str
    worst: str
    margin: str
    held: bool


@dataclass(frozen=True, slots=True)
class _Gate:
    name: str
    state: str
    words: str


def _words(shown: Json) -> Json:
    """Return everything that both pages say, as text."""
    low, high = shown["interval"]
    decision = shown["decision"]
    return {
        "c": shown,
        "word": _word(shown),
        "issued": _time(shown["issued_at"]),
        "effect": points(shown["effect"]),
        "confidence": f"{100 * (1 - shown['alpha']):.3g} %",
        "interval_words": f"{points(low)} to {points(high)}",
        "story": story(shown),
        "luck": luck(shown),
        "rails": [_rail(rail) for rail in shown["guardrails"]],
        "topics": [_topic(each) for each in shown["by_topic"]],
        "chain": _chain(shown),
        "decision_words": _decision(shown),
        "rollback": _rollback(shown),
        "gates": _gates(shown),
        "decided_by": decision["decided_by"] if decision else "nobody yet",
        "reason": decision["reason"] if decision else "",
        "method": _method(shown),
        "fingerprints": [(name, value) for name, value in shown["hashes"].items() if value],
        "cost": _cost(shown),
        "environment": list(shown["environment"].items()),
    }


def _word(shown: Json) -> str:
    word = WORDS[shown["verdict"]]
    more = shown["about_n_more"] if shown["verdict"] == "inconclusive" else None
    return f"{word}, about {_round(more)} more" if more else word


def _label(rail: Json) -> str:
    fixed = {"latency_ms": "latency", "error": "errors"}
    return fixed.get(rail["measure"]) or rail["description"] or rail["measure"]


def _rail(rail: Json) -> _Rail:
    def value(number: float) -> str:
        if rail["measure"] == "latency_ms":
            return f"{number / 1000:.2f} s"
        return f"{100 * number:.1f} %"

    def change(number: float) -> str:
        if rail["measure"] == "latency_ms":
            sign = "+" if number > 0 else "\u2212" if number < 0 else ""
            return f"{sign}{abs(number) / 1000:.2f} s"
        return points(number)

    return _Rail(
        label=_label(rail),
        before=value(rail["baseline"]),
        after=value(rail["candidate"]),
        worst=change(rail["worst"]),
        margin=change(rail["margin"] if rail["better"] == "lower" else -rail["margin"]),
        held=rail["held"],
    )


def _topic(each: Json) -> Json:
    shares = {key: f"{100 * each[key]:.0f} %" for key in ("before", "after")}
    return {**each, **shares, "gain": points(each["gain"])}


def _chain(shown: Json) -> list[tuple[str, str]]:
    made = shown["made_from"]
    steps = [
        (made["runs"], "run", "training goals"),
        (made["candidates"], "candidate", "sampled answers"),
        (made["judgements"], "judgement", "by verifiers"),
        (made["pairs"], "pair", made["dataset"] or ""),
        (made["steps"], "step", "DPO, LoRA"),
    ]
    chain = [(_plural(count, word), below) for count, word, below in steps if count]
    chain.append((shown["candidate"]["target"], _brief(shown["hashes"]["adapter"] or "")))
    return [*chain, (_plural(shown["n"], "goal"), f"{shown['topics']} topics, held out")]


def _decision(shown: Json) -> str:
    decision = shown["decision"]
    if decision is None:
        return "Nothing is decided yet."
    when = _time(decision["created_at"])
    if decision["kind"] == "refusal":
        return f"Refused {when}: {shown['alias']} stays with {shown['baseline']['target']}."
    undone = decision["rolled_back_at"]
    if undone:
        return f"Promoted {when}, rolled back {_time(undone)}."
    return f"{shown['alias']} uses {shown['candidate']['target']} since {when}."


def _rollback(shown: Json) -> str:
    decision = shown["decision"]
    in_force = decision and decision["kind"] == "promotion" and not decision["rolled_back_at"]
    return f"camel-ext rollback {shown['alias']}" if in_force else ""


def _gates(shown: Json) -> list[_Gate]:
    low, needed = shown["interval"][0], shown["needed"]
    sign = ">" if low > needed else "\u2264"
    held = [rail["held"] for rail in shown["guardrails"]]
    alarms, budget = shown["training"]["alarms"], shown["budget"]
    decision = shown["decision"]
    person = decision is not None and not decision["automatic"]
    return [
        _gate("Nothing leaked", shown["leaked"] == 0, f"{shown['leaked']} of {shown['n']}"),
        _gate("Training healthy", not alarms, _plural(len(alarms), "alarm") if alarms else "no alarm"),
        _gate("Gain proven", low > needed, f"{points(low)} {sign} {points(needed)}"),
        _gate("Guardrails", all(held) if held else None, f"{sum(held)} of {len(held)} held"),
        _gate(
            "Error budget",
            budget["spent"] <= budget["level"],
            f"{100 * budget['spent']:.2g} of {100 * budget['level']:.3g} % spent",
        ),
        _gate("Person approved", True if person else None, "yes" if person else "not asked for"),
    ]  # fmt: skip


def _gate(name: str, passed: bool | None, words: str) -> _Gate:
    return _Gate(name, "none" if passed is None else "yes" if passed else "no", words)


def _method(shown: Json) -> list[tuple[str, str]]:
    p = shown["p"]
    return [
        ("Comparison", shown["method"]),
        ("p", "\u2013" if p is None else f"{p:.2g}"),
        ("Clusters", f"{shown['topics']} topics"),
        ("Level", f"{100 * shown['alpha']:.3g} %, look {shown['cycle']} of this workflow"),
        ("Looks", "one, planned"),
        ("Seed", str(shown["seed"])),
    ]


def _cost(shown: Json) -> list[tuple[str, str]]:
    cost = shown["cost"]
    spent = f"${cost['usd_micros'] / 1e6:.2f}" if cost["usd_micros"] else "$0.00"
    cpu = f" + {cost['cpu_s']:.0f} CPU-s of training" if cost["cpu_s"] else ""
    stages = ", ".join(f"{each['name']} {_seconds(each['wall_s'])}" for each in shown["stages"])
    return [("Paid", spent + cpu), ("Time", _seconds(shown["wall_s"])), ("Stages", stages)]


def _seconds(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return (
        f"{minutes} m {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} m"
    )


def _time(text: str) -> str:
    moment = datetime.fromisoformat(text)
    return f"{moment.day} {moment:%b %Y, %H:%M} UTC"


def _plural(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def _round(number: float) -> str:
    """Return an estimate with two digits that mean something."""
    whole = round(number)
    digits = max(0, len(str(whole)) - 2)
    return f"{round(whole, -digits):,}"


def _brief(fingerprint: str) -> str:
    digits = fingerprint.removeprefix("sha256:")
    return f"{digits[:8]}\u2026{digits[-4:]}" if len(digits) > 16 else digits


def _cell(text: object) -> str:
    """Return text of somebody else as one line of Markdown that means nothing."""
    flat = " ".join(str(text).split())
    escaped = re.sub(r"([\\`*_{}\[\]|~#])", r"\\\1", flat)
    return escaped.replace("<", "&lt;").replace(">", "&gt;")


@cache
def _style() -> str:
    return (files("camel_ext.experiments") / "pages" / "certificate.css").read_text("utf-8")


@cache
def _pages() -> "Environment":
    from jinja2 import Environment, FunctionLoader, StrictUndefined, select_autoescape

    folder = files("camel_ext.experiments") / "pages"
    made = Environment(
        loader=FunctionLoader(lambda name: (folder / name).read_text("utf-8")),
        autoescape=select_autoescape(("html",)),  # Markdown has an escape of its own: `cell`
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    made.filters |= {"cell": _cell, "brief": _brief}
    return made

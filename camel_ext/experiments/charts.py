"""The certificate's drawings as inline SVG: they open offline, print, and follow light and dark.

Colours are classes of the page's style sheet, so a drawing by itself has none. Each carries a sentence
for who cannot see it. Numbers are drawn to scale: what is decided on is what is seen.
"""

import math
from collections.abc import Sequence
from html import escape
from typing import Any

Json = dict[str, Any]
WIDTH = 440
STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5)


def interval(low: float, effect: float, high: float, needed: float, tone: str) -> str:
    """Return effect and interval on a rule with its zero and what is needed.

    Units: shares in [-1, 1]; drawn as points. `tone` is a class: better, same, worse or open.
    """
    ticks = _ticks(min(low, 0.0, needed) - 0.02, max(high, 0.0, needed) + 0.02)
    first, last = ticks[0], ticks[-1]

    def x(value: float) -> float:
        return round(16 + (WIDTH - 32) * (value - first) / (last - first), 1)

    axis = "".join(
        f'<line x1="{x(t)}" y1="74" x2="{x(t)}" y2="79" class="rule"/>'
        f'<text x="{x(t)}" y="94" class="tick">{points(t)}</text>'
        for t in ticks
    )
    near = abs(x(needed) - x(0)) < 1  # nothing but a gain is needed: one line is enough
    want = "" if near else f'<line x1="{x(needed)}" y1="14" x2="{x(needed)}" y2="74" class="need"/>'
    label = "needed: more than 0" if near else f"needed: at least {points(needed)}"
    beside = x(needed) + 6 < WIDTH - 130
    said = f"The effect is {points(effect)} points, its interval {points(low)} to {points(high)}."
    return _svg(
        WIDTH,
        100,
        said,
        f'<rect x="{x(needed)}" y="14" width="{round(max(0.0, x(last) - x(needed)), 1)}" height="60" class="zone"/>'
        f'<line x1="{x(first)}" y1="74" x2="{x(last)}" y2="74" class="rule"/>{axis}'
        f'<line x1="{x(0)}" y1="14" x2="{x(0)}" y2="74" class="zero"/>{want}'
        f'<text x="{x(needed) + (6 if beside else -6)}" y="26" class="{"label" if beside else "label end"}">{label}</text>'
        f'<g class="{escape(tone)}"><rect x="{x(low)}" y="40" width="{round(max(1.0, x(high) - x(low)), 1)}" height="16" rx="3" class="band"/>'
        f'<line x1="{x(low)}" y1="38" x2="{x(low)}" y2="58" class="cap"/>'
        f'<line x1="{x(high)}" y1="38" x2="{x(high)}" y2="58" class="cap"/>'
        f'<circle cx="{x(effect)}" cy="48" r="6" class="point"/></g>',
    )


def by_topic(topics: Sequence[Json]) -> str:
    """Return the gain of each topic as bars, best first; unchanged topics as a short line."""
    ordered = sorted(topics, key=lambda each: (-each["gain"], each["topic"]))
    most = max((abs(each["gain"]) for each in ordered), default=0) or 1
    deepest = max((-each["gain"] for each in ordered), default=0)
    up, down = 56, round(max(0.0, deepest) / most * 50) + 6
    height, slot = up + down + 18, 760 / max(1, len(ordered))
    bars = []
    for index, each in enumerate(ordered):
        tall = round(abs(each["gain"]) / most * (up - 6), 1)
        gain = each["gain"]
        tone = "better" if gain > 0 else "worse" if gain < 0 else "same"
        top, tall = (up, max(tall, 2)) if gain < 0 else (up - max(tall, 2), max(tall, 2))
        left, wide = round(30 + index * slot, 1), round(slot * 0.78, 1)
        title = f"{each['topic']}: {points(gain)} points on {each['n']} goals"
        bars.append(
            f'<rect x="{left}" y="{top}" width="{wide}" height="{tall}" rx="2" '
            f'class="{tone} bar"><title>{escape(title)}</title></rect>'
        )
    won = sum(each["gain"] > 0 for each in ordered)
    lost = sum(each["gain"] < 0 for each in ordered)
    said = f"Of {len(ordered)} topics, {won} gained, {lost} lost."
    names = _ends(ordered, height)
    return _svg(
        800,
        height,
        said,
        f'<text x="24" y="12" class="tick end">{points(most)}</text>'
        f'<text x="24" y="{up + 4}" class="tick end">0</text>'
        f'<line x1="30" y1="{up}" x2="790" y2="{up}" class="rule"/>{"".join(bars)}{names}',
    )


def curve(values: Sequence[tuple[float, float]], title: str) -> str:
    """Return a small line of (step, value), with its first and last value named."""
    if len(values) < 2:
        return ""
    xs, ys = [step for step, _ in values], [value for _, value in values]
    low, high = min(*ys, 0.0), max(*ys, 0.0)
    span_x, span_y = (xs[-1] - xs[0]) or 1, (high - low) or 1
    path = " ".join(
        f"{10 + 240 * (step - xs[0]) / span_x:.1f},{60 - 50 * (value - low) / span_y:.1f}"
        for step, value in values
    )
    zero = 60 - 50 * (0 - low) / span_y
    return _svg(
        300,
        72,
        f"{title}: from {ys[0]:.2f} to {ys[-1]:.2f} over {xs[-1]:.0f} steps.",
        f'<line x1="10" y1="{zero:.1f}" x2="250" y2="{zero:.1f}" class="rule"/>'
        f'<polyline points="{path}" class="line"/>'
        f'<text x="256" y="{60 - 50 * (ys[-1] - low) / span_y + 4:.1f}" class="label">{ys[-1]:.2f}</text>',
    )


def points(share: float, digits: int = 1) -> str:
    """Return a difference of shares as points, with a true minus sign: +47.5."""
    value = round(share * 100, digits)
    shown = f"{abs(value):.{digits}f}"
    shown = shown.rstrip("0").rstrip(".") if "." in shown else shown
    return shown if value == 0 else f"+{shown}" if value > 0 else f"\u2212{shown}"


def _ends(ordered: Sequence[Json], height: int) -> str:
    """Name the first topics and the last one: there is room for no more."""
    if not ordered:
        return ""
    first = ", ".join(each["topic"] for each in ordered[:3] if each["gain"] > 0)
    last = ordered[-1]
    shown = f'<text x="30" y="{height - 3}" class="label">{escape(first[:60])}</text>'
    if last["gain"] < 0:
        worst = f"{last['topic'][:40]} {points(last['gain'])}"
        shown += f'<text x="790" y="{height - 3}" class="label end worse">{escape(worst)}</text>'
    return shown


def _ticks(low: float, high: float) -> list[float]:
    """Return round places from at or below `low` to at or above `high`, at most nine."""
    step = next((s for s in STEPS if (high - low) / s <= 7), 1.0)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(number * step, 4) for number in range(first, last + 1)]


def _svg(width: int, height: int, said: str, inside: str) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(said)}" '
        f'xmlns="http://www.w3.org/2000/svg"><title>{escape(said)}</title>{inside}</svg>'
    )

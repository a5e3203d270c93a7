"""Numbers, times and states as the design system writes them."""

from datetime import UTC, datetime, timedelta

import pytest
from camel_ext_gui import formats

NOW = datetime(2026, 11, 21, 14, 30, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (formats.count(9412), "9,412"),
        (formats.count(12_800), "12.8 k"),
        (formats.count(1_040_000), "1.04 M"),
        (formats.count(None), "\N{EN DASH}"),
        (formats.plural(1, "turn"), "1 turn"),
        (formats.plural(0, "turn"), "0 turns"),
        (formats.percent(0.74), "74 %"),
        (formats.points(0.475), "+47.5"),
        (formats.points(-0.02), "\N{MINUS SIGN}2.0"),
        (formats.duration(2), "2 ms"),
        (formats.duration(940), "0.94 s"),
        (formats.duration(252_000), "4 m 12 s"),
        (formats.duration(11_100_000), "3 h 05 m"),
        (formats.tokens(214, 16), "214 + 16"),
        (formats.cost(4_100), "$0.0041"),
        (formats.cost(0), "$0.00"),
        (formats.short("01a213d4-7843-7641-b621-f8d2dd73e613"), "dd73e613"),
        (formats.when("2026-11-21T14:30:06Z"), "21 Nov 14:30:06 UTC"),
        (formats.ago("2026-11-21T14:27:06Z", NOW), "3 min ago"),
        (formats.state({"state": "waiting", "waiting_for": "budget"}), "✋ waiting for budget"),
    ],
)
def test_it_is_written_so(said: str, wanted: str) -> None:
    assert said == wanted


def test_an_estimate_never_comes_without_interval_and_n() -> None:
    said = formats.estimate(0.475, 0.367, 0.583, 0.95, 120)
    assert said == "+47.5 points, 95 % interval +36.7 to +58.3, n = 120"


def test_time_runs_while_a_run_does() -> None:
    run = {"state": "running", "started_at": NOW.isoformat(), "running_ms": 0}
    assert formats.elapsed(run, NOW + timedelta(seconds=3)) == "3.00 s"
    assert formats.elapsed({**run, "state": "succeeded", "running_ms": 940}) == "0.94 s"

"""`schedules` on a running server: what comes next before anything is saved, then saving, firing, history."""

import os
import threading
import time
from pathlib import Path

import pytest
from camel_ext_client import Client

from camel_ext.cli.exits import Exit
from camel_ext.cli.schedules import local_zone, moment_in, span_s
from tests.cli.conftest import Camel, Served, error, shown

NIGHTLY = ("--cron", "30 2 * * *", "--zone", "Europe/Berlin")
WRITE = ("workflows.start_run", "--arg", "workflow=write", "--arg", 'input={"goal": "a line"}')


def test_the_next_times_are_shown(camel: Camel) -> None:
    result = camel(
        "schedules", "preview", *NIGHTLY, "--from", "2027-03-27T12:00", "--jitter", "5m", "-n", "2"
    )
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines() == [
        "At 02:30 every day, Europe/Berlin, up to 300 s later",
        "  Sun 2027-03-28 03:00:00 +0200  the clocks were changed",
        "  Mon 2027-03-29 02:30:00 +0200",
    ]


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ((), "not clear when"),
        (("--every", "1h", "--at", "2027-01-01T09:00"), "two answers"),
        (("--every", "soon"), "no span of time"),
        (("--at", "tomorrow"), "no time"),
        (("--at", "2027-01-01T09:00", "--zone", "Mars/Base"), "no time zone"),
        (("--cron", "30 2 * *"), "cron"),
    ],
)
def test_times_that_cannot_be_read(camel: Camel, typed: tuple[str, ...], says: str) -> None:
    result = camel("schedules", "preview", *typed, "--json")
    assert result.exit_code == Exit.USAGE
    assert says in str(error(result)["detail"])


def test_from_saving_to_its_history(camel: Camel) -> None:
    assert "No schedule yet" in camel("schedules").stderr
    made = camel("schedules", "add", "lines", *WRITE, *NIGHTLY, "--description", "d")
    assert made.exit_code == 0, made.stderr
    assert made.stdout.startswith("At 02:30 every day, Europe/Berlin\n")
    assert "lines starts workflows.start_run." in made.stdout
    assert "lines" in camel("schedules").stdout
    assert "has not fired yet" in camel("schedules", "history", "lines").stderr
    fired = shown(camel("schedules", "run", "lines", "--json"))
    assert fired["cause"] == "person"
    found = _history(camel, "succeeded")
    assert found["started_id"] is not None
    assert "person" in camel("schedules", "history", "lines").stdout
    told = camel("schedules", "show", "lines").stdout
    assert '"goal": "a line"' in told
    paused = camel("schedules", "pause", "lines", "--reason", "a rest")
    assert "lines is paused." in paused.stdout
    assert "a rest" in camel("schedules", "show", "lines").stdout
    assert "fires next" in camel("schedules", "resume", "lines").stdout
    assert "is gone" in camel("schedules", "remove", "lines").stdout
    gone = camel("schedules", "show", "lines")
    assert gone.exit_code == Exit.NOT_FOUND


def test_what_becomes_of_missed_times_is_said(camel: Camel) -> None:
    given = ("--every", "6h", "--catch-up", "none", "--grace", "10m", "--json")
    made = shown(camel("schedules", "add", "late", *WRITE, *given))
    assert (made["catch_up"], made["grace_s"]) == ("none", 600)
    refused = camel("schedules", "add", "later", *WRITE, "--every", "6h", "--grace", "soon")
    assert refused.exit_code == Exit.USAGE
    assert "--grace soon: that is no span of time" in refused.stderr
    assert "is gone" in camel("schedules", "remove", "late").stdout


def test_only_what_is_given_changes(camel: Camel) -> None:
    made = shown(
        camel(
            "schedules", "add", "turns", *WRITE, *NIGHTLY, "--until", "2199-01-01T00:00",
            "--catch-up", "none", "--description", "d", "--json",
        )
    )  # fmt: skip
    camel("schedules", "pause", "turns", "--reason", "a rest")
    done = camel("schedules", "change", "turns", "--cron", "0 4 * * *", "--jitter", "5m")
    assert done.exit_code == 0, done.stderr
    told = done.stdout.splitlines()
    assert told[0] == "At 04:00 every day, Europe/Berlin, up to 300 s later"
    assert [line.split()[2] for line in told[1:6]] == ["04:00:00"] * 5
    assert told[6:] == ["turns is paused."]
    after = shown(camel("schedules", "show", "turns", "--json"))
    ways = ("timing", "words", "jitter_s", "revision", "updated_at", "paused_at", "next", "firings")
    assert after["timing"] == {"kind": "cron", "cron": "0 4 * * *", "timezone": "Europe/Berlin"}
    assert (after["jitter_s"], after["paused"], after["pause_reason"]) == (300, True, "a rest")
    same = made | {name: after[name] for name in (*ways, "paused", "pause_reason", "next_at")}
    assert after == same

    given = ("--zone", "UTC", "--until", "", "--arg", 'input={"goal": "two"}', "--grace", "5m")
    more = ("--overlap", "queue", "--catch-up", "all", "--at-most", "3", "--json")
    changed = shown(camel("schedules", "change", "turns", *given, *more))
    assert changed["timing"] == {"kind": "cron", "cron": "0 4 * * *", "timezone": "UTC"}
    assert changed["arguments"] == {"workflow": "write", "input": {"goal": "two"}}
    assert (changed["ends_at"], changed["grace_s"], changed["overlap"]) == (None, 300, "queue")
    assert (changed["catch_up"], changed["catch_up_limit"]) == ("all", 3)
    assert "is gone" in camel("schedules", "remove", "turns").stdout


def test_a_changed_interval_is_shown_as_it_will_tick(camel: Camel) -> None:
    camel("schedules", "add", "steps", *WRITE, "--every", "7h")
    told = camel("schedules", "change", "steps", "--every", "6h").stdout.splitlines()
    assert told[0] == "Every 6 hours"
    ticks = shown(camel("schedules", "show", "steps", "--json"))["next"]
    assert [line.split()[2] for line in told[1:6]] == [each["local"][11:19] for each in ticks]
    assert "is gone" in camel("schedules", "remove", "steps").stdout


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ((), "Nothing is to be different"),
        (("--every", "1h", "--at", "2027-01-01T09:00"), "two answers"),
        (("--zone", "UTC"), "reads no clocks"),
        (("--jitter", "soon"), "--jitter soon: that is no span"),
        (("--arg", "workflow"), "no NAME=VALUE"),
        (("--arg", "workflow=nothing"), "nothing"),
    ],
)
def test_a_change_that_cannot_be_is_refused(
    camel: Camel, typed: tuple[str, ...], says: str
) -> None:
    before = shown(camel("schedules", "add", "stays", *WRITE, "--every", "6h", "--json"))
    result = camel("schedules", "change", "stays", *typed, "--json")
    assert result.exit_code in (Exit.USAGE, Exit.NOT_FOUND)
    assert says in str(error(result)["detail"])
    assert shown(camel("schedules", "--json")) == [before]
    assert "is gone" in camel("schedules", "remove", "stays").stdout


def test_a_change_is_not_written_over_another(camel: Camel, served: Served, tmp_path: Path) -> None:
    made = shown(camel("schedules", "add", "shared", *WRITE, "--every", "6h", "--json"))
    pipe = tmp_path / "arguments.yaml"
    os.mkfifo(pipe)
    key = (served.data_dir / "owner.key").read_text().strip()

    def meanwhile() -> None:
        with pipe.open("w") as arguments:  # opened once the command reads it, so has looked
            with Client(served.url, key) as client:
                client.schedules.pause(made["id"])
            arguments.write("workflow: write\ninput: {goal: three}\n")

    other = threading.Thread(target=meanwhile)
    other.start()
    result = camel("schedules", "change", "shared", "--arguments", str(pipe))
    other.join(20)
    assert result.exit_code == Exit.CONFLICT
    assert "Somebody changed it meanwhile: look again, then repeat." in result.stderr
    (kept,) = shown(camel("schedules", "--json"))
    assert (kept["paused"], kept["arguments"]) == (True, made["arguments"])
    assert "is gone" in camel("schedules", "remove", "shared").stdout
    gone = camel("schedules", "change", "shared", "--every", "1h")
    assert gone.exit_code == Exit.NOT_FOUND


def test_what_cannot_start_is_not_saved(camel: Camel) -> None:
    result = camel(
        "schedules", "add", "none", "workflows.start_run", "--arg", "workflow=nothing",
        "--every", "6h", "--json",
    )  # fmt: skip
    assert result.exit_code == Exit.NOT_FOUND
    assert error(result)["code"] == "workflows.definition_unknown"
    assert shown(camel("schedules", "--json")) == []


def test_the_tasks_with_their_arguments(camel: Camel) -> None:
    told = camel("schedules", "tasks").stdout
    assert "evaluation.start_evaluation" in told
    names = {each["name"] for each in shown(camel("schedules", "tasks", "--json"))}
    assert "experiments.start_improvement" in names


def test_what_is_typed_is_read() -> None:
    assert [span_s("--every", text) for text in ("45", "45s", "30m", "6h", "2d")] == [
        45, 45, 1800, 21_600, 172_800,
    ]  # fmt: skip
    assert moment_in("Europe/Berlin", "--at", "2027-07-01T09:00") == "2027-07-01T09:00:00+02:00"
    assert moment_in("Europe/Berlin", "--at", "2027-07-01T09:00Z") == "2027-07-01T09:00:00+00:00"
    assert local_zone()


def _history(camel: Camel, state: str):  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + 20
    while True:
        found = shown(camel("schedules", "history", "lines", "--json"))
        if found and found[0]["state"] == state:
            return found[0]
        assert time.monotonic() < deadline, found
        time.sleep(0.1)

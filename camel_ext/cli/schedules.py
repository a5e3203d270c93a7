"""`schedules`: times shown before anything is saved, then saving, pausing, firing, and the history."""

import json
import re
import sys
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from camel_ext_client import Client
from camel_ext_client.schedules import Firing, Schedule, Ticks, Timing

from camel_ext.cli.command import Here
from camel_ext.cli.exits import Exit, Stop
from camel_ext.cli.inputs import from_file
from camel_ext.cli.output import age, plain, plural, rows, short, state_shown, table, utc_now

Json = dict[str, Any]
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
LOCALTIME = Path("/etc/localtime")
SHOWN_FIRINGS = 5
ONE_OF = "Give one of --cron '30 2 * * *', --every 6h, --at 2027-01-01T09:00."
BOUNDS = ("starts_at", "ends_at", "jitter_s")
POLICY = ("description", "overlap", "catch_up", "catch_up_limit", "grace_s", "paused")


@dataclass(frozen=True, slots=True)
class Times:
    """When, as typed."""

    cron: str | None = None
    zone: str | None = None
    every: str | None = None
    at: str | None = None
    starts: str | None = None
    ends: str | None = None
    jitter: str | None = None

    def read(self) -> tuple[Timing, Json]:
        """Return the timing, and what goes with it, as the client takes them. Raises: Stop."""
        zone = self.zone or local_zone()
        timing = self._timing(zone)
        if timing is None:
            raise Stop(Exit.USAGE, "It is not clear when.", ONE_OF)
        return timing, self._bounds(zone)

    def over(self, was: Schedule) -> tuple[Timing, Json]:
        """Return the same of a schedule: what was not typed stays as it is. Raises: Stop."""
        old = was["timing"]
        its_own = old.get("timezone") if old["kind"] == "cron" else None
        zone = self.zone or its_own or local_zone()
        timing = self._timing(zone)
        if timing is None and self.zone is not None:
            if old["kind"] == "cron":
                timing = {**old, "timezone": zone}
            elif self.starts is None and self.ends is None:
                raise Stop(
                    Exit.USAGE,
                    f"--zone {zone}: {was['name']} reads no clocks.",
                    "Only cron does: give a --cron, too.",
                )
        kept = {name: was[name] for name in BOUNDS}  # type: ignore[literal-required]
        return timing or old, kept | self._bounds(zone)

    def _bounds(self, zone: str) -> Json:
        read: Json = {} if self.jitter is None else {"jitter_s": span_s("--jitter", self.jitter)}
        for name, option, typed in (
            ("starts_at", "--from", self.starts), ("ends_at", "--until", self.ends)
        ):  # fmt: skip
            if typed is not None:
                read[name] = moment_in(zone, option, typed) if typed else None
        return read

    def _timing(self, zone: str) -> Timing | None:
        given = [each for each in (self.cron, self.every, self.at) if each is not None]
        if len(given) > 1:
            raise Stop(Exit.USAGE, "There are two answers to when.", ONE_OF)
        if self.cron is not None:
            return {"kind": "cron", "cron": self.cron, "timezone": zone}
        if self.every is not None:
            return {"kind": "every", "every_s": span_s("--every", self.every)}
        if self.at is not None:
            return {"kind": "once", "at": moment_in(zone, "--at", self.at)}
        return None


def span_s(option: str, typed: str) -> int:
    """Read a span of time in seconds. Raises: Stop."""
    match = re.fullmatch(r"(\d{1,9})([smhd]?)", typed.strip())
    if match is None:
        raise Stop(
            Exit.USAGE, f"{option} {typed}: that is no span of time.", "Such as 45s, 30m, 6h, 2d."
        )
    return int(match[1]) * UNITS[match[2] or "s"]


def moment_in(zone: str, option: str, typed: str) -> str:
    """Read a time; without an offset it is meant on the clocks of the zone. Raises: Stop."""
    try:
        read = datetime.fromisoformat(typed)
        return (read if read.tzinfo else read.replace(tzinfo=ZoneInfo(zone))).isoformat()
    except (ZoneInfoNotFoundError, OSError) as error:
        raise Stop(
            Exit.USAGE, f"There is no time zone {zone!r}.", "Such as Europe/Berlin."
        ) from error
    except ValueError as error:
        raise Stop(
            Exit.USAGE, f"{option} {typed}: that is no time.", "Such as 2027-01-01T09:00."
        ) from error


def local_zone() -> str:
    """Return the zone of this machine's clocks, where the system names it; else UTC."""
    _, folder, name = str(LOCALTIME.resolve()).partition("/zoneinfo/")
    return name if folder and name else "UTC"


def arguments_of(given: list[str], file: Path | None, was: Json | None = None) -> Json:
    """Read a task's arguments from a file, else take what they were, and `NAME=VALUE`s over it.

    Raises: Stop.
    """
    read = dict(was or {}) if file is None else from_file(file)
    for each in given:
        name, sign, value = each.partition("=")
        if not sign or not name:
            raise Stop(
                Exit.USAGE, f"--arg {each}: that is no NAME=VALUE.", "Example: --arg workflow=solve"
            )
        try:
            read[name] = json.loads(value)
        except ValueError:
            read[name] = value
    return read


def find_schedule(client: Client, name: str) -> Schedule:
    """Return a schedule by its name. Raises: Stop."""
    found = client.schedules.list(name=name, limit=1)["items"]
    if not found:
        raise Stop(
            Exit.NOT_FOUND,
            f"There is no schedule {name!r}.",
            "`camel-ext schedules` lists them; `camel-ext schedules add NAME TASK` makes one.",
        )
    return found[0]


def preview(here: Here, when: Times, count: int) -> None:
    """Show the next times of a timing."""
    timing, more = when.read()
    with here.connect() as client:
        ticks = client.schedules.preview(timing, count=count, **more)
    if here.as_json:
        here.answer(ticks)
        return
    _show_ticks(here, ticks)


def _show_ticks(here: Here, ticks: Ticks) -> None:
    out = here.out
    jitter = f", up to {ticks['jitter_s']} s later" if ticks["jitter_s"] else ""
    out.print(f"{plain(ticks['words'])}{jitter}")
    for tick in ticks["items"]:
        local = datetime.fromisoformat(tick["local"])
        changed = "  [warn]the clocks were changed[/]" if tick["clocks_changed"] else ""
        out.print(f"  {local:%a %Y-%m-%d %H:%M:%S %z}{changed}", highlight=False)
    if not ticks["items"]:
        out.print("  [quiet]no time is left[/]")


def add(
    here: Here,
    name: str,
    task: str,
    when: Times,
    given: tuple[list[str], Path | None],
    more: Json,
    *,
    sure: bool,
) -> None:
    """Show the next five times, ask on a terminal, and save."""
    timing, times = when.read()
    arguments = arguments_of(*given)
    with here.connect() as client:
        _agree(here, client.schedules.preview(timing, **times), sure=sure)
        made = client.schedules.create(name, task, timing, arguments, **times, **more)
    if here.as_json:
        here.answer(made)
        return
    here.out.print(f"[name]{plain(name)}[/] starts [name]{plain(task)}[/].")
    here.note(f"Try it now: camel-ext schedules run {name}")


def _agree(here: Here, ticks: Ticks, *, sure: bool) -> None:
    if here.as_json:
        return
    _show_ticks(here, ticks)
    if not sure and sys.stdin.isatty() and not typer.confirm("Save it?", default=True):
        here.note("Nothing was saved.")
        raise typer.Exit(Exit.INTERRUPTED)


def change(
    here: Here,
    name: str,
    task: str | None,
    when: Times,
    given: tuple[list[str], Path | None],
    more: Json,
    *,
    sure: bool,
) -> None:
    """Show the next five times of what was typed over what is there, ask on a terminal, and save."""
    if (task, when, given, more) == (None, Times(), ([], None), {}):
        raise Stop(
            Exit.USAGE, "Nothing is to be different.", "Say what, such as --every 6h or --arg A=B."
        )
    with here.connect() as client:
        was = find_schedule(client, name)
        timing, times = when.over(was)
        arguments = arguments_of(*given, was["arguments"])
        anchored = dict(times)
        if timing["kind"] == "every" and times["starts_at"] is None:
            anchored["starts_at"] = was["created_at"]  # it goes on counting from there
        _agree(here, client.schedules.preview(timing, **anchored), sure=sure)
        kept = {each: was[each] for each in POLICY}  # type: ignore[literal-required]
        body = {**times, **kept, **more}
        saved = client.schedules.change(
            was["id"], was["revision"], task or was["task"], timing, arguments, **body
        )
    _say(here, saved)


def list_schedules(here: Here, limit: int) -> None:
    """Show schedules, newest first."""
    with here.connect() as client:
        found = list(islice(client.schedules.each(), limit))
    if here.as_json:
        here.answer(found)
        return
    if not found:
        here.note(
            "No schedule yet. Make one: camel-ext schedules add NAME TASK --cron '30 2 * * *'"
        )
        return
    made = table("schedule", "starts", "when", "next", "last")
    now = utc_now()
    here.out.print(rows(made, [_row(each, now) for each in found]))


def _row(one: Schedule, now: datetime) -> list[str]:
    return [
        f"[name]{plain(one['name'])}[/]",
        plain(one["task"]),
        plain(one["words"]),
        "[warn]paused[/]" if one["paused"] else _until(one["next_at"]),
        age(one["last_tick_at"], now),
    ]


def _until(at: str | None) -> str:
    if at is None:
        return "[quiet]never again[/]"
    return f"{datetime.fromisoformat(at).astimezone():%a %Y-%m-%d %H:%M:%S}"


def list_tasks(here: Here) -> None:
    """Show what can be scheduled."""
    with here.connect() as client:
        found = client.schedules.tasks()
    if here.as_json:
        here.answer(found)
        return
    made = table("task", "what it does", "arguments")
    for each in found:
        needed = set(each["arguments"].get("required", []))
        names = [
            f"[name]{name}[/]" if name in needed else f"[quiet]{name}[/]"
            for name in each["arguments"].get("properties", {})
        ]
        made.add_row(plain(each["name"]), plain(each["words"]), " ".join(names))
    here.out.print(made)
    here.note("Names in bold are needed; --json gives each one's whole schema.")


def show(here: Here, name: str) -> None:
    """Show a schedule, its next times and its last firings."""
    with here.connect() as client:
        one = find_schedule(client, name)
        ticks = client.schedules.next(one["id"])
        firings = client.schedules.firings(one["id"], limit=SHOWN_FIRINGS)["items"]
    if here.as_json:
        here.answer({**one, "next": ticks["items"], "firings": firings})
        return
    out = here.out
    paused = ""
    if one["paused"]:
        reason = f": {plain(one['pause_reason'])}" if one["pause_reason"] else ""
        paused = f"  [warn]paused {age(one['paused_at'], utc_now())}{reason}[/]"
    out.print(f"[name]{plain(name)}[/] starts [name]{plain(one['task'])}[/]{paused}")
    out.print(f"  [quiet]with[/] {plain(json.dumps(one['arguments'], ensure_ascii=False))}")
    out.print(
        f"  [quiet]overlap {one['overlap']} · catch up {one['catch_up']} · revision "
        f"{one['revision']}[/]"
    )
    _show_ticks(here, ticks)
    if firings:
        _show_firings(here, firings)


def _show_firings(here: Here, firings: list[Firing]) -> None:
    made = table("time", "why", "firing", "started", "it is", "note")
    for each in firings:
        started, now = each["started_id"], each["started_state"]
        made.add_row(
            f"{datetime.fromisoformat(each['tick_at']).astimezone():%Y-%m-%d %H:%M:%S}",
            each["cause"],
            state_shown(each["state"], each["waiting_for"]),
            "" if started is None else f"[id]{short(started)}[/]",
            "" if now is None else state_shown(now),
            _note(each),
        )
    here.out.print(made)


def _note(firing: Firing) -> str:
    told = [
        *([firing["reason"]] if firing["reason"] else []),
        *([f"{plural(firing['missed'], 'tick')} missed before"] if firing["missed"] else []),
        *([plain(firing["error_detail"])] if firing["error_detail"] else []),
    ]
    return " · ".join(told)


def history(here: Here, name: str, limit: int) -> None:
    """Show what a schedule fired."""
    with here.connect() as client:
        one = find_schedule(client, name)
        found = list(islice(client.schedules.each_firing(one["id"]), limit))
    if here.as_json:
        here.answer(found)
    elif found:
        _show_firings(here, found)
    else:
        here.note(f"{name} has not fired yet. Now: camel-ext schedules run {name}")


def pause(here: Here, name: str, reason: str) -> None:
    """Pause a schedule."""
    with here.connect() as client:
        _say(here, client.schedules.pause(find_schedule(client, name)["id"], reason=reason))


def resume(here: Here, name: str) -> None:
    """Resume a schedule."""
    with here.connect() as client:
        _say(here, client.schedules.resume(find_schedule(client, name)["id"]))


def _say(here: Here, one: Schedule) -> None:
    if here.as_json:
        here.answer(one)
    elif one["paused"]:
        here.out.print(f"[name]{plain(one['name'])}[/] is paused.")
    else:
        here.out.print(f"[name]{plain(one['name'])}[/] fires next: {_until(one['next_at'])}")


def run_now(here: Here, name: str) -> None:
    """Fire a schedule now."""
    with here.connect() as client:
        firing = client.schedules.run(find_schedule(client, name)["id"])
    if here.as_json:
        here.answer(firing)
        return
    here.out.print(f"[name]{plain(name)}[/] fires now.")
    here.note(f"What came of it: camel-ext schedules history {name}")


def remove(here: Here, name: str) -> None:
    """Delete a schedule."""
    with here.connect() as client:
        one = find_schedule(client, name)
        gone = client.schedules.delete(one["id"], one["revision"])
    if here.as_json:
        here.answer(gone)
        return
    here.out.print(f"[name]{plain(name)}[/] is gone with its history; what it started stays.")

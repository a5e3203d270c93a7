"""`notifications`: the inbox, channels with their secrets shown once, rules, and what was delivered."""

import time
from itertools import islice
from typing import Any

from camel_ext_client import Client
from camel_ext_client.notifications import Channel, Delivery, Rule

from camel_ext.cli.command import Here
from camel_ext.cli.exits import Exit, Stop
from camel_ext.cli.output import age, plain, rows, short, state_shown, table, utc_now
from camel_ext.cli.schedules import local_zone, span_s

Json = dict[str, Any]
LOOK_S = 0.1
PATIENCE_S = 60.0
MARKS = {"attention": "[warn]●[/]", "failure": "[bad]●[/]", "success": "[ok]●[/]", "info": "○"}


def inbox(here: Here, limit: int, *, unread: bool) -> None:
    """Show the inbox."""
    with here.connect() as client:
        found = list(islice(client.notifications.each_notice(unread=unread), limit))
        count = client.notifications.unread()
    if here.as_json:
        here.answer(found)
        return
    if not found:
        here.note("Nothing here. What waits for you or fails will stand here by itself.")
        return
    made, now = table("", "when", "what", "detail", "id"), utc_now()
    shown = [
        [
            "" if each["read"] else MARKS.get(each["severity"], "○"),
            age(each["happened_at"], now),
            f"[name]{plain(each['title'])}[/]" if not each["read"] else plain(each["title"]),
            plain(each["detail"]),
            f"[id]{each['id']}[/]",
        ]
        for each in found
    ]
    here.out.print(rows(made, shown))
    more = "+" if count["more"] else ""
    here.note(f"{count['unread']}{more} unread. All read: camel-ext notifications read")


def read(here: Here, ids: list[str]) -> None:
    """Mark notices as read."""
    with here.connect() as client:
        left = client.notifications.mark_read(ids or None)
    if here.as_json:
        here.answer(left)
    else:
        here.out.print(f"{left['unread']}{'+' if left['more'] else ''} unread.")


def list_channels(here: Here) -> None:
    """Show channels."""
    with here.connect() as client:
        found = client.notifications.channels()
    if here.as_json:
        here.answer(found)
        return
    if not found:
        here.note("No channel yet: camel-ext notifications add-channel NAME --webhook URL")
        return
    made = table("channel", "kind", "to", "is")
    shown = [
        [
            f"[name]{plain(each['name'])}[/]",
            each["kind"],
            plain(each["target"]),
            f"[warn]{plain(each['problem'])}[/]"
            if each["problem"]
            else ("on" if each["enabled"] else "[quiet]off[/]"),
        ]
        for each in found
    ]
    here.out.print(rows(made, shown))


def add_channel(
    here: Here, name: str, webhook: str | None, email: list[str], apprise: str | None
) -> None:
    """Make a channel."""
    config = _config(webhook, email, apprise)
    with here.connect() as client:
        made = client.notifications.create_channel(name, config)
    if here.as_json:
        here.answer(made)
        return
    here.out.print(f"[name]{plain(name)}[/] goes to {plain(made['target'])}.")
    _show_secret(here, made)
    if made["problem"]:
        here.note(f"It cannot send yet: {made['problem']}.")
    here.note(f"Try it: camel-ext notifications test {name}")


def _config(webhook: str | None, email: list[str], apprise: str | None) -> Json:
    if (webhook is not None) + bool(email) + (apprise is not None) != 1:
        raise Stop(
            Exit.USAGE,
            "It is not clear where to.",
            "Give one of --webhook URL, --email MAILBOX, --apprise VARIABLE.",
        )
    if webhook is not None:
        return {"kind": "webhook", "url": webhook}
    if email:
        return {"kind": "email", "to": email}
    return {"kind": "apprise", "url_env": apprise}


def _show_secret(here: Here, made: Channel) -> None:
    secret = made.get("secret")
    if secret:
        here.out.print(f"  secret [name]{plain(secret)}[/]", highlight=False)
        here.note("It signs each message (Standard Webhooks), and is not shown again.")


def remove_channel(here: Here, name: str) -> None:
    """Delete a channel."""
    with here.connect() as client:
        one = _channel(client, name)
        gone = client.notifications.delete_channel(one["id"], one["revision"])
    if here.as_json:
        here.answer(gone)
    else:
        here.out.print(f"[name]{plain(name)}[/] is gone.")


def rotate_secret(here: Here, name: str) -> None:
    """Give a webhook a fresh secret."""
    with here.connect() as client:
        made = client.notifications.rotate_secret(_channel(client, name)["id"])
    if here.as_json:
        here.answer(made)
    else:
        _show_secret(here, made)


def test(here: Here, name: str) -> None:
    """Send a test, and wait for its first try."""
    with here.connect() as client:
        sent = client.notifications.test(_channel(client, name)["id"])
        until_s = time.monotonic() + PATIENCE_S
        while sent["state"] in ("queued", "running") and time.monotonic() < until_s:
            time.sleep(LOOK_S)
            sent = client.notifications.delivery(sent["id"])
    if here.as_json:
        here.answer(sent)
    elif sent["state"] == "succeeded":
        code = f" (it answered {sent['response_code']})" if sent["response_code"] else ""
        took = f" in {sent['latency_ms']:.0f} ms" if sent["latency_ms"] is not None else ""
        here.out.print(f"[name]{plain(name)}[/] took the test{took}{code}.")
    if sent["state"] != "succeeded":
        raise Stop(
            Exit.FAILED,
            f"{name} did not take the test: {sent['error_detail'] or sent['state']}.",
            "`camel-ext notifications deliveries` shows every try.",
        )


def list_rules(here: Here) -> None:
    """Show rules."""
    with here.connect() as client:
        found = client.notifications.rules()
    if here.as_json:
        here.answer(found)
        return
    made = table("rule", "events", "if", "to", "when")
    here.out.print(rows(made, [_rule_row(each) for each in found]))


def _rule_row(rule: Rule) -> list[str]:
    return [
        f"[name]{plain(rule['name'])}[/]",
        plain(", ".join(rule["event_types"])),
        plain(rule["condition"] or ""),
        plain(rule["channel"] or "inbox"),
        _pace(rule) if rule["enabled"] else "[quiet]off[/]",
    ]


def _pace(rule: Rule) -> str:
    said = {
        "immediate": "at once",
        "hourly": "hourly",
        "daily": f"daily at {rule['daily_at']}",
    }[rule["digest"]]
    if rule["throttle_s"]:
        said += f", every {rule['throttle_s']} s at most"
    if rule["quiet_from"]:
        said += f", quiet {rule['quiet_from']}-{rule['quiet_until']}"
    held = rule["quiet_from"] or rule["digest"] == "daily"
    return f"{said} ({rule['timezone']})" if held else said


def list_events(here: Here) -> None:
    """Show what rules can ask for."""
    with here.connect() as client:
        found = client.notifications.event_types()
    if here.as_json:
        here.answer(found)
        return
    made = table("type", "event.data has")
    here.out.print(
        rows(made, [[f"[name]{each['type']}[/]", " ".join(each["fields"])] for each in found])
    )


def add_rule(
    here: Here,
    name: str,
    events: list[str],
    condition: str | None,
    channel: str | None,
    pace: Json,
    held: tuple[str | None, str | None, str],
) -> None:
    """Show what it would have noticed, and make the rule."""
    quiet, zone, throttle = held
    more: Json = {**pace, "condition": condition, "channel": channel}
    more |= {"throttle_s": span_s("--throttle", throttle), "timezone": zone or local_zone()}
    if quiet is not None:
        begin, dash, end = quiet.partition("-")
        if not dash:
            raise Stop(
                Exit.USAGE, f"--quiet {quiet}: that is no HH:MM-HH:MM.", "Such as 22:00-07:00."
            )
        more |= {"quiet_from": begin.strip(), "quiet_until": end.strip()}
    with here.connect() as client:
        seen = client.notifications.preview_rule(events, condition=condition)
        made = client.notifications.create_rule(name, events, **more)
    if here.as_json:
        here.answer(made)
        return
    here.out.print(f"[name]{plain(name)}[/] tells {plain(made['channel'] or 'the inbox')}.")
    here.note(f"Of the last {seen['looked_at']} such events it would have told {seen['matched']}.")
    if seen["problem"]:
        here.note(f"For some the condition could not be told: {seen['problem']}")


def turn(here: Here, name: str, *, on: bool) -> None:
    """Turn a rule on or off."""
    with here.connect() as client:
        rule = _rule(client, name)
        kept = ("condition", "channel", "digest", "daily_at", "quiet_from", "quiet_until",
                "timezone", "throttle_s")  # fmt: skip
        more = {each: rule[each] for each in kept}  # type: ignore[literal-required]
        changed = client.notifications.change_rule(
            rule["id"], rule["revision"], name, rule["event_types"], **more, enabled=on
        )
    if here.as_json:
        here.answer(changed)
    else:
        here.out.print(f"[name]{plain(name)}[/] is {'on' if changed['enabled'] else 'off'}.")


def remove_rule(here: Here, name: str) -> None:
    """Delete a rule."""
    with here.connect() as client:
        rule = _rule(client, name)
        gone = client.notifications.delete_rule(rule["id"], rule["revision"])
    if here.as_json:
        here.answer(gone)
    else:
        here.out.print(f"[name]{plain(name)}[/] is gone; what it noticed stays.")


def list_deliveries(here: Here, channel: str | None, limit: int) -> None:
    """Show the delivery log."""
    with here.connect() as client:
        channel_id = None if channel is None else _channel(client, channel)["id"]
        found = list(islice(client.notifications.each_delivery(channel_id=channel_id), limit))
    if here.as_json:
        here.answer(found)
        return
    if not found:
        here.note("Nothing has left the house yet.")
        return
    made, now = table("delivery", "written", "by", "about", "is", "tries", "answer"), utc_now()
    here.out.print(rows(made, [_delivery_row(each, now) for each in found]))


def _delivery_row(each: Delivery, now: Any) -> list[str]:
    answer = "" if each["response_code"] is None else str(each["response_code"])
    if each["error_detail"]:
        answer = plain(each["error_detail"])
    return [
        f"[id]{short(each['id'])}[/]",
        age(each["created_at"], now),
        plain(each["channel"]),
        plain(each["subject"]),
        state_shown(each["state"], each["waiting_for"]),
        str(each["attempts"]),
        answer,
    ]


def resend(here: Here, delivery_id: str) -> None:
    """Send a delivery again."""
    with here.connect() as client:
        sent = client.notifications.resend(_delivery(client, delivery_id)["id"])
    if here.as_json:
        here.answer(sent)
    else:
        here.out.print(f"{plain(sent['subject'])}: on its way again.")


def _channel(client: Client, name: str) -> Channel:
    for each in client.notifications.channels():
        if each["name"] == name:
            return each
    raise Stop(
        Exit.NOT_FOUND, f"There is no channel {name!r}.", "`camel-ext notifications channels`."
    )


def _rule(client: Client, name: str) -> Rule:
    for each in client.notifications.rules():
        if each["name"] == name:
            return each
    raise Stop(Exit.NOT_FOUND, f"There is no rule {name!r}.", "`camel-ext notifications rules`.")


def _delivery(client: Client, wanted: str) -> Delivery:
    for each in islice(client.notifications.each_delivery(), 1000):
        if wanted in (each["id"], short(each["id"])):
            return each
    raise Stop(
        Exit.NOT_FOUND,
        f"There is no delivery {wanted!r} among the last 1,000.",
        "`camel-ext notifications deliveries` lists them.",
    )

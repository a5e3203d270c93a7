"""Commands about messages: the group `notifications`."""

from enum import StrEnum
from typing import Annotated

import typer

from camel_ext.cli.command import Here, command, group
from camel_ext.cli.commands_runs import PANEL

Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")]
ChannelName = Annotated[str, typer.Argument(metavar="CHANNEL", help="The channel.")]
RuleName = Annotated[str, typer.Argument(metavar="RULE", help="The rule.")]


class Digest(StrEnum):
    """When what a rule noticed is sent."""

    IMMEDIATE = "immediate"
    HOURLY = "hourly"
    DAILY = "daily"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    one = group(
        app, "notifications", inbox, panel=PANEL,
        words="Your inbox, and what is told to whom: rules, channels, deliveries.",
        examples=["camel-ext notifications", "camel-ext notifications test team-hook"],
    )  # fmt: skip
    command(
        one, "read", examples=["camel-ext notifications read", "camel-ext notifications read ID"]
    )(read)
    command(one, "channels", examples=["camel-ext notifications channels"])(channels)
    command(
        one, "add-channel",
        examples=[
            "camel-ext notifications add-channel team-hook --webhook https://hooks.example.com/x",
            "camel-ext notifications add-channel ada --email ada@example.com",
        ],
    )(add_channel)  # fmt: skip
    command(one, "remove-channel", examples=["camel-ext notifications remove-channel team-hook"])(
        remove_channel
    )
    command(one, "rotate-secret", examples=["camel-ext notifications rotate-secret team-hook"])(
        rotate_secret
    )
    command(one, "test", examples=["camel-ext notifications test team-hook"])(test)
    command(one, "rules", examples=["camel-ext notifications rules"])(rules)
    command(one, "events", examples=["camel-ext notifications events"])(events)
    command(
        one, "add-rule",
        examples=[
            "camel-ext notifications add-rule failures --event workflows.run.finished "
            "--if \"event.data.state == 'failed'\" --channel team-hook --quiet 22:00-07:00",
        ],
    )(add_rule)  # fmt: skip
    command(one, "turn", examples=["camel-ext notifications turn needs-you off"])(turn)
    command(one, "remove-rule", examples=["camel-ext notifications remove-rule failures"])(
        remove_rule
    )
    command(one, "deliveries", examples=["camel-ext notifications deliveries --channel team-hook"])(
        deliveries
    )
    command(one, "resend", examples=["camel-ext notifications resend DELIVERY"])(resend)


def inbox(
    here: Here,
    unread: Annotated[bool, typer.Option("--unread", help="Only what you have not read.")] = False,
    limit: Limit = 20,
) -> None:
    """Show your inbox, newest first."""
    from camel_ext.cli import notifications

    notifications.inbox(here, limit, unread=unread)


def read(
    here: Here,
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Notices. Default: all.")
    ] = None,
) -> None:
    """Say that you have read notices, or all."""
    from camel_ext.cli import notifications

    notifications.read(here, ids or [])


def channels(here: Here) -> None:
    """List channels, and what is wrong with them."""
    from camel_ext.cli import notifications

    notifications.list_channels(here)


def add_channel(
    here: Here,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A new name.")],
    webhook: Annotated[
        str | None, typer.Option("--webhook", metavar="URL", help="Post signed JSON there.")
    ] = None,
    email: Annotated[
        list[str] | None, typer.Option("--email", metavar="MAILBOX", help="Repeatable.")
    ] = None,
    apprise: Annotated[
        str | None,
        typer.Option("--apprise", metavar="VARIABLE", help="The server's APPRISE_... variable."),
    ] = None,
) -> None:
    """Make a channel; a webhook's secret is shown this once."""
    from camel_ext.cli import notifications

    notifications.add_channel(here, name, webhook, email or [], apprise)


def remove_channel(here: Here, name: ChannelName) -> None:
    """Delete a channel that no rule uses; its delivery log stays."""
    from camel_ext.cli import notifications

    notifications.remove_channel(here, name)


def rotate_secret(here: Here, name: ChannelName) -> None:
    """Give a webhook a fresh secret; for a day the one before signs, too."""
    from camel_ext.cli import notifications

    notifications.rotate_secret(here, name)


def test(here: Here, name: ChannelName) -> None:
    """Send a test by a channel, and say what came of it."""
    from camel_ext.cli import notifications

    notifications.test(here, name)


def rules(here: Here) -> None:
    """List rules."""
    from camel_ext.cli import notifications

    notifications.list_rules(here)


def events(here: Here) -> None:
    """List the types of events that rules can ask for, and what conditions find in them."""
    from camel_ext.cli import notifications

    notifications.list_events(here)


def add_rule(
    here: Here,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A new name.")],
    event: Annotated[list[str], typer.Option("--event", "-e", metavar="TYPE", help="Repeatable.")],
    condition: Annotated[
        str | None,
        typer.Option("--if", metavar="EXPRESSION", help="Only where this CEL expression holds."),
    ] = None,
    channel: Annotated[
        str | None, typer.Option("--channel", "-c", help="Default: the inbox.")
    ] = None,
    digest: Annotated[Digest, typer.Option("--digest", help="When it is sent.")] = Digest.IMMEDIATE,
    daily_at: Annotated[
        str, typer.Option("--daily-at", metavar="HH:MM", help="When a daily digest goes out.")
    ] = "08:00",
    quiet: Annotated[
        str | None,
        typer.Option("--quiet", metavar="HH:MM-HH:MM", help="Held back then, sent after."),
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option("--zone", "-z", metavar="ZONE", help="Whose clocks. Default: this machine's."),
    ] = None,
    throttle: Annotated[
        str, typer.Option("--throttle", metavar="SPAN", help="At least so long between two.")
    ] = "0s",
) -> None:
    """Make a rule: which events are told, by which channel, and when."""
    from camel_ext.cli import notifications

    pace = {"digest": digest.value, "daily_at": daily_at}
    notifications.add_rule(here, name, event, condition, channel, pace, (quiet, zone, throttle))


class Way(StrEnum):
    """On or off."""

    ON = "on"
    OFF = "off"


def turn(
    here: Here, name: RuleName, way: Annotated[Way, typer.Argument(help="on or off.")]
) -> None:
    """Turn a rule on or off; what happens while it is off is not made up for."""
    from camel_ext.cli import notifications

    notifications.turn(here, name, on=way is Way.ON)


def remove_rule(here: Here, name: RuleName) -> None:
    """Delete a rule; what it noticed stays."""
    from camel_ext.cli import notifications

    notifications.remove_rule(here, name)


def deliveries(
    here: Here,
    channel: Annotated[str | None, typer.Option("--channel", "-c", help="Only by this.")] = None,
    limit: Limit = 20,
) -> None:
    """Show the delivery log, newest first."""
    from camel_ext.cli import notifications

    notifications.list_deliveries(here, channel, limit)


def resend(
    here: Here, delivery: Annotated[str, typer.Argument(metavar="DELIVERY", help="Its id.")]
) -> None:
    """Send a delivery that has ended again, under the same id."""
    from camel_ext.cli import notifications

    notifications.resend(here, delivery)

"""`keys`: who may come in, making a key and revoking one."""

from datetime import datetime, timedelta

from camel_ext_client import Client
from camel_ext_client.shapes import Key

from camel_ext.cli.command import Here
from camel_ext.cli.exits import Exit, Stop
from camel_ext.cli.output import age, moment, plain, rows, table, utc_now


def list_keys(here: Here) -> None:
    """Show the keys."""
    with here.connect() as client:
        found = client.keys.list()
        names = {each["id"]: each["name"] for each in client.principals()}
    if here.as_json:
        here.answer(found)
        return
    now = utc_now()
    made = table("key", "name", "acts as", "made", "state")
    lines = [
        [
            f"[id]{plain(each['prefix'])}…[/]", f"[name]{plain(each['name'])}[/]",
            plain(names.get(each["principal_id"], "?")), age(each["created_at"], now),
            _state(each, now),
        ]
        for each in found
    ]  # fmt: skip
    here.out.print(rows(made, lines))


def _state(key: Key, now: datetime) -> str:
    if key["revoked_at"]:
        return f"[quiet]revoked {age(key['revoked_at'], now)}[/]"
    ends = moment(key["expires_at"])
    if ends is None:
        return "[ok]valid[/]"
    return f"[ok]valid[/] [quiet]until {ends:%Y-%m-%d}[/]" if ends > now else "[quiet]expired[/]"


def create(here: Here, name: str, role: str, profile: str | None, expires: str | None) -> None:
    """Make a key and show its secret, this once."""
    ends = None if expires is None else _ends(expires)
    with here.connect() as client:
        made = client.keys.create(name, role=role, profile=profile, expires_at=ends)
    if here.as_json:
        here.answer(made)
        return
    if made["secret"] is None:  # the first answer was lost on its way, and secrets are not kept
        raise Stop(
            Exit.UNREACHABLE,
            f"The key {made['name']} was made, but its secret was lost on the way.",
            f"camel-ext keys revoke {made['id']}, then make another one.",
        )
    here.note(f"{role} key {made['name']}: it is shown this once, keep it.")
    here.out.print(str(made["secret"]), soft_wrap=True)
    here.note("Use it: export CAMEL_EXT_KEY=… or --key")


def _ends(text: str) -> str:
    spans = {"h": "hours", "d": "days"}
    try:
        if text[-1:] in spans:
            return (utc_now() + timedelta(**{spans[text[-1]]: float(text[:-1])})).isoformat()
        return datetime.fromisoformat(text).astimezone().isoformat()
    except (ValueError, OverflowError):
        raise Stop(
            Exit.USAGE,
            f"--expires {text}: that is no span and no time.",
            "Examples: --expires 30d, --expires 12h, --expires 2027-01-01",
        ) from None


def revoke(here: Here, wanted: str) -> None:
    """Revoke one key."""
    with here.connect() as client:
        revoked = client.keys.revoke(_find(client, wanted)["id"])
    if here.as_json:
        here.answer(revoked)
    else:
        here.out.print(
            f"[ok]✓[/] revoked [id]{plain(revoked['prefix'])}…[/] {plain(revoked['name'])}"
        )


def _find(client: Client, wanted: str) -> Key:
    wanted = wanted.rstrip("…")
    valid = [key for key in client.keys.list() if not key["revoked_at"]]
    found = [key for key in valid if wanted in (key["id"], key["prefix"], key["name"])]
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(key["prefix"] for key in found)
        raise Stop(Exit.USAGE, f"Several keys are called {wanted!r}.", f"Say which: {listed}.")
    raise Stop(Exit.NOT_FOUND, f"There is no valid key {wanted!r}.", "`camel-ext keys` lists them.")

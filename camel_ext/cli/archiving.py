"""`interactions retention`, `archive`, `archives`, `restore`: old calls leave the log, and come back."""

import time
from itertools import islice

import typer
from camel_ext_client import ApiError, Client
from camel_ext_client.archives import Archive, Retention, Sweep

from camel_ext.cli.command import Here
from camel_ext.cli.exits import Exit, Stop
from camel_ext.cli.output import age, plain, plural, rows, short, size, table, utc_now
from camel_ext.cli.waiting import warn_if_unserved

FINAL = ("succeeded", "failed", "cancelled")
LOOK_S = 0.2
QUEUE = "interactions"  # whose jobs sweeps and restores are
CODES = {"failed": Exit.FAILED, "cancelled": Exit.CANCELLED}


def retention(here: Here, keep_days: int | None, *, erase: bool, for_ever: bool) -> None:
    """Show how long calls are kept, or say so."""
    if for_ever and keep_days is not None:
        raise Stop(Exit.USAGE, "--for-ever and --keep-days contradict each other.", "Give one.")
    if erase and keep_days is None:
        raise Stop(Exit.USAGE, "--erase goes with --keep-days.", "Say how old calls must be.")
    with here.connect() as client:
        if for_ever and _retention(client) is not None:
            client.archives.keep_for_ever()
        if keep_days is not None:
            client.archives.keep(keep_days, archive=not erase)
        found = _retention(client)
    if here.as_json:
        here.answer(found)
    elif found is None:
        here.out.print("Calls are kept for ever.")
    else:
        then = "archived" if found["archive"] else "erased for good"
        here.out.print(f"Calls are kept for {plural(found['keep_days'], 'day')}, then {then}.")
        here.note(
            "`interactions archive` does it now; a schedule of interactions.sweep, by the clock."
        )


def _retention(client: Client) -> Retention | None:
    try:
        return client.archives.retention()
    except ApiError as error:
        if error.code == "interactions.retention_missing":
            return None
        raise


def archive(here: Here, older_than: int | None, *, erase: bool, waiting: bool) -> None:
    """Start a sweep, and wait for its end where that is wanted."""
    with here.connect() as client:
        sweep = client.archives.sweep(older_than_days=older_than, archive=False if erase else None)
        if waiting and sweep["state"] not in FINAL:
            warn_if_unserved(here, client, QUEUE)
        while waiting and sweep["state"] not in FINAL:
            time.sleep(LOOK_S)
            sweep = client.archives.get_sweep(sweep["id"])
    if here.as_json:
        here.answer(sweep)
    else:
        _show(here, sweep)
    if (code := CODES.get(sweep["state"])) is not None:
        raise typer.Exit(code)


def _show(here: Here, sweep: Sweep) -> None:
    done = f"{sweep['archived']:,} archived, {sweep['erased']:,} erased, {sweep['kept']:,} kept"
    here.out.print(f"{sweep['state']}: {plural(sweep['looked_at'], 'old call')}, {done}")
    if sweep["error_detail"]:
        here.out.print(f"[bad]{plain(sweep['error_detail'])}[/]")
    if sweep["kept"]:
        here.note(
            "Kept is what a newer call continues, and of what is erased, what somebody needs."
        )


def list_archives(here: Here, limit: int) -> None:
    """List archives."""
    with here.connect() as client:
        found = list(islice(client.archives.each(), limit))
    if here.as_json:
        here.answer(found)
        return
    if not found:
        here.note("Nothing is archived. `camel-ext interactions archive --older-than 90` does so.")
        return
    shown = table("archive", "state", "calls", "oldest", "newest", "size", "file")
    now = utc_now()
    lines = [
        (short(each["id"]), each["state"], f"{each['rows']:,}", age(each["first_at"], now),
         age(each["last_at"], now), size(each["size_bytes"]), each["file"])
        for each in found
    ]  # fmt: skip
    here.out.print(rows(shown, lines))


def restore(here: Here, named: str) -> None:
    """Bring an archive back, and wait until it is."""
    with here.connect() as client:
        archive = client.archives.restore(_find(client, named)["id"])
        if archive["state"] == "restoring":
            warn_if_unserved(here, client, QUEUE)
        while archive["state"] == "restoring":
            time.sleep(LOOK_S)
            archive = client.archives.get(archive["id"])
    if here.as_json:
        here.answer(archive)
    else:
        here.out.print(
            f"{archive['state']}: {plural(archive['rows'], 'call')} of {plain(archive['file'])}"
        )
    if archive["state"] != "restored":
        here.note("It failed: `camel-ext jobs` says why.")
        raise typer.Exit(Exit.FAILED)


def _find(client: Client, named: str) -> Archive:
    for each in client.archives.each():
        if each["id"] == named or (len(named) >= 4 and short(each["id"]).endswith(named)):
            return each
    raise Stop(
        Exit.NOT_FOUND, f"There is no archive {named}.", "`camel-ext interactions archives`."
    )

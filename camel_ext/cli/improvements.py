"""Finding improvements by what a person types, listing them, and deciding about them."""

from itertools import islice
from typing import Any
from uuid import UUID

from camel_ext_client import Client
from camel_ext_client.experiments import Decision, Improvement

from camel_ext.cli.command import Here
from camel_ext.cli.exits import Exit, Stop
from camel_ext.cli.output import age, plain, rows, short, state_shown, table, utc_now
from camel_ext.cli.stages import stage_line

LOOK_BACK = 1_000


def find_improvement(client: Client, which: str) -> str:
    """Return the id of an improvement from an id, its last letters, or `last`.

    Raises: Stop.
    """
    try:
        return str(UUID(which))
    except ValueError:
        pass
    found = [
        each["id"]
        for each in islice(client.improvements.each(), 1 if which == "last" else LOOK_BACK)
        if which == "last" or short_of(each).endswith(which.lower().replace("-", ""))
    ]
    if len(found) == 1:
        return found[0]
    if which == "last":
        raise Stop(
            Exit.NOT_FOUND,
            "There is no improvement yet.",
            "Start one: camel-ext improve WORKFLOW -f improve.yaml",
        )
    what = "No improvement ends" if not found else f"{len(found)} improvements end"
    raise Stop(
        Exit.NOT_FOUND,
        f"{what} with {which!r}.",
        "Give a whole id, its last letters, or `last`; `camel-ext improvements` lists them.",
    )


def short_of(found: Improvement) -> str:
    """Return the letters of an improvement's id."""
    return found["id"].replace("-", "")


def list_improvements(here: Here, workflow: str | None, limit: int) -> None:
    """Show improvements, newest first, and what each workflow's verdicts may still be wrong."""
    with here.connect() as client:
        found = list(islice(client.improvements.each(workflow=workflow), limit))
        budgets = client.improvements.budgets()
    if here.as_json:
        here.answer({"items": found, "budgets": budgets})
        return
    if not found:
        here.out.print("No improvement yet.")
        here.note("Start one: camel-ext improve WORKFLOW -f improve.yaml")
        return
    now = utc_now()
    made = table("id", "workflow", "agent", "state", "stage", "verdict", "asked for")
    listed: list[list[Any]] = [
        [
            f"[id]{short(each['id'])}[/]",
            plain(each["workflow"]),
            plain(each["agent"]),
            state_shown(each["state"], each["waiting_for"]),
            each["stage"],
            each["verdict"],
            age(each["created_at"], now),
        ]
        for each in found
    ]
    here.out.print(rows(made, listed))
    for each in budgets:
        here.note(
            f"{each['workflow']}: {each['cycles']} looks at held-out goals, "
            f"{100 * each['spent']:.2g} of {100 * each['level']:g} % error spent"
        )


def show_improvement(here: Here, which: str) -> None:
    """Show one improvement."""
    with here.connect() as client:
        found = client.improvements.get(find_improvement(client, which))
    if here.as_json:
        here.answer(found)
        return
    state = state_shown(found["state"], found["waiting_for"])
    here.out.print(f"[name]{plain(found['workflow'])}[/] · {plain(found['agent'])} · {state}  "
                   f"[quiet]{found['id']} · seed {found['seed']}[/]", soft_wrap=True)  # fmt: skip
    for stage in found["stages"]:
        here.out.print(stage_line(stage))
    if found["error_detail"]:
        here.out.print(f"  [bad]{plain(found['error_detail'])}[/]", soft_wrap=True)
    for line in what_next(found):
        here.note(line)


def act(here: Here, which: str, action: str) -> None:
    """Cancel or resume one."""
    with here.connect() as client:
        improvement_id = find_improvement(client, which)
        do = client.improvements.cancel if action == "cancel" else client.improvements.resume
        found = do(improvement_id)
    if here.as_json:
        here.answer(found)
        return
    said = {"cancel": "It is told to stop", "resume": "It goes on"}[action]
    here.out.print(f"{said}: [id]{short(found['id'])}[/], {state_shown(found['state'])}")
    here.note(f"Watch it: camel-ext improvements watch {short(found['id'])}")


def decide(here: Here, which: str, reason: str, *, refuse: bool, override: bool) -> None:
    """Promote or refuse an improvement's candidate."""
    if refuse and override:
        raise Stop(Exit.USAGE, "Either --refuse or --override: a refusal needs no override.")
    with here.connect() as client:
        improvement_id = find_improvement(client, which)
        if refuse:
            made = client.improvements.refuse(improvement_id, reason=reason)
        else:
            made = client.improvements.promote(improvement_id, reason=reason, override=override)
    _show_decision(here, made)


def roll_back(here: Here, alias: str, reason: str) -> None:
    """Take the last promotion of an alias back."""
    with here.connect() as client:
        made = client.decisions.roll_back(alias, reason=reason)
    _show_decision(here, made)


def _show_decision(here: Here, made: Decision) -> None:
    if here.as_json:
        here.answer(made)
        return
    words = {
        "promotion": f"[ok]Promoted[/]: {plain(made['alias'])} is answered by the adapter now.",
        "refusal": f"Refused: {plain(made['alias'])} stays as it is.",
        "rollback": f"Rolled back: {plain(made['alias'])} is answered as before.",
    }
    here.out.print(words[made["kind"]], soft_wrap=True)
    here.out.print(f"[quiet]decision {made['id']}[/]", soft_wrap=True)
    if made["kind"] == "promotion":
        here.note(f"Back: camel-ext rollback {made['alias']}")


def what_next(found: Improvement) -> list[str]:
    """Return what a person can do now with an improvement, as commands."""
    name = short(found["id"])
    if found["state"] == "waiting":
        return [f"Decide: camel-ext promote {name}, or camel-ext promote {name} --refuse"]
    if found["state"] in ("failed", "cancelled"):
        return [f"Go on from there: camel-ext improvements resume {name}"]
    if found["state"] in ("queued", "running"):
        return [f"Watch it: camel-ext improvements watch {name}"]
    return [f"Look again: camel-ext improvements show {name}"]

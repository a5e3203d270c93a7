"""Finding a dataset's version by what a person types, listing datasets and versions, showing one."""

from itertools import islice
from typing import Any
from uuid import UUID

from camel_ext_client import Client
from camel_ext_client.shapes import FINAL
from camel_ext_client.shapes_datasets import DatasetVersion, Pair
from rich.text import Text

from camel_ext.cli.command import Here
from camel_ext.cli.output import (
    Indented,
    age,
    amount,
    plain,
    plural,
    rows,
    state_shown,
    table,
    utc_now,
)
from camel_ext.cli.turns import cut

RIGHT = {"justify": "right", "no_wrap": True}
FIXED = {"no_wrap": True}
SPREADS = ("margin", "prompt_chars", "chosen_chars", "rejected_chars")


def find_version(client: Client, target: str) -> DatasetVersion:
    """Return the version that was meant: by id, or as the server reads a target."""
    try:
        version_id = str(UUID(target))
    except ValueError:
        return client.datasets.find(target)
    return client.datasets.version(version_id)


def named(version: DatasetVersion) -> str:
    """Return a version as commands take it again."""
    return f"{version['dataset']}@{version['number']}"


def list_datasets(here: Here, limit: int) -> None:
    """Show datasets, newest first."""
    with here.connect() as client:
        found = list(islice(client.datasets.each(), limit))
        newest = [client.datasets.versions(each["name"], limit=1)["items"] for each in found]
    if here.as_json:
        here.answer(found)
        return
    if not found:
        here.note("No dataset yet. Build one of judged answers: camel-ext dataset build NAME")
        return
    made = table(("dataset", FIXED), ("versions", RIGHT), "newest", ("pairs", RIGHT), "when")
    now = utc_now()
    lines = [
        [
            f"[name]{plain(each['name'])}[/]",
            str(each["last_number"]),
            state_shown(version["state"]),
            amount(version["pairs"]),
            age(version["created_at"], now),
        ]
        for each, (version,) in zip(found, newest, strict=True)
    ]
    here.out.print(rows(made, lines))


def list_versions(here: Here, name: str, limit: int) -> None:
    """Show a dataset's versions, newest first."""
    with here.connect() as client:
        found = list(islice(client.datasets.each_version(name), limit))
    if here.as_json:
        here.answer(found)
        return
    made = table(
        ("version", FIXED), ("state", FIXED), ("pairs", RIGHT), ("train", RIGHT), ("eval", RIGHT),
        ("from", FIXED), ("warnings", RIGHT), ("hash", FIXED), ("when", FIXED),
    )  # fmt: skip
    now = utc_now()
    here.out.print(rows(made, [_row(version, now) for version in found]))


def _row(version: DatasetVersion, now: Any) -> list[str]:
    return [
        f"[id]{plain(named(version))}[/]",
        state_shown(version["state"]),
        amount(version["pairs"]),
        amount(version["pairs_train"]),
        amount(version["pairs_eval"]),
        version["origin"],
        str(len(version["warnings"])) if version["warnings"] else "",
        f"[quiet]{(version['content_hash'] or '').removeprefix('sha256:')[:12]}[/]",
        age(version["created_at"], now),
    ]


def show(here: Here, target: str, count: int) -> None:
    """Show a version, and the first of its pairs where that is wanted."""
    with here.connect() as client:
        version = find_version(client, target)
        ready = version["state"] == "succeeded"
        pairs = list(islice(client.datasets.each_pair(version["id"]), count if ready else 0))
    if here.as_json:
        here.answer({**version, "shown_pairs": pairs} if count else version)
        return
    show_version(here, version)
    for pair in pairs:
        show_pair(here, pair)


def show_version(here: Here, version: DatasetVersion) -> None:
    """Show a version: state, content, statistics, warnings, and what to do next."""
    out = here.out
    out.print(
        f"[name]{plain(named(version))}[/]  {state_shown(version['state'])}  "
        f"[quiet]{version['origin']} · {version['id']}[/]",
        soft_wrap=True,
    )
    if version["state"] not in FINAL:
        looked = plural(version["done"], "answer" if version["origin"] == "built" else "pair")
        here.note(f"{looked} so far. Look again: camel-ext dataset show {version['id']}")
        return
    if version["error_detail"]:
        out.print(Indented(Text(version["error_detail"], style="red"), 2, blank_below=False))
        return
    if version["content_hash"] is None:
        return
    _show_content(here, version)
    for warned in version["warnings"]:
        out.print(
            Indented(
                Text.assemble(("! ", "yellow"), (warned["code"], "bold"), f"  {warned['words']}"),
                2,
                blank_below=False,
            )
        )
    here.note(f"Train on it: camel-ext train start NAME --base bundled --dataset {named(version)}")


def _show_content(here: Here, version: DatasetVersion) -> None:
    out, statistics = here.out, version["statistics"]
    out.print(
        f"  {plural(version['pairs'], 'pair')}: [ok]{amount(version['pairs_train'])} train[/], "
        f"{amount(version['pairs_eval'])} eval  [quiet]of {plural(statistics['prompts'], 'prompt')} "
        f"in {plural(statistics['topics'], 'topic')}[/]"
    )
    out.print(f"  [quiet]{version['content_hash']}[/]", soft_wrap=True)
    made = table(
        ("", {**FIXED, "style": "dim"}),
        *((each, RIGHT) for each in ("min", "median", "mean", "max")),
    )
    lines = [
        [
            name.replace("_", " "),
            *(f"{spread[each]:,.4g}" for each in ("min", "median", "mean", "max")),
        ]
        for name in SPREADS
        if (spread := statistics.get(name))
    ]
    out.print(Indented(rows(made, lines), 2, blank_below=False))
    longer = statistics.get("chosen_longer_ratio")
    if longer is not None:
        out.print(f"  [quiet]the better answer is the longer one in {longer:.0%}[/]")
    found = statistics.get("found")
    if found:
        dropped = ", ".join(f"{count} {name}" for name, count in found["dropped"].items())
        out.print(
            f"  [quiet]{amount(found['looked_at'])} answers looked at, "
            f"{amount(found['candidates'])} judged; {found['prompts_tied']} prompts tied, "
            f"{found['prompts_alone']} one-sided; dropped: {dropped or 'none'}[/]",
            soft_wrap=True,
        )


def show_pair(here: Here, pair: Pair) -> None:
    """Show one pair: what was asked, the better and the worse answer, who says so."""
    out = here.out
    margin = "" if pair["margin"] is None else f" by {pair['margin']:.2f}"
    judges = ", ".join(sorted({judge["name"] for judge in pair["judges"]}))
    out.print()
    out.print(
        f"[id]{pair['pair_hash'][:12]}[/]  {pair['split']}  {plain(pair['topic'][:40])}  "
        f"[quiet]{pair['source']}{margin}  {plain(judges)}[/]",
        soft_wrap=True,
    )
    parts = (
        ("?", "dim", pair["prompt"]),
        ("+", "green", pair["chosen"]),
        ("-", "red", pair["rejected"]),
    )
    for mark, style, messages in parts:
        said = " ".join(str(messages[-1].get("content") or messages[-1].get("tool_calls")).split())
        out.print(Text.assemble((f"  {mark} ", style), cut(said, 3, 400)), overflow="fold")

"""`dataset diff` and `dataset lineage`: what changed, and what pairs rest on."""

from camel_ext_client.shapes_datasets import Diff

from camel_ext.cli.command import Here
from camel_ext.cli.datasets import FIXED, RIGHT, find_version, named
from camel_ext.cli.exits import Exit, Stop
from camel_ext.cli.output import amount, plain, plural, rows, table
from camel_ext.cli.runs import find_run

COUNTS = ("kept", "added", "removed", "moved", "rescored")


def diff(here: Here, before: str, after: str) -> None:
    """Show how two versions differ."""
    with here.connect() as client:
        one, other = find_version(client, before), find_version(client, after)
        found = client.datasets.diff(one["id"], other["id"])
    if here.as_json:
        here.answer(found)
        return
    if found["equal"]:
        here.out.print(f"{plain(named(one))} and {plain(named(other))} hold the same pairs.")
    else:
        here.out.print(f"{plain(named(one))} → {plain(named(other))}: {_counted(found)}")
    for name, (was, now) in found["rules"].items():
        here.out.print(f"  [quiet]{name}[/]  {plain(was)} → {plain(now)}")
    for mark, style, hashes in (
        ("+", "ok", found["added_hashes"]),
        ("-", "bad", found["removed_hashes"]),
        ("~", "warn", found["moved_hashes"]),
    ):
        for pair_hash in hashes:
            here.out.print(f"  [{style}]{mark}[/] {pair_hash[:16]}")


def _counted(found: Diff) -> str:
    counts = [(name, found[name]) for name in COUNTS]  # type: ignore[literal-required]
    return ", ".join(f"{amount(count)} {name}" for name, count in counts if count or name == "kept")


def lineage(here: Here, target: str | None, run: str | None, judge: str | None) -> None:
    """Show what a version rests on, or which versions rest on a run or judge."""
    if sum(each is not None for each in (target, run, judge)) != 1:
        raise Stop(
            Exit.USAGE,
            "Name one thing: a version, --run or --judge.",
            "Examples: camel-ext dataset lineage brief; camel-ext dataset lineage --run last",
        )
    if target is None:
        _show_touched(here, run, judge)
    else:
        _show_lineage(here, target)


def _show_lineage(here: Here, target: str) -> None:
    with here.connect() as client:
        version = find_version(client, target)
        found = client.datasets.lineage(version["id"])
    if here.as_json:
        here.answer(found)
        return
    here.out.print(
        f"[name]{plain(named(version))}[/]: {plural(found['pairs'], 'pair')} from "
        f"{plural(found['interactions'], 'answer')} of {plural(found['runs'], 'run')}, by "
        f"{plural(found['annotations'], 'judgement')}"
    )
    for parent in found["parent_ids"]:
        here.out.print(f"  [quiet]reduced from {parent}[/]")
    if not found["sources"]:
        here.note("Its file named neither runs nor judges.")
        return
    made = table(("what", FIXED), ("which", FIXED), ("pairs", RIGHT))
    here.out.print(
        rows(
            made,
            [
                [each["kind"], f"[id]{plain(each['label'])}[/]", amount(each["pairs"])]
                for each in found["sources"]
            ],
        )
    )
    here.note(f"Leave one out: camel-ext dataset without {named(version)} --run RUN --dry-run")


def _show_touched(here: Here, run: str | None, judge: str | None) -> None:
    with here.connect() as client:
        if run is not None:
            found = client.datasets.touched("run", find_run(client, run))
        else:
            found = client.datasets.touched("judge", judge or "")
    if here.as_json:
        here.answer(list(found))
        return
    if not found:
        here.note("No frozen version rests on it.")
        return
    made = table(("version", FIXED), ("pairs", RIGHT))
    lines = [
        [f"[id]{plain(each['dataset'])}@{each['number']}[/]", amount(each["pairs"])]
        for each in found
    ]
    here.out.print(rows(made, lines))

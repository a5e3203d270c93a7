"""The `suite` group: examinations from files, and what they hold.

A file is the API's own form; besides, `topics` may list goals under each topic, each a text for the input
named by `field` (`goal` where nothing is said), or a mapping of inputs.
"""

from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

from camel_ext_client import Client
from camel_ext_client.shapes_evaluation import SuiteVersion, WholeSuiteVersion

from camel_ext.cli.command import Here
from camel_ext.cli.exits import Exit, Stop
from camel_ext.cli.inputs import from_file
from camel_ext.cli.output import age, plain, plural, rows, short, table, utc_now

Json = dict[str, Any]
MAKER = "Define one: camel-ext suite define FILE"


def define(here: Here, file: Path, name: str | None) -> None:
    """Define a suite from a file."""
    content = _read(file)
    called = name or content.pop("name", None)
    content.pop("name", None)
    if not isinstance(called, str):
        raise Stop(
            Exit.USAGE, f"{file}: the suite has no name.", "Write `name: ...`, or say --name."
        )
    with here.connect() as client:
        before = {each["id"] for each in islice(_versions(client, called), 1)}
        version = client.suites.define(called, **content)
    if here.as_json:
        here.answer(version)
        return
    word = "unchanged" if version["id"] in before else "version"
    here.out.print(
        f"[name]{plain(called)}[/]  {word} {version['number']}: {_counted(version)}, primary "
        f"[name]{plain(version['primary'])}[/]"
    )
    here.note(f"What could it show? camel-ext eval plan {called} --workflow NAME")


def _versions(client: Client, name: str) -> Any:
    from camel_ext_client import ApiError

    try:
        yield from client.suites.each_version(name)
    except ApiError as error:
        if error.status != 404:
            raise


def _read(file: Path) -> Json:
    content = from_file(file)
    topics = content.pop("topics", None)
    field = content.pop("field", "goal")
    if topics is None:
        return content
    if not isinstance(topics, dict) or not all(isinstance(each, list) for each in topics.values()):
        raise Stop(
            Exit.USAGE, f"{file}: `topics` is a mapping of topics to lists.",
            "Example: topics: {rivers: [What is a river?]}",
        )  # fmt: skip
    cases = [
        {"topic": str(topic), "input": each if isinstance(each, dict) else {field: each}}
        for topic, listed in topics.items()
        for each in listed
    ]
    return {**content, "cases": [*(content.get("cases") or []), *cases]}


def find_version(client: Client, suite: str) -> WholeSuiteVersion:
    """Return what `NAME` or `NAME@NUMBER` is, with its cases. Raises: Stop."""
    name, _, number = suite.partition("@")
    if not number:
        return client.suites.version(client.suites.get(name)["current_version_id"])
    for each in client.suites.each_version(name):
        if str(each["number"]) == number:
            return client.suites.version(each["id"])
    raise Stop(
        Exit.NOT_FOUND, f"The suite {name!r} has no version {number}.",
        f"camel-ext suite versions {name} lists them.",
    )  # fmt: skip


def show(here: Here, suite: str, limit: int) -> None:
    """Show a suite's version."""
    with here.connect() as client:
        version = find_version(client, suite)
    if here.as_json:
        here.answer(version)
        return
    out, name = here.out, suite.partition("@")[0]
    out.print(f"[name]{plain(name)}[/]  version {version['number']}  {_counted(version)}")
    for scorer in version["scorers"]:
        mark = "  [ok]primary[/]" if scorer["name"] == version["primary"] else ""
        out.print(f"  [name]{plain(scorer['name'])}[/]  {plain(_does(scorer))}{mark}")
    counts = Counter(case["topic"] for case in version["cases"])
    listed = ", ".join(f"{topic} {count}" for topic, count in counts.most_common(12))
    out.print(f"  [quiet]topics: {plain(listed)}{' …' if len(counts) > 12 else ''}[/]")
    made = table(("case", {"no_wrap": True}), ("topic", {"no_wrap": True}), ("input", {"ratio": 1}))
    shown = version["cases"][:limit]
    out.print(rows(made, [[plain(c["id"]), plain(c["topic"]), plain(_said(c))] for c in shown]))
    if version["case_count"] > limit:
        here.note(f"and {plural(version['case_count'] - limit, 'more case')}: --limit, or --json")


def _does(scorer: Json) -> str:
    if scorer["judge"] is not None:
        sees = "both answers" if scorer["judge"]["sees"] == "both" else "one answer"
        return f"judge {scorer['judge']['model']}, sees {sees}"
    params = {**scorer["params"], **{key: f"<{path}>" for key, path in scorer["per_case"].items()}}
    told = ", ".join(f"{key}={value}" for key, value in params.items())
    return scorer["description"] or f"{scorer['verify']}({told})"


def _said(case: Json) -> str:
    values = list(case["input"].values())
    return str(values[0]) if len(values) == 1 else str(case["input"])


def _counted(version: SuiteVersion | WholeSuiteVersion) -> str:
    return f"{plural(version['case_count'], 'case')} in {plural(version['topic_count'], 'topic')}"


def list_suites(here: Here, limit: int) -> None:
    """Show suites, newest first."""
    with here.connect() as client:
        found = list(islice(client.suites.each(), limit))
    if here.as_json:
        here.answer(found)
        return
    if not found:
        here.note(f"No suite yet. {MAKER}")
        return
    made, now = table("suite", ("about", {"ratio": 1}), "changed"), utc_now()
    shown = [
        [
            f"[name]{plain(each['name'])}[/]",
            plain(each["description"]),
            age(each["updated_at"], now),
        ]
        for each in found
    ]
    here.out.print(rows(made, shown))


def list_versions(here: Here, name: str) -> None:
    """Show a suite's versions, newest first."""
    with here.connect() as client:
        found = list(client.suites.each_version(name))
    if here.as_json:
        here.answer(found)
        return
    right = {"justify": "right", "no_wrap": True}
    made, now = (
        table(("version", right), ("cases", right), ("topics", right), "id", "when"),
        utc_now(),
    )
    shown = [
        [str(each["number"]), str(each["case_count"]), str(each["topic_count"]),
         f"[id]{short(each['id'])}[/]", age(each["created_at"], now)]
        for each in found
    ]  # fmt: skip
    here.out.print(rows(made, shown))

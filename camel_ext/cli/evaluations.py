"""The `eval` group: starting evaluations, watching them, and looking at what they found."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import typer
from camel_ext_client import Client
from camel_ext_client.shapes import FINAL
from camel_ext_client.shapes_evaluation import Evaluation, EvaluationCase, Judging
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from camel_ext.cli.command import Here
from camel_ext.cli.exits import Exit
from camel_ext.cli.finding import Noun, find_id
from camel_ext.cli.inputs import targets
from camel_ext.cli.output import (
    age,
    cost,
    duration,
    moment,
    plain,
    plural,
    rows,
    short,
    state_shown,
    table,
    utc_now,
)

Json = dict[str, Any]
Watched = Evaluation | Judging
LOOK_S, LOOK_MAX_S = 0.1, 1.0
EVALUATION = Noun(
    "evaluation", "evaluations", "camel-ext eval", "Start one: camel-ext eval start SUITE"
)
CODES = {"succeeded": Exit.OK, "failed": Exit.FAILED, "cancelled": Exit.CANCELLED}
UNITS = ("latency_ms", "cost_usd_micros", "completion_tokens")


@dataclass(frozen=True, slots=True)
class Target:
    """What is examined, as typed."""

    suite: str
    workflow: str | None
    model: str | None
    models: list[str]
    seed: int

    def read(self) -> Json:
        """Return it as the client takes it. Raises: Stop."""
        return {
            "workflow": self.workflow, "model": self.model, "models": targets(self.models),
            "seed": self.seed,
        }  # fmt: skip


def find_evaluation(client: Client, wanted: str) -> str:
    """Return the id of an evaluation. Raises: Stop."""
    return find_id(wanted, EVALUATION, client.evaluations.each())


def start(here: Here, target: Target, *, parallel: int, reuse: bool, waiting: bool) -> None:
    """Start an evaluation; watch it to its end unless only its start was wanted."""
    with here.connect() as client:
        made = client.evaluations.start(
            target.suite, parallel=parallel, reuse=reuse, **target.read()
        )
        if waiting:
            _end(here, until_it_ends(here, made, client.evaluations.get))
            return
    if here.as_json:
        here.answer(made)
        return
    here.out.print(f"Started: [id]{made['id']}[/]", soft_wrap=True)
    here.note(f"Watch it: camel-ext eval watch {short(made['id'])}")


def watch(here: Here, wanted: str) -> None:
    """Watch an evaluation to its end."""
    with here.connect() as client:
        now = client.evaluations.get(find_evaluation(client, wanted))
        _end(here, until_it_ends(here, now, client.evaluations.get))


def until_it_ends(here: Here, row: Any, look: Callable[[str], Any]) -> Any:
    """Look at something until it is at its end, with a bar on a terminal."""
    progress = Progress(
        TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(),
        TimeRemainingColumn(), console=here.err, transient=True,
        disable=here.as_json or not here.err.is_terminal,
    )  # fmt: skip
    pause_s = LOOK_S
    with progress:
        word = f"evaluating {plain(row['target'])}" if "target" in row else "judging"
        bar = progress.add_task(word, total=row["total"])
        while row["state"] not in FINAL:
            time.sleep(pause_s)
            pause_s = min(LOOK_MAX_S, pause_s * 1.2)
            row = look(row["id"])
            progress.update(bar, completed=row["done"])
    return row


def _end(here: Here, row: Evaluation) -> None:
    """Show an evaluation and end with the code of its state."""
    if here.as_json:
        here.answer(row)
    else:
        _show(here, row)
    code = CODES.get(row["state"], Exit.OK)
    if code is not Exit.OK:
        raise typer.Exit(code)


def show(here: Here, wanted: str) -> None:
    """Show an evaluation as it stands."""
    with here.connect() as client:
        row = client.evaluations.get(find_evaluation(client, wanted))
    if here.as_json:
        here.answer(row)
    else:
        _show(here, row)


def _show(here: Here, row: Evaluation) -> None:
    out = here.out
    out.print(
        f"[name]{plain(row['target'])}[/] on [name]{plain(row['suite'])}[/]  "
        f"{state_shown(row['state'])}  [quiet]evaluation {row['id']}[/]",
        soft_wrap=True,
    )
    out.print(f"  {plain(answered_by(row))}")
    out.print(f"  {_counted(row)}")
    for name, mean in row["means"].items():
        out.print(f"  {plain(name):22} {measured(name, mean)}", highlight=False)
    if row["error_detail"]:
        out.print(f"  [bad]{plain(row['error_detail'])}[/]", soft_wrap=True)
    name = short(row["id"])
    if row["state"] not in FINAL:
        here.note(f"Watch it: camel-ext eval watch {name}")
    elif row["state"] == "succeeded":
        here.note(f"Look: camel-ext eval cases {name}   Compare: camel-ext compare {name} OTHER")


def answered_by(row: Evaluation) -> str:
    """Return which models answered, by alias."""
    models = row["pinned"]["models"]
    told = [f"{alias} = {each['name']}@{each['number']}" for alias, each in models.items()]
    return ", ".join(told) or "no model"


def measured(name: str, mean: float) -> str:
    """Return a mean in its own unit."""
    if name == "latency_ms":
        return duration(mean)
    if name == "cost_usd_micros":
        return cost(round(mean))
    return f"{mean:.1f}" if name in UNITS else f"{100 * mean:.1f} %"


def _counted(row: Evaluation) -> str:
    parts = [f"{row['done']} of {plural(row['total'], 'case')}"]
    if row["reused"]:
        parts.append(f"{row['reused']} answered before")
    if row["failed"]:
        parts.append(f"[bad]{row['failed']} without an answer[/]")
    began, ended = moment(row["started_at"]), moment(row["finished_at"])
    if began and ended:
        parts.append(duration((ended - began).total_seconds() * 1000))
    return " · ".join([*parts, cost(row["cost_usd_micros"])])


def list_evaluations(here: Here, limit: int, suite: str | None) -> None:
    """Show evaluations, newest first."""
    with here.connect() as client:
        found = list(islice(client.evaluations.each(suite=suite), limit))
    if here.as_json:
        here.answer(found)
        return
    if not found:
        here.note(f"No evaluation yet. {EVALUATION.maker} --workflow NAME")
        return
    fixed: Json = {"no_wrap": True}
    made = table(("evaluation", fixed), "suite", "target", "answered by", ("state", fixed),
                 ("cases", fixed), ("score", fixed), ("when", fixed))  # fmt: skip
    here.out.print(rows(made, [_row(each) for each in found]))


def _row(row: Evaluation) -> list[str]:
    first = next(iter(row["means"].items()), None)
    return [
        f"[id]{short(row['id'])}[/]",
        plain(row["suite"]),
        plain(row["target"]),
        plain(answered_by(row)),
        state_shown(row["state"]),
        f"{row['done']}/{row['total']}",
        "" if first is None else f"{plain(first[0])} {measured(*first)}",
        age(row["created_at"], utc_now()),
    ]


def show_cases(here: Here, wanted: str, limit: int, fails: str | None, topic: str | None) -> None:
    """Show cases with answers and scores."""

    def fits(case: EvaluationCase) -> bool:
        found = case["scores"].get(fails or "")
        failed = case["state"] == "failed" or (found is not None and found["state"] != "passed")
        return (fails is None or failed) and topic in (None, case["topic"])

    with here.connect() as client:
        evaluation_id = find_evaluation(client, wanted)
        each = client.evaluations.each_case(evaluation_id)
        found = list(islice((case for case in each if fits(case)), limit))
    if here.as_json:
        here.answer(found)
        return
    if not found:
        here.note("No case is like that.")
        return
    made = table(("case", {"no_wrap": True}), ("topic", {"no_wrap": True}), "scores",
                 ("answer", {"ratio": 1}))  # fmt: skip
    here.out.print(rows(made, [_case(case) for case in found]))
    if len(found) == limit:
        here.note("and perhaps more: --limit, or --json")


def _case(case: EvaluationCase) -> list[str]:
    marks = []
    for name, found in case["scores"].items():
        style = {"passed": "ok", "failed": "bad"}.get(found["state"], "warn")
        marks.append(f"[{style}]{plain(name)}[/]")
    said = case["answer"] if case["error_detail"] is None else case["error_detail"]
    text = said if isinstance(said, str) else str(said)
    return [plain(case["case_id"]), plain(case["topic"]), " ".join(marks), plain(text[:300])]


def cancel(here: Here, wanted: str) -> None:
    """Stop an evaluation, and wait until it has stopped."""
    with here.connect() as client:
        row = client.evaluations.cancel(find_evaluation(client, wanted))
        ended = until_it_ends(here, row, client.evaluations.get)
    if here.as_json:
        here.answer(ended)
    else:
        _show(here, ended)

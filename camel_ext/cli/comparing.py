"""`compare`, `eval judge` and the verdicts that were written."""

from itertools import islice
from typing import Any

import typer
from camel_ext_client import Client
from camel_ext_client.shapes_evaluation import Comparison

from camel_ext.cli.command import Here
from camel_ext.cli.evaluations import CODES, find_evaluation, until_it_ends
from camel_ext.cli.exits import Exit
from camel_ext.cli.finding import Noun, find_id
from camel_ext.cli.output import age, cost, duration, plain, plural, rows, short, table, utc_now
from camel_ext.cli.policies import Given

Json = dict[str, Any]
COMPARISON = Noun(
    "verdict",
    "verdicts",
    "camel-ext eval verdicts",
    "Make one: camel-ext compare BASELINE CANDIDATE",
)
STYLES = {"better": "ok", "not_worse": "name", "worse": "bad", "inconclusive": "warn"}
WORDS = {"not_worse": "not worse"}
GOOD = {
    "any": {"better", "not_worse", "worse", "inconclusive"},
    "not_worse": {"better", "not_worse"},
    "better": {"better"},
}


def compare(here: Here, baseline: str, candidate: str, given: Given, require: str) -> None:
    """Compare two evaluations, show the verdict, and end as it is required."""
    with here.connect() as client:
        before, after = (find_evaluation(client, each) for each in (baseline, candidate))
        policy = given.read() or {}
        policy.setdefault("primary", _primary(client, before))
        made = client.comparisons.make(before, after, policy, alpha=given.alpha)
    if here.as_json:
        here.answer(made)
    else:
        _show(here, made)
    if made["verdict"] not in GOOD[require]:
        raise typer.Exit(Exit.FAILED)


def _primary(client: Client, evaluation_id: str) -> str:
    version = client.suites.version(client.evaluations.get(evaluation_id)["suite_version_id"])
    return version["primary"]


def judge(here: Here, baseline: str, candidate: str, scorer: str, seed: int) -> None:
    """Let a judge look at two evaluations, and say how it leans."""
    with here.connect() as client:
        before, after = (find_evaluation(client, each) for each in (baseline, candidate))
        judgings = client.evaluations.judgings
        made = judgings.start(before, after, scorer, seed=seed)
        ended = until_it_ends(here, made, judgings.get)
    if here.as_json:
        here.answer(ended)
    else:
        bias = ended["bias"]
        words = [each["preference"] for each in ended["found"].values()]
        here.out.print(
            f"[name]{plain(scorer)}[/]: prefers the candidate in {words.count(1)}, the baseline in "
            f"{words.count(-1)}, neither in {words.count(0)} of {plural(len(words), 'case')}"
        )
        if bias.get("consistent_ratio") is not None:
            here.out.print(
                f"  both orders agree in {bias['consistent_ratio']:.0%}; it said first "
                f"{bias['first']}, second {bias['second']} times"
            )
        if ended["error_detail"]:
            here.out.print(f"  [bad]{plain(ended['error_detail'])}[/]", soft_wrap=True)
        here.note(
            f"Decide by it: camel-ext compare {short(before)} {short(after)} --primary {scorer}"
        )
    if (code := CODES.get(ended["state"], Exit.OK)) is not Exit.OK:
        raise typer.Exit(code)


def show(here: Here, wanted: str) -> None:
    """Show a verdict."""
    with here.connect() as client:
        found = client.comparisons.get(find_id(wanted, COMPARISON, client.comparisons.each()))
    if here.as_json:
        here.answer(found)
    else:
        _show(here, found)


def _show(here: Here, made: Comparison) -> None:
    out, found = here.out, made["result"]
    word = WORDS.get(made["verdict"], made["verdict"])
    more = f", about {found['about_n_more']:,} more cases" if found["about_n_more"] else ""
    out.print(f"[{STYLES[made['verdict']]}]{word}[/]{more}  [quiet]verdict {made['id']}[/]",
              soft_wrap=True)  # fmt: skip
    out.print(f"  {plain(found['reason'])}", soft_wrap=True)
    out.print(
        f"  [name]{plain(found['primary'])}[/]  {_share(found['baseline'])} → "
        f"{_share(found['candidate'])}   {_points(made['effect'])} points "
        f"\\[{_points(made['low'])}, {_points(made['high'])}] at {100 * made['level']:.4g} %",
        highlight=False,
    )
    out.print(
        f"  {found['fixed']} fixed, {found['broken']} broken, {found['kept']} kept, "
        f"{found['still_wrong']} still wrong; {plural(made['n'], 'case')} in "
        f"{plural(made['topics'], 'topic')}",
        highlight=False,
    )
    for rail in found["guardrails"]:
        out.print(_rail(rail), highlight=False)
    for warning in found["warnings"]:
        out.print(f"  [warn]{plain(warning)}[/]", soft_wrap=True)


def _rail(rail: Json) -> str:
    state = (
        "[ok]held[/]" if rail["held"] else "[bad]broken[/]" if rail["broken"] else "[warn]open[/]"
    )
    name = rail["measure"]
    return (
        f"  {state}  {plain(name)}  {_value(name, rail['baseline'])} → "
        f"{_value(name, rail['candidate'])}   at worst {_change(name, rail['worst'])}, "
        f"allowed {_change(name, rail['margin'] * (1 if rail['better'] == 'lower' else -1))}"
    )


def _value(name: str, value: float) -> str:
    if name == "latency_ms":
        return duration(value)
    if name == "cost_usd_micros":
        return cost(round(value))
    return f"{value:.1f}" if name == "completion_tokens" else _share(value)


def _change(name: str, value: float) -> str:
    sign = "+" if value > 0 else "-" if value < 0 else ""
    unbounded = name in ("latency_ms", "cost_usd_micros", "completion_tokens")
    return f"{sign}{_value(name, abs(value))}" if unbounded else f"{_points(value)} points"


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


def _points(value: float) -> str:
    return f"{100 * value:+.1f}"


def list_comparisons(here: Here, limit: int) -> None:
    """Show verdicts, newest first."""
    with here.connect() as client:
        found = list(islice(client.comparisons.each(), limit))
    if here.as_json:
        here.answer(found)
        return
    if not found:
        here.note(f"No verdict yet. {COMPARISON.maker}")
        return
    fixed: Json = {"no_wrap": True}
    made = table(
        ("verdict", fixed), "id", "scorer", ("points", fixed), "cases", "candidate", "when"
    )
    here.out.print(rows(made, [_row(each) for each in found]))


def _row(made: Comparison) -> list[str]:
    word = WORDS.get(made["verdict"], made["verdict"])
    return [
        f"[{STYLES[made['verdict']]}]{word}[/]",
        f"[id]{short(made['id'])}[/]",
        plain(made["result"]["primary"]),
        f"{_points(made['effect'])} \\[{_points(made['low'])}, {_points(made['high'])}]",
        str(made["n"]),
        f"[id]{short(made['candidate_id'])}[/]",
        age(made["created_at"], utc_now()),
    ]

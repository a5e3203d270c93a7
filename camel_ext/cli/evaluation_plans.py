"""`eval plan`: what comparing two evaluations could show, before anything is started."""

from camel_ext_client.shapes_evaluation import Plan

from camel_ext.cli.command import Here
from camel_ext.cli.evaluations import Target
from camel_ext.cli.output import cost, duration, plain, plural
from camel_ext.cli.policies import Given
from camel_ext.cli.suites import find_version


def plan(here: Here, target: Target, given: Given) -> None:
    """Show a plan."""
    policy = given.read()
    with here.connect() as client:
        if policy is not None and "primary" not in policy:
            policy["primary"] = find_version(client, target.suite)["primary"]
        found = client.evaluations.plan(
            target.suite, policy=policy, alpha=given.alpha, **target.read()
        )
    if here.as_json:
        here.answer(found)
        return
    _show(here, target, found)


def _show(here: Here, target: Target, found: Plan) -> None:
    out = here.out
    out.print(
        f"[name]{plain(target.suite)}[/]  {plural(found['n'], 'case')} in "
        f"{plural(found['topics'], 'topic')}, at an error of {100 * found['alpha']:.3g} %"
    )
    smallest = (
        "none" if found["smallest_gain"] >= 1 else f"+{100 * found['smallest_gain']:.0f} points"
    )
    out.print(
        f"  smallest gain that is found  [name]{smallest}[/]  ({found['power']:.0%} of the time)"
    )
    chances = "   ".join(
        f"+{100 * float(gain):g}: {p:.0%}" for gain, p in found["power_at"].items()
    )
    out.print(f"  chance to find a gain of  {chances}", highlight=False)
    out.print(f"  chance of `not worse` if nothing changed  {found['not_worse_equal']:.0%}")
    for rail in found["guardrails"]:
        chance = "not known" if rail["passes_equal"] is None else f"{rail['passes_equal']:.0%}"
        out.print(f"  guardrail {plain(rail['measure'])}: {chance} if nothing changed")
    seconds, usd = found["seconds"], found["cost_usd_micros"]
    takes = "not known yet" if seconds is None else f"about {duration(seconds * 1000)}"
    costs = "" if usd is None else f", {cost(usd)}"
    reused = f" ({found['reusable']} answered before)" if found["reusable"] else ""
    out.print(f"  one side takes {takes}{costs}{reused}")
    out.print(f"  [quiet]assumed from {plain(found['assumed_from'])}[/]", soft_wrap=True)
    for warning in found["warnings"]:
        out.print(f"  [warn]{plain(warning)}[/]", soft_wrap=True)
    here.note(f"Start it: camel-ext eval start {target.suite} ...")

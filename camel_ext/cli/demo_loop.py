"""The second part of the demo: the loop closes. One agent gets measurably better, or is said not to.

The improvement is an ordinary one, `camel-ext improve`, on the demo's own workflow and goals; an honest
"inconclusive" is a result and no failure. What it proves stays in the folder as its certificate.
"""

import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from camel_ext_client import ApiError, Client, Unreachable
from camel_ext_client.experiments import Improvement
from rich.text import Text

from camel_ext.cli.certificates import save_certificate, show_verdict
from camel_ext.cli.command import Here
from camel_ext.cli.demo_platform import Platform
from camel_ext.cli.exits import Exit, Stop
from camel_ext.cli.improving import follow
from camel_ext.cli.output import duration, plain
from camel_ext.cli.stages import Progress, StagesView
from camel_ext.experiments import files_named, read_improve

WORKFLOW = "answer"
ALIAS = "brief"
NO_WAY_BACK = ("experiments.nothing_to_roll_back", "experiments.alias_moved_since")


def close_the_loop(here: Here, client: Client, platform: Platform, folder: Path, seed: int) -> bool:
    """Improve the demo's answerer; show and keep the certificate. True where the platform broke."""
    out, began_s = here.out, time.monotonic()
    for old in ("json", "md", "html"):
        (folder / f"certificate.{old}").unlink(missing_ok=True)
    _start_from_base(client)
    config = loop_config()
    plan = client.improvements.plan(WORKFLOW, config)
    out.print(
        "\n  [bold]Now the loop closes[/]: one agent of the team learns from its own answers."
    )
    out.print(f"  [quiet]It answers {plan['goals']} questions, six ways each; rules judge; DPO trains "
              f"an adapter. The examination\n  is {plan['heldout_goals']} other questions in "
              f"{plan['heldout_topics']} topics that training never sees, before and after.[/]\n",
              soft_wrap=True)  # fmt: skip
    started = client.improvements.start(WORKFLOW, config, seed=seed)
    seen = _guarded(follow(client, started), platform)
    ended = StagesView(out).show(started, seen)
    if ended["state"] != "succeeded" or ended["certificate_id"] is None:
        where = f"in its stage {ended['stage']}" if ended["stage"] else "at its start"
        detail = plain(ended["error_detail"] or ended["state"])
        here.err.print(f"[bad]✗[/] the loop ended {where}: {detail}", soft_wrap=True)
        return True
    shown = client.certificates.get(ended["certificate_id"])
    save_certificate(client, ended["certificate_id"], folder)
    show_verdict(out, shown)
    _show_live(here, ended, shown)
    out.print(f"  [quiet]certificate[/]   {folder / 'certificate.html'}  [quiet](and .md, .json) · "
              f"the loop took {duration((time.monotonic() - began_s) * 1000)}[/]\n",
              soft_wrap=True)  # fmt: skip
    return False


def _start_from_base(client: Client) -> None:
    """Take back what an earlier demo in this folder promoted: each begins with the base model."""
    while True:
        try:
            client.decisions.roll_back(ALIAS, reason="the demo starts again from the base model")
        except ApiError as error:
            if error.code not in NO_WAY_BACK:
                raise
            return


def loop_config() -> dict[str, Any]:
    """Return the configuration of the demo's improvement, as the API takes it."""
    there = files("camel_ext.cli") / "demo_files"
    text = (there / "improve.yaml").read_text("utf-8")
    others = {name: (there / name).read_text("utf-8") for name in files_named("improve.yaml", text)}
    return read_improve("improve.yaml", text, others).config.model_dump(mode="json")


def _show_live(here: Here, ended: Improvement, shown: dict[str, Any]) -> None:
    """Show the first run with the adapter beside what was said before, where one was promoted."""
    live = shown["live"]
    if not live or not live.get("live"):
        here.out.print("  [quiet]The alias stays where it is: nothing was promoted.[/]\n")
        return
    here.out.print(Text.assemble(("  live          ", "dim"), str(live["input"].get("goal", "")), (
        "  →  ", "dim"), " ".join(str(live["output"]).split())))  # fmt: skip
    here.out.print(f"  [quiet]back            camel-ext rollback {plain(ended['alias'])}[/]\n")


def _guarded(
    seen: Iterator[tuple[Improvement, Progress | None]], platform: Platform
) -> Iterator[tuple[Improvement, Progress | None]]:
    """Pass on what is seen; stop with the server's last words where it died.

    Raises: Stop.
    """
    try:
        yield from seen
    except Unreachable as error:
        if platform.alive:
            raise
        words = platform.last_words()
        raise Stop(Exit.FAILED, f"The demo's server ended: {words}", f"{platform.log}") from error

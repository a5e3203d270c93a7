"""Options by which calls of the log are chosen: those of `logs` and of `interactions export`."""

from typing import Annotated, Any

import typer

OfRun = Annotated[str | None, typer.Option("--run", metavar="RUN", help="Only calls of this run.")]
OfAgent = Annotated[str | None, typer.Option("--agent", help="Only calls of this agent.")]
ByAlias = Annotated[str | None, typer.Option("--alias", help="Only by this alias.")]
OfSession = Annotated[str | None, typer.Option("--session", help="Only of this session.")]
WithTag = Annotated[str | None, typer.Option("--tag", help="Only with this tag.")]
WithText = Annotated[
    str | None, typer.Option("--text", help="Only with this in question or answer.")
]
Since = Annotated[str | None, typer.Option("--since", help="Only since: 30m, 2h, 3d or a time.")]
Failed = Annotated[bool, typer.Option("--failed", help="Only calls that failed.")]


def chosen(
    agent: str | None,
    alias: str | None,
    session: str | None,
    tag: str | None,
    text: str | None,
    *,
    failed: bool,
) -> dict[str, Any]:
    """Return what was given, by the API's names."""
    given = {
        "agent_id": agent, "alias": alias, "session": session, "tag": tag, "text": text,
        "failed": True if failed else None,
    }  # fmt: skip
    return {name: value for name, value in given.items() if value is not None}

"""Routes of runs and their turns.

Written by `make client` from `runs.py`: change that one.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal, cast

from camel_ext_client.aio.pages import each
from camel_ext_client.aio.transport import AsyncTransport
from camel_ext_client.runs import PATH
from camel_ext_client.shapes import Budgets, Page, Run, Turn, Turns
from camel_ext_client.transport import Json


class Runs:
    """`client.runs`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def start(
        self,
        workflow: str,
        given: Mapping[str, Any] | None = None,
        *,
        budgets: Budgets | None = None,
        seed: int | None = None,
        single_step: bool = False,
        priority: int = 0,
        session: str | None = None,
        tags: Sequence[str] = (),
        purpose: str = "run",
        models: Mapping[str, str] | None = None,
    ) -> Run:
        """Start a run of a workflow with what it is given.

        `purpose` is run, sample or eval, which is never learnt from; `models` says what aliases stand for in this run alone: `{"thinker": "bundled/brief@2"}`.
        """
        body = {
            "workflow": workflow,
            "input": dict(given or {}),
            "budgets": budgets or {},
            "seed": seed,
            "single_step": single_step,
            "priority": priority,
            "session": session,
            "tags": list(tags),
            "purpose": purpose,
            "models": dict(models or {}),
        }
        return cast(Run, await self._transport.create(PATH, body))

    async def list(
        self,
        *,
        state: str | None = None,
        workflow: str | None = None,
        purpose: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
        **filters: Any,
    ) -> Page[Run]:
        """Return a page of runs, newest first.

        More filters: text (in what it was given), tag, session, parent_run_id, since, until.
        """
        chosen = {"state": state, "workflow": workflow, "purpose": purpose, **filters}
        return cast(
            Page[Run], await self._transport.get(PATH, limit=limit, cursor=cursor, **chosen)
        )

    def each(
        self,
        *,
        state: str | None = None,
        workflow: str | None = None,
        purpose: str | None = None,
        **filters: Any,
    ) -> AsyncIterator[Run]:
        """Yield all runs, newest first; filters as `list` has them."""
        chosen = {"state": state, "workflow": workflow, "purpose": purpose, **filters}
        return each(lambda at: self.list(limit=200, cursor=at, **chosen))

    async def get(self, run_id: str) -> Run:
        """Return one run."""
        return cast(Run, await self._transport.get(f"{PATH}/{run_id}"))

    async def turns(self, run_id: str, *, after: int = 0, limit: int = 200) -> Turns:
        """Return turns after a number, in order."""
        found = await self._transport.get(f"{PATH}/{run_id}/turns", after=after, limit=limit)
        return cast(Turns, found)

    async def each_turn(self, run_id: str, *, after: int = 0) -> AsyncIterator[Turn]:
        """Yield all turns after a number, in order."""
        place: int | None = after
        while place is not None:
            page = await self.turns(run_id, after=place)
            for item in page["items"]:
                yield item
            place = page["next_after"]

    async def cancel(self, run_id: str) -> Run:
        """Stop a run for good."""
        return await self._do(run_id, "cancel")

    async def pause(self, run_id: str) -> Run:
        """Stop a run before its next turn."""
        return await self._do(run_id, "pause")

    async def resume(
        self, run_id: str, *, budgets: Budgets | None = None, single_step: bool | None = None
    ) -> Run:
        """Let a waiting run go on, with limits raised where it asked for that."""
        return await self._do(
            run_id, "resume", {"budgets": budgets or {}, "single_step": single_step}
        )

    async def decide(
        self, run_id: str, step_key: str, decision: Literal["happened", "repeat"], result: str = ""
    ) -> Run:
        """Say whether an interrupted call happened, and with what result."""
        body = {"step_key": step_key, "decision": decision, "result": result}
        return await self._do(run_id, "decide", body)

    async def retry(
        self, run_id: str, *, step_key: str | None = None, seed: int | None = None
    ) -> Run:
        """Start a new run from a finished run's turns before a step."""
        body = {"step_key": step_key, "seed": seed}
        return cast(Run, await self._transport.create(f"{PATH}/{run_id}/retry", body))

    async def _do(self, run_id: str, action: str, body: Json | None = None) -> Run:
        return cast(Run, await self._transport.send("POST", f"{PATH}/{run_id}/{action}", body=body))

"""Routes of improvements, certificates, decisions and error budgets.

Shapes of answers are below; they are plain dicts. A newer server may send more than stands here.

Written by `make client` from `experiments.py`: change that one.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, cast

from camel_ext_client.aio.pages import each
from camel_ext_client.aio.transport import AsyncTransport
from camel_ext_client.experiments import (
    CERTIFICATES,
    DECISIONS,
    IMPROVEMENTS,
    Budget,
    Decision,
    Improvement,
    Listed,
)
from camel_ext_client.shapes import Page


class Improvements:
    """`client.improvements`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def start(
        self,
        workflow: str,
        config: Mapping[str, Any],
        *,
        seed: int | None = None,
        priority: int = 0,
    ) -> Improvement:
        """Start improving a workflow as improve.yaml says."""
        body = {"workflow": workflow, "config": dict(config), "seed": seed, "priority": priority}
        return cast(Improvement, await self._transport.create(IMPROVEMENTS, body))

    async def plan(self, workflow: str, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return what an improvement would do and could prove; nothing is started."""
        body = {"workflow": workflow, "config": dict(config)}
        found = await self._transport.send("POST", f"{IMPROVEMENTS}/plan", body=body)
        return cast(dict[str, Any], found)

    async def list(
        self,
        *,
        state: str | None = None,
        workflow: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Improvement]:
        """Return a page of improvements, newest first."""
        found = await self._transport.get(
            IMPROVEMENTS, state=state, workflow=workflow, limit=limit, cursor=cursor
        )
        return cast(Page[Improvement], found)

    def each(self, *, workflow: str | None = None) -> AsyncIterator[Improvement]:
        """Yield all improvements, newest first."""
        return each(lambda at: self.list(workflow=workflow, limit=200, cursor=at))

    async def get(self, improvement_id: str) -> Improvement:
        """Return one improvement with its stages."""
        return cast(Improvement, await self._transport.get(f"{IMPROVEMENTS}/{improvement_id}"))

    async def cancel(self, improvement_id: str) -> Improvement:
        """Stop an improvement and what it started."""
        found = await self._transport.send("POST", f"{IMPROVEMENTS}/{improvement_id}/cancel")
        return cast(Improvement, found)

    async def resume(self, improvement_id: str) -> Improvement:
        """Go on with one that failed or was cancelled."""
        found = await self._transport.send("POST", f"{IMPROVEMENTS}/{improvement_id}/resume")
        return cast(Improvement, found)

    async def promote(
        self, improvement_id: str, *, reason: str = "", override: bool = False
    ) -> Decision:
        """Promote its candidate: the alias moves."""
        body = {"reason": reason, "override": override}
        found = await self._transport.create(f"{IMPROVEMENTS}/{improvement_id}/promote", body)
        return cast(Decision, found)

    async def refuse(self, improvement_id: str, *, reason: str = "") -> Decision:
        """Refuse its candidate: the alias stays."""
        found = await self._transport.create(
            f"{IMPROVEMENTS}/{improvement_id}/refuse", {"reason": reason}
        )
        return cast(Decision, found)

    async def budgets(self) -> Sequence[Budget]:
        """Return the error budget of each workflow that took a look."""
        return cast(Sequence[Budget], await self._transport.get("/api/v1/error-budgets"))


class Certificates:
    """`client.certificates`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def list(
        self, *, workflow: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[Listed]:
        """Return a page of certificates, newest first."""
        found = await self._transport.get(
            CERTIFICATES, workflow=workflow, limit=limit, cursor=cursor
        )
        return cast(Page[Listed], found)

    async def get(self, certificate_id: str) -> dict[str, Any]:
        """Return one certificate, with the decision made on it."""
        return cast(dict[str, Any], await self._transport.get(f"{CERTIFICATES}/{certificate_id}"))

    async def html(self, certificate_id: str) -> bytes:
        """Return one certificate as a page that opens offline."""
        return await self._transport.read(f"{CERTIFICATES}/{certificate_id}/html")

    async def markdown(self, certificate_id: str) -> bytes:
        """Return one certificate as Markdown."""
        return await self._transport.read(f"{CERTIFICATES}/{certificate_id}/markdown")


class Decisions:
    """`client.decisions`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def list(
        self, *, alias: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[Decision]:
        """Return a page of decisions, newest first."""
        found = await self._transport.get(DECISIONS, alias=alias, limit=limit, cursor=cursor)
        return cast(Page[Decision], found)

    async def get(self, decision_id: str) -> Decision:
        """Return one decision."""
        return cast(Decision, await self._transport.get(f"{DECISIONS}/{decision_id}"))

    async def roll_back(self, alias: str, *, reason: str = "") -> Decision:
        """Take the last promotion of an alias back."""
        body = {"alias": alias, "reason": reason}
        return cast(Decision, await self._transport.create(f"{DECISIONS}/rollback", body))

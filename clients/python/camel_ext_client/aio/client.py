"""The client: one object per server and key, with its routes by subject.

Each method is one route; `each` follows the pages of a list.

Written by `make client` from `client.py`: change that one.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Self, cast

import httpx

from camel_ext_client.aio import feed
from camel_ext_client.aio.annotations import Annotations
from camel_ext_client.aio.archives import Archives
from camel_ext_client.aio.configurations import Configurations
from camel_ext_client.aio.datasets import Datasets
from camel_ext_client.aio.evaluation import Comparisons, Evaluations, Suites
from camel_ext_client.aio.experiments import Certificates, Decisions, Improvements
from camel_ext_client.aio.exports import Exports
from camel_ext_client.aio.forks import Forks
from camel_ext_client.aio.interactions import Interactions
from camel_ext_client.aio.jobs import Jobs
from camel_ext_client.aio.keys import Keys
from camel_ext_client.aio.models import Aliases, Models
from camel_ext_client.aio.notifications import Notifications
from camel_ext_client.aio.runs import Runs
from camel_ext_client.aio.schedules import Schedules
from camel_ext_client.aio.sign_ins import SignIns
from camel_ext_client.aio.training import Trainings
from camel_ext_client.aio.transport import AsyncTransport
from camel_ext_client.feed import Message
from camel_ext_client.shapes import (
    Definition,
    Events,
    Me,
    Overview,
    Principal,
    Run,
    Stream,
    Tool,
    Verifier,
    at_rest,
)
from camel_ext_client.shapes_health import Health, Status
from camel_ext_client.transport import Patience


class AsyncClient:
    """Talk to one server. Use it in a `with` block, or close it."""

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        key: str | None = None,
        *,
        timeout_s: float = 30.0,
        patience: Patience | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._transport = AsyncTransport(
            url, key, timeout_s=timeout_s, patience=patience, transport=transport
        )
        self.url = self._transport.url
        self.runs = Runs(self._transport)
        self.forks = Forks(self._transport)
        self.configurations = Configurations(self._transport)
        self.models = Models(self._transport)
        self.aliases = Aliases(self._transport)
        self.interactions = Interactions(self._transport)
        self.keys = Keys(self._transport)
        self.jobs = Jobs(self._transport)
        self.sign_ins = SignIns(self._transport)
        self.notifications = Notifications(self._transport)
        self.datasets = Datasets(self._transport)
        self.exports = Exports(self._transport)
        self.archives = Archives(self._transport)
        self.annotations = Annotations(self._transport)
        self.trainings = Trainings(self._transport)
        self.suites = Suites(self._transport)
        self.evaluations = Evaluations(self._transport)
        self.comparisons = Comparisons(self._transport)
        self.improvements = Improvements(self._transport)
        self.certificates = Certificates(self._transport)
        self.decisions = Decisions(self._transport)
        self.schedules = Schedules(self._transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def health(self) -> Health:
        """Say whether the server and its database answer."""
        return cast(Health, await self._transport.get("/health/ready"))

    async def status(self) -> Status:
        """Say what works, what does not, and since when; it answers without a database, too."""
        return cast(Status, await self._transport.get("/api/v1/status"))

    async def me(self) -> Me:
        """Say who the key acts as."""
        return cast(Me, await self._transport.get("/api/v1/me"))

    async def overview(self, *, utc_offset_min: int = 0) -> Overview:
        """Return the whole at a glance; days are those of a zone that many minutes ahead of UTC."""
        found = await self._transport.get("/api/v1/overview", utc_offset_min=utc_offset_min)
        return cast(Overview, found)

    async def principals(self) -> list[Principal]:
        """Return everybody of the organisation."""
        return cast(list[Principal], await self._transport.get("/api/v1/principals"))

    async def agents(self) -> list[Definition]:
        """Return the agents as they stand now."""
        return cast(list[Definition], await self._transport.get("/api/v1/agents"))

    async def workflows(self) -> list[Definition]:
        """Return the workflows as they stand now."""
        return cast(list[Definition], await self._transport.get("/api/v1/workflows"))

    async def tools(self) -> list[Tool]:
        """Return the tools that agents and workflows may use."""
        return cast(list[Tool], await self._transport.get("/api/v1/tools"))

    async def verifiers(self) -> list[Verifier]:
        """Return the checks that a batch, a suite or a workflow may name, with what each takes."""
        return cast(list[Verifier], await self._transport.get("/api/v1/verifiers"))

    async def events(
        self, topics: Sequence[str] = (), after: str | None = None, limit: int = 100
    ) -> Events:
        """Return a page of events after a cursor, oldest first."""
        wanted = ",".join(topics) or None
        found = await self._transport.get(
            "/api/v1/events/log", topics=wanted, after=after, limit=limit
        )
        return cast(Events, found)

    async def streams(self, subject: str) -> list[Stream]:
        """Return the texts that a thing, such as a run, is making now."""
        found = await self._transport.get("/api/v1/events/streams", subject=subject)
        return cast(list[Stream], found)

    async def stream(self, stream_id: str) -> Stream:
        """Return a text that is being made, so far."""
        return cast(Stream, await self._transport.get(f"/api/v1/events/streams/{stream_id}"))

    def watch(
        self,
        topics: Sequence[str] = (),
        after: str | None = None,
        *,
        give_up_s: float | None = None,
        on_lost: Callable[[Exception], None] | None = None,
    ) -> AsyncGenerator[Message, None]:
        """Yield what happens, over lost connections, without a gap and without a repetition.

        A server that is away is waited for, at most `give_up_s`; `on_lost` hears of it.
        """
        return feed.watch(self._transport, topics, after, give_up_s=give_up_s, on_lost=on_lost)

    async def wait(self, run_id: str, *, give_up_s: float | None = None) -> Run:
        """Return a run once nothing more happens in it by itself: it ended, or waits for somebody.

        A server that is away is waited for, at most `give_up_s`.
        """
        async with aclosing(self.watch([f"*:{run_id}"], give_up_s=give_up_s)) as messages:
            async for message in messages:
                if message["type"] != "frame":
                    run = await self.runs.get(run_id)
                    if at_rest(run):
                        return run
        raise AssertionError("a feed ends by an error only")

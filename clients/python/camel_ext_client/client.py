"""The client: one object per server and key, with its routes by subject.

Each method is one route; `each` follows the pages of a list.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from types import TracebackType
from typing import Self, cast

import httpx

from camel_ext_client import feed
from camel_ext_client.annotations import Annotations
from camel_ext_client.archives import Archives
from camel_ext_client.configurations import Configurations
from camel_ext_client.datasets import Datasets
from camel_ext_client.evaluation import Comparisons, Evaluations, Suites
from camel_ext_client.experiments import Certificates, Decisions, Improvements
from camel_ext_client.exports import Exports
from camel_ext_client.feed import Message
from camel_ext_client.forks import Forks
from camel_ext_client.interactions import Interactions
from camel_ext_client.jobs import Jobs
from camel_ext_client.keys import Keys
from camel_ext_client.models import Aliases, Models
from camel_ext_client.notifications import Notifications
from camel_ext_client.runs import Runs
from camel_ext_client.schedules import Schedules
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
from camel_ext_client.sign_ins import SignIns
from camel_ext_client.training import Trainings
from camel_ext_client.transport import Patience, Transport


class Client:
    """Talk to one server. Use it in a `with` block, or close it."""

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        key: str | None = None,
        *,
        timeout_s: float = 30.0,
        patience: Patience | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._transport = Transport(
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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def health(self) -> Health:
        """Say whether the server and its database answer."""
        return cast(Health, self._transport.get("/health/ready"))

    def status(self) -> Status:
        """Say what works, what does not, and since when; it answers without a database, too."""
        return cast(Status, self._transport.get("/api/v1/status"))

    def me(self) -> Me:
        """Say who the key acts as."""
        return cast(Me, self._transport.get("/api/v1/me"))

    def overview(self, *, utc_offset_min: int = 0) -> Overview:
        """Return the whole at a glance; days are those of a zone that many minutes ahead of UTC."""
        found = self._transport.get("/api/v1/overview", utc_offset_min=utc_offset_min)
        return cast(Overview, found)

    def principals(self) -> list[Principal]:
        """Return everybody of the organisation."""
        return cast(list[Principal], self._transport.get("/api/v1/principals"))

    def agents(self) -> list[Definition]:
        """Return the agents as they stand now."""
        return cast(list[Definition], self._transport.get("/api/v1/agents"))

    def workflows(self) -> list[Definition]:
        """Return the workflows as they stand now."""
        return cast(list[Definition], self._transport.get("/api/v1/workflows"))

    def tools(self) -> list[Tool]:
        """Return the tools that agents and workflows may use."""
        return cast(list[Tool], self._transport.get("/api/v1/tools"))

    def verifiers(self) -> list[Verifier]:
        """Return the checks that a batch, a suite or a workflow may name, with what each takes."""
        return cast(list[Verifier], self._transport.get("/api/v1/verifiers"))

    def events(
        self, topics: Sequence[str] = (), after: str | None = None, limit: int = 100
    ) -> Events:
        """Return a page of events after a cursor, oldest first."""
        wanted = ",".join(topics) or None
        found = self._transport.get("/api/v1/events/log", topics=wanted, after=after, limit=limit)
        return cast(Events, found)

    def streams(self, subject: str) -> list[Stream]:
        """Return the texts that a thing, such as a run, is making now."""
        found = self._transport.get("/api/v1/events/streams", subject=subject)
        return cast(list[Stream], found)

    def stream(self, stream_id: str) -> Stream:
        """Return a text that is being made, so far."""
        return cast(Stream, self._transport.get(f"/api/v1/events/streams/{stream_id}"))

    def watch(
        self,
        topics: Sequence[str] = (),
        after: str | None = None,
        *,
        give_up_s: float | None = None,
        on_lost: Callable[[Exception], None] | None = None,
    ) -> Generator[Message, None, None]:
        """Yield what happens, over lost connections, without a gap and without a repetition.

        A server that is away is waited for, at most `give_up_s`; `on_lost` hears of it.
        """
        return feed.watch(self._transport, topics, after, give_up_s=give_up_s, on_lost=on_lost)

    def wait(self, run_id: str, *, give_up_s: float | None = None) -> Run:
        """Return a run once nothing more happens in it by itself: it ended, or waits for somebody.

        A server that is away is waited for, at most `give_up_s`.
        """
        with closing(self.watch([f"*:{run_id}"], give_up_s=give_up_s)) as messages:
            for message in messages:  # the first is `hello`: nothing is missed from there on
                if message["type"] != "frame":
                    run = self.runs.get(run_id)
                    if at_rest(run):
                        return run
        raise AssertionError("a feed ends by an error only")

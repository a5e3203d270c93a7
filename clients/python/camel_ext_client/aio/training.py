"""Routes of trainings: start one, follow its curves, stop it, go on; presets and hyper-parameters.

Shapes of answers are below; they are plain dicts. A newer server may send more than stands here.

Written by `make client` from `training.py`: change that one.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

from camel_ext_client.aio.pages import each
from camel_ext_client.aio.transport import AsyncTransport
from camel_ext_client.shapes import Page, State
from camel_ext_client.training import (
    TRAININGS,
    Console,
    Environment,
    HyperTable,
    Metric,
    MetricKind,
    Metrics,
    Presets,
    Training,
)
from camel_ext_client.transport import Json


class Trainings:
    """`client.trainings`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def start(
        self,
        name: str,
        *,
        base: str,
        dataset: str | None = None,
        dataset_version_id: str | None = None,
        preset: str | None = None,
        hyper: Mapping[str, Any] | None = None,
        seed: int = 0,
        priority: int = 0,
        dry_run: bool = False,
    ) -> Training:
        """Train the adapter `base/name` on a dataset, or, with `dry_run`, only look."""
        body: Json = {
            "name": name,
            "base": base,
            "dataset": dataset,
            "dataset_version_id": dataset_version_id,
            "hyper": dict(hyper or {}),
            "seed": seed,
            "priority": priority,
            "dry_run": dry_run,
        }
        if preset is not None:
            body["preset"] = preset
        return cast(Training, await self._transport.create(TRAININGS, body))

    async def list(
        self, *, state: State | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[Training]:
        """Return a page of trainings, newest first."""
        found = await self._transport.get(TRAININGS, state=state, limit=limit, cursor=cursor)
        return cast(Page[Training], found)

    def each(self, *, state: State | None = None) -> AsyncIterator[Training]:
        """Yield all trainings, newest first."""
        return each(lambda at: self.list(state=state, limit=200, cursor=at))

    async def get(self, training_id: str) -> Training:
        """Return one training with everything that is known of it."""
        return cast(Training, await self._transport.get(f"{TRAININGS}/{training_id}"))

    async def metrics(
        self, training_id: str, kind: MetricKind = "step", *, after: int = -1, limit: int = 1000
    ) -> Metrics:
        """Return points of its curve after a step."""
        path = f"{TRAININGS}/{training_id}/metrics"
        return cast(Metrics, await self._transport.get(path, kind=kind, after=after, limit=limit))

    async def console(self, training_id: str, *, after: int | None = None) -> Console:
        """Return lines of its console from an offset on, or the last ones."""
        path = f"{TRAININGS}/{training_id}/console"
        return cast(Console, await self._transport.get(path, after=after))

    async def each_metric(
        self, training_id: str, kind: MetricKind = "step", *, after: int = -1
    ) -> AsyncIterator[Metric]:
        """Yield all points of its curve after a step, in order."""
        at: int | None = after
        while at is not None:
            page = await self.metrics(training_id, kind, after=at)
            for item in page["items"]:
                yield item
            at = page["next_after"]

    async def cancel(self, training_id: str) -> Training:
        """Stop a training; it leaves a checkpoint."""
        return cast(
            Training, await self._transport.send("POST", f"{TRAININGS}/{training_id}/cancel")
        )

    async def resume(self, training_id: str) -> Training:
        """Go on with a failed or cancelled training."""
        return cast(
            Training, await self._transport.send("POST", f"{TRAININGS}/{training_id}/resume")
        )

    async def presets(self) -> Presets:
        """Return the presets."""
        return cast(Presets, await self._transport.get(f"{TRAININGS}/presets"))

    async def hyper(self) -> HyperTable:
        """Return what each hyper-parameter means."""
        return cast(HyperTable, await self._transport.get(f"{TRAININGS}/hyper"))

    async def environment(self) -> Environment:
        """Say whether the server can train."""
        return cast(Environment, await self._transport.get(f"{TRAININGS}/environment"))

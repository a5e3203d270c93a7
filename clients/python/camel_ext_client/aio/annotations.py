"""Routes of judgements, of batches of verdicts, and of queues of answers to judge.

Written by `make client` from `annotations.py`: change that one.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, cast

from camel_ext_client.aio.pages import each
from camel_ext_client.aio.transport import AsyncTransport
from camel_ext_client.annotations import ANNOTATIONS, BATCHES, ITEMS, QUEUES
from camel_ext_client.shapes import Page
from camel_ext_client.shapes_annotations import (
    Annotation,
    AnnotationKind,
    Batch,
    Judge,
    ListedItem,
    NextItem,
    Queue,
    QueueItem,
    QueueProgress,
)
from camel_ext_client.transport import Json


class Annotations:
    """`client.annotations`, with `.batches` and `.queues`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport
        self.batches = Batches(transport)
        self.queues = Queues(transport)

    async def add(
        self,
        kind: AnnotationKind,
        interaction_ids: Sequence[str],
        *,
        judge: Judge | None = None,
        rationale: str | None = None,
        time_spent_ms: int | None = None,
        guideline_version: str | None = None,
        blind: bool = False,
        supersedes_id: str | None = None,
        queue_item_id: str | None = None,
        **value: Any,
    ) -> Annotation:
        """Judge an answer, or several side by side.

        `value` by kind: `rating`, `low` and `high`; `up`; `labels`; `text`; `choice`; `ranking`;
        `state`, `score` and `reason`.
        """
        body: Json = {
            "kind": kind,
            "interaction_ids": list(interaction_ids),
            "judge": judge,
            "rationale": rationale,
            "time_spent_ms": time_spent_ms,
            "guideline_version": guideline_version,
            "blind": blind,
            "supersedes_id": supersedes_id,
            "queue_item_id": queue_item_id,
            **value,
        }
        return cast(Annotation, await self._transport.create(ANNOTATIONS, body))

    async def list(
        self, *, limit: int = 50, cursor: str | None = None, current: bool = True, **filters: Any
    ) -> Page[Annotation]:
        """Return a page of judgements, newest first.

        Filters: interaction_id, kind, judge_kind, judge, principal_id, batch_id. `current=False`
        shows superseded and withdrawn ones, too.
        """
        found = await self._transport.get(
            ANNOTATIONS, limit=limit, cursor=cursor, current=str(current).lower(), **filters
        )
        return cast(Page[Annotation], found)

    def each(self, *, current: bool = True, **filters: Any) -> AsyncIterator[Annotation]:
        """Yield all judgements, newest first."""
        return each(lambda at: self.list(limit=200, cursor=at, current=current, **filters))

    async def get(self, annotation_id: str) -> Annotation:
        """Return one judgement."""
        return cast(Annotation, await self._transport.get(f"{ANNOTATIONS}/{annotation_id}"))

    async def withdraw(self, annotation_id: str) -> Annotation:
        """Take a judgement back, with all that it superseded."""
        path = f"{ANNOTATIONS}/{annotation_id}/withdraw"
        return cast(Annotation, await self._transport.send("POST", path))


class Batches:
    """`client.annotations.batches`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def start(
        self,
        verifier: str,
        params: Mapping[str, Any] | None = None,
        *,
        filter: Mapping[str, Any] | None = None,
        interaction_ids: Sequence[str] | None = None,
        per_subject: Mapping[str, str] | None = None,
        at_most: int = 10000,
        dry_run: bool = False,
    ) -> Batch:
        """Start a verifier over the answers of a filter, or over these."""
        body: Json = {
            "verifier": verifier,
            "params": dict(params or {}),
            "per_subject": dict(per_subject or {}),
            "filter": None if filter is None else dict(filter),
            "interaction_ids": None if interaction_ids is None else list(interaction_ids),
            "at_most": at_most,
            "dry_run": dry_run,
        }
        return cast(Batch, await self._transport.create(BATCHES, body))

    async def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[Batch]:
        """Return a page of batches, newest first."""
        return cast(Page[Batch], await self._transport.get(BATCHES, limit=limit, cursor=cursor))

    def each(self) -> AsyncIterator[Batch]:
        """Yield all batches, newest first."""
        return each(lambda at: self.list(limit=200, cursor=at))

    async def get(self, batch_id: str) -> Batch:
        """Return one batch, and how far it is."""
        return cast(Batch, await self._transport.get(f"{BATCHES}/{batch_id}"))

    async def cancel(self, batch_id: str) -> Batch:
        """Stop a batch; its verdicts until now stay."""
        return cast(Batch, await self._transport.send("POST", f"{BATCHES}/{batch_id}/cancel"))

    async def undo(self, batch_id: str) -> Batch:
        """Take back all verdicts of a batch; `undone_at` says when that is done."""
        return cast(Batch, await self._transport.send("POST", f"{BATCHES}/{batch_id}/undo"))


class Queues:
    """`client.annotations.queues`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(
        self,
        name: str,
        kind: AnnotationKind,
        *,
        filter: Mapping[str, Any] | None = None,
        sets: Sequence[Sequence[str]] | None = None,
        guideline: str = "",
        guideline_version: str | None = None,
        labels: Sequence[str] | None = None,
        blind: bool = False,
        annotators: int = 1,
        reservation_s: int = 900,
        at_most: int = 1000,
    ) -> Queue:
        """Make a queue of the answers of a filter, or of these sets."""
        body: Json = {
            "name": name,
            "kind": kind,
            "filter": None if filter is None else dict(filter),
            "sets": None if sets is None else [list(each) for each in sets],
            "guideline": guideline,
            "guideline_version": guideline_version,
            "labels": None if labels is None else list(labels),
            "blind": blind,
            "annotators": annotators,
            "reservation_s": reservation_s,
            "at_most": at_most,
        }
        return cast(Queue, await self._transport.create(QUEUES, body))

    async def list(
        self, *, name: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[Queue]:
        """Return a page of queues, newest first."""
        found = await self._transport.get(QUEUES, name=name, limit=limit, cursor=cursor)
        return cast(Page[Queue], found)

    def each(self) -> AsyncIterator[Queue]:
        """Yield all queues, newest first."""
        return each(lambda at: self.list(limit=200, cursor=at))

    async def get(self, queue_id: str) -> Queue:
        """Return one queue, and how far it is."""
        return cast(Queue, await self._transport.get(f"{QUEUES}/{queue_id}"))

    async def close(self, queue_id: str) -> Queue:
        """Give nothing out any more; what is taken can still be judged."""
        return cast(Queue, await self._transport.send("POST", f"{QUEUES}/{queue_id}/close"))

    async def next(self, queue_id: str, *, count: int = 1) -> NextItem:
        """Reserve the next item, and with a count what follows; what you have comes first."""
        found = await self._transport.send(
            "POST", f"{QUEUES}/{queue_id}/next", params={"count": count}
        )
        return cast(NextItem, found)

    async def items(
        self, queue_id: str, *, state: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[ListedItem]:
        """Return a page of a queue's items, set by set: open, reserved, skipped or done."""
        path = f"{QUEUES}/{queue_id}/items"
        found = await self._transport.get(path, state=state, limit=limit, cursor=cursor)
        return cast(Page[ListedItem], found)

    async def progress(self, queue_id: str) -> QueueProgress:
        """Return how far a queue is, how fast it goes, and who did how much."""
        return cast(QueueProgress, await self._transport.get(f"{QUEUES}/{queue_id}/progress"))

    async def item(self, item_id: str) -> QueueItem:
        """Return one item with prompts and answers."""
        return cast(QueueItem, await self._transport.get(f"{ITEMS}/{item_id}"))

    async def reserve(self, item_id: str) -> QueueItem:
        """Keep an item, or keep it longer."""
        return cast(QueueItem, await self._transport.send("POST", f"{ITEMS}/{item_id}/reserve"))

    async def release(
        self, item_id: str, *, skip: bool = False, reason: str | None = None
    ) -> QueueItem:
        """Give an item back; skipped, it comes again when all others were offered."""
        path, body = (f"{ITEMS}/{item_id}/release", {"skip": skip, "reason": reason})
        return cast(QueueItem, await self._transport.send("POST", path, body=body))

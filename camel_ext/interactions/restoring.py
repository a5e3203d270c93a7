"""Bringing an archive back: its calls' bodies stand in the log again, prompts whole.

It may begin anew at any instant: a call that is back already is left alone. The file stays.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from msgspec.json import decode
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from camel_ext.core.clock import Clock
from camel_ext.core.outbox import publish
from camel_ext.core.queue import TaskContext
from camel_ext.interactions.archive_files import Json, hash_of, read_groups
from camel_ext.interactions.archived import archive_folder
from camel_ext.interactions.elsewhere import bring
from camel_ext.interactions.errors import ArchiveUnreadable
from camel_ext.interactions.events import ArchiveRestored
from camel_ext.interactions.models import Archive, ArchiveState, Interaction, InteractionBody
from camel_ext.interactions.retention import get_archive
from camel_ext.interactions.wording import cut_request, find_messages, raw_messages


async def give_up(context: TaskContext) -> None:
    """Leave what is not back yet in the archive: the job says why."""
    await context.write(_say, UUID(context.job.args["archive_id"]), ArchiveState.ARCHIVED)


async def restore(context: TaskContext, archive_id: UUID) -> None:
    """Bring an archive back to its end. Raises: ArchiveUnreadable."""
    threads = context.runtime.threads
    archive = await context.read(get_archive, archive_id)
    if archive.state != ArchiveState.RESTORING:
        return
    path = await context.read(archive_folder) / archive.file
    await bring(context.runtime, path)
    sha256, _ = await threads.run("work", hash_of, path)
    if sha256 != archive.sha256:
        raise ArchiveUnreadable(
            f"{path} is not the file that was written: nothing was brought back"
        )
    groups = read_groups(path)
    while (rows := await threads.run("work", next, groups, None)) is not None:
        await context.write(bring_back, archive.id, rows)
    context.ended = True
    await context.write(_end, context.runtime.clock, archive.id)


def bring_back(db: Session, archive_id: UUID, rows: Sequence[Json]) -> None:
    """Put bodies into the log that this archive still stands for."""
    ids = [UUID(row["id"]) for row in rows]
    query = select(Interaction.id).where(
        Interaction.id.in_(ids), Interaction.archive_id == archive_id
    )
    away = set(db.scalars(query))
    bodies = [body_of(row) for row in rows if UUID(row["id"]) in away]
    if bodies:
        db.execute(insert(InteractionBody), bodies)
        back = update(Interaction).where(Interaction.id.in_(list(away)))
        db.execute(back.values(archive_id=None), execution_options={"synchronize_session": False})


def body_of(row: Json) -> dict[str, Any]:
    """Return a body that stands on no other one, and gives the very bytes again that were sent."""
    sent = row["request"].encode()
    texts = raw_messages(sent)
    length = sum(map(len, texts)) + max(0, len(texts) - 1)
    start = find_messages(sent, length, texts[-1] if texts else None)
    envelope, cuts = sent.decode(), list[list[Any]]()
    if start is not None:
        request, _ = cut_request(sent, start, length, [])
        envelope, cuts = request.envelope, request.cuts
    return {
        "id": UUID(row["id"]),
        "parent_id": None,
        "keep_messages": 0,
        "messages": b",".join(texts).decode(),
        "envelope": envelope,
        "cuts": cuts,
        "fixed": None,
        "response": row["response"],
        "token_ids": None if row["token_ids"] is None else decode(row["token_ids"]),
        "logprobs": None if row["logprobs"] is None else decode(row["logprobs"]),
    }


def _say(db: Session, archive_id: UUID, state: ArchiveState) -> Archive:
    archive = get_archive(db, archive_id, lock=True)
    archive.state = state
    db.flush()
    return archive


def _end(db: Session, clock: Clock, archive_id: UUID) -> None:
    archive = _say(db, archive_id, ArchiveState.RESTORED)
    publish(db, clock, ArchiveRestored(str(archive.id), archive.rows))

"""Reading frozen versions: their pairs, how two differ, where pairs come from, what leaving touches."""

from collections.abc import Collection, Iterator, Sequence, Set
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from camel_ext.annotations import JudgeKind
from camel_ext.datasets.models import DatasetPair, PairSource, Split
from camel_ext.datasets.pair import JudgedBy, Pair
from camel_ext.datasets.versions import get_version, require_frozen

READ_ROWS = 500
_PLAIN = (
    "pair_hash", "prompt_hash", "prompt", "tools", "chosen", "rejected", "topic", "margin",
    "chosen_score", "rejected_score", "chosen_interaction_id", "rejected_interaction_id",
)  # fmt: skip


def read_pairs(db: Session, version_id: UUID, split: Split | None = None) -> list[Pair]:
    """Return a frozen version's pairs in order, of one split or of both.

    Raises: VersionUnknown, VersionUnready.
    """
    require_frozen(get_version(db, version_id))
    return [each for page in each_page(db, version_id, split) for each in page]


def each_page(db: Session, version_id: UUID, split: Split | None = None) -> Iterator[list[Pair]]:
    """Yield the pairs of a version, frozen or not, in order, some at a time."""
    after = -1
    while rows := list_pairs(db, version_id, after, READ_ROWS, split):
        yield [as_pair(row) for row in rows]
        after = rows[-1].position


def list_pairs(
    db: Session, version_id: UUID, after: int, limit: int, split: Split | None = None
) -> Sequence[DatasetPair]:
    """Return the rows after a position, in order."""
    query = select(DatasetPair).where(
        DatasetPair.version_id == version_id, DatasetPair.position > after
    )
    if split is not None:
        query = query.where(DatasetPair.split == split)
    return db.scalars(query.order_by(DatasetPair.position).limit(limit)).all()


def as_pair(row: DatasetPair) -> Pair:
    """Return a row as the plain pair it holds."""
    return Pair(
        **{name: getattr(row, name) for name in _PLAIN},
        split=Split(row.split),
        source=PairSource(row.source),
        run_ids=tuple(UUID(each) for each in row.run_ids),
        annotation_ids=tuple(UUID(each) for each in row.annotation_ids),
        judges=tuple(as_judge(each) for each in row.judges),
    )


def as_judge(said: dict[str, Any]) -> JudgedBy:
    """Return a judge from how a pair's row holds it."""
    kind, principal_id = JudgeKind(said["kind"]), UUID(said["principal_id"])
    return JudgedBy(kind, said["name"], said["version"], principal_id)


def write_pairs(db: Session, version_id: UUID, first: int, pairs: Sequence[Pair]) -> None:
    """Add pairs to a version that is not frozen yet, from a position on; one statement."""
    rows = [
        {
            **{name: getattr(pair, name) for name in _PLAIN},
            "version_id": version_id,
            "position": position,
            "split": pair.split,
            "source": pair.source,
            "prompt": list(pair.prompt),
            "tools": None if pair.tools is None else list(pair.tools),
            "chosen": list(pair.chosen),
            "rejected": list(pair.rejected),
            "run_ids": [str(each) for each in pair.run_ids],
            "annotation_ids": [str(each) for each in pair.annotation_ids],
            "judges": [
                {
                    "kind": each.kind,
                    "name": each.name,
                    "version": each.version,
                    "principal_id": str(each.principal_id),
                }
                for each in pair.judges
            ],
        }
        for position, pair in enumerate(pairs, first)
    ]
    if rows:
        db.execute(insert(DatasetPair), rows)


def touches(pair: Pair, run_ids: Set[UUID], judges: Collection[str]) -> bool:
    """Tell whether a pair has a part of these runs, or rests on the word of these judges."""
    if not run_ids.isdisjoint(pair.run_ids):
        return True
    return any(judge.is_named_by(judges) for judge in pair.judges)

"""What a stage of the loop is: what it will start, how that goes, what came of it, how it is stopped.

A stage starts its children one by one; each id is written with what it names in one transaction, so a
loop that was killed goes on with the next one. The stages themselves are in `sampling`, `learning`,
`proving` and `deciding`; the order and the waiting are the task's.
"""

from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.core.hashing import sha256_hex
from camel_ext.core.models import State
from camel_ext.experiments.config import ImproveConfig
from camel_ext.experiments.errors import ImprovementUnknown
from camel_ext.experiments.models import Improvement, ImprovementStage, StageName
from camel_ext.workflows import Asker

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Look:
    """How one child stands. `over`: nothing more comes of it by itself."""

    over: bool
    good: bool = False
    done: float = 0.0
    total: float = 1.0
    words: str = ""
    error: tuple[str, str] | None = None

    @property
    def share(self) -> float:
        """How far it is, from 0 to 1."""
        return 1.0 if self.over else min(1.0, self.done / self.total) if self.total else 0.0


@dataclass(slots=True)
class Way:
    """One improvement as a transaction sees it: its row, its configuration, its stages so far."""

    improvement: Improvement
    config: ImproveConfig
    asker: Asker
    stages: dict[StageName, ImprovementStage] = field(default_factory=dict)

    def result(self, name: StageName) -> Json:
        """Return what came of a stage that is behind."""
        return self.stages[name].result or {}

    def children(self, name: StageName) -> list[UUID]:
        """Return what a stage started."""
        return [UUID(child) for child in self.stages[name].children]

    def seed(self, *what: object) -> int:
        """Return the seed of one thing: same improvement seed, same thing, same seed (31 bits)."""
        named = "/".join(str(part) for part in (self.improvement.seed, *what))
        return int(sha256_hex(named.encode())[:8], 16) & 0x7FFFFFFF


class Stage(Protocol):
    """One stage; every method is called with a session of the improvement's tenant."""

    @property
    def name(self) -> StageName:
        """Its name."""

    def warm(self) -> None:
        """Prepare, on a thread and before any transaction, what would make one wait."""

    def plan(self, db: Session, way: Way) -> list[Json]:
        """Return what it will start, one entry each; none where all is done at its end."""

    def start(self, db: Session, way: Way, wanted: Json) -> UUID:
        """Start one of them in this transaction and return its id."""

    def look(self, db: Session, way: Way, child: UUID) -> Look:
        """Return how one stands."""

    def end(self, db: Session, way: Way, looks: dict[UUID, Look]) -> Json:
        """Return what came of it, when all are over. Raises what makes the loop fail."""

    def stop(self, db: Session, way: Way, child: UUID) -> None:
        """Cancel one; one that is over stays as it is."""


class Plain:
    """A stage that needs no preparation."""

    __slots__ = ()

    def warm(self) -> None:
        """Prepare nothing."""


class Alone(Plain):
    """A stage that starts nothing: all of it happens at its end."""

    __slots__ = ()

    def plan(self, db: Session, way: Way) -> list[Json]:  # noqa: ARG002
        """Start nothing."""
        return []

    def start(self, db: Session, way: Way, wanted: Json) -> UUID:
        """Never called: nothing is planned."""
        raise NotImplementedError

    def look(self, db: Session, way: Way, child: UUID) -> Look:
        """Never called: there is no child."""
        raise NotImplementedError

    def stop(self, db: Session, way: Way, child: UUID) -> None:
        """Never called: there is no child."""


def load_way(db: Session, improvement_id: UUID, asker: Asker, *, lock: bool = False) -> Way:
    """Return an improvement with its stages. Raises: ImprovementUnknown."""
    improvement = db.get(
        Improvement, improvement_id, with_for_update=lock or None, populate_existing=lock
    )
    if improvement is None:
        raise ImprovementUnknown(f"there is no improvement {improvement_id} in this project")
    rows = {row.name: row for row in list_stages(db, improvement_id)}
    config = ImproveConfig.model_validate(improvement.config)
    return Way(improvement, config, asker, rows)


def list_stages(db: Session, improvement_id: UUID) -> list[ImprovementStage]:
    """Return the stages of an improvement so far, in order."""
    query = (
        select(ImprovementStage)
        .where(ImprovementStage.improvement_id == improvement_id)
        .order_by(ImprovementStage.position)
    )
    return list(db.scalars(query))


def look_of(
    state: State, *, done: float = 0.0, total: float = 1.0, words: str = "",
    error: tuple[str | None, str | None] = (None, None),
) -> Look:  # fmt: skip
    """Return the look at a child that has the six states."""
    code, detail = error
    return Look(
        over=state.is_final,
        good=state == State.SUCCEEDED,
        done=done,
        total=total,
        words=words,
        error=(code, detail or "") if code else None,
    )

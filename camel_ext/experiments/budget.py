"""The error budget of a workflow: what all its verdicts together may be wrong, and who spends it.

A look is spent the moment a candidate meets held-out goals, whatever comes of it: from then on somebody
could look and stop at a convenient result. Which statistics use it is evaluation's.
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from camel_ext.core.clock import Clock
from camel_ext.evaluation import alpha_of_cycle
from camel_ext.experiments.errors import BudgetJustOpened
from camel_ext.experiments.models import ErrorBudget


@dataclass(frozen=True, slots=True)
class Budget:
    """What a workflow's verdicts may be wrong over its life, and what is spent of it."""

    workflow: str
    level: float
    cycles: int

    @property
    def spent(self) -> float:
        """The sum of what each look could spend."""
        return sum(alpha_of_cycle(k, self.level) for k in range(1, self.cycles + 1))

    @property
    def next_alpha(self) -> float:
        """What the next look may spend."""
        return alpha_of_cycle(self.cycles + 1, self.level)


def get_budget(db: Session, workflow: str, level: float) -> Budget:
    """Return a workflow's budget; `level` is what its first look would fix."""
    row = _find(db, workflow)
    return Budget(workflow, level, 0) if row is None else Budget(workflow, row.level, row.cycles)


def list_budgets(db: Session) -> list[Budget]:
    """Return the budget of each workflow that took a look, by name."""
    query = select(ErrorBudget).order_by(ErrorBudget.workflow)
    return [Budget(row.workflow, row.level, row.cycles) for row in db.scalars(query)]


def take_look(db: Session, clock: Clock, workflow: str, level: float) -> tuple[int, float]:
    """Spend the next look of a workflow; return its number and what it may spend.

    Raises: BudgetJustOpened, where another process opened the budget at this moment.
    """
    row = _find(db, workflow, for_update=True)
    if row is None:
        row = ErrorBudget(workflow=workflow, level=level, cycles=0, updated_at=clock.now())
        try:
            with db.begin_nested():
                db.add(row)
        except IntegrityError as error:
            raise BudgetJustOpened() from error
    row.cycles += 1
    row.updated_at = clock.now()
    db.flush()
    return row.cycles, alpha_of_cycle(row.cycles, row.level)


def _find(db: Session, workflow: str, *, for_update: bool = False) -> ErrorBudget | None:
    query = select(ErrorBudget).where(ErrorBudget.workflow == workflow)
    if for_update:
        query = query.with_for_update().execution_options(populate_existing=True)
    return db.scalar(query)

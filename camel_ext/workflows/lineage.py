"""Whose turns a run's turns are: its own, and before them the beginning of the run that it retries."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from camel_ext.workflows.models import Run

LAST_SEQ = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Span:
    """The turns that one run gave: those numbered above `after`, up to `upto`."""

    run_id: UUID
    after: int
    upto: int


def spans_of(db: Session, run: Run) -> list[Span]:
    """Return the spans of a run's turns in their order, its own as the last."""
    spans = [Span(run.id, run.prefix_seq, LAST_SEQ)]
    while run.parent_run_id is not None:
        upto = min(spans[-1].upto, run.prefix_seq)
        run = db.get_one(Run, run.parent_run_id)
        spans.append(Span(run.id, run.prefix_seq, upto))
    return spans[::-1]

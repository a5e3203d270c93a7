"""The whole at a glance, for Home: 17 bounded queries in one read, whatever the log holds.

It stands here because experiments stands above all that it counts. It decides nothing and keeps nothing.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from camel_ext.annotations import count_judgements, list_open_queues
from camel_ext.core.clock import Clock
from camel_ext.core.counting import GrowingCounts
from camel_ext.core.models import WaitingFor
from camel_ext.datasets import count_latest_pairs
from camel_ext.experiments.models import (
    Certificate,
    Decision,
    DecisionKind,
    Improvement,
    StageName,
)
from camel_ext.experiments.schemas_overview import (
    CertificateInShort,
    DayShown,
    ImprovementUnderWay,
    LatestMove,
    LoopCounts,
    OverviewShown,
    QueueWaiting,
    RunUnderWay,
    TrainingUnderWay,
    UnderWay,
    Waiting,
    WorkflowTrend,
)
from camel_ext.interactions import count_logged, count_logged_since
from camel_ext.training import TrainingJob, count_trainings, list_trainings_under_way
from camel_ext.workflows import (
    DayOfRuns,
    Run,
    count_days,
    count_runs,
    list_under_way,
    list_waiting_for_person,
)

DAYS = 14
MOST_RUNS, MOST_OTHERS, MOST_WORKFLOWS, MOST_CERTIFICATES = 20, 10, 20, 3
MOST_TODAY = 100_000
TITLE_LETTERS = 200
EPOCH = date(1970, 1, 1)


def read_overview(
    db: Session, clock: Clock, growing: GrowingCounts, utc_offset: timedelta
) -> OverviewShown:
    """Return the loop in counts, what goes on, what waits, and how workflows did in 14 days."""
    now = clock.now()
    today = (now + utc_offset).date()
    midnight = datetime.combine(today, time(), UTC) - utc_offset
    improvements = [_improvement(each) for each in _improvements(db)]
    certificates = _certificates(db)
    return OverviewShown(
        at=now,
        loop=_loop(db, growing, midnight),
        under_way=UnderWay(
            runs=[_run(each) for each in list_under_way(db, MOST_RUNS)],
            trainings=[_training(each) for each in list_trainings_under_way(db, MOST_OTHERS)],
            improvements=improvements,
        ),
        waiting=Waiting(
            runs=[_run(each) for each in list_waiting_for_person(db, MOST_RUNS)],
            queues=[
                QueueWaiting(
                    id=each.queue.id,
                    name=each.queue.name,
                    kind=each.queue.kind,
                    items_open=each.items_open,
                )
                for each in list_open_queues(db, MOST_OTHERS)
            ],
            improvements=[each for each in improvements if each.waiting_for == WaitingFor.PERSON],
        ),
        certificates=[_certificate(each) for each in certificates],
        latest_move=_latest_move(db),
        workflows=_trends(count_days(db, midnight - timedelta(days=DAYS - 1), utc_offset), today),
    )


def _loop(db: Session, growing: GrowingCounts, midnight: datetime) -> LoopCounts:
    datasets, pairs = count_latest_pairs(db)
    promoted = select(func.count(Decision.id)).where(Decision.kind == DecisionKind.PROMOTION)
    return LoopCounts(
        runs=count_runs(db, growing),
        turns=count_logged(db, growing),
        turns_today=count_logged_since(db, midnight, MOST_TODAY),
        judgements=count_judgements(db, growing),
        datasets=datasets,
        pairs=pairs,
        trainings=count_trainings(db),
        verdicts=db.scalar(select(func.count(Certificate.id))) or 0,
        promotions=db.scalar(promoted) or 0,
    )


def _run(run: Run) -> RunUnderWay:
    given = run.input.get("goal") or next(iter(run.input.values()), "")
    return RunUnderWay(
        id=run.id, workflow=run.workflow, title=str(given)[:TITLE_LETTERS], state=run.state,
        waiting_for=run.waiting_for, waiting_detail=run.waiting_detail, turns=run.turns,
        max_turns=run.budgets.get("max_turns"), created_at=run.created_at,
        started_at=run.started_at,
    )  # fmt: skip


def _training(job: TrainingJob) -> TrainingUnderWay:
    said = job.progress
    return TrainingUnderWay(
        id=job.id, name=job.name, dataset=job.dataset, state=job.state, step=said.get("step"),
        steps=said.get("steps"), progress_ratio=job.progress_ratio, eta_s=said.get("eta_s"),
        alarms=len(job.alarms), created_at=job.created_at,
    )  # fmt: skip


def _improvements(db: Session) -> list[Improvement]:
    query = select(Improvement).where(Improvement.finished_at.is_(None))
    newest = query.order_by(Improvement.created_at.desc(), Improvement.id.desc())
    return list(db.scalars(newest.limit(MOST_OTHERS)))


def _improvement(row: Improvement) -> ImprovementUnderWay:
    order = list(StageName)
    return ImprovementUnderWay(
        id=row.id, workflow=row.workflow, agent=row.agent, state=row.state,
        waiting_for=row.waiting_for, stage=row.stage,
        stage_number=0 if row.stage is None else order.index(row.stage) + 1, stages=len(order),
        verdict=row.verdict, certificate_id=row.certificate_id, created_at=row.created_at,
    )  # fmt: skip


def _certificates(db: Session) -> list[Certificate]:
    newest = select(Certificate).order_by(Certificate.created_at.desc(), Certificate.id.desc())
    return list(db.scalars(newest.limit(MOST_CERTIFICATES)))


def _certificate(row: Certificate) -> CertificateInShort:
    said: dict[str, Any] = row.content
    rails = said["guardrails"]
    copied = ("name", "agent", "verdict", "effect", "interval", "level", "needed", "n", "issued_at")
    return CertificateInShort(
        id=row.id,
        workflow=row.workflow,
        baseline=said["baseline"]["target"],
        candidate=said["candidate"]["target"],
        passed_before=said["baseline"].get("passed"),
        passed_after=said["candidate"].get("passed"),
        guardrails=len(rails),
        guardrails_held=sum(bool(each["held"]) for each in rails),
        **{name: said[name] for name in copied},
    )


def _latest_move(db: Session) -> LatestMove | None:
    moved = select(Decision).where(Decision.kind != DecisionKind.REFUSAL)
    made = db.scalar(moved.order_by(Decision.created_at.desc(), Decision.id.desc()).limit(1))
    if made is None:
        return None
    proof = None if made.certificate_id is None else db.get(Certificate, made.certificate_id)
    return LatestMove(
        decision_id=made.id,
        kind=made.kind,
        alias=made.alias,
        workflow=made.workflow,
        candidate=None if proof is None else proof.content["candidate"]["target"],
        at=made.created_at,
    )


def _trends(found: list[DayOfRuns], today: date) -> list[WorkflowTrend]:
    first = today - timedelta(days=DAYS - 1)
    days = {each: (each - EPOCH).days for each in (first + timedelta(days=n) for n in range(DAYS))}
    by_name: dict[str, dict[int, DayOfRuns]] = {}
    for each in found:
        by_name.setdefault(each.workflow, {})[each.day] = each
    trends = []
    for name, rows in by_name.items():
        shown = [_day(day, rows.get(number)) for day, number in days.items()]
        sums = {
            what: sum(getattr(each, what) for each in shown)
            for what in ("runs", "succeeded", "tokens", "cost_usd_micros")
        }
        trends.append(WorkflowTrend(workflow=name, days=shown, **sums))
    return sorted(trends, key=lambda each: (-each.runs, each.workflow))[:MOST_WORKFLOWS]


def _day(day: date, row: DayOfRuns | None) -> DayShown:
    if row is None:
        return DayShown(day=day, runs=0, succeeded=0, tokens=0, cost_usd_micros=0)
    return DayShown(
        day=day, runs=row.runs, succeeded=row.succeeded, tokens=row.tokens,
        cost_usd_micros=row.cost_usd_micros,
    )  # fmt: skip

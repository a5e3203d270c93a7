"""Decisions: promote, refuse, roll back; each is a row that moves its alias in the same transaction.

What was promoted can be taken back by one call, as long as the alias still points where the promotion
put it. Whether a verdict allows a promotion is asked here; how it came about is the certificate's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from camel_ext.core.clock import Clock
from camel_ext.core.outbox import publish
from camel_ext.core.paging import Place, fetch_page
from camel_ext.experiments.config import When
from camel_ext.experiments.errors import (
    AliasMovedSince,
    DecisionUnknown,
    NothingToRollBack,
    NotProven,
)
from camel_ext.experiments.events import DecisionMade
from camel_ext.experiments.models import Decision, DecisionKind, Improvement
from camel_ext.registry import get_alias, move_alias

NewId = Callable[[], UUID]
Json = dict[str, Any]
GOOD_ENOUGH = {When.BETTER: {"better"}, When.NOT_WORSE: {"better", "not_worse"}, When.NEVER: set()}


@dataclass(frozen=True, slots=True)
class Decider:
    """Who decides, or for whom the policy does; and where ids and times come from."""

    principal_id: UUID
    clock: Clock
    new_id: NewId
    automatic: bool = False


def allows(when: str, verdict: str) -> bool:
    """Tell whether a verdict is good enough for a promotion."""
    return verdict in GOOD_ENOUGH[When(when)]


def promote(
    db: Session,
    decider: Decider,
    improvement: Improvement,
    evidence: Json,
    *,
    reason: str,
    override: bool = False,
) -> Decision:
    """Point the alias at the candidate of an improvement, and write down why.

    Raises: NotProven unless the verdict allows it or `override` is said; AliasMovedSince.
    """
    verdict = str(improvement.verdict)
    proven = allows(improvement.config["promote"]["when"], verdict)
    if not proven and not override:
        raise NotProven(
            f"the verdict is {verdict}, which `promote.when: {improvement.config['promote']['when']}`"
            " does not take: say `override` and why, and it is written down as your decision"
        )
    alias = get_alias(db, improvement.alias, for_update=True)
    before = [_share(improvement.baseline_version_id)]
    if _ids(alias.targets) != _ids(before):
        raise AliasMovedSince(
            f"{alias.name!r} pointed at {_said(before)} when this was measured, and at "
            f"{_said(alias.targets)} now: prove the candidate against that"
        )
    assert improvement.candidate_version_id is not None, "a verdict has a candidate"
    decision = _decision(
        decider,
        DecisionKind.PROMOTION,
        alias.name,
        alias.targets,
        [_share(improvement.candidate_version_id)],
        reason,
    )
    _of_improvement(decision, improvement, evidence, override=not proven)
    return _carry_out(db, decider, decision)


def refuse(
    db: Session, decider: Decider, improvement: Improvement, evidence: Json, *, reason: str
) -> Decision:
    """Write down that the alias stays where it is.

    Raises: AliasUnknown where it was retired.
    """
    alias = get_alias(db, improvement.alias)
    decision = _decision(
        decider, DecisionKind.REFUSAL, alias.name, alias.targets, alias.targets, reason
    )
    _of_improvement(decision, improvement, evidence, override=False)
    return _carry_out(db, decider, decision)


def roll_back(db: Session, decider: Decider, name: str, *, reason: str) -> Decision:
    """Point an alias back to where it was before its last promotion that is in force.

    Raises: AliasUnknown, NothingToRollBack, AliasMovedSince.
    """
    alias = get_alias(db, name, for_update=True)
    promotion = find_promotion(db, name)
    if promotion is None:
        raise NothingToRollBack(
            f"no promotion of {name!r} is in force: `camel-ext improvements` shows what was decided"
        )
    if alias.targets != promotion.to_targets:
        raise AliasMovedSince(
            f"{name!r} was moved by hand since its promotion and points at {_said(alias.targets)}: "
            "move it yourself, PUT /api/v1/aliases"
        )
    decision = _decision(
        decider, DecisionKind.ROLLBACK, name, alias.targets, promotion.from_targets, reason
    )
    decision.workflow = promotion.workflow
    decision.improvement_id = promotion.improvement_id
    decision.certificate_id = promotion.certificate_id
    decision.undoes_id = promotion.id
    return _carry_out(db, decider, decision)


def find_promotion(db: Session, alias: str) -> Decision | None:
    """Return the newest promotion of an alias that no rollback took back."""
    undo = aliased(Decision)
    query = (
        select(Decision)
        .outerjoin(undo, undo.undoes_id == Decision.id)
        .where(
            Decision.alias == alias,
            Decision.kind == DecisionKind.PROMOTION,
            undo.id.is_(None),
        )
        .order_by(Decision.created_at.desc(), Decision.id.desc())
        .limit(1)
    )
    return db.scalar(query)


def find_undoing(db: Session, decision_id: UUID) -> Decision | None:
    """Return the rollback that took a promotion back, if there is one."""
    return db.scalar(select(Decision).where(Decision.undoes_id == decision_id))


def get_decision(db: Session, decision_id: UUID) -> Decision:
    """Return a decision. Raises: DecisionUnknown."""
    decision = db.scalar(select(Decision).where(Decision.id == decision_id))
    if decision is None:
        raise DecisionUnknown(f"there is no decision {decision_id}")
    return decision


def list_decisions(
    db: Session, place: Place, alias: str | None
) -> tuple[list[Decision], str | None]:
    """Return a page of decisions, newest first."""
    query = select(Decision)
    if alias is not None:
        query = query.where(Decision.alias == alias)
    return fetch_page(db, query, Decision.created_at, Decision.id, place)


def _decision(
    decider: Decider, kind: DecisionKind, alias: str, before: list[Any], after: list[Any],
    reason: str,
) -> Decision:  # fmt: skip
    return Decision(
        id=decider.new_id(),
        kind=kind,
        alias=alias,
        from_targets=before,
        to_targets=after,
        evidence={},
        automatic=decider.automatic,
        override=False,
        principal_id=decider.principal_id,
        reason=reason,
        created_at=decider.clock.now(),
    )


def _of_improvement(
    decision: Decision, improvement: Improvement, evidence: Json, *, override: bool
) -> None:
    decision.workflow = improvement.workflow
    decision.improvement_id = improvement.id
    decision.certificate_id = improvement.certificate_id
    decision.policy_hash = improvement.policy_hash
    decision.evidence = evidence
    decision.override = override


def _carry_out(db: Session, decider: Decider, decision: Decision) -> Decision:
    """Write a decision and move its alias, both or neither."""
    db.add(decision)
    db.flush()
    if decision.to_targets != decision.from_targets:
        move_alias(
            db,
            decider.clock,
            decider.new_id,
            decider.principal_id,
            decision.alias,
            decision.to_targets,
            reason=f"{decision.kind} {decision.id}: {decision.reason}"[:2_000],
        )
    publish(db, decider.clock, DecisionMade(decision.alias, str(decision.id), decision.kind))
    return decision


def _share(version_id: UUID) -> Json:
    return {"version_id": str(version_id), "weight": 1.0}


def _ids(targets: list[Any]) -> list[str]:
    return [share["version_id"] for share in targets]


def _said(targets: list[Any]) -> str:
    return ", ".join(_ids(targets)) or "nothing"

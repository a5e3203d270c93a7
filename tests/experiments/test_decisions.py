"""Decisions move the alias in their own transaction, are never changed, and can be taken back."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.core.models import State
from camel_ext.core.paging import Place
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.experiments import decisions
from camel_ext.experiments.budget import get_budget, list_budgets, take_look
from camel_ext.experiments.decisions import Decider
from camel_ext.experiments.errors import (
    AliasMovedSince,
    NothingToRollBack,
    NotProven,
    WrittenOnce,
)
from camel_ext.experiments.models import Certificate, Decision, DecisionKind, Improvement
from camel_ext.identity import Actor, Bootstrapped, PrincipalKind, Role
from camel_ext.registry import (
    ModelsFile,
    TargetEntry,
    apply_models,
    find_target,
    get_alias,
    list_moves,
    move_alias,
    shares_of,
)

MODELS = {
    "models": {
        "small": {
            "engine": "local",
            "file": "bundled",
            "adapters": {"first": {"file": "a.gguf"}, "second": {"file": "b.gguf"}},
        }
    },
    "aliases": {"brief": "small"},
}
EVIDENCE = {"verdict": "better", "effect": 0.4}


class Desk:
    """Decides about an alias, each time in a transaction of its own."""

    def __init__(self, runtime: Runtime, tenant: Tenant, principal_id: UUID) -> None:
        self.runtime, self.tenant = runtime, tenant
        self.decider = Decider(principal_id, runtime.clock, runtime.new_id)

    async def write(self, fn: Callable[..., Any], *args: Any) -> Any:
        return await self.runtime.write(self.tenant, fn, *args)

    async def improvement(self, adapter: str, verdict: str = "better", **more: Any) -> UUID:
        def make(db: Session) -> UUID:
            now = self.runtime.clock.now()
            row = Improvement(
                id=self.runtime.new_id(), workflow="answer", workflow_version_id=uuid4(),
                agent="writer", alias="brief",
                baseline_version_id=UUID(get_alias(db, "brief").targets[0]["version_id"]),
                candidate_version_id=find_target(db, f"small/{adapter}").id,
                config={"promote": {"when": "better", "approval": "automatic", **more}},
                policy_hash="sha256:0", seed=1, state=State.RUNNING, verdict=verdict, priority=0,
                job_id=uuid4(), principal_id=self.decider.principal_id, trace_id="0" * 32,
                revision=1, created_at=now,
            )  # fmt: skip
            db.add(row)
            db.flush()
            return row.id

        made: UUID = await self.write(make)
        return made

    async def promote(self, improvement_id: UUID, **more: Any) -> Decision:
        def promote(db: Session) -> Decision:
            row = db.get_one(Improvement, improvement_id)
            return decisions.promote(db, self.decider, row, EVIDENCE, reason="proven", **more)

        made: Decision = await self.write(promote)
        return made

    async def roll_back(self) -> Decision:
        def back(db: Session) -> Decision:
            return decisions.roll_back(db, self.decider, "brief", reason="users complained")

        made: Decision = await self.write(back)
        return made

    async def target(self) -> str:
        def read(db: Session) -> str:
            (share,) = get_alias(db, "brief").targets
            names = ("small", "small/first", "small/second")
            return next(n for n in names if str(find_target(db, n).id) == share["version_id"])

        found: str = await self.runtime.read(self.tenant, read)
        return found


@pytest.fixture
async def desk(runtime: Runtime, tenant: Tenant, founded: Bootstrapped) -> Desk:
    actor = Actor(tenant, founded.principal_id, founded.principal_id, "ada", PrincipalKind.USER,
                  Role.OWNER)  # fmt: skip

    def apply(db: Session) -> None:
        apply_models(db, runtime.clock, runtime.new_id, actor, ModelsFile.model_validate(MODELS))

    await runtime.write(tenant, apply)
    return Desk(runtime, tenant, founded.principal_id)


async def test_a_promotion_moves_the_alias_and_says_why(desk: Desk) -> None:
    made = await desk.promote(await desk.improvement("first"))
    assert await desk.target() == "small/first"
    assert (made.kind, made.evidence, made.override) == (DecisionKind.PROMOTION, EVIDENCE, False)

    def last_reason(db: Session) -> str:
        moves, _ = list_moves(db, "brief", Place())
        return moves[0].reason

    assert await desk.runtime.read(desk.tenant, last_reason) == f"promotion {made.id}: proven"


@pytest.mark.parametrize("verdict", ["worse", "inconclusive", "not_worse"])
async def test_what_is_not_proven_is_promoted_only_by_name(desk: Desk, verdict: str) -> None:
    improvement_id = await desk.improvement("first", verdict)
    with pytest.raises(NotProven):
        await desk.promote(improvement_id)
    assert await desk.target() == "small"
    made = await desk.promote(improvement_id, override=True)
    assert made.override
    assert await desk.target() == "small/first"


async def test_the_policy_may_take_what_is_not_worse(desk: Desk) -> None:
    made = await desk.promote(await desk.improvement("first", "not_worse", when="not_worse"))
    assert not made.override


async def test_a_refusal_leaves_the_alias(desk: Desk) -> None:
    improvement_id = await desk.improvement("first", "inconclusive")

    def refuse(db: Session) -> Decision:
        row = db.get_one(Improvement, improvement_id)
        return decisions.refuse(db, desk.decider, row, EVIDENCE, reason="nothing proven")

    made = await desk.write(refuse)
    assert made.kind == DecisionKind.REFUSAL
    assert made.from_targets == made.to_targets
    assert await desk.target() == "small"


async def test_promotions_are_taken_back_one_by_one(desk: Desk) -> None:
    first = await desk.promote(await desk.improvement("first"))
    second = await desk.promote(await desk.improvement("second"))
    assert await desk.target() == "small/second"
    back = await desk.roll_back()
    assert (back.undoes_id, back.kind) == (second.id, DecisionKind.ROLLBACK)
    assert await desk.target() == "small/first"
    assert (await desk.roll_back()).undoes_id == first.id
    assert await desk.target() == "small"
    with pytest.raises(NothingToRollBack):
        await desk.roll_back()


async def test_a_move_by_hand_is_not_overwritten(desk: Desk) -> None:
    improvement_id = await desk.improvement("first")
    await desk.promote(improvement_id)

    def by_hand(db: Session) -> None:
        shares = shares_of(db, [TargetEntry(target="small/second")])
        who = desk.decider
        move_alias(db, who.clock, who.new_id, who.principal_id, "brief", shares, reason="trial")

    await desk.write(by_hand)
    with pytest.raises(AliasMovedSince):
        await desk.roll_back()
    with pytest.raises(AliasMovedSince):
        await desk.promote(improvement_id)
    assert await desk.target() == "small/second"


@pytest.mark.parametrize("verb", ["change", "remove"])
async def test_a_decision_is_never_changed_or_removed(desk: Desk, verb: str) -> None:
    await desk.promote(await desk.improvement("first"))

    def spoil(db: Session) -> None:
        row = db.scalars(select(Decision)).one()
        if verb == "change":
            row.reason = "another"
        else:
            db.delete(row)
        db.flush()

    with pytest.raises(WrittenOnce):
        await desk.write(spoil)


@pytest.mark.parametrize("verb", ["change", "remove"])
async def test_a_certificate_is_never_changed_or_removed(desk: Desk, verb: str) -> None:
    improvement_id = await desk.improvement("first")

    def issue(db: Session) -> None:
        db.add(
            Certificate(
                id=uuid4(),
                number=1,
                improvement_id=improvement_id,
                workflow="answer",
                verdict="better",
                content={},
                content_hash="sha256:0",
                created_at=desk.runtime.clock.now(),
            )
        )

    def spoil(db: Session) -> None:
        row = db.scalars(select(Certificate)).one()
        if verb == "change":
            row.verdict = "worse"
        else:
            db.delete(row)
        db.flush()

    await desk.write(issue)
    with pytest.raises(WrittenOnce):
        await desk.write(spoil)


class TestErrorBudget:
    async def test_all_looks_together_stay_within_the_level(self, desk: Desk) -> None:
        spent = 0.0
        for cycle in range(1, 21):
            number, alpha = await desk.write(take_look, desk.runtime.clock, "answer", 0.05)
            assert number == cycle
            spent += alpha
        (budget,) = await desk.runtime.read(desk.tenant, list_budgets)
        assert budget.spent == pytest.approx(spent)
        assert 0.0304 < spent < 0.05
        assert budget.spent + budget.next_alpha < budget.level

    async def test_the_first_look_fixes_the_level(self, desk: Desk) -> None:
        await desk.write(take_look, desk.runtime.clock, "answer", 0.05)
        await desk.write(take_look, desk.runtime.clock, "answer", 0.2)
        budget = await desk.runtime.read(desk.tenant, get_budget, "answer", 0.2)
        assert (budget.level, budget.cycles) == (0.05, 2)

    async def test_a_workflow_without_a_look_has_spent_nothing(self, desk: Desk) -> None:
        budget = await desk.runtime.read(desk.tenant, get_budget, "other", 0.1)
        assert (budget.spent, budget.cycles, budget.level) == (0.0, 0, 0.1)
        assert budget.next_alpha == pytest.approx(0.1 * 0.6079271)

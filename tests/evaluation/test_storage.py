"""What is written and counted, on each database, without a workflow: suites, cases, sums, verdicts."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from camel_ext.core.models import State
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.evaluation import (
    Comparison,
    Evaluation,
    GatePolicy,
    SuiteCreate,
    SuiteVersion,
    TargetKind,
    compare_evaluations,
    define_suite,
    get_suite_version,
    read_scores,
)
from camel_ext.evaluation.answers import Answered, find_equal, write_answers
from camel_ext.evaluation.evaluations import add_cases, end_evaluation
from tests.evaluation.conftest import suite

ADA = UUID(int=7)


def evaluation(db: Session, runtime: Runtime, version: SuiteVersion, target: str) -> Evaluation:
    """An evaluation that is under way, its cases written."""
    row = Evaluation(
        id=runtime.new_id(), suite="short", suite_version_id=version.id,
        target_kind=TargetKind.MODEL, target=target, workflow_version_id=None,
        pinned={"agents": {}, "models": {}}, engines=[], target_hash=target, seed=0, parallel=1,
        reuse=True, priority=0, state=State.RUNNING, total=version.case_count, done=0, reused=0,
        failed=0, means={}, prompt_tokens=0, completion_tokens=0, cost_usd_micros=0,
        principal_id=ADA, job_id=runtime.new_id(), trace_id="0" * 32,
        created_at=runtime.clock.now(),
    )  # fmt: skip
    db.add(row)
    db.flush()
    add_cases(db, row.id, get_suite_version(db, version.id).cases, 0)
    return row


def answered(position: int, passed: bool, **more: Any) -> Answered:
    found = {"state": "passed" if passed else "failed", "score": float(passed), "reason": ""}
    return Answered(
        position, "text", latency_ms=5.0, prompt_tokens=3, completion_tokens=2,
        cost_usd_micros=7, scores={"brief": found, "relevant": found}, **more,
    )  # fmt: skip


async def test_from_a_suite_to_a_verdict(runtime: Runtime, tenant: Tenant) -> None:
    clock, new_id = runtime.clock, runtime.new_id
    wanted = SuiteCreate.model_validate(suite())

    def walk(db: Session) -> Comparison:
        version = define_suite(db, clock, new_id, ADA, wanted)
        assert define_suite(db, clock, new_id, ADA, wanted) is version
        sides = []
        for target in ("before", "after"):
            row = evaluation(db, runtime, version, target)
            good = [answered(n, target == "after" and n % 3 > 0) for n in range(35)]
            failed = Answered(35, error=("serving.engine_refused", "no"))
            write_answers(db, clock, row.id, [*good, failed])
            assert (row.done, row.failed, row.reused) == (36, 1, 0)
            assert (row.prompt_tokens, row.cost_usd_micros) == (105, 245)
            end_evaluation(db, clock, row, State.SUCCEEDED)
            sides.append(row.id)
        equal = find_equal(db, evaluation(db, runtime, version, "after"), list(range(36)))
        assert len(equal) == 35, "what failed is asked again"
        assert {each.reused_from_id for each in equal} == {sides[1]}
        scores = read_scores(db, sides[1])
        assert scores.values["error"][list(scores.topics)[35]] == 1.0
        policy = GatePolicy(primary="brief", min_cases=30)
        return compare_evaluations(db, clock, new_id, ADA, sides[0], sides[1], policy)

    made = await runtime.write(tenant, walk)
    assert (made.verdict, made.n, made.topics) == ("better", 36, 12)
    assert made.result["candidate"] == 23 / 36

"""Routes of evaluations, judgings and comparisons; those of suites are in `api_suites`."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Body, Depends, Path, Query, Request, Response

from camel_ext.core.door import Created
from camel_ext.core.http import problems
from camel_ext.core.paging import Page, Place, place
from camel_ext.core.routes import Router
from camel_ext.evaluation import comparisons, evaluations, judgings
from camel_ext.evaluation.api_suites import router as suites
from camel_ext.evaluation.comparisons import Comparable
from camel_ext.evaluation.findings import Finding
from camel_ext.evaluation.models import Comparison, Evaluation, Judging
from camel_ext.evaluation.plans import plan
from camel_ext.evaluation.schemas import (
    CaseShown,
    CasesShown,
    ComparisonMake,
    ComparisonShown,
    EvaluationShown,
    EvaluationStart,
    JudgingShown,
    JudgingStart,
    PlanAsked,
    PlanShown,
)
from camel_ext.identity import Editor, Viewer
from camel_ext.workflows import asker_of

router = Router(prefix="/api/v1", tags=["evaluation"])
routers = [suites, router]

Where = Annotated[Place, Depends(place)]
EvaluationId = Annotated[UUID, Path(description="The evaluation's id.")]
JudgingId = Annotated[UUID, Path(description="The judging's id.")]
WORKFLOW = {"suite": "brief-answers", "workflow": "answer", "models": {"small": "bundled/brief"}}
STARTS = {
    "workflow": {"summary": "A workflow with an adapter", "value": WORKFLOW},
    "model": {
        "summary": "A model by itself",
        "value": {"suite": "brief-answers", "model": "bundled"},
    },
}


@router.post("/evaluations", status_code=202, response_model=EvaluationShown,
             responses=problems(404, 409), summary="Evaluate a workflow or a model")  # fmt: skip
async def start(
    body: Annotated[EvaluationStart, Body(openapi_examples=STARTS)], request: Request, door: Editor
) -> Response:
    asker = asker_of(door)

    def begin(db: Any) -> Created:
        made = evaluations.start_evaluation(db, asker, body)
        return Created(made, f"/api/v1/evaluations/{made.id}")

    return await door.create(request, EvaluationShown, begin, status=202)


@router.post("/evaluations/plan", response_model=PlanShown, responses=problems(404),
             summary="What an evaluation could show, and what it would take")  # fmt: skip
async def make_plan(body: PlanAsked, door: Editor) -> PlanShown:
    await door.runtime.threads.run("work", comparisons.load_statistics)
    return await door.read(plan, body)


@router.get("/evaluations", response_model=Page[EvaluationShown], responses=problems(),
            summary="Evaluations, newest first")  # fmt: skip
async def list_(
    door: Viewer,
    where: Where,
    suite: Annotated[str | None, Query(description="Only of this suite.", max_length=64)] = None,
) -> dict[str, Any]:
    return _page(await door.read(evaluations.list_evaluations, where, suite))


@router.get("/evaluations/{evaluation_id}", response_model=EvaluationShown,
            responses=problems(404), summary="One evaluation")  # fmt: skip
async def show(evaluation_id: EvaluationId, door: Viewer) -> Evaluation:
    return await door.read(evaluations.get_evaluation, evaluation_id)


@router.get("/evaluations/{evaluation_id}/cases", responses=problems(404),
            summary="Its cases with answers and scores, in the suite's order")  # fmt: skip
async def cases(
    evaluation_id: EvaluationId,
    door: Viewer,
    after: Annotated[int, Query(ge=-1, lt=2**31, description="Only after this position.")] = -1,
    limit: Annotated[int, Query(ge=1, le=500, description="At most so many.")] = 100,
) -> CasesShown:
    found = await door.read(evaluations.list_cases, evaluation_id, after, limit + 1)
    items = [CaseShown.model_validate(each) for each in found[:limit]]
    more = len(found) > limit
    return CasesShown(items=items, next_after=items[-1].position if more else None)


@router.post("/evaluations/{evaluation_id}/cancel", response_model=EvaluationShown,
             responses=problems(404), summary="Stop an evaluation; what it found stays")  # fmt: skip
async def cancel(evaluation_id: EvaluationId, door: Editor) -> Evaluation:
    return await door.write(evaluations.cancel_evaluation, door.runtime.clock, evaluation_id)


@router.post("/judgings", status_code=202, response_model=JudgingShown,
             responses=problems(404, 409), summary="Let a judge look at two evaluations")  # fmt: skip
async def start_judging(body: JudgingStart, request: Request, door: Editor) -> Response:
    asker = asker_of(door)

    def begin(db: Any) -> Created:
        made = judgings.start_judging(db, asker, body)
        return Created(made, f"/api/v1/judgings/{made.id}")

    return await door.create(request, JudgingShown, begin, status=202)


@router.get("/judgings", response_model=Page[JudgingShown], responses=problems(),
            summary="Judgings, newest first")  # fmt: skip
async def list_judgings(door: Viewer, where: Where) -> dict[str, Any]:
    return _page(await door.read(judgings.list_judgings, where))


@router.get("/judgings/{judging_id}", response_model=JudgingShown, responses=problems(404),
            summary="One judging, with what was preferred in each case")  # fmt: skip
async def show_judging(judging_id: JudgingId, door: Viewer) -> Judging:
    return await door.read(judgings.get_judging, judging_id)


@router.post("/judgings/{judging_id}/cancel", response_model=JudgingShown,
             responses=problems(404), summary="Stop a judging")  # fmt: skip
async def cancel_judging(judging_id: JudgingId, door: Editor) -> Judging:
    return await door.write(judgings.cancel_judging, door.runtime.clock, judging_id)


@router.post("/comparisons", status_code=201, response_model=ComparisonShown,
             responses=problems(404, 409),
             summary="Compare two evaluations, and write the verdict down")  # fmt: skip
async def make_comparison(body: ComparisonMake, request: Request, door: Editor) -> Response:
    both = await door.read(
        comparisons.read_comparable, body.baseline_id, body.candidate_id, body.policy
    )
    finding = await door.runtime.threads.run(
        "work", comparisons.decide, both, body.policy, body.alpha
    )
    return await door.create(
        request, ComparisonShown, lambda db: _written(db, door, both, body, finding)
    )


def _written(
    db: Any, door: Editor, both: Comparable, body: ComparisonMake, finding: Finding
) -> Created:
    made = comparisons.write_comparison(
        db, door.runtime.clock, door.runtime.new_id, door.principal_id, both, body.policy, finding
    )
    return Created(made, f"/api/v1/comparisons/{made.id}")


@router.get("/comparisons", response_model=Page[ComparisonShown], responses=problems(),
            summary="Comparisons, newest first")  # fmt: skip
async def list_comparisons(
    door: Viewer,
    where: Where,
    candidate_id: Annotated[
        UUID | None, Query(description="Only of this evaluation as candidate.")
    ] = None,
) -> dict[str, Any]:
    return _page(await door.read(comparisons.list_comparisons, where, candidate_id))


@router.get("/comparisons/{comparison_id}", response_model=ComparisonShown,
            responses=problems(404), summary="One comparison")  # fmt: skip
async def show_comparison(
    comparison_id: Annotated[UUID, Path(description="Its id.")], door: Viewer
) -> Comparison:
    return await door.read(comparisons.get_comparison, comparison_id)


def _page(found: tuple[list[Any], str | None]) -> dict[str, Any]:
    return {"items": found[0], "next_cursor": found[1]}

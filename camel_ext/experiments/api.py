"""Routes of improvements, certificates, decisions, error budgets, lineage, and the whole."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path, Query, Request, Response
from sqlalchemy.orm import Session

from camel_ext.core.counting import growing_counts
from camel_ext.core.door import Created, MaybeIfMatch, etag
from camel_ext.core.http import problems
from camel_ext.core.models import State
from camel_ext.core.paging import Page, Place, place
from camel_ext.core.routes import Router
from camel_ext.evaluation import load_statistics
from camel_ext.experiments import budget, certificates, decisions, improvements, lineage, plans
from camel_ext.experiments.models import Decision, Improvement
from camel_ext.experiments.overview import read_overview
from camel_ext.experiments.rendering import as_html, as_markdown
from camel_ext.experiments.schemas import (
    BudgetShown,
    CertificateListed,
    CertificateShown,
    DecisionShown,
    ImprovementListed,
    ImprovementShown,
    ImprovePlanShown,
    ImproveStart,
    Promote,
    Refuse,
    RollBack,
    StageShown,
)
from camel_ext.experiments.schemas_lineage import VersionLineage
from camel_ext.experiments.schemas_overview import OverviewShown
from camel_ext.experiments.stages import list_stages
from camel_ext.identity import Editor, Viewer
from camel_ext.workflows import asker_of

router = Router(prefix="/api/v1", tags=["experiments"])
Where = Annotated[Place, Depends(place)]
ImprovementId = Annotated[UUID, Path(description="The improvement's id.")]
CertificateId = Annotated[UUID, Path(description="The certificate's id.")]
DecisionId = Annotated[UUID, Path(description="The decision's id.")]
ALONE = {  # goals and answers in it are anybody's text: nothing in the page may load or run
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


@router.post("/improvements", status_code=202, response_model=ImprovementShown,
             responses=problems(404, 409),
             summary="Improve a workflow: from runs to a proven adapter")  # fmt: skip
async def start(body: ImproveStart, request: Request, door: Editor) -> Response:
    asker = asker_of(door)

    def make(db: Session) -> Created:
        improvement = improvements.start_improvement(db, asker, body)
        where = f"/api/v1/improvements/{improvement.id}"
        return Created(_shown(db, improvement), where, improvement.revision)

    return await door.create(request, ImprovementShown, make, status=202)


@router.post("/improvements/plan", responses=problems(404),
             summary="What an improvement would do and could prove; starts nothing")  # fmt: skip
async def plan(body: ImproveStart, door: Editor) -> ImprovePlanShown:
    await door.runtime.threads.run("work", load_statistics)
    return await door.write(plans.plan_improvement, asker_of(door), body)


@router.get("/improvements", response_model=Page[ImprovementListed], responses=problems(),
            summary="Improvements, newest first")  # fmt: skip
async def list_(
    door: Viewer,
    where: Where,
    state: Annotated[State | None, Query(description="Only those in this state.")] = None,
    workflow: Annotated[str | None, Query(description="Only of this workflow.")] = None,
) -> dict[str, Any]:
    return _page(await door.read(improvements.list_improvements, where, state, workflow))


@router.get("/improvements/{improvement_id}", responses=problems(404),
            summary="One improvement with its stages")  # fmt: skip
async def show(improvement_id: ImprovementId, door: Viewer, response: Response) -> ImprovementShown:
    def read(db: Session) -> ImprovementShown:
        return _shown(db, improvements.get_improvement(db, improvement_id))

    return _tagged(response, await door.read(read))


@router.post("/improvements/{improvement_id}/cancel", responses=problems(404, 409, 412),
             summary="Stop an improvement and what it started")  # fmt: skip
async def cancel(
    improvement_id: ImprovementId, door: Editor, revision: MaybeIfMatch, response: Response
) -> ImprovementShown:
    asker = asker_of(door)

    def write(db: Session) -> ImprovementShown:
        return _shown(db, improvements.cancel_improvement(db, asker, improvement_id, revision))

    return _tagged(response, await door.write(write))


@router.post("/improvements/{improvement_id}/resume", responses=problems(404, 409, 412),
             summary="Go on with one that failed or was cancelled")  # fmt: skip
async def resume(
    improvement_id: ImprovementId, door: Editor, revision: MaybeIfMatch, response: Response
) -> ImprovementShown:
    asker = asker_of(door)

    def write(db: Session) -> ImprovementShown:
        return _shown(db, improvements.resume_improvement(db, asker, improvement_id, revision))

    return _tagged(response, await door.write(write))


@router.post("/improvements/{improvement_id}/promote", status_code=201,
             response_model=DecisionShown, responses=problems(404, 409),
             summary="Promote its candidate: the alias moves")  # fmt: skip
async def promote(
    improvement_id: ImprovementId, body: Promote, request: Request, door: Editor
) -> Response:
    asker = asker_of(door)
    return await door.create(
        request,
        DecisionShown,
        lambda db: _made(improvements.promote(db, asker, improvement_id, body)),
    )


@router.post("/improvements/{improvement_id}/refuse", status_code=201,
             response_model=DecisionShown, responses=problems(404, 409),
             summary="Refuse its candidate: the alias stays")  # fmt: skip
async def refuse(
    improvement_id: ImprovementId, body: Refuse, request: Request, door: Editor
) -> Response:
    asker = asker_of(door)
    return await door.create(
        request,
        DecisionShown,
        lambda db: _made(improvements.refuse(db, asker, improvement_id, body)),
    )


@router.post("/decisions/rollback", status_code=201, response_model=DecisionShown,
             responses=problems(404, 409),
             summary="Take the last promotion of an alias back")  # fmt: skip
async def roll_back(body: RollBack, request: Request, door: Editor) -> Response:
    asker = asker_of(door)
    return await door.create(
        request,
        DecisionShown,
        lambda db: _made(improvements.roll_back(db, asker, body.alias, body.reason)),
    )


@router.get("/decisions", response_model=Page[DecisionShown], responses=problems(),
            summary="Decisions, newest first")  # fmt: skip
async def list_decisions(
    door: Viewer,
    where: Where,
    alias: Annotated[str | None, Query(description="Only about this alias.")] = None,
) -> dict[str, Any]:
    return _page(await door.read(decisions.list_decisions, where, alias))


@router.get("/decisions/{decision_id}", response_model=DecisionShown, responses=problems(404),
            summary="One decision")  # fmt: skip
async def show_decision(decision_id: DecisionId, door: Viewer) -> Decision:
    return await door.read(decisions.get_decision, decision_id)


@router.get("/certificates", response_model=Page[CertificateListed], responses=problems(),
            summary="Certificates, newest first")  # fmt: skip
async def list_certificates(
    door: Viewer,
    where: Where,
    workflow: Annotated[str | None, Query(description="Only of this workflow.")] = None,
) -> dict[str, Any]:
    return _page(await door.read(certificates.list_certificates, where, workflow))


@router.get("/certificates/{certificate_id}", response_model=CertificateShown,
            responses=problems(404),
            summary="One certificate, with the decision made on it")  # fmt: skip
async def show_certificate(certificate_id: CertificateId, door: Viewer) -> dict[str, Any]:
    return await door.read(certificates.show_certificate, certificate_id)


@router.get("/certificates/{certificate_id}/html", response_class=Response,
            responses=problems(404) | {200: {"content": {"text/html": {}}}},
            summary="One certificate as a page that opens offline")  # fmt: skip
async def certificate_page(certificate_id: CertificateId, door: Viewer) -> Response:
    shown = await door.read(certificates.show_certificate, certificate_id)
    page = await door.runtime.threads.run("work", as_html, shown)
    return Response(page, media_type="text/html; charset=utf-8", headers=ALONE)


@router.get("/certificates/{certificate_id}/markdown", response_class=Response,
            responses=problems(404) | {200: {"content": {"text/markdown": {}}}},
            summary="One certificate as Markdown")  # fmt: skip
async def certificate_text(certificate_id: CertificateId, door: Viewer) -> Response:
    shown = await door.read(certificates.show_certificate, certificate_id)
    text = await door.runtime.threads.run("work", as_markdown, shown)
    return Response(text, media_type="text/markdown; charset=utf-8")


@router.get("/model-versions/{version_id}/lineage", responses=problems(404),
            summary="Where a version comes from, down to who judged")  # fmt: skip
async def show_lineage(
    version_id: Annotated[UUID, Path(description="The version's id.")], door: Viewer
) -> VersionLineage:
    return await door.read(lineage.trace_model, version_id)


@router.get("/overview", responses=problems(), summary="The whole at a glance")
async def overview(
    door: Viewer,
    utc_offset_min: Annotated[
        int, Query(ge=-14 * 60, le=14 * 60, description="Whose days: minutes ahead of UTC.")
    ] = 0,
) -> OverviewShown:
    runtime = door.runtime
    return await door.read(
        read_overview, runtime.clock, growing_counts(runtime), timedelta(minutes=utc_offset_min)
    )


@router.get("/error-budgets", response_model=list[BudgetShown], responses=problems(),
            summary="What each workflow's verdicts may be wrong, and what is spent")  # fmt: skip
async def list_budgets(door: Viewer) -> list[budget.Budget]:
    return await door.read(budget.list_budgets)


def _shown(db: Session, improvement: Improvement) -> ImprovementShown:
    stages = []
    for row in list_stages(db, improvement.id):
        ended = row.finished_at
        wall_s = None if ended is None else (ended - row.started_at).total_seconds()
        stages.append({**{name: getattr(row, name) for name in _STAGE}, "wall_s": wall_s})
    listed = ImprovementListed.model_validate(improvement).model_dump()
    return ImprovementShown.model_validate(
        {**listed, "config": improvement.config, "stages": stages}
    )


_STAGE = tuple(name for name in StageShown.model_fields if name != "wall_s")


def _made(decision: Decision) -> Created:
    return Created(decision, f"/api/v1/decisions/{decision.id}")


def _page(found: tuple[list[Any], str | None]) -> dict[str, Any]:
    items, following = found
    return {"items": items, "next_cursor": following}


def _tagged(response: Response, shown: ImprovementShown) -> ImprovementShown:
    response.headers["ETag"] = etag(shown.revision)
    return shown

"""Routes of improvements, certificates and decisions, with what organisation A owns."""

from uuid import UUID

from httpx import AsyncClient, Response
from sqlalchemy.orm import Session

from camel_ext.core.models import State
from camel_ext.experiments.models import Certificate, Decision, DecisionKind, Improvement
from camel_ext.registry import get_alias
from tests.conftest import House
from tests.experiments.conftest import config
from tests.experiments.examples import shown
from tests.route_calls import CANARY, CREATES, HIDDEN, LISTS, NAME, Cases, Owned, get, send

IMPROVEMENT = "/api/v1/improvements/{improvement_id}"
CERTIFICATE = "/api/v1/certificates/{certificate_id}"


async def _start(client: AsyncClient, owned: Owned) -> Response:
    body = {"workflow": f"{NAME}-flow", "config": {**config(), "agent": f"{NAME}-agent"}}
    return await client.post("/api/v1/improvements", json=body)


async def _plan(client: AsyncClient, owned: Owned) -> Response:
    body = {"workflow": f"{NAME}-flow", "config": {**config(), "agent": f"{NAME}-agent"}}
    return await client.post("/api/v1/improvements/plan", json=body)


CASES: Cases = {
    ("POST", "/api/v1/improvements"): (_start, HIDDEN),
    ("POST", "/api/v1/improvements/plan"): (_plan, HIDDEN),
    ("GET", "/api/v1/improvements"): (get("/api/v1/improvements"), LISTS),
    ("GET", IMPROVEMENT): (get(IMPROVEMENT), HIDDEN),
    ("POST", f"{IMPROVEMENT}/promote"): (send("POST", f"{IMPROVEMENT}/promote", {}), HIDDEN),
    ("POST", f"{IMPROVEMENT}/refuse"): (send("POST", f"{IMPROVEMENT}/refuse", {}), HIDDEN),
    ("POST", f"{IMPROVEMENT}/cancel"): (send("POST", f"{IMPROVEMENT}/cancel"), HIDDEN),
    ("POST", f"{IMPROVEMENT}/resume"): (send("POST", f"{IMPROVEMENT}/resume"), HIDDEN),
    ("GET", "/api/v1/certificates"): (get("/api/v1/certificates"), LISTS),
    ("GET", CERTIFICATE): (get(CERTIFICATE), HIDDEN),
    ("GET", f"{CERTIFICATE}/html"): (get(f"{CERTIFICATE}/html"), HIDDEN),
    ("GET", f"{CERTIFICATE}/markdown"): (get(f"{CERTIFICATE}/markdown"), HIDDEN),
    ("GET", "/api/v1/decisions"): (get("/api/v1/decisions"), LISTS),
    ("GET", "/api/v1/decisions/{decision_id}"): (get("/api/v1/decisions/{decision_id}"), HIDDEN),
    ("POST", "/api/v1/decisions/rollback"): (
        send("POST", "/api/v1/decisions/rollback", {"alias": NAME}),
        HIDDEN,
    ),
    ("GET", "/api/v1/model-versions/{version_id}/lineage"): (
        get("/api/v1/model-versions/{version_id}/lineage"),
        HIDDEN,
    ),
    ("GET", "/api/v1/overview"): (get("/api/v1/overview"), LISTS),
    ("GET", "/api/v1/error-budgets"): (get("/api/v1/error-budgets"), LISTS),
}
assert CREATES  # nothing here makes something of B's own: all of it rests on A's workflow


async def own(house: House, owned: Owned) -> None:
    """A finished improvement with its certificate and its decision, as a loop would leave them."""
    runtime = house.runtime

    def make(db: Session) -> None:
        now, new_id = runtime.clock.now(), runtime.new_id
        version_id = UUID(get_alias(db, NAME).targets[0]["version_id"])
        content = {**shown(workflow=f"{NAME}-flow", description=CANARY), "name": "C-0001"}
        ids = {name: new_id() for name in ("improvement", "certificate", "decision")}
        for extra in ("decision_id", "approved_by", "decision", "live", "content_hash"):
            del content[extra]
        content |= {"id": str(ids["certificate"]), "improvement_id": str(ids["improvement"])}
        db.add(
            Improvement(
                id=ids["improvement"], workflow=f"{NAME}-flow", workflow_version_id=new_id(),
                agent=f"{NAME}-agent", alias=NAME, baseline_version_id=version_id,
                candidate_version_id=version_id, config=config(promote="{when: never}"),
                policy_hash="sha256:0", seed=1, state=State.SUCCEEDED, verdict="better",
                certificate_id=ids["certificate"], decision_id=ids["decision"], priority=0,
                job_id=_job(db, house), principal_id=new_id(), trace_id="0" * 32, revision=1,
                created_at=now, finished_at=now,
            )
        )  # fmt: skip
        db.flush()
        db.add(
            Certificate(
                id=ids["certificate"], number=1, improvement_id=ids["improvement"],
                workflow=f"{NAME}-flow", verdict="better", content=content,
                content_hash="sha256:0", created_at=now,
            )
        )  # fmt: skip
        db.add(
            Decision(
                id=ids["decision"], kind=DecisionKind.REFUSAL, alias=NAME, workflow=f"{NAME}-flow",
                from_targets=[], to_targets=[], improvement_id=ids["improvement"],
                certificate_id=ids["certificate"], evidence={}, automatic=True, override=False,
                principal_id=new_id(), reason=CANARY, created_at=now,
            )
        )  # fmt: skip
        owned.ids |= {f"{name}_id": str(each) for name, each in ids.items()}

    await runtime.write(house.owner.tenant, make)


def _job(db: Session, house: House) -> UUID:
    from camel_ext.core.models import Job

    now = house.runtime.clock.now()
    job = Job(
        id=house.runtime.new_id(), kind="experiments.improve", args={}, run_at=now, resources={},
        trace_id="0" * 32, created_at=now, state=State.SUCCEEDED, finished_at=now,
    )  # fmt: skip
    db.add(job)
    db.flush()
    return job.id

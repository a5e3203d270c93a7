"""What this room's routes are called with by strangers, viewers and other organisations."""

from sqlalchemy import select

from camel_ext.core.models import Job, Worker
from tests.conftest import House
from tests.route_calls import CREATES, HIDDEN, LISTS, OPERATES, Cases, Owned, get, send

JOB = "/api/v1/jobs/{job_id}"
QUEUE = "/api/v1/queues/training"
WORKER = "/api/v1/workers/{worker_id}"

CASES: Cases = {
    ("GET", "/api/v1/jobs"): (get("/api/v1/jobs"), LISTS),
    ("GET", JOB): (get(JOB), HIDDEN),
    ("POST", JOB + "/cancel"): (send("POST", JOB + "/cancel"), HIDDEN),
    ("POST", JOB + "/repeat"): (send("POST", JOB + "/repeat"), HIDDEN),
    ("PUT", JOB + "/priority"): (send("PUT", JOB + "/priority", {"priority": 3}), HIDDEN),
    ("GET", "/api/v1/dead-letters"): (get("/api/v1/dead-letters"), LISTS),
    ("POST", "/api/v1/dead-letters/repeat"): (
        send("POST", "/api/v1/dead-letters/repeat", {}),
        LISTS,
    ),
    ("GET", "/api/v1/queues"): (get("/api/v1/queues"), LISTS),
    ("POST", "/api/v1/queues/{name}/pause"): (send("POST", QUEUE + "/pause"), CREATES),
    ("POST", "/api/v1/queues/{name}/resume"): (send("POST", QUEUE + "/resume"), CREATES),
    ("GET", "/api/v1/limits"): (get("/api/v1/limits"), LISTS),
    ("PUT", "/api/v1/limits/{name:path}"): (
        send("PUT", "/api/v1/limits/workflow:own", {"at_once": 1}),
        CREATES,
    ),
    ("DELETE", "/api/v1/limits/{name:path}"): (
        send("DELETE", "/api/v1/limits/workflow:canary4711-flow"),
        HIDDEN,
    ),
    ("GET", "/api/v1/workers"): (get("/api/v1/workers"), OPERATES),
    ("POST", WORKER + "/drain"): (send("POST", WORKER + "/drain"), OPERATES),
    ("POST", WORKER + "/resume"): (send("POST", WORKER + "/resume"), OPERATES),
}


async def own(house: House, owned: Owned) -> None:
    """Name a job of A's, and the worker that executed it."""
    runtime, tenant = house.runtime, house.owner.tenant
    job_id = await runtime.read(tenant, lambda db: db.scalars(select(Job.id)).first())
    worker_id = await runtime.read(tenant, lambda db: db.scalars(select(Worker.id)).first())
    answer = await house.client.put("/api/v1/limits/workflow:canary4711-flow", json={"at_once": 9})
    assert answer.status_code == 200, answer.text
    owned.ids |= {"job_id": str(job_id), "worker_id": str(worker_id)}

"""What this room's routes are called with by strangers, viewers and other organisations."""

from tests.conftest import House
from tests.route_calls import CANARY, CREATES, HIDDEN, LISTS, NAME, Cases, Owned, get, send

SCHEDULES = "/api/v1/schedules"
ONE = SCHEDULES + "/{schedule_id}"
CRON = {"kind": "cron", "cron": "0 0 1 1 *", "timezone": "UTC"}
FLOW = {
    "task": "workflows.start_run",
    "arguments": {"workflow": "canary4711-flow", "input": {"goal": "x"}},
    "timing": CRON,
}

CASES: Cases = {
    ("GET", "/api/v1/schedulable-tasks"): (get("/api/v1/schedulable-tasks"), LISTS),
    ("POST", SCHEDULES + "/preview"): (
        send("POST", SCHEDULES + "/preview", {"timing": CRON}),
        CREATES,
    ),
    ("POST", SCHEDULES): (send("POST", SCHEDULES, FLOW | {"name": "other"}), HIDDEN),
    ("GET", SCHEDULES): (get(SCHEDULES), LISTS),
    ("GET", ONE): (get(ONE), HIDDEN),
    ("PUT", ONE): (send("PUT", ONE, FLOW, If_Match='"1"'), HIDDEN),
    ("POST", ONE + "/pause"): (send("POST", ONE + "/pause", {}), HIDDEN),
    ("POST", ONE + "/resume"): (send("POST", ONE + "/resume"), HIDDEN),
    ("POST", ONE + "/run"): (send("POST", ONE + "/run"), HIDDEN),
    ("GET", ONE + "/next"): (get(ONE + "/next"), HIDDEN),
    ("GET", ONE + "/firings"): (get(ONE + "/firings"), HIDDEN),
    ("DELETE", ONE): (
        send("DELETE", SCHEDULES + "/{spare_schedule_id}", If_Match='"1"'),
        HIDDEN,
    ),
}


async def own(house: House, owned: Owned) -> None:
    """Two schedules of the local organisation; one of them has fired."""
    for name, key in ((NAME, "schedule_id"), (f"{NAME}-2", "spare_schedule_id")):
        body = FLOW | {"name": name, "description": CANARY}
        answer = await house.client.post(SCHEDULES, json=body)
        assert answer.status_code == 201, answer.text
        owned.ids[key] = answer.json()["id"]
    fired = await house.client.post(f"{SCHEDULES}/{owned.ids['schedule_id']}/run")
    assert fired.status_code == 202, fired.text

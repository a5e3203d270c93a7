"""What this room's routes of import and retention are called with by strangers and others."""

from tests.conftest import House
from tests.interactions.old_calls import old_talk
from tests.route_calls import CREATES, HIDDEN, LISTS, NAME, Call, Cases, Owned, get, send

IMPORT = "/api/v1/interactions/import"
POLICY = "/api/v1/interaction-retention"
SWEEPS = "/api/v1/interaction-sweeps"
ARCHIVES = "/api/v1/interaction-archives"
LINE = (
    f'{{"model": "{NAME}", "request": {{"messages": [{{"role": "user", "content": "mine"}}]}}, '
    '"error_code": "x.lost", "total_ms": 1}'
)


def one_line() -> Call:
    return lambda client, _owned: client.post(IMPORT, content=LINE)


CASES: Cases = {
    ("POST", IMPORT): (one_line(), HIDDEN),
    ("GET", POLICY): (get(POLICY), HIDDEN),
    ("PUT", POLICY): (send("PUT", POLICY, {"keep_days": 90}), CREATES),
    ("POST", SWEEPS): (send("POST", SWEEPS, {"older_than_days": 90}), CREATES),
    ("GET", SWEEPS): (get(SWEEPS), LISTS),
    ("GET", SWEEPS + "/{sweep_id}"): (get(SWEEPS + "/{sweep_id}"), HIDDEN),
    ("POST", SWEEPS + "/{sweep_id}/cancel"): (send("POST", SWEEPS + "/{sweep_id}/cancel"), HIDDEN),
    ("GET", ARCHIVES): (get(ARCHIVES), LISTS),
    ("GET", ARCHIVES + "/{archive_id}"): (get(ARCHIVES + "/{archive_id}"), HIDDEN),
    ("POST", ARCHIVES + "/{archive_id}/restore"): (
        send("POST", ARCHIVES + "/{archive_id}/restore"),
        HIDDEN,
    ),
    ("DELETE", POLICY): (send("DELETE", POLICY), CREATES),
}


async def own(house: House, owned: Owned) -> None:
    """A policy, a sweep by it, and an archive of one old call."""
    client = house.client
    await old_talk(house.runtime, house.owner.tenant, 1, days=40)
    assert (await client.put(POLICY, json={"keep_days": 30})).is_success
    sweep = (await client.post(SWEEPS, json={})).json()
    for _ in range(600):
        if sweep["state"] not in ("queued", "running"):
            break
        await house.runtime.clock.sleep(0.02)
        sweep = (await client.get(f"{SWEEPS}/{sweep['id']}")).json()
    assert (sweep["state"], sweep["archived"]) == ("succeeded", 1), sweep
    owned.ids["sweep_id"] = sweep["id"]
    owned.ids["archive_id"] = (await client.get(ARCHIVES)).json()["items"][0]["id"]

"""Routes of forks and of revisions, with what organisation A owns."""

from httpx import AsyncClient, Response

from tests.conftest import House
from tests.route_calls import HIDDEN, LISTS, Cases, Owned, get, send


async def _start(client: AsyncClient, owned: Owned) -> Response:
    body = {"interaction_id": owned.ids["interaction_id"], "samples": 1}
    return await client.post("/api/v1/forks", json=body)


REVISIONS = "/api/v1/configurations/main/revisions"
TEMPLATE = "/api/v1/configurations/{name}/revisions"

CASES: Cases = {
    ("GET", TEMPLATE): (get(REVISIONS), HIDDEN),
    ("GET", TEMPLATE + "/{revision}"): (get(REVISIONS + "/1"), HIDDEN),
    ("POST", TEMPLATE + "/{revision}/restore"): (
        send("POST", REVISIONS + "/1/restore", {"dry_run": True}),
        HIDDEN,
    ),
    ("GET", "/api/v1/configuration-schemas"): (get("/api/v1/configuration-schemas"), LISTS),
    ("POST", "/api/v1/forks"): (_start, HIDDEN),
    ("GET", "/api/v1/forks"): (get("/api/v1/forks"), LISTS),
    ("GET", "/api/v1/forks/{fork_id}"): (get("/api/v1/forks/{fork_id}"), HIDDEN),
    ("POST", "/api/v1/forks/{fork_id}/cancel"): (
        send("POST", "/api/v1/forks/{fork_id}/cancel"),
        HIDDEN,
    ),
}


async def own(house: House, owned: Owned) -> None:
    """A fork of the call that A's run made."""
    made = (await _start(house.client, owned)).json()
    owned.ids["fork_id"] = made["id"]

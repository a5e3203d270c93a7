"""Routes of forks, with what organisation A owns."""

from httpx import AsyncClient, Response

from tests.conftest import House
from tests.route_calls import HIDDEN, LISTS, Cases, Owned, get, send


async def _start(client: AsyncClient, owned: Owned) -> Response:
    body = {"interaction_id": owned.ids["interaction_id"], "samples": 1}
    return await client.post("/api/v1/forks", json=body)


CASES: Cases = {
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

"""Routes of who is asking, keys and sign-ins, with what organisation A owns."""

from tests.conftest import House
from tests.route_calls import (
    CANARY,
    CREATES,
    HIDDEN,
    LISTS,
    NAME,
    OPEN,
    OWN,
    Cases,
    Owned,
    get,
    send,
)

CASES: Cases = {
    ("GET", "/api/v1/me"): (get("/api/v1/me"), LISTS),
    ("GET", "/api/v1/principals"): (get("/api/v1/principals"), LISTS),
    ("GET", "/api/v1/keys"): (get("/api/v1/keys"), LISTS),
    ("POST", "/api/v1/keys"): (send("POST", "/api/v1/keys", {"name": "k"}), CREATES),
    ("DELETE", "/api/v1/keys/{key_id}"): (send("DELETE", "/api/v1/keys/{key_id}"), HIDDEN),
    ("POST", "/api/v1/sign-in-codes"): (send("POST", "/api/v1/sign-in-codes"), OWN),
    ("POST", "/api/v1/sign-ins"): (send("POST", "/api/v1/sign-ins", {"code": "x" * 32}), OPEN),
    ("GET", "/api/v1/preferences"): (get("/api/v1/preferences"), LISTS),
    ("PUT", "/api/v1/preferences"): (
        send("PUT", "/api/v1/preferences", {"theme": "dark"}, If_Match='"1"'),
        OWN,
    ),
    ("POST", "/api/v1/sign-outs"): (send("POST", "/api/v1/sign-outs"), OWN),
}


async def own(house: House, owned: Owned) -> None:
    """A key and the preferences of ours."""
    view = {"name": NAME, "query": CANARY}
    kept = await house.client.put(
        "/api/v1/preferences", json={"views": {"/": [view]}}, headers={"If-Match": '"0"'}
    )
    assert kept.is_success, kept.text
    key = (await house.client.post("/api/v1/keys", json={"name": CANARY})).json()
    owned.ids["key_id"] = key["id"]

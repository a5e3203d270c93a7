"""The route of verifiers: the same for everybody who has a key."""

from tests.conftest import House
from tests.route_calls import LISTS, Cases, Owned, get

CASES: Cases = {("GET", "/api/v1/verifiers"): (get("/api/v1/verifiers"), LISTS)}


async def own(house: House, owned: Owned) -> None:
    """Nobody owns a verifier."""

"""How route cases are written: calls with things that organisation A owns, and what B may get.

A room's cases stand in `tests/<room>/route_cases.py`: `CASES`, and `own`, which makes the room's things.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from httpx import AsyncClient, Response

CANARY = "secret4712"  # stands in contents of A, never in a request of B
NAME = "canary4711"  # names things of A; who asks for it by name is told that name back


@dataclass
class Owned:
    """What organisation A has, by the name of the path parameter that names it."""

    ids: dict[str, str] = field(default_factory=dict)


Call = Callable[[AsyncClient, Owned], Awaitable[Response]]


def get(path: str) -> Call:
    return lambda client, owned: client.get(path.format(**owned.ids))


def send(method: str, path: str, body: Any = None, **headers: str) -> Call:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return lambda client, owned: client.request(
        method, path.format(**owned.ids), json=body, headers=named
    )


LISTS = "lists"  # B gets its own, without a canary
HIDDEN = "hidden"  # B gets 404
STREAMS = "streams"  # it never ends: tests/events tries it as another organisation
CREATES = "creates"  # B makes something of its own, or is told what it lacks: nothing of A shows
OWN = "own"  # about the caller alone: whoever has a key may, and gets or changes what is its own
OPERATES = "operates"  # B gets 403, as does any role but owner: it concerns the installation
OPEN = "open"  # takes no key, being how one is got: the room's tests try it
Cases = dict[tuple[str, str], tuple[Call, str]]
"""(method, path of the route) -> how to call it with A's things, and what B may get."""

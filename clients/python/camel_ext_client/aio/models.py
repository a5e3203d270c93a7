"""Routes of the registry: models and adapters, their versions, aliases and their moves.

Written by `make client` from `models.py`: change that one.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, cast

from camel_ext_client.aio.pages import each
from camel_ext_client.aio.transport import AsyncTransport
from camel_ext_client.models import ALIASES, MODELS, Lineage, if_match
from camel_ext_client.shapes import Alias, Model, ModelVersion, Move, Page, Target


class Models:
    """`client.models`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[Model]:
        """Return a page of models and adapters, newest first."""
        return cast(Page[Model], await self._transport.get(MODELS, limit=limit, cursor=cursor))

    def each(self) -> AsyncIterator[Model]:
        """Yield all models and adapters, newest first."""
        return each(lambda at: self.list(limit=200, cursor=at))

    async def get(self, name: str) -> Model:
        """Return one model, or adapter by `model/adapter`."""
        return cast(Model, await self._transport.get(f"{MODELS}/{name}"))

    async def register(self, entry: Mapping[str, Any]) -> ModelVersion:
        """Register a model, or the next version of one; `entry` is as in models.yaml, with `name`."""
        return cast(ModelVersion, await self._transport.create(MODELS, dict(entry)))

    async def register_adapter(self, model: str, entry: Mapping[str, Any]) -> ModelVersion:
        """Register an adapter for a model's current version."""
        found = await self._transport.create(f"{MODELS}/{model}/adapters", dict(entry))
        return cast(ModelVersion, found)

    async def change(self, name: str, revision: int, entry: Mapping[str, Any]) -> Model:
        """Change a model's description or where its key lies."""
        found = await self._transport.send(
            "PUT", f"{MODELS}/{name}", body=dict(entry), headers=if_match(revision)
        )
        return cast(Model, found)

    async def versions(
        self, name: str, *, limit: int = 50, cursor: str | None = None
    ) -> Page[ModelVersion]:
        """Return a page of a model's versions, newest first."""
        found = await self._transport.get(f"{MODELS}/{name}/versions", limit=limit, cursor=cursor)
        return cast(Page[ModelVersion], found)

    async def version(self, version_id: str) -> ModelVersion:
        """Return one version, as it was registered."""
        return cast(ModelVersion, await self._transport.get(f"/api/v1/model-versions/{version_id}"))

    async def lineage(self, version_id: str) -> Lineage:
        """Return where a version comes from, as a graph: from who judged to its aliases."""
        found = await self._transport.get(f"/api/v1/model-versions/{version_id}/lineage")
        return cast(Lineage, found)

    async def forget_answers(self) -> None:
        """Forget the answers that are kept for repeated questions of the project, at every server."""
        await self._transport.send("DELETE", "/api/v1/serving/answers")


class Aliases:
    """`client.aliases`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[Alias]:
        """Return a page of aliases, newest first."""
        return cast(Page[Alias], await self._transport.get(ALIASES, limit=limit, cursor=cursor))

    def each(self) -> AsyncIterator[Alias]:
        """Yield all aliases, newest first."""
        return each(lambda at: self.list(limit=200, cursor=at))

    async def get(self, name: str) -> Alias:
        """Return where an alias points."""
        return cast(Alias, await self._transport.get(f"{ALIASES}/{name}"))

    async def create(self, name: str, targets: Sequence[Target], *, reason: str = "") -> Alias:
        """Make an alias."""
        body = {"name": name, "targets": list(targets), "reason": reason}
        return cast(Alias, await self._transport.create(ALIASES, body))

    async def move(
        self, name: str, targets: Sequence[Target], *, revision: int, reason: str = ""
    ) -> Alias:
        """Move an alias, if it is still at the revision that was read."""
        body = {"targets": list(targets), "reason": reason}
        found = await self._transport.send(
            "PUT", f"{ALIASES}/{name}", body=body, headers=if_match(revision)
        )
        return cast(Alias, found)

    async def retire(self, name: str, *, revision: int) -> Alias:
        """Retire an alias; its history stays."""
        found = await self._transport.send(
            "DELETE", f"{ALIASES}/{name}", headers=if_match(revision)
        )
        return cast(Alias, found)

    async def moves(self, name: str, *, limit: int = 50, cursor: str | None = None) -> Page[Move]:
        """Return a page of an alias's moves, newest first."""
        found = await self._transport.get(f"{ALIASES}/{name}/moves", limit=limit, cursor=cursor)
        return cast(Page[Move], found)

"""Routes of the registry: models and adapters, their versions, aliases and their moves."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict, cast

from camel_ext_client.pages import each
from camel_ext_client.shapes import Alias, Model, ModelVersion, Move, Page, Target
from camel_ext_client.transport import Transport

MODELS = "/api/v1/models"
ALIASES = "/api/v1/aliases"


def if_match(revision: int) -> dict[str, str]:
    """Return the header that says which revision a change is meant for."""
    return {"If-Match": f'"{revision}"'}


class LineageNode(TypedDict):
    """What a version rests on, or what was made of it."""

    id: str
    kind: str
    ref: str
    label: str
    count: int | None
    detail: str | None


class LineageEdge(TypedDict):
    """From what was first to what rests on it, by the ids of nodes."""

    source: str
    target: str


class Lineage(TypedDict):
    """A graph around a version, whose node is `root`."""

    root: str
    nodes: list[LineageNode]
    edges: list[LineageEdge]


class Models:
    """`client.models`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[Model]:
        """Return a page of models and adapters, newest first."""
        return cast(Page[Model], self._transport.get(MODELS, limit=limit, cursor=cursor))

    def each(self) -> Iterator[Model]:
        """Yield all models and adapters, newest first."""
        return each(lambda at: self.list(limit=200, cursor=at))

    def get(self, name: str) -> Model:
        """Return one model, or adapter by `model/adapter`."""
        return cast(Model, self._transport.get(f"{MODELS}/{name}"))

    def register(self, entry: Mapping[str, Any]) -> ModelVersion:
        """Register a model, or the next version of one; `entry` is as in models.yaml, with `name`."""
        return cast(ModelVersion, self._transport.create(MODELS, dict(entry)))

    def register_adapter(self, model: str, entry: Mapping[str, Any]) -> ModelVersion:
        """Register an adapter for a model's current version."""
        found = self._transport.create(f"{MODELS}/{model}/adapters", dict(entry))
        return cast(ModelVersion, found)

    def change(self, name: str, revision: int, entry: Mapping[str, Any]) -> Model:
        """Change a model's description or where its key lies."""
        found = self._transport.send(
            "PUT", f"{MODELS}/{name}", body=dict(entry), headers=if_match(revision)
        )
        return cast(Model, found)

    def versions(
        self, name: str, *, limit: int = 50, cursor: str | None = None
    ) -> Page[ModelVersion]:
        """Return a page of a model's versions, newest first."""
        found = self._transport.get(f"{MODELS}/{name}/versions", limit=limit, cursor=cursor)
        return cast(Page[ModelVersion], found)

    def version(self, version_id: str) -> ModelVersion:
        """Return one version, as it was registered."""
        return cast(ModelVersion, self._transport.get(f"/api/v1/model-versions/{version_id}"))

    def lineage(self, version_id: str) -> Lineage:
        """Return where a version comes from, as a graph: from who judged to its aliases."""
        found = self._transport.get(f"/api/v1/model-versions/{version_id}/lineage")
        return cast(Lineage, found)

    def forget_answers(self) -> None:
        """Forget the answers that are kept for repeated questions of the project, at every server."""
        self._transport.send("DELETE", "/api/v1/serving/answers")


class Aliases:
    """`client.aliases`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[Alias]:
        """Return a page of aliases, newest first."""
        return cast(Page[Alias], self._transport.get(ALIASES, limit=limit, cursor=cursor))

    def each(self) -> Iterator[Alias]:
        """Yield all aliases, newest first."""
        return each(lambda at: self.list(limit=200, cursor=at))

    def get(self, name: str) -> Alias:
        """Return where an alias points."""
        return cast(Alias, self._transport.get(f"{ALIASES}/{name}"))

    def create(self, name: str, targets: Sequence[Target], *, reason: str = "") -> Alias:
        """Make an alias."""
        body = {"name": name, "targets": list(targets), "reason": reason}
        return cast(Alias, self._transport.create(ALIASES, body))

    def move(
        self, name: str, targets: Sequence[Target], *, revision: int, reason: str = ""
    ) -> Alias:
        """Move an alias, if it is still at the revision that was read."""
        body = {"targets": list(targets), "reason": reason}
        found = self._transport.send(
            "PUT", f"{ALIASES}/{name}", body=body, headers=if_match(revision)
        )
        return cast(Alias, found)

    def retire(self, name: str, *, revision: int) -> Alias:
        """Retire an alias; its history stays."""
        found = self._transport.send("DELETE", f"{ALIASES}/{name}", headers=if_match(revision))
        return cast(Alias, found)

    def moves(self, name: str, *, limit: int = 50, cursor: str | None = None) -> Page[Move]:
        """Return a page of an alias's moves, newest first."""
        found = self._transport.get(f"{ALIASES}/{name}/moves", limit=limit, cursor=cursor)
        return cast(Page[Move], found)

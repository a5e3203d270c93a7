"""Routes of configurations: files in, changes said, the same files back."""

from collections.abc import Mapping
from typing import TypedDict, cast

from camel_ext_client.shapes import Applied, Configuration
from camel_ext_client.transport import Json, Transport

PATH = "/api/v1/configurations"


class RevisionRow(TypedDict):
    """A revision of a configuration, without its files."""

    revision: int
    principal_id: str
    created_at: str
    changed: list[str]


class Revisions(TypedDict):
    """Revisions, newest first; `next_before` is null at the end."""

    items: list[RevisionRow]
    next_before: int | None


class RevisionFiles(TypedDict):
    """A configuration's files as they were."""

    revision: int
    files: dict[str, str]
    principal_id: str
    created_at: str


class Configurations:
    """`client.configurations`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def apply(
        self,
        files: Mapping[str, str],
        *,
        name: str = "main",
        dry_run: bool = False,
        revision: int | None = None,
    ) -> Applied:
        """Make the project say what these files say; the same files again change nothing.

        `revision`: only where the configuration is still at this one.
        """
        body = {"name": name, "files": dict(files), "dry_run": dry_run}
        headers = {} if revision is None else {"If-Match": f'"{revision}"'}
        return cast(Applied, self._transport.send("PUT", PATH, body=body, headers=headers))

    def list(self) -> list[Configuration]:
        """Return all configurations, by name."""
        return cast(list[Configuration], self._transport.get(PATH))

    def get(self, name: str = "main") -> Configuration:
        """Return one configuration's files, as they were applied."""
        return cast(Configuration, self._transport.get(f"{PATH}/{name}"))

    def schemas(self) -> dict[str, Json]:
        """Return the JSON Schema of each file, for editors."""
        return cast(dict[str, Json], self._transport.get("/api/v1/configuration-schemas"))

    def revisions(
        self, name: str = "main", *, before: int | None = None, limit: int = 50
    ) -> Revisions:
        """Return revisions of a configuration, newest first; `next_before` leads to older ones."""
        path = f"{PATH}/{name}/revisions"
        return cast(Revisions, self._transport.get(path, before=before, limit=limit))

    def revision(self, revision: int, name: str = "main") -> RevisionFiles:
        """Return a configuration's files as they were at one revision."""
        return cast(RevisionFiles, self._transport.get(f"{PATH}/{name}/revisions/{revision}"))

    def restore(self, revision: int, name: str = "main", *, dry_run: bool = False) -> Applied:
        """Make a configuration say again what it said at one revision: a new one, old text."""
        path = f"{PATH}/{name}/revisions/{revision}/restore"
        return cast(Applied, self._transport.send("POST", path, body={"dry_run": dry_run}))

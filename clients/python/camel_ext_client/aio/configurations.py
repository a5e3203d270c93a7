"""Routes of configurations: files in, changes said, the same files back.

Written by `make client` from `configurations.py`: change that one.
"""

from collections.abc import Mapping
from typing import cast

from camel_ext_client.aio.transport import AsyncTransport
from camel_ext_client.configurations import PATH, RevisionFiles, Revisions
from camel_ext_client.shapes import Applied, Configuration
from camel_ext_client.transport import Json


class Configurations:
    """`client.configurations`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def apply(
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
        return cast(Applied, await self._transport.send("PUT", PATH, body=body, headers=headers))

    async def list(self) -> list[Configuration]:
        """Return all configurations, by name."""
        return cast(list[Configuration], await self._transport.get(PATH))

    async def get(self, name: str = "main") -> Configuration:
        """Return one configuration's files, as they were applied."""
        return cast(Configuration, await self._transport.get(f"{PATH}/{name}"))

    async def schemas(self) -> dict[str, Json]:
        """Return the JSON Schema of each file, for editors."""
        return cast(dict[str, Json], await self._transport.get("/api/v1/configuration-schemas"))

    async def revisions(
        self, name: str = "main", *, before: int | None = None, limit: int = 50
    ) -> Revisions:
        """Return revisions of a configuration, newest first; `next_before` leads to older ones."""
        path = f"{PATH}/{name}/revisions"
        return cast(Revisions, await self._transport.get(path, before=before, limit=limit))

    async def revision(self, revision: int, name: str = "main") -> RevisionFiles:
        """Return a configuration's files as they were at one revision."""
        return cast(RevisionFiles, await self._transport.get(f"{PATH}/{name}/revisions/{revision}"))

    async def restore(self, revision: int, name: str = "main", *, dry_run: bool = False) -> Applied:
        """Make a configuration say again what it said at one revision: a new one, old text."""
        path = f"{PATH}/{name}/revisions/{revision}/restore"
        return cast(Applied, await self._transport.send("POST", path, body={"dry_run": dry_run}))

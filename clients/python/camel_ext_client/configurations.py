"""Routes of configurations: files in, changes said, the same files back."""

from collections.abc import Mapping
from typing import cast

from camel_ext_client.shapes import Applied, Configuration
from camel_ext_client.transport import Transport

PATH = "/api/v1/configurations"


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

"""Routes of keys.

Written by `make client` from `keys.py`: change that one.
"""

from typing import cast

from camel_ext_client.aio.transport import AsyncTransport
from camel_ext_client.keys import PATH
from camel_ext_client.shapes import Key, KeyMade


class Keys:
    """`client.keys`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def list(self) -> list[Key]:
        """Return the project's keys, without their secrets."""
        return cast(list[Key], await self._transport.get(PATH))

    async def create(
        self,
        name: str,
        *,
        role: str = "editor",
        profile: str | None = None,
        expires_at: str | None = None,
    ) -> KeyMade:
        """Make a key; its secret is in this answer and nowhere else."""
        body = {"name": name, "role": role, "profile": profile, "expires_at": expires_at}
        return cast(KeyMade, await self._transport.create(PATH, body))

    async def revoke(self, key_id: str) -> Key:
        """Revoke a key."""
        return cast(Key, await self._transport.send("DELETE", f"{PATH}/{key_id}"))

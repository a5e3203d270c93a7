"""Routes of keys."""

from typing import cast

from camel_ext_client.shapes import Key, KeyMade
from camel_ext_client.transport import Transport

PATH = "/api/v1/keys"


class Keys:
    """`client.keys`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self) -> list[Key]:
        """Return the project's keys, without their secrets."""
        return cast(list[Key], self._transport.get(PATH))

    def create(
        self,
        name: str,
        *,
        role: str = "editor",
        profile: str | None = None,
        expires_at: str | None = None,
    ) -> KeyMade:
        """Make a key; its secret is in this answer and nowhere else."""
        body = {"name": name, "role": role, "profile": profile, "expires_at": expires_at}
        return cast(KeyMade, self._transport.create(PATH, body))

    def revoke(self, key_id: str) -> Key:
        """Revoke a key."""
        return cast(Key, self._transport.send("DELETE", f"{PATH}/{key_id}"))

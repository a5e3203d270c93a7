"""Routes of sign-ins: how a browser, or a program beside one, gets a key of its own.

Written by `make client` from `sign_ins.py`: change that one.
"""

from typing import cast

from camel_ext_client.aio.transport import AsyncTransport
from camel_ext_client.shapes import Key, SignedIn, SignInCode


class SignIns:
    """`client.sign_ins`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def make_code(self) -> SignInCode:
        """Make a code that signs in as you, once, within five minutes."""
        return cast(SignInCode, await self._transport.send("POST", "/api/v1/sign-in-codes"))

    async def link(self) -> str:
        """Return an address of the web app that signs in whoever opens it first."""
        return f"{self._transport.url}/#code={(await self.make_code())['code']}"

    async def redeem(self, code: str) -> SignedIn:
        """Redeem a code for a key; the client that asks needs none."""
        return cast(
            SignedIn, await self._transport.send("POST", "/api/v1/sign-ins", body={"code": code})
        )

    async def sign_out(self) -> Key:
        """Revoke the key of this client, which a sign-in must have made."""
        return cast(Key, await self._transport.send("POST", "/api/v1/sign-outs"))

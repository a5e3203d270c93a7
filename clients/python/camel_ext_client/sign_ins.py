"""Routes of sign-ins: how a browser, or a program beside one, gets a key of its own."""

from typing import cast

from camel_ext_client.shapes import Key, SignedIn, SignInCode
from camel_ext_client.transport import Transport


class SignIns:
    """`client.sign_ins`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def make_code(self) -> SignInCode:
        """Make a code that signs in as you, once, within five minutes."""
        return cast(SignInCode, self._transport.send("POST", "/api/v1/sign-in-codes"))

    def link(self) -> str:
        """Return an address of the web app that signs in whoever opens it first."""
        return f"{self._transport.url}/#code={self.make_code()['code']}"

    def redeem(self, code: str) -> SignedIn:
        """Redeem a code for a key; the client that asks needs none."""
        return cast(SignedIn, self._transport.send("POST", "/api/v1/sign-ins", body={"code": code}))

    def sign_out(self) -> Key:
        """Revoke the key of this client, which a sign-in must have made."""
        return cast(Key, self._transport.send("POST", "/api/v1/sign-outs"))

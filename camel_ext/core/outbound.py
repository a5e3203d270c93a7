"""The one client for URLs that users give: it reaches public addresses only, and answers in bounds.

A name is resolved here, every address of it is checked, and the connection goes to a checked address,
so a name that changes its mind between check and call (DNS rebinding) gains nothing. No proxy of the
environment is used, no redirect is followed, no cookie kept. It is not for URLs of the operator, such
as those of models.
"""

import asyncio
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from camel_ext.core.addresses import Allowed
from camel_ext.core.clock import Clock
from camel_ext.core.errors import Invalid, Unavailable
from camel_ext.core.threads import Threads

if TYPE_CHECKING:
    import ssl

MAX_URL = 2_000
PORTS = {"http": 80, "https": 443}
Resolver = Callable[[str, int], Sequence[str]]
_ODD = re.compile(r"[\x00-\x20\x7f-\x9f\\\s]")  # parsers disagree about what these mean
_LABELS = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_QUAD = re.compile(r"(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}")


class UrlRefused(Invalid):
    """This URL may not be called from here."""


class OutboundFailed(Unavailable):
    """The other side could not be reached, or gave no answer in time."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL, taken apart once: what is checked is what is called."""

    scheme: str
    host: str  # lower case, ASCII; an IPv6 address without its brackets
    port: int
    path: str  # with the query

    @property
    def netloc(self) -> str:
        """The value of the Host header."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == PORTS[self.scheme] else f"{name}:{self.port}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said; `body` is cut off where it was longer than allowed."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    took_ms: float


def read_target(url: str) -> Target:
    """Take a URL apart.

    Raises: UrlRefused for what is no plain http or https URL of a host.
    """
    if len(url) > MAX_URL or _ODD.search(url):
        raise UrlRefused(f"a URL has at most {MAX_URL:,} characters, no spaces and no backslashes")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UrlRefused(f"this is no URL: {error}") from error
    if parts.scheme not in PORTS:
        raise UrlRefused("a URL begins with https:// or http://")
    if "@" in parts.netloc:
        raise UrlRefused("a URL here carries no user name and no password")
    host = _host(parts.hostname or "")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii():
        raise UrlRefused("the path of a URL is plain ASCII: write other letters as %XX")
    return Target(parts.scheme, host, port or PORTS[parts.scheme], path)


def _host(name: str) -> str:
    if ":" in name:
        if "%" in name or not _is_ipv6(name):
            raise UrlRefused("between [ and ] stands an IPv6 address without a zone")
        return name
    try:
        host = name.encode("idna").decode().lower().rstrip(".")
    except UnicodeError as error:
        raise UrlRefused(f"there can be no host {name[:80]!r}") from error
    if len(host) > 253 or not _LABELS.fullmatch(host):
        raise UrlRefused(f"there can be no host {name[:80]!r}")
    # Browsers and C libraries read 2130706433, 0177.1 and 0x7f.1 as 127.0.0.1; others do not.
    last = host.rpartition(".")[2]
    numeric = last.isdigit() or re.fullmatch(r"0x[0-9a-f]*", last)
    if numeric and not (_QUAD.fullmatch(host) and all(int(n) < 256 for n in host.split("."))):
        raise UrlRefused("write an IPv4 address as four decimal numbers")
    return host


def _is_ipv6(name: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET6, name)
    except OSError:
        return False
    return True


def _is_address(host: str) -> bool:
    return ":" in host or _QUAD.fullmatch(host) is not None


def _refusal(target: Target) -> UrlRefused:
    return UrlRefused(
        f"{target.host} is not an address of the open internet, and may not be called from here. "
        "An operator may allow it: CAMEL_EXT_OUTBOUND__ALLOWED_NETWORKS"
    )


def resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host as the system knows them. Blocking."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(eq=False)
class Outbound:
    """One per process."""

    threads: Threads
    clock: Clock
    allowed: Allowed = field(default_factory=Allowed)
    timeout_s: float = 10.0
    max_response_bytes: int = 64 * 1024
    resolver: Resolver = resolve
    _tls: "ssl.SSLContext | None" = field(default=None, init=False)

    def check(self, url: str) -> None:
        """Refuse at once what can be refused without resolving a name. Raises: UrlRefused."""
        target = read_target(url)
        if _is_address(target.host) and not self.allowed.admits(target.host, target.host):
            raise _refusal(target)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send a body to a URL of a user, and return what was answered, whatever its status.

        Raises: UrlRefused, OutboundFailed.
        """
        target = read_target(url)
        began_s = self.clock.monotonic_s()
        try:
            async with asyncio.timeout(self.timeout_s):
                address = await self.checked_address(target)
                status, said, heard = await self._send(target, address, body, headers)
        except TimeoutError as error:
            raise OutboundFailed(
                f"{target.host} did not answer within {self.timeout_s:g} s"
            ) from error
        took_ms = (self.clock.monotonic_s() - began_s) * 1000
        return Answer(status, said, heard, took_ms)

    async def checked_address(self, target: Target) -> str:
        """Return an address of the target's host, all of whose addresses may be reached.

        Raises: UrlRefused, OutboundFailed.
        """
        try:
            found = await self.threads.run("outbound", self.resolver, target.host, target.port)
        except (OSError, UnicodeError) as error:
            raise OutboundFailed(f"the name {target.host} could not be resolved") from error
        if not found:
            raise OutboundFailed(f"the name {target.host} has no address")
        if not all(self.allowed.admits(target.host, address) for address in found):
            raise _refusal(target)
        return found[0]

    async def _send(
        self, target: Target, address: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, bytes, dict[str, str]]:
        import httpx  # 0.1 s: with the first call

        if self._tls is None:
            self._tls = httpx.create_ssl_context(trust_env=False)
        name = f"[{address}]" if ":" in address else address
        url = f"{target.scheme}://{name}:{target.port}{target.path}"
        sent = {**headers, "Host": target.netloc}
        try:
            async with (
                httpx.AsyncClient(verify=self._tls, trust_env=False, timeout=self.timeout_s) as client,
                client.stream(
                    "POST", url, content=body, headers=sent,
                    extensions={"sni_hostname": target.host},  # its certificate is checked for the name
                ) as answer,
            ):  # fmt: skip
                said = b""
                async for chunk in answer.aiter_raw():
                    said += chunk[: self.max_response_bytes - len(said)]
                    if len(said) >= self.max_response_bytes:
                        break
                return answer.status_code, said, dict(answer.headers)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise OutboundFailed(
                f"{target.host} could not be reached: {str(error) or type(error).__name__}"
            ) from error

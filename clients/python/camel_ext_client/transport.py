"""One request with its retries: when a try may be repeated, how long to wait, what an error means.

A request that creates carries one Idempotency-Key through all its tries, so a lost answer never makes
two things. What was not sent (no connection), and 503, may always be tried again; what may have
arrived is repeated only where that is harmless. It knows no route.
"""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random, SystemRandom
from typing import Any

import httpx

from camel_ext_client.errors import ApiError, Unreachable

Json = dict[str, Any]
TRIES = 4
FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 5.0
SAFE = frozenset({"GET", "HEAD", "PUT", "DELETE"})  # PUT and DELETE name the revision they change


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a request is tried and how the time between is passed; tests hand in their own."""

    tries: int = TRIES
    sleep: Callable[[float], None] = time.sleep
    rng: Random = field(default_factory=SystemRandom)

    def wait_s(self, tried: int, asked_s: float | None = None) -> float:
        """Return the time before the next try: exponential with full jitter, or as was asked."""
        ceiling_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0**tried)
        jitter_s = self.rng.uniform(0, ceiling_s)
        return jitter_s if asked_s is None else min(LONGEST_WAIT_S, asked_s) + jitter_s

    def wait(self, tried: int, asked_s: float | None = None) -> None:
        """Sleep before the next try."""
        self.sleep(self.wait_s(tried, asked_s))


class Wire:
    """What a request is made of and what an answer means: the same with and without async."""

    url: str
    patience: Patience
    _timeout_s: float
    _builder: httpx.Client | httpx.AsyncClient

    def _build(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None,
        body: Json | None,
        headers: Mapping[str, str] | None,
        timeout: httpx.Timeout | None = None,
        raw: bytes | None = None,
    ) -> httpx.Request:
        given = {name: value for name, value in (params or {}).items() if value is not None}
        extra: Json = {} if timeout is None else {"timeout": timeout}
        try:
            return self._builder.build_request(
                method, path, params=given, json=body, content=raw, headers=headers, **extra
            )
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise Unreachable(self.url, f"this is not an address ({error})") from error

    def _opening(
        self, path: str, params: Mapping[str, Any], silence_s: float, accept: str
    ) -> httpx.Request:
        timeout = httpx.Timeout(self._timeout_s, read=silence_s)
        headers = {"Accept": accept, "Cache-Control": "no-store"}
        return self._build("GET", path, params, None, headers, timeout)

    def _checked(self, response: httpx.Response) -> httpx.Response:
        if response.is_success:
            return response
        raise self._problem(response)

    def _answer(self, response: httpx.Response) -> Any:
        if response.status_code == httpx.codes.NO_CONTENT:
            return None
        try:
            return response.json()
        except ValueError as error:
            raise self._stranger(response) from error

    def _problem(self, response: httpx.Response) -> ApiError | Unreachable:
        try:
            body = response.json()
            return ApiError(
                response.status_code,
                str(body["code"]),
                str(body["detail"]),
                body.get("trace_id"),
                body.get("errors"),
                retry_after_s(response),
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            return self._stranger(response)

    def _stranger(self, response: httpx.Response) -> Unreachable:
        return Unreachable(
            self.url,
            f"what answers there ({response.status_code} {response.reason_phrase}) "
            "is not a camel-ext server",
        )

    def unreachable(self, error: Exception) -> Unreachable:
        """Return a lost connection as our error."""
        said = str(error) or type(error).__name__
        if isinstance(error, httpx.ConnectError):
            said = "the connection was refused" if "refused" in said.lower() else said
        elif isinstance(error, httpx.TimeoutException):
            said = f"it took longer than {self._timeout_s:g} s"
        elif isinstance(error, httpx.UnsupportedProtocol):
            said = "an address begins with http:// or https://"
        return Unreachable(self.url, said)


class Transport(Wire):
    """Sends requests to one server with one key."""

    def __init__(
        self,
        url: str,
        key: str | None,
        *,
        timeout_s: float,
        patience: Patience | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self.patience = patience or Patience()
        self._timeout_s = timeout_s
        with an_address(self.url):
            self._http = httpx.Client(transport=transport, **told(self.url, key, timeout_s))
        self._builder = self._http

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, path: str, **params: Any) -> Any:
        """Read; parameters that are None are left out."""
        return self.send("GET", path, params=params)

    def read(self, path: str) -> bytes:
        """Read the very bytes of an answer."""
        return self._exchange("GET", path).content

    def create(self, path: str, body: Json) -> Any:
        """Create with a fresh Idempotency-Key, which all tries carry."""
        return self.send("POST", path, body=body, headers={"Idempotency-Key": str(uuid.uuid4())})

    def post_raw(self, path: str, raw: bytes, media_type: str, **params: Any) -> Any:
        """Send bytes that are no JSON, to a route that takes the same twice without harm."""
        headers = {"Content-Type": media_type, "Idempotency-Key": str(uuid.uuid4())}
        return self._answer(self._exchange("POST", path, params, None, headers, raw))

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Json | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Send one request, with its retries, and return the JSON that it answered.

        Raises: ApiError, Unreachable.
        """
        return self._answer(self._exchange(method, path, params, body, headers))

    def _exchange(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        body: Json | None = None,
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
    ) -> httpx.Response:
        request = self._build(method, path, params, body, headers, raw=raw)
        repeatable = method in SAFE or "Idempotency-Key" in request.headers
        for tried in range(self.patience.tries):
            last = tried + 1 == self.patience.tries
            try:
                response = self._http.send(request)
                if response.status_code != 503 or last:
                    return self._checked(response)
                self.patience.wait(tried, retry_after_s(response))
            except httpx.TransportError as error:
                sent = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
                if last or (sent and not repeatable):
                    raise self.unreachable(error) from error
                self.patience.wait(tried)
        raise AssertionError("a last try returns or raises")

    @contextmanager
    def stream(
        self, path: str, params: Mapping[str, Any], *, silence_s: float
    ) -> Iterator[Iterator[str]]:
        """Open a response that goes on, as lines; silence longer than that is a lost connection.

        Raises: ApiError, httpx.TransportError.
        """
        with self._opened(path, params, silence_s, "text/event-stream") as response:
            yield response.iter_lines()

    @contextmanager
    def download(
        self, path: str, params: Mapping[str, Any], *, silence_s: float
    ) -> Iterator[Iterator[bytes]]:
        """Open a file of the server, as bytes that are held some at a time.

        Raises: ApiError, httpx.TransportError.
        """
        with self._opened(path, params, silence_s, "*/*") as response:
            yield response.iter_bytes()

    @contextmanager
    def _opened(
        self, path: str, params: Mapping[str, Any], silence_s: float, accept: str
    ) -> Iterator[httpx.Response]:
        request = self._opening(path, params, silence_s, accept)
        response = self._http.send(request, stream=True)
        try:
            if response.status_code != 200:
                response.read()
                self._checked(response)
            yield response
        finally:
            response.close()


def told(url: str, key: str | None, timeout_s: float) -> Json:
    """Return what an HTTP client of ours is made with."""
    headers = {"User-Agent": "camel-ext-client", "Accept": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    # trust_env: a proxy of the environment has no business between us and us
    return {"base_url": url, "headers": headers, "timeout": timeout_s, "trust_env": False}


@contextmanager
def an_address(url: str) -> Iterator[None]:
    """Say of what cannot be an address that it is none."""
    try:
        yield
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise Unreachable(url, f"this is not an address ({error})") from error


def retry_after_s(response: httpx.Response) -> float | None:
    """Return how long the server asks to wait, where it says so in seconds."""
    try:
        return max(0.0, float(response.headers["Retry-After"]))
    except (KeyError, ValueError):
        return None

"""What stands around every request: trace id, Host and Origin, body size, and errors as RFC 9457.

Plain ASGI, so that streams and sockets pass through the same checks. It knows no route and no user.
"""

import json
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from functools import cache
from random import Random
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException as StarletteHttpError

from camel_ext.core.bodies import Body, Limits
from camel_ext.core.errors import CamelExtError, Forbidden, Invalid, Unavailable
from camel_ext.observability.measures import Measures
from camel_ext.observability.trace import (
    bind_trace_id,
    current_trace_id,
    new_trace_id,
    trace_id_from,
)

log = logging.getLogger(__name__)
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
OTHER = "other"  # pages of the web app, and what nobody knows: paths would be without end
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
MAX_FIELDS = 50  # shown of what is wrong with a body: a large one can hold a million mistakes


class ForeignHost(Forbidden):
    """The Host header is not one this server answers to: add it to server.allowed_hosts."""


class ForeignOrigin(Forbidden):
    """A page of another origin called: add it to server.allowed_origins if you trust it."""


class Problem(BaseModel):
    """An error, as RFC 9457 writes it."""

    type: str = Field(description="Where the error is explained.")
    title: str = Field(description="The kind of error, in words.")
    status: int = Field(description="The HTTP status again.")
    detail: str = Field(description="What happened, what it means, what to do next.")
    code: str = Field(description="Stable code, `room.error`.")
    trace_id: str | None = Field(description="Quote it when you ask for help.")
    errors: list[dict[str, Any]] = Field([], description="Field by field, where there are several.")


class Perimeter:
    """Refuses foreign hosts and origins and bodies that are too large; binds the trace id."""

    def __init__(
        self,
        app: Any,
        *,
        rng: Random,
        measures: Measures | None = None,
        allowed_hosts: list[str],
        allowed_origins: list[str],
        max_body_bytes: int,
        max_body_values: int,
    ) -> None:
        self._app = app
        self._rng = rng
        self._measures = measures or Measures()
        self._hosts = {host.lower() for host in allowed_hosts}
        self._origins = {origin.lower().rstrip("/") for origin in allowed_origins}
        self._limits = Limits(max_body_bytes, max_body_values)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        sent = trace_id_from(headers.get("traceparent"), headers.get("x-request-id"))
        trace_id = sent or new_trace_id(self._rng)
        bind_trace_id(trace_id)
        websocket = scope["type"] == "websocket"
        sending = send if websocket else self._measured(scope, _with_trace(send, trace_id))
        try:
            self._check(headers)
        except CamelExtError as error:
            await _refuse(scope, receive, sending, error)
            return
        if websocket:
            await self._app(scope, receive, send)
            return
        body = Body(headers, receive, sending, self._limits)
        await self._app(scope, body.receive, body.send)
        if body.refusal is not None:
            await _refuse(scope, receive, sending, body.refusal)

    def _measured(self, scope: Scope, send: Send) -> Send:
        """Note how long it takes until the answer begins; a stream may last for ever."""
        began_s = time.perf_counter()

        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", OTHER)
                took_s = time.perf_counter() - began_s
                method = scope["method"] if scope["method"] in METHODS else OTHER
                self._measures.note_request(method, route, message["status"], took_s)
            await send(message)

        return sending

    def _check(self, headers: Headers) -> None:
        host = headers.get("host", "")
        if "*" not in self._hosts and _host_name(host) not in self._hosts:
            raise ForeignHost(
                f"the Host header says {host[:100]!r}, which is not in server.allowed_hosts"
            )
        origin = headers.get("origin", "").lower()
        if origin and origin not in self._origins and _netloc(origin) != host.lower():
            raise ForeignOrigin(
                f"a page of {origin[:100]!r} called, which is not in server.allowed_origins"
            )
        self._limits.check_length(headers.get("content-length", "0"))


def _netloc(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:  # like http://[
        return None


def _host_name(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0].lower() + "]"
    return host.partition(":")[0].lower()


def _with_trace(send: Send, trace_id: str) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), (b"x-trace-id", trace_id.encode())]
        await send(message)

    return sending


async def _refuse(scope: Scope, receive: Receive, send: Send, error: CamelExtError) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": error.code})
        return
    await problem_response(error)(scope, receive, send)


def problem_body(error: CamelExtError) -> dict[str, Any]:
    """Return the RFC 9457 body of an error."""
    body = {
        "type": f"/docs/errors#{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "trace_id": current_trace_id(),
    }
    return body | {"errors": error.fields.get("errors") or error.fields.get("problems", [])}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses=` of a route: these errors, and those that any route may answer."""
    return {
        status: {
            "model": Problem,
            "content": {"application/problem+json": {"example": _example(status)}},
        }
        for status in (400, 401, 403, 413, 422, *statuses)
    }


@cache
def _example(status: int) -> dict[str, Any]:
    kinds: list[type[CamelExtError]] = [BadRequest, *CamelExtError.__subclasses__()]
    kind = next(each for each in kinds if each.status == status)
    errors = [{"field": "body.name", "wrong": "Field required", "kind": "missing"}]
    body = problem_body(
        kind("body.name: Field required", errors=errors) if kind is Invalid else kind()
    )
    return body | {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"}


def problem_response(error: CamelExtError) -> Response:
    """Return the response that shows an error."""
    headers = {}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(max(1, round(error.retry_after_s)))
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    body = json.dumps(problem_body(error), default=str)
    return Response(body, error.status, headers, media_type="application/problem+json")


class RouteUnknown(CamelExtError):
    """There is no such route."""

    status = 404


class MethodNotAllowed(CamelExtError):
    """This route does not know that method."""

    status = 405


class BadRequest(CamelExtError):
    """The request could not be read."""

    status = 400


def _problem(mistake: dict[str, Any]) -> dict[str, Any]:
    where, wrong = mistake["loc"], mistake["msg"]
    if mistake["type"] == "json_invalid":
        where, reason = where[:1], mistake.get("ctx", {}).get("error", wrong)
        wrong = f"not valid JSON at character {mistake['loc'][-1]}: {reason}"
    return {"field": ".".join(map(str, where)), "wrong": wrong, "kind": mistake["type"]}


def handle_errors(app: FastAPI) -> None:
    """Render every error in one shape."""

    @app.exception_handler(CamelExtError)
    async def ours(_request: Request, error: CamelExtError) -> Response:
        if error.status >= 500 and not isinstance(error, Unavailable):
            log.error("%s: %s", error.code, error.detail)
        return problem_response(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> Response:
        problems = [_problem(each) for each in error.errors()[:MAX_FIELDS]]
        first = problems[0]
        return problem_response(Invalid(f"{first['field']}: {first['wrong']}", errors=problems))

    @app.exception_handler(StarletteHttpError)
    async def routing(_request: Request, error: StarletteHttpError) -> Response:
        kinds: dict[int, type[CamelExtError]] = {404: RouteUnknown, 405: MethodNotAllowed}
        response = problem_response(kinds.get(error.status_code, BadRequest)(str(error.detail)))
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(Exception)
    async def bug(_request: Request, error: Exception) -> Response:
        log.error("a bug of ours", exc_info=error)
        response = problem_response(CamelExtError("something broke here; the log has the details"))
        trace_id = current_trace_id()
        if trace_id is not None:  # this handler stands outside the Perimeter
            response.headers["x-trace-id"] = trace_id
        return response

"""Routes: the OpenAI-compatible gateway at /v1, and how the engines are.

The gateway's routes answer errors in OpenAI's form, because their clients are OpenAI's.
"""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Header, Request, Response
from pydantic import BaseModel

from camel_ext.core.caching import forget
from camel_ext.core.door import MAX_KEY
from camel_ext.core.errors import CamelExtError
from camel_ext.core.hashing import sha256_hex
from camel_ext.core.http import problems
from camel_ext.core.routes import DeferredRoute, Router
from camel_ext.identity import ActorDoor, Editor, Owner, Viewer
from camel_ext.observability.trace import current_trace_id
from camel_ext.serving import gateway, service
from camel_ext.serving.calls import Caller
from camel_ext.serving.errors import RequestUnfit
from camel_ext.serving.gateway_calls import GatewayCall
from camel_ext.serving.health import engines_of
from camel_ext.serving.process import serving_of
from camel_ext.serving.schemas import (
    ChatRequestBody,
    Completion,
    EnginesShown,
    ModelCards,
    OpenAiError,
)


class OpenAiRoute(DeferredRoute):
    """A route whose errors are OpenAI's: its clients read nothing else."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except CamelExtError as error:
                body = gateway.encode_body(gateway.error_body(error))
                status, headers = gateway.error_status(error), gateway.error_headers(error)
                return Response(body, status, headers, media_type="application/json")

        return handled


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": OpenAiError} for status in (400, 401, 403, *statuses)}


compatible = Router(prefix="/v1", tags=["gateway"], route_class=OpenAiRoute)
engines = Router(prefix="/api/v1/serving", tags=["serving"])
routers = [compatible, engines]


def _whole(model: type[BaseModel]) -> dict[str, Any]:
    """Return a schema with its parts inside: FastAPI lifts only schemas that it made itself."""
    schema = model.model_json_schema()
    parts = schema.pop("$defs", {})

    def fill(node: Any) -> Any:
        if isinstance(node, dict):
            ref = node.get("$ref")
            return (
                fill(parts[ref.rsplit("/", 1)[-1]])
                if ref
                else {k: fill(v) for k, v in node.items()}
            )
        return [fill(each) for each in node] if isinstance(node, list) else node

    filled: dict[str, Any] = fill(schema)
    return filled


ASKED = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": _whole(ChatRequestBody)}},
    },
    "parameters": [
        {
            "name": name,
            "in": "header",
            "required": False,
            "description": text,
            "schema": {"type": "string"},
        }
        for name, text in {
            "X-Camel-Session": "Groups calls of one user; keeps them on one version of a split.",
            "X-Camel-Tags": "Comma list of words to find the call by, at most 20.",
            "X-Camel-Agent": "The agent that asks, stable over its versions.",
            "X-Camel-External-Id": "Your own id of the call; each is used once.",
            "X-Camel-Remember": "yes: an answer given before to the same question will do, where it is "
            "asked at temperature 0 or with a seed.",
            "X-Camel-Purpose": "run (default), sample, eval, replay or shadow.",
        }.items()
    ],
}
EVENTS = {
    "description": "The completion; with `stream`, its chunks as server-sent events.",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}


@compatible.get("/models", responses=_errors(), summary="Aliases, as OpenAI lists models")
async def list_models(door: Viewer) -> ModelCards:
    return ModelCards(data=await door.read(service.list_cards))


@compatible.post("/chat/completions", response_model=Completion, openapi_extra=ASKED,
                 responses=_errors(404, 409, 413, 503) | {200: EVENTS},
                 summary="Ask an alias, as any OpenAI client does")  # fmt: skip
async def chat_completions(
    request: Request,
    door: Editor,
    idempotency_key: Annotated[
        str | None,
        Header(description="Repeats safely, from the log; for answers that are not streamed."),
    ] = None,
) -> Response:
    """Answer as OpenAI would; the call is in the log before its answer ends."""
    raw = await request.body()
    wanted, labels = gateway.read_request(raw), gateway.read_labels(request.headers)
    wanted.asked.remembered = labels.remembered
    caller = Caller(
        tenant=door.tenant,
        principal_id=door.principal_id,
        source="gateway",
        purpose=labels.purpose,
        trace_id=current_trace_id(),
        session=labels.session,
        tags=labels.tags,
        agent_id=labels.agent_id,
        external_id=labels.external_id,
        alias=wanted.alias,
    )
    keyed = None if wanted.stream else _keyed(door, request, idempotency_key, raw)
    new_id = door.runtime.new_id()
    return await GatewayCall(door.runtime, caller, wanted, keyed, request.receive, new_id).answer()


@engines.get("/engines", responses=problems(), summary="How the engines are behind the aliases")
async def list_engines(door: Viewer) -> EnginesShown:
    return await engines_of(serving_of(door.runtime), await door.read(service.list_served))


@engines.delete("/answers", status_code=204, responses=problems(),
                summary="Forget the answers that are kept for repeated questions")  # fmt: skip
async def drop_answers(door: Owner) -> None:
    await door.write(forget)
    await serving_of(door.runtime).answers.drop(door.tenant)


def _keyed(door: ActorDoor, request: Request, key: str | None, raw: bytes) -> service.Keyed | None:
    if key is None:
        return None
    if not 0 < len(key) <= MAX_KEY:
        raise RequestUnfit(f"Idempotency-Key has {len(key)} characters: 1 to {MAX_KEY} are right")
    head = f"{request.method} {request.url.path}\n".encode()
    return service.Keyed(door.principal_id, key, sha256_hex(head + raw))

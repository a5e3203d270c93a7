"""What the gateway accepts, and what is shown of engines.

A chat's fields are OpenAI's own. Those that are listed here are checked; messages, tools and the rest
go on as they came.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Alias = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)


class Message(Strict):
    """One message, in any form that OpenAI's API knows; passed on untouched."""

    model_config = ConfigDict(strict=True, extra="allow")

    role: Annotated[str, StringConstraints(min_length=1, max_length=32)] = Field(
        description="system, developer, user, assistant or tool."
    )


class StreamOptions(Strict):
    model_config = ConfigDict(strict=True, extra="allow")

    include_usage: bool | None = Field(None, description="End with a chunk of token counts.")


class ChatRequestBody(Strict):
    """A chat completion as OpenAI's clients ask for it; other sampling parameters pass through."""

    model_config = ConfigDict(
        strict=True,
        extra="allow",
        json_schema_extra={
            "examples": [
                {"model": "small", "messages": [{"role": "user", "content": "Say hello."}]}
            ]
        },
    )

    model: Alias = Field(description="An alias of the project.")
    messages: Annotated[list[Message], Field(min_length=1)] = Field(
        description="The conversation so far."
    )
    stream: bool | None = Field(None, description="Answer with server-sent events.")
    stream_options: StreamOptions | None = Field(None, description="How to stream.")
    n: Literal[1] | None = Field(None, description="One answer a call; ask again for more.")
    tools: list[dict[str, Any]] | None = Field(None, description="Functions it may call.")
    tool_choice: str | dict[str, Any] | None = Field(None, description="Which it must call.")
    response_format: dict[str, Any] | None = Field(None, description="text or a JSON schema.")
    logprobs: bool | None = Field(None, description="Log-probabilities of the answer's tokens.")
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = Field(
        None, description="And of so many others at each place."
    )
    temperature: Annotated[float, Field(ge=0, le=2)] | None = Field(None, description="0 to 2.")
    top_p: Annotated[float, Field(ge=0, le=1)] | None = Field(None, description="0 to 1.")
    max_tokens: Annotated[int, Field(ge=1, lt=2**31)] | None = Field(
        None, description="Longest answer."
    )
    max_completion_tokens: Annotated[int, Field(ge=1, lt=2**31)] | None = Field(
        None, description="The same by its newer name."
    )
    stop: str | list[str] | None = Field(None, description="Where to stop.")
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = Field(
        None, description="Same seed, same answer, as far as the engine can."
    )
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = Field(
        None, description="-2 to 2."
    )
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = Field(
        None, description="-2 to 2."
    )


class ErrorBody(BaseModel):
    message: str = Field(description="What happened, what it means, what to do next.")
    type: str = Field(description="OpenAI's word for the kind of error.")
    param: str | None = Field(description="The field that is wrong, where one is.")
    code: str = Field(description="Stable code, `room.error`.")
    trace_id: str | None = Field(description="Quote it when you ask for help.")


class OpenAiError(BaseModel):
    """An error, as OpenAI's clients read it."""

    error: ErrorBody


class Completion(BaseModel):
    """A chat completion, as OpenAI's clients read it."""

    id: str = Field(description="`chatcmpl-` and the interaction's id.")
    object: Literal["chat.completion"] = Field(description="What this is.")
    created: int = Field(description="Unix seconds.")
    model: str = Field(description="The alias that was asked for.")
    system_fingerprint: str | None = Field(description="The engine's build.")
    choices: list[dict[str, Any]] = Field(description="One choice.")
    usage: dict[str, Any] | None = Field(description="Token counts; null: nobody counted.")


class ModelCard(BaseModel):
    id: str = Field(description="The alias: what `model` names.")
    object: Literal["model"] = Field("model", description="What this is.")
    created: int = Field(description="Unix seconds.")
    owned_by: str = Field("camel-extensions", description="Who serves it.")


class ModelCards(BaseModel):
    object: Literal["list"] = Field("list", description="What this is.")
    data: list[ModelCard] = Field(description="Every alias that answers.")


class EngineShown(BaseModel):
    """An engine that answers for aliases of the project."""

    name: str = Field(description="The model it was opened for.")
    kind: Literal["local", "provider"] = Field(description="Run by this server, or by others.")
    aliases: list[str] = Field(description="Aliases that it answers for.")
    opened: bool = Field(description="Whether it was asked since the server started.")
    ok: bool | None = Field(description="Whether it answers now; null: not opened yet.")
    detail: str = Field(description="In words.")
    build: str | None = Field(description="Build of the engine.")
    quantization: str | None = Field(description="How its weights are packed.")
    model_sha256: str | None = Field(description="Of the model file.")
    restarts: int = Field(description="How often it died and was started again.")
    circuit: str | None = Field(description="The breaker: closed, open or half-open; null: none.")


class EnginesShown(BaseModel):
    engines: list[EngineShown] = Field(description="In the order of their names.")

"""Between OpenAI's wire and ours: requests in, completions, chunks and errors out.

Pure functions over bytes, headers and dictionaries. Nothing is asked, stored or sent here.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from pydantic import ValidationError

from camel_ext.core.errors import CamelExtError, Invalid, NotFound, Unauthorized, Unavailable
from camel_ext.interactions import Purpose
from camel_ext.observability.trace import current_trace_id
from camel_ext.serving.calls import Asked, Json
from camel_ext.serving.errors import RequestUnfit
from camel_ext.serving.schemas import ChatRequestBody

OWN = frozenset(
    {"model", "messages", "stream", "stream_options", "n", "tools", "response_format", "logprobs"}
)
PARAMS = (frozenset(ChatRequestBody.model_fields) - OWN) | {
    # OpenAI's, beyond those with a field of their own
    "logit_bias", "parallel_tool_calls", "reasoning_effort", "verbosity", "modalities", "user",
    "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "prediction",
    # of llama.cpp, vLLM and their like
    "top_k", "min_p", "top_a", "typical_p", "repeat_penalty", "repeat_last_n",
    "repetition_penalty", "length_penalty", "min_tokens", "ignore_eos", "cache_prompt",
    "stop_token_ids", "skip_special_tokens", "xtc_probability", "xtc_threshold", "mirostat",
    "mirostat_tau", "mirostat_eta", "dynatemp_range", "dynatemp_exponent", "dry_multiplier",
    "dry_base", "dry_allowed_length", "dry_penalty_last_n", "samplers", "chat_template_kwargs",
    "reasoning", "thinking", "enable_thinking", "reasoning_format", "guided_json",
    "guided_regex", "guided_choice",
}  # fmt: skip
RENAMED = {"functions": "tools", "function_call": "tool_choice"}
MAX_TAGS = 20
DONE = b"data: [DONE]\n\n"
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class ChatAsked:
    """A request as the gateway understood it."""

    alias: str
    asked: Asked
    stream: bool
    include_usage: bool


@dataclass(frozen=True, slots=True)
class Labels:
    """What the headers say about a call."""

    session: str | None = None
    tags: tuple[str, ...] = ()
    agent_id: str | None = None
    external_id: str | None = None
    purpose: Purpose = Purpose.RUN
    remembered: bool = False


def read_request(raw: bytes) -> ChatAsked:
    """Read a request's body.

    Raises: RequestUnfit, naming the first field that is wrong.
    """
    body = _decode(raw)
    for old, new in RENAMED.items():
        if body.get(old) is not None:
            raise RequestUnfit(f"{old!r} is deprecated and not served: use {new!r}", param=old)
    if body.get("n") not in (None, 1):
        raise RequestUnfit("n: a call gives one answer; ask several times for several", param="n")
    try:
        known = ChatRequestBody.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise RequestUnfit(f"{place}: {first['msg']}", param=place) from None
    params = {key: value for key, value in body.items() if key not in OWN and value is not None}
    if unknown := sorted(params.keys() - PARAMS):
        raise RequestUnfit(
            f"{unknown[0]!r} is no parameter that this gateway knows; leave it out, or let the "
            "model's `extra` in models.yaml set it",
            param=unknown[0],
        )
    options = known.stream_options
    asked = Asked(
        messages=body["messages"],
        tools=body.get("tools") or None,
        response_format=body.get("response_format"),
        params=params,
        logprobs=bool(known.logprobs),
    )
    include_usage = options is not None and bool(options.include_usage)
    return ChatAsked(known.model, asked, bool(known.stream), include_usage)


def _decode(raw: bytes) -> Json:
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RequestUnfit(f"the body is not JSON: {error}") from None
    except RecursionError:
        raise RequestUnfit("the body is nested too deeply") from None
    if not isinstance(body, dict):
        raise RequestUnfit("the body is JSON, but no object")
    return body


def read_labels(headers: Mapping[str, str]) -> Labels:
    """Read the X-Camel- headers.

    Raises: RequestUnfit.
    """
    tags = tuple(
        _fit("X-Camel-Tags", tag.strip(), 64)
        for tag in (headers.get("x-camel-tags") or "").split(",")
        if tag.strip()
    )
    if len(tags) > MAX_TAGS:
        raise RequestUnfit(f"X-Camel-Tags names {len(tags)} tags: at most {MAX_TAGS} are kept")
    purpose = headers.get("x-camel-purpose", Purpose.RUN)
    if purpose not in set(Purpose):
        raise RequestUnfit(f"X-Camel-Purpose is one of {', '.join(Purpose)}, not {purpose[:40]!r}")
    return Labels(
        session=_header(headers, "X-Camel-Session", 120),
        tags=tags,
        agent_id=_header(headers, "X-Camel-Agent", 120),
        external_id=_header(headers, "X-Camel-External-Id", 200),
        purpose=Purpose(purpose),
        remembered=_yes(headers, "X-Camel-Remember"),
    )


def _yes(headers: Mapping[str, str], name: str) -> bool:
    value = headers.get(name.lower(), "no").strip().lower()
    if value not in ("yes", "no"):
        raise RequestUnfit(f"{name} is yes or no, not {value[:40]!r}")
    return value == "yes"


def _header(headers: Mapping[str, str], name: str, letters: int) -> str | None:
    value = headers.get(name.lower())
    return None if value is None else _fit(name, value.strip(), letters)


def _fit(name: str, value: str, letters: int) -> str:
    """Return a header's text: UTF-8, although HTTP hands it over as Latin-1."""
    try:
        text = value.encode("latin-1").decode()
    except UnicodeError:
        raise RequestUnfit(f"{name} is not UTF-8") from None
    if not 0 < len(text) <= letters or not text.isprintable():
        raise RequestUnfit(f"{name} has 1 to {letters} printable characters")
    return text


def completion_body(raw: Json, *, answer_id: str, created: int, alias: str) -> Json:
    """Return a completion, from what the engine answered, in OpenAI's form."""
    choice = raw["choices"][0]
    message = {"content": None, **choice["message"]}
    shown: Json = {
        "index": 0,
        "message": message,
        "logprobs": choice.get("logprobs"),
        "finish_reason": choice.get("finish_reason") or "stop",
    }
    return {
        "id": answer_id,
        "object": "chat.completion",
        "created": created,
        "model": alias,
        "system_fingerprint": raw.get("system_fingerprint"),
        "choices": [shown],
        "usage": raw.get("usage"),
    }


@dataclass(frozen=True, slots=True)
class Chunks:
    """Makes the events of one stream."""

    answer_id: str
    created: int
    alias: str
    include_usage: bool

    def delta(self, delta: Json) -> bytes:
        """Return a piece of the answer."""
        return self._event([{"index": 0, "delta": delta, "finish_reason": None}])

    def end(self, finish_reason: str, logprobs: Json | None) -> bytes:
        """Return the end of the answer; log-probabilities come here, all at once."""
        choice: Json = {"index": 0, "delta": {}, "finish_reason": finish_reason}
        if logprobs is not None:
            choice["logprobs"] = logprobs
        return self._event([choice])

    def usage(self, usage: Json | None) -> bytes:
        """Return the token counts, where they were asked for."""
        return self._event([], usage) if self.include_usage else b""

    def _event(self, choices: list[Json], usage: Json | None = None) -> bytes:
        chunk: Json = {
            "id": self.answer_id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.alias,
            "choices": choices,
        }
        if self.include_usage:
            chunk["usage"] = usage
        return b"data: " + _encode(chunk) + b"\n\n"


def error_event(error: CamelExtError) -> bytes:
    """Return an error as an event: OpenAI's clients raise it, and the stream is over."""
    return b"data: " + _encode(error_body(error)) + b"\n\n"


def error_body(error: CamelExtError) -> Json:
    """Return an error in OpenAI's form, with our stable code."""
    return {
        "error": {
            "message": error.detail,
            "type": _kind(error),
            "param": error.fields.get("param"),
            "code": error.code,
            "trace_id": current_trace_id(),
        }
    }


def error_status(error: CamelExtError) -> int:
    """Return the status that OpenAI's clients expect: theirs for a bad request is 400."""
    return 400 if isinstance(error, Invalid) else error.status


def error_headers(error: CamelExtError) -> dict[str, str]:
    """Return the headers of an error; `x-should-retry` is what OpenAI's clients obey."""
    headers = {"x-should-retry": "true" if error.retryable else "false"}
    if isinstance(error, Unavailable) and error.retry_after_s is not None:
        headers["Retry-After"] = str(max(1, round(error.retry_after_s)))
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    return headers


def _kind(error: CamelExtError) -> str:
    if isinstance(error, Unauthorized):
        return "authentication_error"
    if isinstance(error, NotFound):
        return "not_found_error"
    if error.status == 403:
        return "permission_error"
    return "server_error" if error.status >= 500 else "invalid_request_error"


def encode_body(body: Json) -> bytes:
    """Return a JSON body's bytes."""
    return _encode(body)

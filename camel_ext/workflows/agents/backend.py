"""camel's model backend on top of the run: what camel asks goes to `Calls.model`, whole.

It is async only and does not stream: token frames are sent by the run, below. It never retries,
times or logs, and it is no engine: those are in the serving room.
"""
# mypy: disallow-subclassing-any=False

import json
import re
from typing import Any

from camel.models import BaseModelBackend
from camel.types import ChatCompletion
from camel.utils import BaseTokenCounter

from camel_ext.workflows.agents.calls import Json, ModelAnswer
from camel_ext.workflows.agents.memory import Talk
from camel_ext.workflows.agents.turns import Turns

MALFORMED = "malformed_arguments"
"""The one argument of a tool call whose arguments were no JSON object: their text."""

_FINISH_REASONS = frozenset({"stop", "length", "tool_calls", "content_filter"})
_THINKING = re.compile(r"<think>(.*?)</think>", re.DOTALL)


class CharCounter(BaseTokenCounter):
    """Estimates tokens from characters: no tiktoken file, no network."""

    def count_tokens_from_messages(self, messages: list[Json]) -> int:
        return sum(4 + len(str(message.get("content") or "")) // 4 for message in messages)

    def encode(self, text: str) -> list[int]:
        return [0] * (len(text) // 4 + 1)

    def decode(self, token_ids: list[int]) -> str:
        raise NotImplementedError("characters are counted here, not encoded")


class EngineBackend(BaseModelBackend):
    """One agent's model. `turns` is set for the time of a step."""

    def __init__(self, counter: CharCounter, context_tokens: int) -> None:
        # The name is a label that camel keeps in a table for ever: the same for all. The model is
        # chosen below, by the run.
        super().__init__("camel-ext", {}, token_counter=counter, timeout=None)
        self._counter = counter
        self._context_tokens = context_tokens
        self.memory = Talk(counter, context_tokens)
        self.turns: Turns | None = None

    @property
    def token_counter(self) -> CharCounter:
        return self._counter

    @property
    def token_limit(self) -> int:
        return self._context_tokens

    def preprocess_messages(self, messages: list[Json]) -> list[Json]:
        """Return them unchanged.

        camel copies and searches the whole history here, at each call. Ours needs neither: answers
        lose their thinking once, when they come (`as_completion`), and a step's tool results
        follow their calls in order, or the step is rewound.
        """
        return messages

    def _run(self, *_args: Any, **_kwargs: Any) -> ChatCompletion:
        raise RuntimeError(
            "This agent's model can only be awaited: its calls belong to a durable run. "
            "Use astep() instead of step()."
        )

    async def _arun(
        self,
        messages: list[Json],
        response_format: Any = None,
        tools: list[Json] | None = None,
    ) -> ChatCompletion:
        if self.turns is None or response_format is not None:
            raise RuntimeError("the model was called outside AgentSession.step")
        answer = await self.turns.model(messages, tools, self.memory.shown)
        self.memory.shown = len(messages)
        completion = as_completion(answer, self.turns.model_calls - 1)
        asked = completion["choices"][0]["message"].get("tool_calls") or []
        self.turns.expect([(call["function"]["name"], call["id"]) for call in asked])
        return ChatCompletion.model_validate(completion)


def as_completion(answer: ModelAnswer, index: int) -> Json:
    """Return an answer as an OpenAI completion that camel can take, whatever the engine left out.

    The answer itself is not changed: it belongs to the journal.
    """
    message = answer["message"]
    text, reasoning = split_thinking(message.get("content") or "")
    calls = [
        _as_tool_call(call, f"call_{index}_{number}")
        for number, call in enumerate(message.get("tool_calls") or ())
    ]
    reason, usage = answer["finish_reason"], answer["usage"]
    return {
        "id": answer["id"],
        "object": "chat.completion",
        "created": 0,
        "model": answer["model"],
        "choices": [
            {
                "index": 0,
                "finish_reason": reason if reason in _FINISH_REASONS else "stop",
                "message": {
                    "role": "assistant",
                    "content": text,
                    "tool_calls": calls or None,
                    "reasoning_content": message.get("reasoning_content") or reasoning,
                },
            }
        ],
        "usage": {
            name: usage.get(name) or 0
            for name in ("prompt_tokens", "completion_tokens", "total_tokens")
        },
    }


def split_thinking(content: str) -> tuple[str, str | None]:
    """Return an answer's text and its `<think>` part.

    Some templates open the tag in the prompt, so that only its end is in the answer; and an answer
    that was cut while thinking has no end: then all of it is thinking.
    """
    if "think>" not in content:
        return content, None
    thoughts = [thought.strip() for thought in _THINKING.findall(content)]
    text = _THINKING.sub("", content)
    if "</think>" in text:
        opened, text = text.split("</think>", 1)
        thoughts.insert(0, opened.strip())
    if text.lstrip().startswith("<think>"):
        thoughts.append(text.lstrip().removeprefix("<think>").strip())
        text = ""
    return text.strip(), "\n".join(filter(None, thoughts)) or None


def _as_tool_call(call: Json, spare_id: str) -> Json:
    function = call["function"]
    return {
        "id": call.get("id") or spare_id,
        "type": "function",
        "function": {
            "name": function["name"],
            "arguments": _as_arguments(function.get("arguments")),
        },
    }


def _as_arguments(raw: Any) -> str:
    """Return JSON text of an object: small models also send nothing, an object, or broken text."""
    if isinstance(raw, dict):
        return json.dumps(raw, ensure_ascii=False)
    text = raw or "{}"
    try:
        if isinstance(json.loads(text), dict):
            return str(text)
    except (ValueError, TypeError):
        pass
    return json.dumps({MALFORMED: str(raw)}, ensure_ascii=False)

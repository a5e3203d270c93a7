"""A preference pair and what names it: plain values, hashed by what a model would learn from.

Who made the pair, and of what, is carried beside its content and is no part of its hash: the same texts
are the same pair wherever they come from. No database here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

from camel_ext.annotations import JudgeKind
from camel_ext.core.hashing import canonical_json, sha256_hex
from camel_ext.datasets.models import PairSource, Split

Json = dict[str, Any]
Messages = Sequence[Json]
FORMAT = b"camel-ext pairs 1\n"  # leads a version's content, so that its hash is of nothing else


@dataclass(frozen=True, slots=True)
class JudgedBy:
    """A judge on whose word a pair rests."""

    kind: JudgeKind
    name: str
    version: str | None
    principal_id: UUID

    @property
    def ref(self) -> str:
        """What it is looked for by: people and agents by who they are, others by name."""
        somebody = self.kind in (JudgeKind.PERSON, JudgeKind.AGENT)
        return str(self.principal_id) if somebody else self.name

    def is_named_by(self, words: Iterable[str]) -> bool:
        """Tell whether one of these words means it: its name, or a person's id."""
        return any(word in (self.name, self.ref) for word in words)


@dataclass(frozen=True, slots=True)
class Pair:
    """A better and a worse answer to one prompt, in TRL's conversational form.

    `chosen` and `rejected` hold one message of the assistant each. `margin` and the scores are from 0
    to 1, None where nobody gave one.
    """

    pair_hash: str
    prompt_hash: str
    prompt: Messages
    tools: Sequence[Json] | None
    chosen: Messages
    rejected: Messages
    split: Split
    topic: str
    source: PairSource
    margin: float | None
    chosen_score: float | None
    rejected_score: float | None
    chosen_interaction_id: UUID | None = None
    rejected_interaction_id: UUID | None = None
    run_ids: tuple[UUID, ...] = ()
    annotation_ids: tuple[UUID, ...] = ()
    judges: tuple[JudgedBy, ...] = ()


def pair_hash(
    prompt: Messages, tools: Sequence[Json] | None, chosen: Messages, rejected: Messages
) -> str:
    """Return the hash that names a pair: of everything that is learnt from, and nothing else."""
    return sha256_hex(canonical_json([list(prompt), tools or None, list(chosen), list(rejected)]))


class ContentHasher:
    """Names a version by its pairs, taken one after the other in their order."""

    def __init__(self) -> None:
        self._hash = sha256(FORMAT)

    def add(self, pair: Any) -> None:
        """Take a pair, or a row with its columns."""
        said = [
            pair.pair_hash,
            pair.split,
            pair.topic,
            pair.source,
            pair.margin,
            pair.chosen_score,
            pair.rejected_score,
        ]
        self._hash.update(canonical_json(said) + b"\n")

    @property
    def content_hash(self) -> str:
        """Return `sha256:<hex>` of what was taken."""
        return f"sha256:{self._hash.hexdigest()}"


def text_of(messages: Iterable[Mapping[str, Any]]) -> str:
    """Return the texts of messages, one a line; a call of a tool by its name and arguments."""
    return "\n".join(filter(None, map(_text, messages)))


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, Mapping)]
        content = "\n".join(part for part in parts if isinstance(part, str))
    said = [content] if isinstance(content, str) and content.strip() else []
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else []:
        function = call.get("function") if isinstance(call, Mapping) else None
        if isinstance(function, Mapping):
            said.append(f"{function.get('name')}({function.get('arguments')})")
    return "\n".join(said)

"""Prompts as bytes: encoding, hashing and previewing messages, cutting a request and mending it.

Pure functions. A message is kept as the very bytes that were sent; hashes are of a canonical form, so
that the order of keys does not tell two equal prompts apart. No database here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec

Json = dict[str, Any]
Cuts = list[list[Any]]

encode = msgspec.json.Encoder().encode
canonical = msgspec.json.Encoder(order="sorted").encode
_MESSAGES = b'"messages":['


class _Sent(msgspec.Struct):
    messages: list[msgspec.Raw]


@dataclass(frozen=True, slots=True)
class CutRequest:
    """A request without its large parts: `cuts` says where each of them belongs."""

    envelope: str
    cuts: Cuts


def prompt_hash(messages: Iterable[Json]) -> str:
    """Return the hash that names a prompt: SHA-256 over its messages, keys sorted, one a line."""
    hasher = sha256()
    for message in messages:
        hasher.update(canonical(message) + b"\n")
    return hasher.hexdigest()


def as_prompt(answer: Mapping[str, Any]) -> bytes:
    """Return an answer as clients put it into the next prompt: role, content, tool calls if any.

    Stored chains lean on these very bytes: change nothing here without a migration.
    """
    said: Json = {"role": "assistant", "content": answer.get("content")}
    if answer.get("tool_calls"):
        said["tool_calls"] = answer["tool_calls"]
    return encode(said)


def answer_of(response: Mapping[str, Any] | None) -> Json | None:
    """Return the message of a chat completion, or None where there is none."""
    choices = (response or {}).get("choices") or []
    message: Json | None = choices[0].get("message") if choices else None
    return message


def raw_messages(sent: bytes) -> list[bytes]:
    """Return each message of a request as the bytes that were sent."""
    return [bytes(raw) for raw in msgspec.json.decode(sent, type=_Sent).messages]


def find_messages(sent: bytes, length: int, last: bytes | None) -> int | None:
    """Return where the messages begin in a request, or None where they are not as expected.

    Expected are `length` bytes between the brackets, ending with the message `last`.
    """
    start = sent.find(_MESSAGES)
    if start < 0:
        return None
    start += len(_MESSAGES)
    end = start + length
    if sent[end : end + 1] != b"]":
        return None
    if last is not None and sent[end - len(last) : end] != last:
        return None
    return start


def cut_request(
    sent: bytes, start: int, length: int, fixed: Sequence[tuple[str, bytes]]
) -> tuple[CutRequest, list[str]]:
    """Return a request without its messages and fixed parts, and which of those were cut out.

    `fixed` are (name, bytes) of parts that stand after the messages, in their order.
    """
    pieces, cuts, done = [sent[:start]], [["messages", len(sent[:start].decode())]], []
    place = start + length
    for name, raw in fixed:
        key = b'"' + name.encode() + b'":'
        found = sent.find(key + raw, place)
        if found < 0:
            continue
        found += len(key)
        pieces.append(sent[place:found])
        cuts.append([name, sum(len(piece.decode()) for piece in pieces)])
        done.append(name)
        place = found + len(raw)
    pieces.append(sent[place:])
    return CutRequest(b"".join(pieces).decode(), cuts), done


def mend_request(envelope: str, cuts: Cuts, parts: Mapping[str, bytes]) -> bytes:
    """Return the request as it was sent; the opposite of `cut_request`."""
    pieces, place = [], 0
    for name, offset in cuts:
        pieces += [envelope[place:offset].encode(), parts[name]]
        place = offset
    return b"".join([*pieces, envelope[place:].encode()])


def preview(message: Mapping[str, Any] | None, letters: int) -> str:
    """Return how a message begins, as text; its tool calls where it has no text."""
    if message is None:
        return ""
    content = message.get("content")
    if isinstance(content, list):
        texts = [str(part.get("text", "")) for part in content if isinstance(part, dict)]
        content = " ".join(filter(None, texts))
    if not content and message.get("tool_calls"):
        calls = [call.get("function") or {} for call in message["tool_calls"]]
        content = "; ".join(f"{call.get('name')}({call.get('arguments')})" for call in calls)
    return clean(str(content or ""), letters)


def clean(text: str, letters: int) -> str:
    """Return the text's beginning without NUL, which PostgreSQL does not take."""
    return text[:letters].replace("\0", " ")

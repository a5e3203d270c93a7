"""From a prompt to what is stored of it: its parent, what was appended, and the next head.

The prompt of a thread goes on where its head ended; any other is looked up by its longest known
prefix. Both keep the bytes of `sent`, which is the truth: where a request is not laid out as expected
it is kept whole. No database here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING
from uuid import UUID

from msgspec import Raw
from msgspec.json import decode

from camel_ext.core.tenancy import Tenant
from camel_ext.interactions.calls import Answer, Prompt
from camel_ext.interactions.models import PREVIEW_LETTERS
from camel_ext.interactions.threads import Head, Prefix, Prefixes, Thread, may_continue
from camel_ext.interactions.wording import (
    CutRequest,
    Json,
    answer_of,
    as_prompt,
    canonical,
    cut_request,
    encode,
    find_messages,
    preview,
    raw_messages,
)

if TYPE_CHECKING:
    from hashlib import _Hash

NO_FIXED = b"{}"


@dataclass(slots=True)
class Stored:
    """A prompt as it is stored: its parent, what the parent has not, and the head it makes."""

    parent: Prefix | None
    own: list[bytes]
    request: CutRequest
    fixed: bytes | None
    head: Head
    added: list[tuple[bytes, int]]  # (key, how many messages) of each new prefix


def store_prompt(
    prefixes: Prefixes,
    tenant: Tenant,
    new_id: UUID,
    prompt: Prompt,
    answer: Answer,
    thread: Thread,
) -> Stored:
    """Return what to store of a prompt; O(appended) where it continues its thread."""
    head = thread.head
    fits = head is not None and 0 < prompt.shared == head.count <= len(prompt.messages)
    if head is not None and fits and may_continue(head.id, new_id):
        stored = _continue(head, new_id, prompt, answer, thread)
        if stored is not None:
            return stored
    return _begin(prefixes, tenant, new_id, prompt, answer, thread)


def _begin(
    prefixes: Prefixes,
    tenant: Tenant,
    new_id: UUID,
    prompt: Prompt,
    answer: Answer,
    thread: Thread,
) -> Stored:
    """Record a prompt of unknown origin: its longest known prefix is its parent."""
    texts = raw_messages(prompt.sent)
    exact = sha256(tenant.org_id.bytes + tenant.project_id.bytes)
    keys = _roll(exact, texts)
    parent = None
    for key in reversed(keys):
        parent = prefixes.find(key)
        if parent is not None and may_continue(parent.owner, new_id):
            break
        parent = None
    known = None if parent is None else parent.head
    new = texts if known is None else texts[known.count :]
    messages: list[Json] = [decode(text) for text in new]
    hasher = sha256() if known is None else known.canonical.copy()
    hashes, prefix_hash = _hashed(hasher, messages)
    length = sum(map(len, texts)) + max(0, len(texts) - 1)
    start = find_messages(prompt.sent, length, texts[-1] if texts else None)
    kept = 0 if parent is None else parent.count
    under = NO_FIXED if parent is None else parent.fixed
    request, fixed = _cut(prompt, start, length, thread)
    head = Head(
        id=new_id,
        count=len(texts),
        exact=exact,
        canonical=hashes,
        length=length,
        last=texts[-1] if texts else None,
        answer=_said(answer),
        fixed=under if fixed is None else fixed,
        prefix_hash=prefix_hash or ("" if known is None else known.prefix_hash),
        preview=_asked(messages, "" if known is None else known.preview),
    )
    added = list(zip(keys[kept:], range(kept + 1, len(keys) + 1), strict=True))
    own_fixed = None if fixed in (None, under) else fixed
    return Stored(parent, texts[kept:], request, own_fixed, head, _with_answer(head, added))


def _continue(
    head: Head, new_id: UUID, prompt: Prompt, answer: Answer, thread: Thread
) -> Stored | None:
    """Record what a thread goes on with, or None where the request says otherwise."""
    fresh = prompt.messages[head.count :]
    texts = [encode(message) for message in fresh]
    joined = sum(map(len, texts)) + len(texts)  # a comma before each, as something stands before
    length = head.length + joined
    last = texts[-1] if texts else head.last
    start = find_messages(prompt.sent, length, last)
    if start is None or not _ends_as(prompt.sent, start + head.length, head.last):
        return None
    repeats = bool(texts) and texts[0] == head.answer
    parent = Prefix(head.id, head.count + repeats, head.fixed)
    exact = head.exact.copy()
    keys = _roll(exact, texts)
    hashes, prefix_hash = _hashed(head.canonical.copy(), fresh)
    request, fixed = _cut(prompt, start, length, thread)
    new = Head(
        id=new_id,
        count=head.count + len(texts),
        exact=exact,
        canonical=hashes,
        length=length,
        last=last,
        answer=_said(answer),
        fixed=head.fixed if fixed is None else fixed,
        prefix_hash=prefix_hash or head.prefix_hash,
        preview=_asked(fresh, head.preview),
    )
    added = list(zip(keys, range(head.count + 1, new.count + 1), strict=True))[repeats:]
    own_fixed = None if fixed in (None, head.fixed) else fixed
    return Stored(parent, texts[repeats:], request, own_fixed, new, _with_answer(new, added))


def _ends_as(sent: bytes, place: int, last: bytes | None) -> bool:
    return last is None or sent[place - len(last) : place] == last


def _roll(exact: "_Hash", texts: Sequence[bytes]) -> list[bytes]:
    """Hash messages one after another; return the hash after each."""
    keys = []
    for text in texts:
        exact.update(text + b"\n")
        keys.append(exact.digest())
    return keys


def _hashed(hasher: "_Hash", messages: Sequence[Json]) -> tuple["_Hash", str]:
    """Hash messages in canonical form; return the hasher, and the hash before the last one."""
    before = ""
    for place, message in enumerate(messages, 1):
        if place == len(messages):
            before = hasher.hexdigest()
        hasher.update(canonical(message) + b"\n")
    return hasher, before


def _with_answer(head: Head, added: list[tuple[bytes, int]]) -> list[tuple[bytes, int]]:
    """Add the prefix that ends with the answer, which the next prompt mostly begins with."""
    if head.answer is None:
        return added
    exact = head.exact.copy()
    return [*added, (_roll(exact, [head.answer])[0], head.count + 1)]


def _cut(
    prompt: Prompt, start: int | None, length: int, thread: Thread
) -> tuple[CutRequest, bytes | None]:
    """Cut a request; return it and the fixed parts that were cut out of it, if any."""
    if start is None:  # not as we would have written it: kept whole
        return CutRequest(prompt.sent.decode(), []), None
    wanted = []
    if prompt.tools:
        if thread.tools is not prompt.tools:
            thread.tools, thread.tools_raw = prompt.tools, encode(prompt.tools)
        wanted.append(("tools", thread.tools_raw))
    if prompt.response_format is not None:
        wanted.append(("response_format", encode(prompt.response_format)))
    request, done = cut_request(prompt.sent, start, length, wanted)
    if not done:
        return request, None
    return request, encode({name: Raw(raw) for name, raw in wanted if name in done})


def _asked(messages: Sequence[Json], before: str) -> str:
    for message in reversed(messages):
        if message.get("role") == "user":
            return preview(message, PREVIEW_LETTERS)
    return before


def _said(answer: Answer) -> bytes | None:
    message = answer_of(answer.raw)
    return None if message is None else as_prompt(message)

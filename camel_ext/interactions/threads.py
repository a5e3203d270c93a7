"""Where a prompt continues: the head of one conversation, and prefixes known in this process.

An agent's next prompt is mostly its last one plus a little. A `Thread` remembers the last one's hashes
and length, so that recording costs what was appended and not the history; where no thread is handed
in, the longest known prefix is looked up by hash. Only what is committed may be continued, and only for a
day: nothing that is younger leans on what retention may take away. What is forgotten here costs storage,
never truth: such a prompt is stored whole.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from hashlib import _Hash

REMEMBER_PREFIXES = 20_000  # 0.3 to 1 KB each
CONTINUE_MS = 24 * 3_600_000  # retention keeps two days at least


def may_continue(owner: UUID, new_id: UUID) -> bool:
    """Tell whether a new interaction may stand on that one: by the time in their ids, if they have one."""
    if owner.version != 7 or new_id.version != 7:
        return True
    return (new_id.int >> 80) - (owner.int >> 80) <= CONTINUE_MS


@dataclass(frozen=True, slots=True)
class Prefix:
    """Messages that a prompt may begin with: the first `count` of an interaction's body.

    `head` is there where they are a whole prompt, or that and its answer: hashing goes on from it.
    """

    owner: UUID
    count: int
    fixed: bytes
    head: "Head | None" = None


@dataclass(slots=True)
class Head:
    """The last committed call of a conversation.

    `exact` and `canonical` have hashed its messages; `length` is their bytes, commas counted;
    `answer` is its answer as the next prompt would repeat it; `fixed` the parts its body stands on.
    """

    id: UUID
    count: int
    exact: "_Hash"
    canonical: "_Hash"
    length: int
    last: bytes | None
    answer: bytes | None
    fixed: bytes
    prefix_hash: str
    preview: str


@dataclass(slots=True)
class Thread:
    """One conversation of one agent, in the hands of whoever talks for it; not to be shared."""

    head: Head | None = None
    tools: Any = None
    tools_raw: bytes = b""


class Prefixes:
    """The prefixes last committed by this process; the key is a hash of the tenant and the bytes."""

    def __init__(self, remember: int = REMEMBER_PREFIXES) -> None:
        self._known: OrderedDict[bytes, Prefix] = OrderedDict()
        self._remember = remember

    def find(self, key: bytes) -> Prefix | None:
        """Return the prefix with that hash, if it is still known."""
        return self._known.get(key)

    def add(self, key: bytes, prefix: Prefix) -> None:
        """Remember a prefix; the first interaction that had it stays its owner, for a day."""
        known = self._known.get(key)
        if known is not None and may_continue(known.owner, prefix.owner):
            self._known.move_to_end(key)
            return
        self._known[key] = prefix
        if len(self._known) > self._remember:
            self._known.popitem(last=False)

"""Topics: which events and frames a client asked for.

A topic is a prefix of a dotted name, whole segments only (`workflows`, `workflows.run`), or `*`;
`:SUBJECT` after it keeps what concerns one thing (`workflows.run:0190...`). A topic that no event
type and no frame kind could ever match is an error, not a silent feed. It is not an access check:
tenants are kept apart below.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, or_, true

from camel_ext.core.models import OutboxRow
from camel_ext.core.outbox import EVENT_TYPES
from camel_ext.events.errors import UnknownTopic

MAX_TOPICS = 100
MAX_TOPIC = 250
EVERYTHING = "*"

FRAME_KINDS: set[str] = set()


def frame_kind(name: str) -> str:
    """Register the dotted name of a kind of ephemeral frame, `room.noun`, and return it."""
    FRAME_KINDS.add(name)
    return name


@dataclass(frozen=True, slots=True)
class Topic:
    """A prefix of names, and at most one subject."""

    prefix: str
    subject: str | None = None

    def names(self, name: str) -> bool:
        """Tell whether a type or kind lies under the prefix."""
        prefix = self.prefix
        return prefix in (EVERYTHING, name) or name.startswith(prefix + ".")


@dataclass(frozen=True)
class Topics:
    """What one client wants. Equal wishes are equal objects: they share their frames."""

    wanted: frozenset[Topic]
    _rules: dict[str, frozenset[str] | None] = field(
        default_factory=dict, compare=False, repr=False
    )

    @property
    def subjects(self) -> frozenset[str] | None:
        """The only subjects that can match; None where a topic names none."""
        named = frozenset(topic.subject for topic in self.wanted if topic.subject is not None)
        return None if any(topic.subject is None for topic in self.wanted) else named

    def match(self, name: str, *subjects: str) -> bool:
        """Tell whether something of that name about one of these subjects is wanted."""
        try:
            rule = self._rules[name]
        except KeyError:
            rule = self._rules[name] = self._rule(name)
        return rule is None or any(subject in rule for subject in subjects)

    def clause(self) -> ColumnElement[bool]:
        """Return the same filter in SQL."""
        return or_(*(_clause(topic) for topic in self.wanted))

    def _rule(self, name: str) -> frozenset[str] | None:
        """Return the subjects wanted of that name; None: every one."""
        subjects = [topic.subject for topic in self.wanted if topic.names(name)]
        if None in subjects:
            return None
        return frozenset(subject for subject in subjects if subject is not None)


def _clause(topic: Topic) -> ColumnElement[bool]:
    clause: ColumnElement[bool] = true()
    if topic.prefix != EVERYTHING:
        under = OutboxRow.type.startswith(topic.prefix + ".", autoescape=True)
        clause = or_(OutboxRow.type == topic.prefix, under)
    if topic.subject is not None:
        clause = clause & (OutboxRow.subject == topic.subject)
    return clause


def parse_topics(wanted: str | None) -> Topics:
    """Read a comma list of topics; nothing means everything.

    Raises: UnknownTopic.
    """
    parts = [part.strip() for part in (wanted or EVERYTHING).split(",") if part.strip()]
    if not 0 < len(parts) <= MAX_TOPICS:
        raise UnknownTopic(f"topics= names {len(parts)} topics: 1 to {MAX_TOPICS} are right")
    return Topics(frozenset(_parse(part) for part in parts))


def _parse(part: str) -> Topic:
    prefix, colon, subject = part.partition(":")
    known = {*EVENT_TYPES, *FRAME_KINDS}
    topic = Topic(prefix, subject if colon else None)
    if len(part) > MAX_TOPIC or (colon and not subject):
        raise UnknownTopic(f"{part[:80]!r} is no topic: PREFIX or PREFIX:SUBJECT is right")
    if prefix != EVERYTHING and not any(topic.names(name) for name in known):
        raise UnknownTopic(
            f"no event has the topic {prefix[:80]!r}: it is * or the beginning, up to a dot, "
            f"of one of {_listed(known)}",
            known=sorted(known),
        )
    return topic


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none yet"

"""One organisation's part of the hub: its clients by topics, and how far its feed was published.

The one rule: a live client has seen all up to `published`. So events go out exactly in their order,
each batch begins where the last one ended, and what does not fit (a gap, because another process
numbered or a commit's answer was lost) is read from the log first. It never numbers.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from uuid import UUID

from camel_ext.core.outbox import Numbered
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.events.log import numbered_after
from camel_ext.events.subscriber import Subscriber
from camel_ext.events.topics import Topics
from camel_ext.events.wire import Body, Chunk, event_body

CHUNK_EVENTS = 64  # what is written at once to a client, beyond its transport's own limit
FOLLOW_EVENTS = 1000


class Group:
    """Clients of one project with the same topics: they get the same bytes."""

    def __init__(self, topics: Topics) -> None:
        self.topics = topics
        self.members: set[Subscriber] = set()


class ProjectFeed:
    """A project's groups, found by subject where they name one."""

    def __init__(self) -> None:
        self.groups: dict[Topics, Group] = {}
        self._any: list[Group] = []
        self._about: dict[str, list[Group]] = defaultdict(list)

    def join(self, topics: Topics) -> Group:
        """Return the group of these topics."""
        group = self.groups.get(topics)
        if group is None:
            group = self.groups[topics] = Group(topics)
            for place in self._places(topics):
                place.append(group)
        return group

    def leave(self, group: Group, member: Subscriber) -> None:
        """Take a client out, and forget its group with the last one."""
        group.members.discard(member)
        if not group.members and self.groups.pop(group.topics, None) is not None:
            for place in self._places(group.topics):
                place.remove(group)
            for subject in group.topics.subjects or ():
                if not self._about[subject]:
                    del self._about[subject]

    def interested(self, name: str, *subjects: str) -> Iterator[Group]:
        """Return the groups that want something of that name about one of these subjects."""
        for group in self._any:
            if group.topics.match(name, *subjects):
                yield group
        if not self._about:
            return
        named = {id(g): g for subject in subjects for g in self._about.get(subject, ())}
        for group in named.values():
            if group.topics.match(name, *subjects):
                yield group

    def _places(self, topics: Topics) -> list[list[Group]]:
        subjects = topics.subjects
        return [self._any] if subjects is None else [self._about[subject] for subject in subjects]


class OrgFeed:
    """The clients of one organisation on this process."""

    def __init__(self, runtime: Runtime, org_id: UUID) -> None:
        self.runtime = runtime
        self.org_id = org_id
        self.published = 0
        self.opened = False
        self.clients = 0
        self._projects: dict[UUID, ProjectFeed] = {}

    def open(self, last: int) -> None:
        """Begin at the newest number; what was published while it was looked up counts too."""
        self.published = max(self.published, last)
        self.opened = True

    def join(self, tenant: Tenant, topics: Topics) -> Group:
        """Return the group of these topics in that project."""
        return self._projects.setdefault(tenant.project_id, ProjectFeed()).join(topics)

    def leave(self, member: Subscriber) -> None:
        """Take a client out."""
        project = self._projects[member.tenant.project_id]
        project.leave(member.group, member)
        if not project.groups:
            del self._projects[member.tenant.project_id]

    def members(self) -> Iterator[Subscriber]:
        """Return all clients."""
        for project in self._projects.values():
            for group in project.groups.values():
                yield from group.members

    def publish(self, events: Sequence[Numbered], *, from_log: bool = False) -> bool:
        """Send numbered events on, in order; False where some before them are missing.

        What comes from the log is all there is: what is missing before it was pruned, so that live
        clients read on from their cursors and learn it.
        """
        if not self.opened:
            self.published = max(self.published, events[-1].seq)
            return True
        fresh = [event for event in events if event.seq > self.published]
        if fresh and fresh[0].seq != self.published + 1:
            if not from_log:
                return False
            for member in self.members():
                if member.live:
                    member.fall_behind()
        for start in range(0, len(fresh), CHUNK_EVENTS):
            self._send(fresh[start : start + CHUNK_EVENTS])
        return True

    def frame(self, tenant: Tenant, kind: str, subjects: Sequence[str], body: Body) -> None:
        """Send an ephemeral frame to who keeps up."""
        project = self._projects.get(tenant.project_id)
        if project is None:
            return
        chunk, now_s = Chunk([body]), self.runtime.clock.monotonic_s()
        for group in project.interested(kind, *subjects):
            for member in group.members:
                if member.live:
                    member.offer_ephemeral(chunk, now_s)

    def wants_frame(self, tenant: Tenant, kind: str, subjects: Sequence[str]) -> bool:
        """Tell whether anybody listens, before a frame is made."""
        project = self._projects.get(tenant.project_id)
        return project is not None and any(True for _ in project.interested(kind, *subjects))

    async def follow(self) -> None:
        """Publish what was numbered elsewhere, from the log."""
        while True:
            events = await self.runtime.read_system(
                "event feed", numbered_after, self.org_id, self.published, FOLLOW_EVENTS
            )
            if events:
                self.publish(events, from_log=True)
            if len(events) < FOLLOW_EVENTS:
                return

    def _send(self, events: Sequence[Numbered]) -> None:
        wanted: dict[Group, list[Body]] = {}
        for event in events:
            project = self._projects.get(event.project_id)
            if project is None:
                continue
            body: Body | None = None
            for group in project.interested(event.type, event.subject):
                body = body or event_body(event)
                wanted.setdefault(group, []).append(body)
        last, now_s = events[-1].seq, self.runtime.clock.monotonic_s()
        for group, bodies in wanted.items():
            chunk = Chunk(bodies, last)
            for member in group.members:
                if member.live:
                    member.offer(chunk, now_s)
        self.published = last

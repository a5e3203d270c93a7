"""Who asks for a run or a fork: of a request's door, of a task or a schedule on somebody's behalf."""

from uuid import UUID

from camel_ext.core.door import TenantDoor
from camel_ext.core.queue import TaskContext
from camel_ext.core.runtime import Runtime
from camel_ext.observability.trace import current_trace_id
from camel_ext.scheduling import Asking
from camel_ext.workflows.runs import Asker


def asker_of(door: TenantDoor) -> Asker:
    """Return who asks through a door."""
    return _asker(door.runtime, door.principal_id, current_trace_id() or "0" * 32)


def asker_for(context: TaskContext, principal_id: UUID) -> Asker:
    """Return who asks when a task does so for a principal."""
    return _asker(context.runtime, principal_id, context.job.trace_id)


def asker_on_schedule(asking: Asking) -> Asker:
    """Return who asks when a schedule does so for whoever saved it."""
    return Asker(asking.principal_id, asking.clock, asking.new_id, asking.new_seed, asking.trace_id)


def _asker(runtime: Runtime, principal_id: UUID, trace_id: str) -> Asker:
    return Asker(
        principal_id, runtime.clock, runtime.new_id, lambda: runtime.rng.getrandbits(31), trace_id
    )

"""Answers that would be the same again: kept by what was asked, for whoever says that this will do.

Only what is asked at temperature 0, or with a seed, of the very same version, within one project. They are
kept in Redis for all processes, where there is one, else in this process; which loses nothing but time, as
a call that finds none asks the model. Who decides that a call may be answered so is `exchange`.
"""

from collections import OrderedDict
from dataclasses import replace
from typing import Any

import msgspec

from camel_ext.core.bus import Bus, bus_of
from camel_ext.core.caching import FORGET
from camel_ext.core.dependencies import DependencyDown
from camel_ext.core.hashing import sha256_hex
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.registry import ResolvedModel
from camel_ext.serving.engines.protocol import ChatReply, ChatRequest, wire_body

# Both keys are read or written in one step, so that what was asked before a `drop` is not kept after it.
FIND = """
local era = redis.call('GET', KEYS[1]) or '0'
return {era, redis.call('GET', KEYS[2] .. ':' .. era)}
"""
KEEP = """
if (redis.call('GET', KEYS[1]) or '0') == ARGV[1] then
  redis.call('SET', KEYS[2] .. ':' .. ARGV[1], ARGV[2], 'PX', ARGV[3])
end
return 1
"""
DROP = "return redis.call('INCR', KEYS[1])"
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(ChatReply).decode


def is_deterministic(request: ChatRequest) -> bool:
    """Tell whether the same request should give the same answer."""
    temperature = request.params.get("temperature")
    greedy = isinstance(temperature, int | float) and temperature == 0
    return greedy or isinstance(request.params.get("seed"), int)


def key_of(model: ResolvedModel, request: ChatRequest) -> str:
    """Return the name of a question: the version that is asked, and every byte that it is sent."""
    return sha256_hex(f"{model.target_id}\n".encode() + wire_body(request))


class Answers:
    """One per process; it belongs to the event loop.

    `for_all`: whoever asks, also who did not say so; `hits` and `misses` count looks.
    """

    def __init__(self, runtime: Runtime, *, for_all: bool, keep_s: float, max_bytes: int) -> None:
        self.for_all = for_all
        self._runtime, self._keep_s, self._max_bytes = runtime, keep_s, max_bytes
        self._kept: OrderedDict[tuple[Tenant, str], tuple[float, bytes]] = OrderedDict()
        self._bytes = 0
        self._changes = 0
        self.hits = self.misses = 0
        runtime.gate.listen(FORGET, self._forget)

    async def find(self, tenant: Tenant, key: str) -> tuple[ChatReply | None, str]:
        """Return the answer, where there is one, and the era in which a new one may be kept."""
        bus = bus_of(self._runtime)
        found, era = self._here(tenant, key) if bus is None else await _there(bus, tenant, key)
        if found is None:
            self.misses += 1
            return None, era
        self.hits += 1
        return _decode(found), era

    async def keep(self, tenant: Tenant, key: str, era: str, reply: ChatReply) -> None:
        """Keep an answer, unless answers were dropped since it was looked for."""
        content = _encode(replace(reply, sent=b""))
        bus = bus_of(self._runtime)
        if bus is None:
            self._keep_here((tenant, key), era, content)
            return
        names = [_era_name(tenant), _name(tenant, key)]
        try:
            await bus.script(KEEP, names, [era, content, round(self._keep_s * 1000)])
        except DependencyDown:
            return  # it is asked again then

    async def drop(self, tenant: Tenant) -> None:
        """Forget the project's answers everywhere; who changes the database besides says `forget`.

        Raises: DependencyDown where Redis, which keeps them, is away.
        """
        self._forget()
        bus = bus_of(self._runtime)
        if bus is not None:
            await bus.script(DROP, [_era_name(tenant)], [])

    def _here(self, tenant: Tenant, key: str) -> tuple[bytes | None, str]:
        found = self._kept.get((tenant, key))
        era = str(self._changes)
        if found is None or found[0] <= self._runtime.clock.monotonic_s():
            return None, era
        self._kept.move_to_end((tenant, key))
        return found[1], era

    def _keep_here(self, place: tuple[Tenant, str], era: str, content: bytes) -> None:
        if era != str(self._changes) or len(content) > self._max_bytes:
            return
        self._take_out(place)
        self._kept[place] = (self._runtime.clock.monotonic_s() + self._keep_s, content)
        self._bytes += len(content)
        while self._bytes > self._max_bytes:
            self._take_out(next(iter(self._kept)))

    def _take_out(self, place: tuple[Tenant, str]) -> None:
        gone = self._kept.pop(place, None)
        self._bytes -= 0 if gone is None else len(gone[1])

    def _forget(self) -> None:
        self._changes += 1
        self._kept.clear()
        self._bytes = 0


async def _there(bus: Bus, tenant: Tenant, key: str) -> tuple[bytes | None, str]:
    try:
        said: list[Any] = await bus.script(FIND, [_era_name(tenant), _name(tenant, key)], [])
    except DependencyDown:
        return None, ""
    era, found = said
    return found, era.decode() if isinstance(era, bytes) else str(era)


def _era_name(tenant: Tenant) -> str:
    return f"answers:{tenant.org_id}:{tenant.project_id}:era"


def _name(tenant: Tenant, key: str) -> str:
    return f"answers:{tenant.org_id}:{tenant.project_id}:{key}"

"""How often one key may ask: a token bucket, in Redis for all processes, or here for this one.

The bucket holds `burst` tokens and gains `per_s` of them a second; a request takes one, or is told how
long until there is one. It is about speed, not about quotas of money or tokens.
"""

from collections import OrderedDict

from camel_ext.core.bus import bus_of
from camel_ext.core.dependencies import DependencyDown
from camel_ext.core.errors import QuotaExceeded
from camel_ext.core.runtime import Runtime

EXTRA = "limits"
KEYS_MAX = 10_000  # buckets kept here; the one longest unused goes first, full
BUCKET = """
local per_s, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] + time[2] / 1e6
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = tonumber(kept[1]) or burst
tokens = math.min(burst, tokens + math.max(0, now - (tonumber(kept[2]) or now)) * per_s)
local wait = 0
if tokens >= 1 then tokens = tokens - 1 else wait = (1 - tokens) / per_s end
redis.call('HSET', KEYS[1], 'tokens', tokens, 'at', now)
redis.call('PEXPIRE', KEYS[1], math.ceil(burst / per_s * 1000) + 1000)
return tostring(wait)
"""


class TooManyRequests(QuotaExceeded):
    """This key asks more often than it may: wait as long as Retry-After says."""


class Limiter:
    """One per process; it belongs to the event loop."""

    def __init__(self, runtime: Runtime, per_s: float, burst: int) -> None:
        self._runtime, self._per_s, self._burst = runtime, per_s, float(burst)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def take(self, who: str) -> None:
        """Count one request.

        Raises: TooManyRequests, with the seconds until the next.
        """
        wait_s = await self._wait_s(who)
        if wait_s > 0:
            raise TooManyRequests(
                f"this key may make {self._per_s:g} requests a second (server.requests_per_s): ask "
                f"again in {wait_s:.2f} s",
                retry_after_s=wait_s,
            )

    async def _wait_s(self, who: str) -> float:
        bus = bus_of(self._runtime)
        if bus is not None:
            try:
                answer = await bus.script(BUCKET, [f"limit:{who}"], [self._per_s, self._burst])
                return float(answer)
            except DependencyDown:
                pass  # this process counts alone until it is back
        return self._here(who)

    def _here(self, who: str) -> float:
        now_s = self._runtime.clock.monotonic_s()
        tokens, at_s = self._buckets.pop(who, (self._burst, now_s))
        tokens = min(self._burst, tokens + (now_s - at_s) * self._per_s)
        wait_s = 0.0 if tokens >= 1.0 else (1.0 - tokens) / self._per_s
        self._buckets[who] = (tokens - 1.0 if wait_s == 0.0 else tokens, now_s)
        if len(self._buckets) > KEYS_MAX:
            self._buckets.popitem(last=False)
        return wait_s


def limit(runtime: Runtime, per_s: float, burst: int) -> Limiter:
    """Limit each key of this process from now on."""
    limiter: Limiter = runtime.extras.setdefault(EXTRA, Limiter(runtime, per_s, burst))
    return limiter

"""Identifiers: UUIDv7, so that ids sort by the time they were made.

They are made here and not in the database (only PostgreSQL 18 has `uuidv7()`), from the clock and
the randomness that are handed in. They are not secrets: never use one as a token.
"""

from random import Random
from uuid import UUID

from camel_ext.core.clock import Clock


def uuid7(clock: Clock, rng: Random) -> UUID:
    """Return a new id from the clock's milliseconds and 74 random bits.

    Source: RFC 9562, section 5.7.
    """
    unix_ms = int(clock.now().timestamp() * 1000)
    bits = rng.getrandbits(74)
    return UUID(
        int=(unix_ms & ((1 << 48) - 1)) << 80
        | 0x7 << 76
        | (bits >> 62) << 64
        | 0b10 << 62
        | (bits & ((1 << 62) - 1))
    )

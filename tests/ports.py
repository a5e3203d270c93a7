"""Ports for servers of tests, below those that the kernel lends to connections.

One from the kernel's own range may be lent to anybody's connection before its server listens, or while that
is killed and starts again: RabbitMQ takes seconds for it.
"""

import socket
from random import SystemRandom

BELOW_LENT = range(
    15_000, 32_000
)  # Linux lends from 32768 on; chance without a seed keeps processes apart


def free_port() -> int:
    """Return a port that nobody listens on now."""
    for _ in range(100):
        port = SystemRandom().choice(BELOW_LENT)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
    raise AssertionError("a hundred ports were all in use")

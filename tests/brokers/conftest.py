"""Real brokers, once a session, and what a test of them needs beside."""

from collections.abc import Iterator

import pytest

from tests.brokers.servers import RABBIT, RabbitMQ, Server, Valkey, private_valkey
from tests.chaos.zygote import Zygote


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMQ]:
    """A private RabbitMQ; skipped where Debian's `rabbitmq-server` is not installed."""
    if not RABBIT.exists():
        pytest.skip("rabbitmq-server is not installed")
    server = RabbitMQ()
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    """A private Valkey, as Redis."""
    with private_valkey() as server:
        yield server


@pytest.fixture(params=["rabbitmq", "valkey"])
def broker(request: pytest.FixtureRequest) -> Server:
    """Each of the brokers; what kills it starts it again."""
    server: Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    """Starts this version's processes."""
    zygote = Zygote()
    yield zygote
    zygote.stop()

"""The lasting world of these tests, and a cluster's template on a PostgreSQL of its own."""

from collections.abc import Iterator

import pytest

from tests.chaos.platform import World


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    opened = World.open(tmp_path_factory.mktemp("world"))
    yield opened
    opened.close()

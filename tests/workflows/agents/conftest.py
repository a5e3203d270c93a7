"""camel is imported once for all, outside the tests' own time."""

import pytest

from camel_ext.workflows.agents import warm


@pytest.fixture(autouse=True, scope="session")
def _camel() -> None:
    warm()

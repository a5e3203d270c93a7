"""The real model, fetched once for all test sessions into `var/` (which git ignores)."""

from pathlib import Path

import pytest

from camel_ext.serving.bundled import pull_bundled

CACHE = Path(__file__).parents[3] / "var"


@pytest.fixture(scope="session")
def bundled_model() -> Path:
    return pull_bundled(CACHE)

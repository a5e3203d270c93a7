"""Schemathesis over every route: hostile input gives no 5xx, and what is answered fits the schema.

The actors are shuffled, not multiplied: nobody and the owner take turns by the hash of the case.
"""

import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from camel_ext.app import create_app
from camel_ext.core.runtime import Runtime
from camel_ext.serving import serving_of
from camel_ext.settings import Settings
from tests.fakes.engine import FakeEngine
from tests.live import Live, live_app

CASES = int(os.environ.get("FUZZ_CASES", "200"))
ENDLESS = r"/api/v1/events/stream$"
CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@schemathesis.serializer("application/x-ndjson")  # type: ignore[untyped-decorator]
def as_lines(_context: Any, value: Any) -> bytes:
    return str(value).encode(errors="surrogatepass")


def answer_at_once(runtime: Runtime) -> None:
    serving_of(runtime).use(FakeEngine())


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder: Path = tmp_path_factory.mktemp("fuzz")
    with live_app(Settings(data_dir=folder), answer_at_once) as served:
        yield served


schema = schemathesis.openapi.from_dict(create_app().openapi()).exclude(path_regex=ENDLESS)


@pytest.mark.slow
@pytest.mark.xdist_group("fuzz")
@schema.parametrize()  # type: ignore[untyped-decorator]
@settings(
    max_examples=CASES,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_hostile_input_is_answered_in_good_order(case: Any, live: Live) -> None:
    mood = zlib.crc32(repr((case.path_parameters, case.query, case.body)).encode()) % 4
    headers = {} if mood == 0 else {"Authorization": f"Bearer {live.key}"}
    answer = case.call(base_url=live.url, headers=headers)
    case.validate_response(answer, checks=CHECKS)
    if mood == 0 and not case.path.startswith("/health/"):
        assert answer.status_code >= 400, "nobody got something"

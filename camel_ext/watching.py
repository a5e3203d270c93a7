"""Metrics and health of a process that has no other door: a worker or a scheduler, on a port of its own.

The routes are the server's, with its keys. It listens only where `observability.metrics_port` is set, and
on this machine alone unless `observability.metrics_host` says otherwise. It answers nothing else.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

from camel_ext.core.errors import Invalid
from camel_ext.core.http import handle_errors
from camel_ext.core.runtime import Runtime
from camel_ext.health import add_health
from camel_ext.metrics import add_metrics
from camel_ext.observability.measures import Measures
from camel_ext.settings import Settings

log = logging.getLogger(__name__)


class MetricsPortUnusable(Invalid):
    """This process cannot listen where observability.metrics_host and metrics_port say."""


@asynccontextmanager
async def watched(runtime: Runtime, settings: Settings) -> AsyncIterator[int | None]:
    """Answer `/metrics`, `/health/live` and `/health/ready` while the block lasts; yield the port.

    Raises: MetricsPortUnusable.
    """
    knobs = settings.observability
    if knobs.metrics_port is None:
        yield None
        return
    with _taken(knobs.metrics_host, knobs.metrics_port) as sock:
        app = FastAPI(title="CAMEL Extensions", openapi_url=None)
        app.state.runtime = runtime
        handle_errors(app)
        add_health(app, settings.data_dir)
        add_metrics(app, settings.data_dir, Measures(), knobs.metrics_key)
        config = uvicorn.Config(
            app, lifespan="off", ws="none", access_log=False, log_config=None, server_header=False,
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        server = uvicorn.Server(config)
        # not `serve`: that would take the signals, which are the process's
        serving = asyncio.create_task(server._serve([sock]), name="metrics")
        port: int = sock.getsockname()[1]
        log.info("metrics and health at http://%s:%d", knobs.metrics_host, port)
        try:
            yield port
        finally:
            server.should_exit = True
            await serving


def _taken(host: str, port: int) -> socket.socket:
    """Take the port. Raises: MetricsPortUnusable."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise MetricsPortUnusable(
            f"port {port} of {host} cannot be listened on ({error.strerror or error}): set another one "
            "(--metrics-port, CAMEL_EXT_OBSERVABILITY__METRICS_PORT), or none"
        ) from error

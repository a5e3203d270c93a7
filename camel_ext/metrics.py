"""`/metrics`: how the installation and this process stand, in Prometheus' text format.

The figures of the queue, the feed and the calls are the whole installation's, read in one snapshot by six
statements, so that one server tells what all workers do; those of requests, dependencies and connections
are this process's. It takes a key of the organisation that runs the installation, in any role, or the key
of `observability.metrics_key`, which opens nothing else. Formats are prometheus_client's.
"""

import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request, Response
from pydantic import SecretStr
from sqlalchemy.orm import Session

from camel_ext import __version__
from camel_ext.core import outbox
from camel_ext.core.dependencies import Circuit, Condition, Seen
from camel_ext.core.queue import WORKER, QueueWorker
from camel_ext.core.runtime import Runtime
from camel_ext.events import FEED, feed_of
from camel_ext.health import all_seen
from camel_ext.identity import authenticate, check_operator
from camel_ext.interactions import CallsSince, calls_since, months_seen
from camel_ext.jobs import LATELY, Standing, standing_of
from camel_ext.observability.measures import Measures
from camel_ext.serving import SERVING, serving_of

if TYPE_CHECKING:
    from prometheus_client.core import Metric

CALLS_LATELY = timedelta(minutes=1)
TOGETHER = ("model endpoints", "local models")  # here each of them has its own name


@dataclass(frozen=True, slots=True)
class Figures:
    """What one scrape reads of the database."""

    queue: Standing
    calls: CallsSince
    unnumbered: outbox.Unnumbered


def add_metrics(
    app: FastAPI, data_dir: Path, measures: Measures, metrics_key: SecretStr | None
) -> None:
    """Add the route that Prometheus scrapes."""

    @app.get("/metrics", include_in_schema=False)
    async def metrics(request: Request) -> Response:
        from prometheus_client import exposition  # with the first scrape

        runtime: Runtime = app.state.runtime
        await _check(request, metrics_key)
        figures = await runtime.read_system("metrics", read_figures, runtime)
        page = _Page(_families(runtime, data_dir, measures, figures))
        return Response(
            exposition.generate_latest(page),
            media_type=exposition.CONTENT_TYPE_LATEST,
            headers={"Cache-Control": "no-store"},
        )


class _Page:
    """What is to be written, as prometheus_client wants it."""

    def __init__(self, families: "Iterable[Metric]") -> None:
        self._families = families

    def collect(self) -> "Iterable[Metric]":
        return self._families


async def _check(request: Request, metrics_key: SecretStr | None) -> None:
    """Let in who may see figures of every tenant.

    Raises: KeyMissing, KeyRefused, RoleTooLow.
    """
    given = request.headers.get("authorization", "").partition(" ")[2].strip()
    if metrics_key is not None and hmac.compare_digest(
        given.encode(), metrics_key.get_secret_value().encode()
    ):
        return
    await check_operator(await authenticate(request))


def read_figures(db: Session, runtime: Runtime) -> Figures:
    """Return the installation's figures: six statements. System session."""
    now = runtime.clock.now()
    return Figures(
        standing_of(db, now, _lease_now(db, runtime, now)),
        calls_since(db, now - CALLS_LATELY),
        outbox.unnumbered(db),
    )


def _lease_now(db: Session, runtime: Runtime, now: datetime) -> datetime:
    """Return the time of leases; on PostgreSQL our own clock will do, a second is no matter here."""
    if runtime.database.is_sqlite:
        return runtime.database.lease_now(db.connection(), runtime.clock)
    return now


def _families(
    runtime: Runtime, data_dir: Path, measures: Measures, figures: Figures
) -> "Iterator[Metric]":
    from prometheus_client.core import InfoMetricFamily
    from prometheus_client.process_collector import ProcessCollector

    yield InfoMetricFamily("camel_ext_build", "What runs here.", {"version": __version__})
    yield from _queue(figures.queue)
    yield from _feed(runtime, figures)
    yield from _calls(figures.calls)
    yield from _months(runtime)
    seen = [each for each in all_seen(runtime, data_dir) if each.name not in TOGETHER]
    if SERVING in runtime.extras:
        yield _remembered(runtime)
        seen += serving_of(runtime).seen_each()
    yield from _dependencies(seen)
    if (worker := runtime.extras.get(WORKER)) is not None:
        yield from _worker(worker)
    yield from _process(runtime)
    yield _requests(measures)
    yield from ProcessCollector(registry=None).collect()


def _queue(queue: Standing) -> "Iterator[Metric]":
    names = ["queue", "state", "waiting_for"]
    open_jobs = _gauge("camel_ext_jobs", "Jobs that have not ended.", names)
    for key, count in sorted(queue.counts.items()):
        open_jobs.add_metric(key, count)
    yield open_jobs
    oldest = _gauge("camel_ext_jobs_oldest_due_seconds", "Longest wait of a due job.", ["queue"])
    for name, waited_s in sorted(queue.oldest_due_s.items()):
        oldest.add_metric([name], waited_s)
    yield oldest
    said = f"Jobs that ended, a second, over the last {LATELY.total_seconds():g} s."
    ended = _gauge("camel_ext_jobs_ended_per_second", said, ["queue", "state"])
    for ended_key, count in sorted(queue.ended_lately.items()):
        ended.add_metric(ended_key, count / LATELY.total_seconds())
    yield ended
    dead = _gauge("camel_ext_jobs_dead", "Jobs that ran out of tries.", ["queue"])
    for name, count in sorted(queue.dead.items()):
        dead.add_metric([name], count)
    yield dead
    workers = _gauge(
        "camel_ext_jobs_workers",
        "Workers: live, draining, or silent beyond their lease.",
        ["state"],
    )
    for how in ("live", "draining", "silent"):
        workers.add_metric([how], queue.workers.get(how, 0))
    yield workers
    yield _one("camel_ext_jobs_places", "Jobs that live workers execute at a time.", queue.places)


def _feed(runtime: Runtime, figures: Figures) -> "Iterator[Metric]":
    behind, now = figures.unnumbered, runtime.clock.now()
    lag_s = 0.0 if behind.oldest_at is None else max(0.0, (now - behind.oldest_at).total_seconds())
    yield _one("camel_ext_events_unnumbered", "Events not yet in the feed.", behind.count)
    yield _one("camel_ext_events_lag_seconds", "Age of the oldest of them.", lag_s)
    if FEED in runtime.extras:
        clients = feed_of(runtime).hub.clients
        yield _one("camel_ext_events_clients", "Clients of the live feed here.", clients)


def _calls(calls: CallsSince) -> "Iterator[Metric]":
    span_s = CALLS_LATELY.total_seconds()
    said = f"a second, by all processes, over the last {span_s:g} s."
    tokens = _gauge("camel_ext_serving_tokens_per_second", f"Tokens {said}", ["direction"])
    tokens.add_metric(["prompt"], calls.prompt_tokens / span_s)
    tokens.add_metric(["completion"], calls.completion_tokens / span_s)
    yield tokens
    asked = _gauge("camel_ext_serving_calls_per_second", f"Calls of models {said}", ["outcome"])
    asked.add_metric(["answered"], (calls.calls - calls.failed) / span_s)
    asked.add_metric(["failed"], calls.failed / span_s)
    yield asked


def _months(runtime: Runtime) -> "Iterator[Metric]":
    if (months := months_seen(runtime)) is not None:
        left_s = (months.until - runtime.clock.now()).total_seconds()
        yield _one("camel_ext_log_months_left_seconds", "Until the last month ends.", left_s)
        said = "1: calls lie outside of all months."
        yield _one("camel_ext_log_outside_months", said, float(months.outside))


def _remembered(runtime: Runtime) -> "Metric":
    said = "Questions that might be answered from memory."
    looks = _counter("camel_ext_serving_answers", said, ["found"])
    answers = serving_of(runtime).answers
    looks.add_metric(["yes"], answers.hits)
    looks.add_metric(["no"], answers.misses)
    return looks  # type: ignore[no-any-return]


def _worker(worker: QueueWorker) -> "Iterator[Metric]":
    from prometheus_client.core import HistogramMetricFamily

    yield _one("camel_ext_jobs_held", "Jobs in hand here.", worker.held)
    said = "From a job's claim here to how it went on, by kind."
    took = HistogramMetricFamily("camel_ext_jobs_seconds", said, labels=["kind", "state"])
    for key, histogram in sorted(worker.took.items()):
        took.add_metric(key, histogram.cumulative(), histogram.sum_s)
    yield took


def _dependencies(seen: list[Seen]) -> "Iterator[Metric]":
    up = _gauge("camel_ext_dependency_up", "1: it answers; 0: it does not.", ["name"])
    circuit = _gauge("camel_ext_dependency_circuit", "Whether it is asked.", ["name", "circuit"])
    in_use = _gauge("camel_ext_dependency_in_use", "Calls under way.", ["name"])
    places = _gauge("camel_ext_dependency_places", "Calls that go at once at most.", ["name"])
    calls = _counter("camel_ext_dependency_calls", "Calls.", ["name"])
    failed = _counter("camel_ext_dependency_failed_calls", "Calls not answered.", ["name"])
    refused = _counter("camel_ext_dependency_refused_calls", "Calls not sent.", ["name"])
    for each in seen:
        if each.condition is Condition.OFF:
            continue
        up.add_metric([each.name], float(each.condition is not Condition.DOWN))
        for state in Circuit:
            circuit.add_metric([each.name, state], float(each.circuit is state))
        if each.policy is not None:
            in_use.add_metric([each.name], each.in_use)
            places.add_metric([each.name], each.policy.at_once)
        calls.add_metric([each.name], each.calls)
        failed.add_metric([each.name], each.failed)
        refused.add_metric([each.name], each.refused)
    yield from (up, circuit, in_use, places, calls, failed, refused)


def _process(runtime: Runtime) -> "Iterator[Metric]":
    used = runtime.database.connections_in_use()
    most = runtime.database.connections_max
    yield _one("camel_ext_database_connections_in_use", "Connections that are in use.", used)
    yield _one("camel_ext_database_connections_max", "Connections of the pool.", most)
    waiting = _gauge("camel_ext_database_writes_waiting", "Writes that wait to commit.", ["lane"])
    for lane, count in runtime.gate.waiting().items():
        waiting.add_metric([lane], count)
    yield waiting
    commits = _counter("camel_ext_database_commits", "Transactions committed here.", [])
    commits.add_metric([], runtime.gate.commits)
    yield commits


def _requests(measures: Measures) -> "Metric":
    from prometheus_client.core import HistogramMetricFamily

    said = "Until an answer began, by route."
    family = HistogramMetricFamily(
        "camel_ext_http_request_seconds", said, labels=["method", "route", "status"]
    )
    for key, histogram in sorted(measures.requests.items()):
        family.add_metric(key, histogram.cumulative(), histogram.sum_s)
    return family


def _gauge(name: str, said: str, labels: list[str]):  # type: ignore[no-untyped-def]  # imported late
    from prometheus_client.core import GaugeMetricFamily

    return GaugeMetricFamily(name, said, labels=labels)


def _counter(name: str, said: str, labels: list[str]):  # type: ignore[no-untyped-def]  # imported late
    from prometheus_client.core import CounterMetricFamily

    return CounterMetricFamily(name, said, labels=labels)


def _one(name: str, said: str, value: float) -> "Metric":
    family = _gauge(name, said, [])
    family.add_metric([], value)
    return family  # type: ignore[no-any-return]

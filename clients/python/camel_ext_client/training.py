"""Routes of trainings: start one, follow its curves, stop it, go on; presets and hyper-parameters.

Shapes of answers are below; they are plain dicts. A newer server may send more than stands here.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NotRequired, TypedDict, cast

from camel_ext_client.pages import each
from camel_ext_client.shapes import Page, State
from camel_ext_client.transport import Json, Transport

TRAININGS = "/api/v1/trainings"
MetricKind = Literal["step", "eval"]


class Alarm(TypedDict):
    """Something that went wrong while a training went on."""

    code: str
    words: str
    step: int | None


class Training(TypedDict):
    """A training; what is not required stands in a single one, not in lists."""

    id: str
    name: str
    base: str
    base_version_id: str
    dataset: str
    dataset_version_id: str
    preset: str
    seed: int
    priority: int
    dry_run: bool
    state: State
    progress: dict[str, Any]
    progress_ratio: float
    alarms: list[Alarm]
    adapter_version_id: str | None
    error_code: str | None
    error_detail: str | None
    error_advice: str | None
    principal_id: str
    created_at: str
    started_at: str | None
    finished_at: str | None
    dataset_hash: NotRequired[str]
    hyper: NotRequired[dict[str, Any]]
    spec_hash: NotRequired[str]
    preflight: NotRequired[dict[str, Any] | None]
    result: NotRequired[dict[str, Any] | None]
    card: NotRequired[str | None]
    restarts: NotRequired[int]
    console_tail: NotRequired[str | None]


class Console(TypedDict):
    """Lines of a console; `next_after` is null when no more comes."""

    text: str
    next_after: int | None


class Metric(TypedDict):
    """A point of a curve."""

    kind: MetricKind
    step: int
    at: str
    values: dict[str, Any]


class Metrics(TypedDict):
    """Points in the order of their steps."""

    items: list[Metric]
    next_after: int | None


class Preset(TypedDict):
    """Hyper-parameters that go together."""

    name: str
    words: str
    hyper: dict[str, Any]
    differs: dict[str, Any]


class Presets(TypedDict):
    """All presets, and which one is taken where none is named."""

    items: list[Preset]
    default: str


class Hyper(TypedDict):
    """What a hyper-parameter means."""

    name: str
    meaning: str
    default: Any
    range: str
    unit: str
    source: str


class HyperTable(TypedDict):
    """All hyper-parameters."""

    items: list[Hyper]


class Environment(TypedDict):
    """Whether the server can train, and with what."""

    ready: bool
    python: str | None
    versions: dict[str, str]
    slots: int
    advice: str | None


class Trainings:
    """`client.trainings`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def start(
        self,
        name: str,
        *,
        base: str,
        dataset: str | None = None,
        dataset_version_id: str | None = None,
        preset: str | None = None,
        hyper: Mapping[str, Any] | None = None,
        seed: int = 0,
        priority: int = 0,
        dry_run: bool = False,
    ) -> Training:
        """Train the adapter `base/name` on a dataset, or, with `dry_run`, only look."""
        body: Json = {
            "name": name,
            "base": base,
            "dataset": dataset,
            "dataset_version_id": dataset_version_id,
            "hyper": dict(hyper or {}),
            "seed": seed,
            "priority": priority,
            "dry_run": dry_run,
        }
        if preset is not None:
            body["preset"] = preset
        return cast(Training, self._transport.create(TRAININGS, body))

    def list(
        self, *, state: State | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[Training]:
        """Return a page of trainings, newest first."""
        found = self._transport.get(TRAININGS, state=state, limit=limit, cursor=cursor)
        return cast(Page[Training], found)

    def each(self, *, state: State | None = None) -> Iterator[Training]:
        """Yield all trainings, newest first."""
        return each(lambda at: self.list(state=state, limit=200, cursor=at))

    def get(self, training_id: str) -> Training:
        """Return one training with everything that is known of it."""
        return cast(Training, self._transport.get(f"{TRAININGS}/{training_id}"))

    def metrics(
        self, training_id: str, kind: MetricKind = "step", *, after: int = -1, limit: int = 1_000
    ) -> Metrics:
        """Return points of its curve after a step."""
        path = f"{TRAININGS}/{training_id}/metrics"
        return cast(Metrics, self._transport.get(path, kind=kind, after=after, limit=limit))

    def console(self, training_id: str, *, after: int | None = None) -> Console:
        """Return lines of its console from an offset on, or the last ones."""
        path = f"{TRAININGS}/{training_id}/console"
        return cast(Console, self._transport.get(path, after=after))

    def each_metric(
        self, training_id: str, kind: MetricKind = "step", *, after: int = -1
    ) -> Iterator[Metric]:
        """Yield all points of its curve after a step, in order."""
        at: int | None = after
        while at is not None:
            page = self.metrics(training_id, kind, after=at)
            yield from page["items"]
            at = page["next_after"]

    def cancel(self, training_id: str) -> Training:
        """Stop a training; it leaves a checkpoint."""
        return cast(Training, self._transport.send("POST", f"{TRAININGS}/{training_id}/cancel"))

    def resume(self, training_id: str) -> Training:
        """Go on with a failed or cancelled training."""
        return cast(Training, self._transport.send("POST", f"{TRAININGS}/{training_id}/resume"))

    def presets(self) -> Presets:
        """Return the presets."""
        return cast(Presets, self._transport.get(f"{TRAININGS}/presets"))

    def hyper(self) -> HyperTable:
        """Return what each hyper-parameter means."""
        return cast(HyperTable, self._transport.get(f"{TRAININGS}/hyper"))

    def environment(self) -> Environment:
        """Say whether the server can train."""
        return cast(Environment, self._transport.get(f"{TRAININGS}/environment"))

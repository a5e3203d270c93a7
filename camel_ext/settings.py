"""Every knob: nested groups, each with a default that works on a laptop.

Set one by environment, `CAMEL_EXT_<GROUP>__<NAME>`. Nothing else in the house reads the environment
(but for the secrets that a model names); functions take values, not this object.
"""

import os
import sys
from pathlib import Path

from pydantic import BaseModel, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from camel_ext.settings_services import Blobs, Broker, Database, Mail, Outbound, Redis


def default_data_dir() -> Path:
    """Return the folder of the user's data, by the XDG convention."""
    return Path.home() / ".local" / "share" / "camel-ext"


def secret_from_environment(name: str) -> SecretStr | None:
    """Return a provider's key from the variable that a model names, or None where it is not set."""
    value = os.environ.get(name, "").strip()
    return SecretStr(value) if value else None


def has_display() -> bool:
    """Tell whether a browser could show a window here; a text browser would take the terminal."""
    if sys.platform in ("darwin", "win32"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


class Server(BaseModel):
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    allowed_hosts: list[str] = Field(
        ["localhost", "127.0.0.1", "[::1]"],
        description="Host names that requests may carry; any other is refused (DNS rebinding).",
    )
    allowed_origins: list[str] = Field(
        [], description="Origins besides our own that browsers may call from, `https://host`."
    )
    max_body_bytes: int = Field(8 * 2**20, gt=0, description="Largest request body; larger: 413.")
    max_body_values: int = Field(
        50_000, gt=0, description="Most values in one JSON body; one with more gets 413."
    )
    requests_per_s: float | None = Field(
        None, gt=0, description="Requests that one key may make a second; more get 429. None: any."
    )
    request_burst: int = Field(
        50, gt=0, description="Requests that a key may make at once, after a rest."
    )
    keep_alive_s: int = Field(
        75,
        gt=0,
        description="How long an idle connection stays open; longer than clients and balancers keep "
        "theirs, or a request meets a connection that was closed just then.",
    )
    graceful_stop_s: float = Field(
        5.0, ge=0, description="How long a stopping server lets requests and runs finish."
    )


class Queue(BaseModel):
    concurrency: int = Field(512, gt=0, description="Jobs that one worker executes at a time.")
    lease_s: float = Field(30.0, gt=0, description="Silence after which a worker counts as dead.")
    heartbeat_s: float = Field(5.0, gt=0, description="How often a worker extends its lease.")
    queues: list[str] | None = Field(
        None, description="Queues that a worker takes jobs from, by room; by default all."
    )
    poll_s: float = Field(0.5, gt=0, description="How often a worker looks for due jobs.")
    graceful_stop_s: float = Field(
        5.0,
        ge=0,
        description="How long a stopping worker process lets jobs finish before it gives them back.",
    )
    max_takeovers: int = Field(
        100, gt=0, description="Workers in turn that may die under a job before it counts as dead."
    )


class Events(BaseModel):
    keep_s: float = Field(7 * 86400.0, gt=0, description="How long events can be caught up with.")
    client_queue_frames: int = Field(
        512, gt=0, description="Frames that wait for one client before it must catch up by cursor."
    )
    heartbeat_s: float = Field(15.0, gt=0, description="Silence after which a ping is sent.")


class Scheduling(BaseModel):
    lease_s: float = Field(
        15.0, gt=0, description="Silence after which another scheduler may lead, on PostgreSQL."
    )
    poll_s: float = Field(
        1.0, gt=0, description="How often a scheduler looks for schedules that others saved."
    )
    keep_s: float = Field(90 * 86400.0, gt=0, description="How long their history is kept.")


class Notifications(BaseModel):
    public_url: str | None = Field(
        None, description="Where people reach this server, for links in messages that leave it."
    )
    attempts: int = Field(8, gt=0, description="Tries at one message before it is given up.")
    backoff_s: float = Field(
        5.0,
        gt=0,
        description="Pause before the second try; each pause is up to four times the one before, at "
        "most four hours.",
    )
    keep_s: float = Field(
        90 * 86400.0, gt=0, description="How long the inbox and the delivery log are kept."
    )
    lease_s: float = Field(
        15.0, gt=0, description="Silence after which another process may lead, on PostgreSQL."
    )
    poll_s: float = Field(
        5.0, gt=0, description="How often it is looked for events that no wake told of."
    )


class Serving(BaseModel):
    engine_threads: int = Field(
        0, ge=0, description="Threads of the local engine; 0 takes the cores but one, at most 4."
    )
    engine_slots: int = Field(8, gt=0, description="Requests the local engine answers at once.")
    local_model: bool = Field(
        True,
        description="Run local models in this process' keeping, where no `engine_url` is set; "
        "`camel-ext api` does not.",
    )
    engine_url: str | None = Field(
        None,
        description="Address of a `camel-ext engine`, `http://host:8100`, that answers for all local "
        "models.",
    )
    engine_key: SecretStr | None = Field(None, description="Key of that engine.")
    engine_key_file: Path | None = Field(
        None,
        description="File with that key; by default `engine.key` in the data folder, which "
        "`camel-ext engine` writes.",
    )
    context_tokens: int = Field(
        2048, gt=0, description="Context of one request to the local engine."
    )
    max_tokens: int = Field(
        1024,
        gt=0,
        description="Longest answer of the local engine, in tokens, where a call does not say.",
    )
    timeout_s: float = Field(120.0, gt=0, description="Longest wait for one answer of a model.")
    attempts: int = Field(4, gt=0, description="Tries at one call before the run waits.")
    provider_wait_s: float = Field(
        30.0, gt=0, description="How long a run waits before it tries a lost provider again."
    )
    provider_wait_max_s: float = Field(
        300.0, gt=0, description="That wait doubles with each failed try, up to this."
    )
    provider_tries: int = Field(
        48,
        gt=0,
        description="Failed tries at one turn, some four hours of them, after which the run is "
        "paused until a person resumes it.",
    )
    remember_answers: bool = Field(
        False,
        description="Answer deterministic questions from memory, not only for calls that say "
        "`X-Camel-Remember: yes`; never in evaluations.",
    )
    remember_s: float = Field(86400.0, gt=0, description="How long such answers are kept.")
    remember_bytes: int = Field(
        64 * 2**20,
        ge=0,
        description="Most memory for them in one process, where there is no Redis.",
    )
    require_log: bool = Field(
        True, description="Refuse a call through the gateway when it cannot be logged (503)."
    )


class Workflows(BaseModel):
    tool_modules: list[str] = Field(
        [], description="Python modules whose `@tool` functions workflows may use."
    )
    tool_timeout_s: float = Field(20.0, gt=0, description="Wall clock of one sandboxed tool call.")
    max_turns: int = Field(1000, gt=0, description="Turns after which a run without budget stops.")
    scratch_keep_s: float = Field(
        3 * 86400.0,
        ge=0,
        description="How long the files of a run's tools are kept after its end, for retries.",
    )


class Datasets(BaseModel):
    export_dir: Path | None = Field(
        None, description="Folder that exports are written to; by default one in the data folder."
    )


class Interactions(BaseModel):
    archive_dir: Path | None = Field(
        None,
        description="Folder of archived calls, the same for every process that reads the log; by "
        "default one in the data folder.",
    )


class Training(BaseModel):
    slots: int = Field(
        1, ge=0, description="Trainings that run here at the same time; 0: none, others train."
    )
    device: str | None = Field(
        None,
        max_length=120,
        pattern=r"^[A-Za-z0-9._/-]+$",
        description="Name of the device that trainings have here, for limits (`device:NAME`): workers "
        "that share one name it the same. By default the host's name.",
    )
    threads: int = Field(0, ge=0, description="Threads of one training; 0 takes the cores.")
    python: Path | None = Field(
        None,
        description="Interpreter that has PyTorch and TRL; by default this one, or the one that "
        "`camel-ext train setup` made.",
    )
    stop_s: float = Field(
        60.0, ge=0, description="How long a cancelled training may take to write its checkpoint."
    )
    restarts: int = Field(
        3, ge=0, description="Trainers in turn that may die before a training counts as failed."
    )
    keep_s: float = Field(
        14 * 86400.0,
        ge=0,
        description="How long the files of a training that has ended are kept: checkpoints of a "
        "failed or cancelled one, to resume it, and the console. Adapters stay.",
    )


class Observability(BaseModel):
    log_level: str = Field("info", description="debug, info, warning or error.")
    log_format: str = Field("text", description="`text` for people, `json` for machines.")
    metrics_key: SecretStr | None = Field(
        None,
        description="Key that `/metrics` takes besides keys of the organisation that runs the "
        "installation; it opens nothing else.",
    )
    metrics_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="Port on which a worker or scheduler answers `/metrics` and `/health`; 0 takes a free "
        "one. By default none; servers answer on their own.",
    )
    metrics_host: str = Field("127.0.0.1", description="Address that this port is on.")


class Settings(BaseSettings):
    """All settings of a process."""

    model_config = SettingsConfigDict(
        env_prefix="CAMEL_EXT_", env_nested_delimiter="__", extra="forbid"
    )

    data_dir: Path = Field(
        default_factory=default_data_dir,
        description="The one folder of database, models, keys and scratch space.",
    )
    url: str | None = Field(
        None, description="Server of commands; by default the one on this machine."
    )
    key: SecretStr | None = Field(
        None, description="Key of commands; by default the local owner's."
    )
    server: Server = Field(default_factory=Server, description="The HTTP server.")
    database: Database = Field(default_factory=Database, description="Where rows are kept.")
    redis: Redis = Field(default_factory=Redis, description="The bus between processes.")
    blobs: Blobs = Field(default_factory=Blobs, description="Files that other machines need, too.")
    queue: Queue = Field(default_factory=Queue, description="Workers and their leases.")
    broker: Broker = Field(
        default_factory=Broker, description="RabbitMQ or Redis, to wake workers."
    )
    events: Events = Field(default_factory=Events, description="The live feed.")
    scheduling: Scheduling = Field(
        default_factory=Scheduling, description="Who fires schedules, and when."
    )
    outbound: Outbound = Field(default_factory=Outbound, description="URLs that users give.")
    mail: Mail = Field(default_factory=Mail, description="The mail server that e-mail goes by.")
    notifications: Notifications = Field(
        default_factory=Notifications, description="Messages to people and to other systems."
    )
    serving: Serving = Field(default_factory=Serving, description="Calls of models.")
    workflows: Workflows = Field(default_factory=Workflows, description="Runs and their tools.")
    interactions: Interactions = Field(
        default_factory=Interactions, description="The log of calls."
    )
    datasets: Datasets = Field(default_factory=Datasets, description="Files of datasets.")
    training: Training = Field(default_factory=Training, description="Training of adapters.")
    observability: Observability = Field(
        default_factory=Observability, description="Logs, metrics."
    )

    @property
    def database_url(self) -> str:
        return self.database.url or f"sqlite:///{self.data_dir / 'camel-ext.db'}"

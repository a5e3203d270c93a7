"""Knobs of what stands outside the house: database, Redis, broker, blob store, mail, URLs of users."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, SecretStr


class Database(BaseModel):
    url: str | None = Field(
        None,
        description="`postgresql://...`, or `sqlite:///FILE`; by default a file in the data folder.",
    )
    readers: int = Field(4, gt=0, description="Connections that read at the same time.")
    answer_s: float = Field(
        60.0, gt=0, description="Silence of PostgreSQL after which a connection is given up."
    )
    notify: bool = Field(
        True,
        description="Wake other processes through PostgreSQL (`LISTEN`); off behind a pooler that "
        "shares connections between transactions.",
    )
    writers: int = Field(
        6,
        gt=0,
        description="Further connections of each process to PostgreSQL, for those who write.",
    )
    owner_url: str | None = Field(
        None,
        description="PostgreSQL URL of the role that owns the tables, for migrations alone; by "
        "default the one of `url` owns them.",
    )
    statement_s: float = Field(
        45.0,
        ge=0,
        description="Longest statement on PostgreSQL; a longer one is ended (503). 0: no limit.",
    )
    lock_s: float = Field(
        10.0, ge=0, description="Longest wait for a lock of PostgreSQL (503). 0: no limit."
    )
    idle_transaction_s: float = Field(
        600.0,
        ge=0,
        description="Silence inside a transaction after which PostgreSQL ends its connection, so "
        "that a stuck process holds no locks. 0: no limit.",
    )


class Redis(BaseModel):
    url: SecretStr | None = Field(
        None,
        description="`redis://host:6379/0`: text is seen live across processes, and limits count "
        "for all of them. By default none; everything works by the database.",
    )
    prefix: str = Field("camel-ext", description="Begins every key and channel there.")


class Blobs(BaseModel):
    url: str | None = Field(
        None,
        description="`s3://BUCKET/PREFIX`, `gs://...`, `az://...` or `file:///FOLDER`: adapters, "
        "checkpoints and exports are kept there, too, and fetched by whoever lacks them; "
        "credentials come from the usual variables. By default none.",
    )
    allow_http: bool = Field(
        False, description="Go to it without encryption, where its endpoint says `http://`."
    )


class Broker(BaseModel):
    url: SecretStr | None = Field(
        None,
        description="`amqp://...`, `amqps://...` (RabbitMQ) or `redis://...`: workers are woken "
        "through it, by Celery; by default PostgreSQL alone wakes them.",
    )
    publish_events: bool = Field(
        False,
        description="Publish events to RabbitMQ's exchange `camel-ext.events`, for other systems.",
    )
    timeout_s: float = Field(
        3.0, gt=0, description="Longest wait for the broker's answer, off every request's way."
    )
    retry_max_s: float = Field(
        30.0, gt=0, description="Longest pause before a lost broker is tried again."
    )
    heartbeat_s: int = Field(
        10,
        gt=0,
        description="A worker's connection to RabbitMQ on which nothing came for twice this is made "
        "anew.",
    )
    ca_file: Path | None = Field(
        None,
        description="Certificates (PEM) of the authorities that may vouch for the broker, with "
        "`amqps://` and `rediss://`; by default the system's. Its host name is checked, too.",
    )
    certificate_file: Path | None = Field(
        None, description="Certificate (PEM) that we show to the broker, where it wants one."
    )
    key_file: Path | None = Field(None, description="Key of that certificate.")


class Outbound(BaseModel):
    allowed_networks: list[str] = Field(
        [],
        description="Networks (`10.0.0.0/8`) and host names besides the open internet that URLs of "
        "users, such as webhooks, may reach.",
    )
    timeout_s: float = Field(10.0, gt=0, description="Longest wait for an answer to such a call.")
    max_response_bytes: int = Field(
        64 * 1024, gt=0, description="Most that is read of such an answer."
    )


class Mail(BaseModel):
    host: str | None = Field(None, description="Mail server (SMTP); without one no e-mail is sent.")
    port: int = Field(587, ge=1, le=65535, description="Its port.")
    security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="How the connection is encrypted: `starttls`, `tls` or `none`."
    )
    user: str | None = Field(None, description="Name to sign in with there.")
    password: SecretStr | None = Field(None, description="Password of that name.")
    sender: str | None = Field(None, description="Address that e-mail comes from.")
    timeout_s: float = Field(20.0, gt=0, description="Longest wait for the mail server.")

"""Routes of retention: how long calls are kept, sweeps that let old ones leave, the archive's files.

Shapes of answers are below; they are plain dicts. A newer server may send more than stands here.
"""

from collections.abc import Iterator
from typing import Literal, TypedDict, cast

from camel_ext_client.pages import each
from camel_ext_client.shapes import Page, State
from camel_ext_client.transport import Json, Transport

POLICY = "/api/v1/interaction-retention"
SWEEPS = "/api/v1/interaction-sweeps"
ARCHIVES = "/api/v1/interaction-archives"


class Retention(TypedDict):
    """How long a project keeps its calls."""

    keep_days: int
    archive: bool
    principal_id: str
    changed_at: str


class Sweep(TypedDict):
    """One walk over the old calls."""

    id: str
    state: State
    archive: bool
    until: str
    looked_at: int
    archived: int
    erased: int
    kept: int
    principal_id: str
    job_id: str
    error_code: str | None
    error_detail: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None


class Archive(TypedDict):
    """One file of archived calls, on the server."""

    id: str
    sweep_id: str
    state: Literal["writing", "moving", "archived", "restoring", "restored"]
    file: str
    rows: int
    size_bytes: int
    sha256: str | None
    first_at: str | None
    last_at: str | None
    created_at: str


class Archives:
    """`client.archives`: old calls leave the log, stay readable, and come back."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def retention(self) -> Retention:
        """Return how long this project keeps its calls; ApiError 404 where it is for ever."""
        return cast(Retention, self._transport.get(POLICY))

    def keep(self, days: int, *, archive: bool = True) -> Retention:
        """Have calls older than this archived, or erased for good, by the next sweep."""
        body: Json = {"keep_days": days, "archive": archive}
        return cast(Retention, self._transport.send("PUT", POLICY, body=body))

    def keep_for_ever(self) -> Retention:
        """End the retention, and return what it was; ApiError 404 where there is none."""
        return cast(Retention, self._transport.send("DELETE", POLICY))

    def sweep(self, *, older_than_days: int | None = None, archive: bool | None = None) -> Sweep:
        """Let old calls leave, as the retention says or as said here."""
        body: Json = {"older_than_days": older_than_days, "archive": archive}
        return cast(Sweep, self._transport.create(SWEEPS, body))

    def sweeps(self, *, limit: int = 50, cursor: str | None = None) -> Page[Sweep]:
        """Return a page of sweeps, newest first."""
        return cast(Page[Sweep], self._transport.get(SWEEPS, limit=limit, cursor=cursor))

    def get_sweep(self, sweep_id: str) -> Sweep:
        """Return one sweep."""
        return cast(Sweep, self._transport.get(f"{SWEEPS}/{sweep_id}"))

    def cancel_sweep(self, sweep_id: str) -> Sweep:
        """Stop a sweep; what left until then stays where it is."""
        return cast(Sweep, self._transport.send("POST", f"{SWEEPS}/{sweep_id}/cancel"))

    def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[Archive]:
        """Return a page of archives, newest first."""
        return cast(Page[Archive], self._transport.get(ARCHIVES, limit=limit, cursor=cursor))

    def each(self) -> Iterator[Archive]:
        """Yield all archives, newest first."""
        return each(lambda at: self.list(limit=200, cursor=at))

    def get(self, archive_id: str) -> Archive:
        """Return one archive."""
        return cast(Archive, self._transport.get(f"{ARCHIVES}/{archive_id}"))

    def restore(self, archive_id: str) -> Archive:
        """Bring an archive's calls back into the log."""
        return cast(Archive, self._transport.send("POST", f"{ARCHIVES}/{archive_id}/restore"))

"""Versions: asking for one, finding it, stopping it, and how it ends. Each is frozen once.

What a build does is `building`'s; what comes in as a file is `importing`'s.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from camel_ext.core import jobs
from camel_ext.core.clock import Clock
from camel_ext.core.models import State
from camel_ext.core.outbox import publish
from camel_ext.core.paging import Place, fetch_page
from camel_ext.datasets.errors import (
    BuildInvalid,
    DatasetUnknown,
    ImportNotKept,
    VersionFrozen,
    VersionUnknown,
    VersionUnready,
)
from camel_ext.datasets.events import VersionFinished, VersionQueued
from camel_ext.datasets.models import Dataset, DatasetVersion, Origin
from camel_ext.datasets.schemas import DatasetBuild, Without
from camel_ext.interactions import read_origins

BUILD = "datasets.build_version"
NewId = Callable[[], UUID]
ASKED = (
    "parent_id", "wanted", "given_ids", "at_most", "rules", "exclude_runs", "exclude_judges",
)  # fmt: skip
HASH_DIGITS = 8  # of a hash are enough to name a version


def start_build(
    db: Session, clock: Clock, new_id: NewId, principal_id: UUID, wanted: DatasetBuild
) -> DatasetVersion:
    """Queue the building of a dataset's next version; what is recorded later is not in it.

    Raises: BuildInvalid, naming interactions that are not there.
    """
    asked = _asked(db, clock, wanted)
    version = add_version(
        db,
        clock,
        new_id,
        principal_id,
        wanted.name,
        Origin.BUILT,
        **asked,
    )
    enqueue_build(db, clock, new_id, version)
    return version


def draft_of(db: Session, clock: Clock, wanted: DatasetBuild) -> DatasetVersion:
    """Return a version as it would be asked for, of no session: it is never stored.

    Raises: BuildInvalid, naming interactions that are not there.
    """
    return DatasetVersion(**_asked(db, clock, wanted))


def _asked(db: Session, clock: Clock, wanted: DatasetBuild) -> dict[str, Any]:
    """Return the columns that say what is asked for."""
    ids = wanted.interaction_ids
    if ids is not None:
        ids = list(dict.fromkeys(ids))
        known = read_origins(db, ids)
        unknown = [str(each) for each in ids if each not in known]
        if unknown:
            raise BuildInvalid(
                f"interaction_ids: {len(unknown)} of {len(ids)} are not in this project, the first "
                f"is {unknown[0]}"
            )
    return {
        "wanted": _until_now(clock, wanted),
        "given_ids": None if ids is None else [str(each) for each in ids],
        "at_most": wanted.at_most if ids is None else len(ids),
        "rules": wanted.rules.model_dump(mode="json"),
        "exclude_runs": sorted({str(each) for each in wanted.exclude_runs}),
        "exclude_judges": sorted(set(wanted.exclude_judges)),
    }


def _until_now(clock: Clock, wanted: DatasetBuild) -> dict[str, Any] | None:
    if wanted.filter is None:
        return None
    now = clock.now() + timedelta.resolution  # what is recorded at this very moment is among them
    until = min(wanted.filter.until or now, now)
    closed = wanted.filter.model_copy(update={"until": until})
    return closed.model_dump(mode="json", exclude_none=True)


def start_without(
    db: Session, clock: Clock, new_id: NewId, principal_id: UUID, parent_id: UUID, wanted: Without
) -> DatasetVersion:
    """Queue the next version: a frozen one's pairs but those that these runs or judges touch.

    Raises: VersionUnknown, VersionUnready.
    """
    parent = require_frozen(get_version(db, parent_id))
    version = add_version(
        db,
        clock,
        new_id,
        principal_id,
        parent.dataset,
        Origin.REDUCED,
        parent_id=parent.id,
        wanted=parent.wanted,
        given_ids=parent.given_ids,
        at_most=parent.at_most,
        rules=parent.rules,
        exclude_runs=sorted({*parent.exclude_runs, *map(str, wanted.run_ids)}),
        exclude_judges=sorted({*parent.exclude_judges, *wanted.judges}),
    )
    enqueue_build(db, clock, new_id, version)
    return version


def repeat_build(
    db: Session, clock: Clock, new_id: NewId, principal_id: UUID, version_id: UUID
) -> UUID:
    """Build anew what a failed build was asked for, as the dataset's next version; return its job.

    What is recorded since is not in it, either. Said again while that is under way, it does nothing more;
    a version that has not ended, as nobody could tell it of its job's failure, is itself gone on with.
    Raises: VersionUnknown, VersionUnready, VersionFrozen, ImportNotKept.
    """
    version = get_version(db, version_id, lock=True)
    if not version.state.is_final:
        if version.job_id is None or jobs.has_ended(db, version.job_id):
            enqueue_build(db, clock, new_id, version)
        assert version.job_id is not None, "it is enqueued"
        return version.job_id
    if version.state == State.SUCCEEDED:
        raise VersionFrozen(
            f"version {version.number} of {version.dataset} is frozen: nothing is left to build"
        )
    if version.origin == Origin.IMPORTED:
        raise ImportNotKept(
            f"what had arrived of version {version.number} of {version.dataset} is not kept after its "
            "failure: import the file again"
        )
    once = f"{BUILD} {version_id}"
    under_way = jobs.find_open(db, once)
    if under_way is not None:
        return under_way.id
    if version.parent_id is not None:
        require_frozen(get_version(db, version.parent_id))
    anew = add_version(
        db,
        clock,
        new_id,
        principal_id,
        version.dataset,
        version.origin,
        **{name: getattr(version, name) for name in ASKED},
    )
    enqueue_build(db, clock, new_id, anew, once)
    assert anew.job_id is not None, "it is enqueued"
    return anew.job_id


def add_version(
    db: Session,
    clock: Clock,
    new_id: NewId,
    principal_id: UUID,
    name: str,
    origin: Origin,
    **fields: Any,
) -> DatasetVersion:
    """Add the next version of a dataset, which is made with its first one."""
    dataset = _next(db, clock, new_id, name)
    version = DatasetVersion(
        id=new_id(),
        dataset_id=dataset.id,
        dataset=dataset.name,
        number=dataset.last_number,
        origin=origin,
        state=State.QUEUED,
        done=0,
        pairs_train=0,
        pairs_eval=0,
        statistics={},
        warnings=[],
        principal_id=principal_id,
        created_at=clock.now(),
        **fields,
    )
    db.add(version)
    publish(db, clock, VersionQueued(str(version.id), name, version.number, origin))
    db.flush()
    return version


def enqueue_build(
    db: Session, clock: Clock, new_id: NewId, version: DatasetVersion, once: str | None = None
) -> None:
    """Ask a worker to freeze a version; with `once`, the key that no other open job has."""
    version.job_id = new_id()
    args = {"version_id": str(version.id)}
    jobs.enqueue(db, clock, version.job_id, BUILD, args, dedupe_key=once)
    db.flush()


def _next(db: Session, clock: Clock, new_id: NewId, name: str) -> Dataset:
    """Return a dataset, nobody else's until the commit, with the number of its next version."""
    query = select(Dataset).where(Dataset.name == name).with_for_update()
    dataset = db.scalar(query.execution_options(populate_existing=True))
    if dataset is None:
        dataset = Dataset(id=new_id(), name=name, last_number=0, created_at=clock.now())
        try:
            with db.begin_nested():
                db.add(dataset)
        except IntegrityError:  # another process was first, on PostgreSQL
            db.expunge(dataset)
            dataset = db.scalars(query.execution_options(populate_existing=True)).one()
    dataset.last_number += 1
    return dataset


def get_dataset(db: Session, name: str) -> Dataset:
    """Return a dataset. Raises: DatasetUnknown."""
    dataset = db.scalar(select(Dataset).where(Dataset.name == name))
    if dataset is None:
        raise DatasetUnknown(f"there is no dataset {name[:64]!r} in this project")
    return dataset


def list_datasets(db: Session, where: Place) -> tuple[list[Dataset], str | None]:
    """Return a page of datasets, newest first."""
    return fetch_page(db, select(Dataset), Dataset.created_at, Dataset.id, where)


def get_version(db: Session, version_id: UUID, *, lock: bool = False) -> DatasetVersion:
    """Return a version, frozen or not. Raises: VersionUnknown."""
    version = db.get(
        DatasetVersion, version_id, with_for_update=lock or None, populate_existing=lock
    )
    if version is None:
        raise VersionUnknown(f"there is no dataset version {version_id} in this project")
    return version


def require_frozen(version: DatasetVersion) -> DatasetVersion:
    """Return a version that is frozen. Raises: VersionUnready."""
    if version.state != State.SUCCEEDED:
        why = f": {version.error_detail}" if version.error_detail else ""
        raise VersionUnready(
            f"version {version.number} of {version.dataset} is {version.state}{why}"
            if version.state.is_final
            else f"version {version.number} of {version.dataset} is {version.state}: wait for it"
        )
    return version


def list_versions(
    db: Session, where: Place, name: str | None = None
) -> tuple[list[DatasetVersion], str | None]:
    """Return a page of versions, newest first: of one dataset, or of all.

    Raises: DatasetUnknown.
    """
    query = select(DatasetVersion)
    if name is not None:
        query = query.where(DatasetVersion.dataset_id == get_dataset(db, name).id)
    return fetch_page(db, query, DatasetVersion.created_at, DatasetVersion.id, where)


def find_version(db: Session, target: str) -> DatasetVersion:
    """Return what `name`, `name@3`, `name@sha256:1f3a...` or an id stands for.

    A bare name is its newest frozen version; of several with one hash it is the first.
    Raises: DatasetUnknown, VersionUnknown.
    """
    try:
        return get_version(db, UUID(target))
    except ValueError:
        name, _, wanted = target.partition("@")
    query = select(DatasetVersion).where(DatasetVersion.dataset_id == get_dataset(db, name).id)
    digits = wanted.removeprefix("sha256:")
    if not wanted:
        query = query.where(DatasetVersion.state == State.SUCCEEDED)
        query = query.order_by(DatasetVersion.number.desc())
    elif wanted.isdecimal() and wanted.isascii() and len(wanted) < 9:
        query = query.where(DatasetVersion.number == int(wanted))
    elif len(digits) >= HASH_DIGITS:
        named = DatasetVersion.content_hash.startswith(f"sha256:{digits}", autoescape=True)
        query = query.where(named).order_by(DatasetVersion.number)
    else:
        raise VersionUnknown(
            f"{target[:200]!r}: a version is a number, or {HASH_DIGITS} or more digits of its hash"
        )
    version = db.scalar(query.limit(1))
    if version is None:
        what = "no such version" if wanted else "no frozen version yet"
        raise VersionUnknown(f"{target[:200]!r}: the dataset has {what}")
    return version


def find_equal(db: Session, version: DatasetVersion, content_hash: str) -> Sequence[DatasetVersion]:
    """Return the frozen versions that hold exactly the same, oldest first."""
    query = select(DatasetVersion).where(
        DatasetVersion.content_hash == content_hash, DatasetVersion.id != version.id
    )
    return db.scalars(query.order_by(DatasetVersion.created_at, DatasetVersion.id)).all()


def cancel_build(db: Session, clock: Clock, version_id: UUID) -> DatasetVersion:
    """Stop a build for good; a frozen version stays.

    Raises: VersionUnknown.
    """
    job_id = get_version(db, version_id).job_id
    nobody = True
    if job_id is not None:
        nobody = jobs.request_cancel(db, clock, job_id).state.is_final  # the job is locked first
    version = get_version(db, version_id, lock=True)
    if nobody and not version.state.is_final:  # nobody is executing it: it ends here
        end_version(db, clock, version, State.CANCELLED)
    return version


def end_version(
    db: Session,
    clock: Clock,
    version: DatasetVersion,
    state: State,
    error: tuple[str, str] | None = None,
) -> None:
    """Write a version's end, once."""
    if version.state.is_final:
        return
    version.state, version.finished_at = state, clock.now()
    version.error_code, version.error_detail = error or (None, None)
    ended = VersionFinished(
        str(version.id),
        version.dataset,
        version.number,
        state,
        version.pairs,
        version.content_hash,
        version.error_code,
    )
    publish(db, clock, ended)
    db.flush()


def count_latest_pairs(db: Session) -> tuple[int, int]:
    """Return how many datasets have a frozen version, and the pairs of the newest of each."""
    newest = (
        select(DatasetVersion.dataset_id, func.max(DatasetVersion.number).label("newest"))
        .where(DatasetVersion.state == State.SUCCEEDED)
        .group_by(DatasetVersion.dataset_id)
        .subquery()
    )
    held = DatasetVersion.pairs_train + DatasetVersion.pairs_eval
    query = select(func.count(), func.coalesce(func.sum(held), 0)).join(
        newest,
        (DatasetVersion.dataset_id == newest.c.dataset_id)
        & (DatasetVersion.number == newest.c.newest),
    )
    datasets, pairs = db.execute(query).one()
    return datasets, pairs

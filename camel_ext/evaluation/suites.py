"""Suites: defining one, its versions by content, and reading cases and scorers back.

A version is named by its cases and scorers: the same content again is the same version. Cases that
repeat are refused: a repeated one counts one answer twice and makes an interval look narrower.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, undefer

from camel_ext.core.clock import Clock
from camel_ext.core.errors import CamelExtError
from camel_ext.core.hashing import content_hash
from camel_ext.core.paging import Place, fetch_page
from camel_ext.evaluation.errors import SuiteInvalid, SuiteJustDefined, SuiteUnknown
from camel_ext.evaluation.models import Suite, SuiteVersion
from camel_ext.evaluation.suite_schemas import SuiteCase, SuiteContent, SuiteCreate, SuiteScorer
from camel_ext.registry import Name
from camel_ext.verifiers import get_verifier, read_params

NewId = Callable[[], UUID]
Json = dict[str, Any]
SAID = 12  # letters of the hash that names a case without a name


def define_suite(
    db: Session, clock: Clock, new_id: NewId, principal_id: UUID, wanted: SuiteCreate
) -> SuiteVersion:
    """Return the version of a suite with this content, made where there is none.

    Raises: SuiteInvalid with everything that is wrong, SuiteJustDefined.
    """
    cases, scorers, primary = _content(wanted)
    digest = content_hash({"cases": cases, "scorers": scorers, "primary": primary})
    suite = _suite(db, clock, new_id, wanted)
    query = select(SuiteVersion).where(
        SuiteVersion.suite_id == suite.id, SuiteVersion.content_hash == digest
    )
    version = db.scalar(query)
    if version is None:
        version = SuiteVersion(
            id=new_id(),
            suite_id=suite.id,
            number=_last_number(db, suite.id) + 1,
            content_hash=digest,
            cases=cases,
            scorers=scorers,
            primary=primary,
            case_count=len(cases),
            topic_count=len({case["topic"] for case in cases}),
            principal_id=principal_id,
            created_at=clock.now(),
        )
        db.add(version)
    if suite.current_version_id != version.id or suite.description != wanted.description:
        suite.current_version_id, suite.description = version.id, wanted.description
        suite.revision += 1
        suite.updated_at = clock.now()
    db.flush()
    return version


def _suite(db: Session, clock: Clock, new_id: NewId, wanted: SuiteCreate) -> Suite:
    query = select(Suite).where(Suite.name == wanted.name).with_for_update()
    suite = db.scalar(query.execution_options(populate_existing=True))
    if suite is not None:
        return suite
    now = clock.now()
    suite = Suite(
        id=new_id(), name=wanted.name, description=wanted.description, current_version_id=None,
        revision=0, created_at=now, updated_at=now,
    )  # fmt: skip
    try:
        with db.begin_nested():
            db.add(suite)
    except IntegrityError as error:  # another process was first, on PostgreSQL
        raise SuiteJustDefined() from error
    return suite


def _last_number(db: Session, suite_id: UUID) -> int:
    query = select(SuiteVersion.number).where(SuiteVersion.suite_id == suite_id)
    return db.scalar(query.order_by(SuiteVersion.number.desc()).limit(1)) or 0


# -- content ---------------------------------------------------------------------------------------


def _content(wanted: SuiteContent) -> tuple[list[Json], list[Json], str]:
    """Return cases, scorers and the primary one as they are stored. Raises: SuiteInvalid."""
    cases = [_stored(case) for case in wanted.cases]
    wrong = [*_repeated(cases), *_scorers_wrong(wanted)]
    if wrong:
        raise SuiteInvalid("; ".join(wrong[:20]), problems=wrong)
    scorers = [
        {"name": name, **scorer.model_dump(mode="json")} for name, scorer in wanted.scorers.items()
    ]
    return cases, scorers, wanted.primary or next(iter(wanted.scorers))


def _stored(case: SuiteCase) -> Json:
    named = case.id or content_hash(case.input).removeprefix("sha256:")[:SAID]
    return {"id": named, "topic": case.topic, "input": case.input, "expect": case.expect}


def _repeated(cases: list[Json]) -> list[str]:
    wrong, names, inputs = [], dict[str, int](), dict[str, int]()
    for number, case in enumerate(cases, 1):
        said = content_hash(_plain(case["input"]))
        twin = inputs.setdefault(said, number)
        if twin != number:
            wrong.append(f"cases {twin} and {number} ask the same: each case counts once")
        elif names.setdefault(case["id"], number) != number:
            wrong.append(f"cases {names[case['id']]} and {number} are both called `{case['id']}`")
    return wrong


def _plain(value: Any) -> Any:
    """Return a value without differences of case and spaces."""
    if isinstance(value, str):
        return " ".join(value.lower().split())
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return {key: _plain(each) for key, each in value.items()} if isinstance(value, dict) else value


def _scorers_wrong(wanted: SuiteContent) -> list[str]:
    wrong = []
    for name, scorer in wanted.scorers.items():
        if scorer.verify is None:
            continue
        try:
            known = get_verifier(scorer.verify).params.model_fields
        except CamelExtError as error:
            wrong.append(f"scorer `{name}`: {error.detail}")
            continue
        if unknown := [each for each in scorer.per_case if each not in known]:
            listed = ", ".join(f"`{each}`" for each in known)
            wrong.append(
                f"scorer `{name}`: `{scorer.verify}` has no parameter `{unknown[0]}`, it takes {listed}"
            )
        else:
            wrong += _params_wrong(name, scorer, wanted.cases)
    return wrong


def _params_wrong(name: str, scorer: SuiteScorer, cases: list[SuiteCase]) -> list[str]:
    """Return what is wrong with a scorer's parameters, for the first case where they are."""
    for number, case in enumerate(cases if scorer.per_case else cases[:1], 1):
        try:
            read_params(str(scorer.verify), params_of(scorer, case.input, case.expect))
        except LookupError as error:
            return [f"scorer `{name}`: case {number} has no `{error.args[0]}`"]
        except CamelExtError as error:
            where = f" for case {number}" if scorer.per_case else ""
            return [f"scorer `{name}`{where}: {error.detail}"]
    return []


def params_of(scorer: SuiteScorer, given: Json, expect: Any) -> Json:
    """Return the parameters of a scorer for one case. Raises: LookupError(path)."""
    case = {"input": given, "expect": expect}
    return {**scorer.params, **{name: _field(case, path) for name, path in scorer.per_case.items()}}


def _field(case: Json, path: str) -> Any:
    root, _, rest = path.partition(".")
    if root == "expect" or (root == "input" and rest):
        found = case[root]
    else:
        found, rest = case["input"], path
    found = field_of(found, rest)
    if found is None:
        raise LookupError(path)
    return found


def field_of(value: Any, path: str | None) -> Any:
    """Return what lies at a dotted path of a JSON value; None: nothing."""
    for part in path.split(".") if path else ():
        value = value.get(part) if isinstance(value, dict) else None
    return value


# -- reading ---------------------------------------------------------------------------------------


def get_suite(db: Session, name: Name) -> Suite:
    """Return a suite. Raises: SuiteUnknown."""
    suite = db.scalar(select(Suite).where(Suite.name == name))
    if suite is None:
        raise SuiteUnknown(
            f"there is no suite {name!r}: `camel-ext suite list` shows what there is"
        )
    return suite


def list_suites(db: Session, where: Place) -> tuple[list[Suite], str | None]:
    """Return a page of suites, newest first."""
    return fetch_page(db, select(Suite), Suite.created_at, Suite.id, where)


def list_suite_versions(
    db: Session, name: Name, where: Place
) -> tuple[list[SuiteVersion], str | None]:
    """Return a page of a suite's versions, newest first, without cases. Raises: SuiteUnknown."""
    query = select(SuiteVersion).where(SuiteVersion.suite_id == get_suite(db, name).id)
    return fetch_page(db, query, SuiteVersion.created_at, SuiteVersion.id, where)


def get_suite_version(db: Session, version_id: UUID) -> SuiteVersion:
    """Return a version of a suite with its cases. Raises: SuiteUnknown."""
    query = select(SuiteVersion).where(SuiteVersion.id == version_id)
    version = db.scalar(query.options(undefer(SuiteVersion.cases)))
    if version is None:
        raise SuiteUnknown(f"there is no version {version_id} of a suite")
    return version


def find_version(db: Session, named: str) -> tuple[Suite, SuiteVersion]:
    """Return what `NAME` or `NAME@NUMBER` stands for, with its cases. Raises: SuiteUnknown."""
    name, _, number = named.partition("@")
    suite = get_suite(db, name)
    query = select(SuiteVersion).where(SuiteVersion.suite_id == suite.id)
    if number:
        if not number.isdigit() or len(number) > 9:
            raise SuiteUnknown(f"{named!r}: a version is a number, `{name}@2`")
        query = query.where(SuiteVersion.number == int(number))
    else:
        query = query.where(SuiteVersion.id == suite.current_version_id)
    version = db.scalar(query.options(undefer(SuiteVersion.cases)))
    if version is None:
        raise SuiteUnknown(f"the suite {name!r} has no version {number}")
    return suite, version


def scorers_of(version: SuiteVersion) -> dict[str, SuiteScorer]:
    """Return the scorers of a version, by name, in order."""
    return {
        entry["name"]: SuiteScorer.model_validate({k: v for k, v in entry.items() if k != "name"})
        for entry in version.scorers
    }

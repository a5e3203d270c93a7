"""Configurations: files in, versions out, and the same files back, comments and all.

A name's version is its canonical content; a changed comment is a new revision of the files and no
new version. A name that left its files is retired. What the files say is the language's business,
models and aliases are the registry's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from camel_ext.core.clock import Clock
from camel_ext.core.door import check_revision
from camel_ext.core.outbox import publish
from camel_ext.identity import Actor
from camel_ext.registry import ModelsFile, apply_models, known_names
from camel_ext.verifiers import list_verifiers
from camel_ext.workflows.contents import Content, agent_of, read_contents
from camel_ext.workflows.errors import ConfigurationUnknown, DefinitionUnknown, NameInUse
from camel_ext.workflows.events import ConfigurationApplied
from camel_ext.workflows.language.checks import Known
from camel_ext.workflows.language.reading import Bundle, canonical, definition_hash, read_bundle
from camel_ext.workflows.language.schema import Agent, Workflow
from camel_ext.workflows.models import (
    Configuration,
    ConfigurationRevision,
    Definition,
    DefinitionKind,
    DefinitionVersion,
)
from camel_ext.workflows.schemas import (
    Applied,
    Change,
    ChangeWord,
    ConfigurationApply,
    ProblemShown,
)

Contents = dict[DefinitionKind, dict[str, Agent | Workflow]]


@dataclass(frozen=True, slots=True)
class Applier:
    """Who applies, with what this server knows, and where ids and time come from."""

    actor: Actor
    clock: Clock
    new_id: Callable[[], UUID]
    tools: frozenset[str]


def apply(db: Session, by: Applier, wanted: ConfigurationApply, revision: int | None) -> Applied:
    """Make the project say what the files say, all of it or nothing.

    Files that are not given stay as they were. The same files again change nothing.
    Raises: LanguageError with every problem and its place, NameInUse, PreconditionFailed.
    """
    configuration = find_configuration(db, wanted.name, for_update=True)
    was = configuration.revision if configuration else 0
    if revision is not None:
        check_revision(was, revision)
    before: dict[str, str] = configuration.files if configuration else {}
    files: dict[str, str] = {**before, **{str(name): text for name, text in wanted.files.items()}}
    bundle = read_bundle(files, _known(db, by, wanted.name))
    changes = _apply_registry(db, by, wanted.name, bundle) if "models.yaml" in files else []
    if configuration is None:
        configuration = _new(db, by, wanted.name)
    changes += _apply_definitions(db, by, configuration, _contents(bundle))
    if files != before:
        _revise(db, by, configuration, files)
    db.flush()
    return Applied(
        name=wanted.name,
        revision=was if wanted.dry_run else configuration.revision,
        dry_run=wanted.dry_run,
        changes=changes,
        warnings=[str(warning) for warning in bundle.warnings],
        problems=[ProblemShown.model_validate(warning) for warning in bundle.warnings],
    )


def find_configuration(db: Session, name: str, *, for_update: bool = False) -> Configuration | None:
    """Return a configuration, or None where nothing was applied under the name."""
    query = select(Configuration).where(Configuration.name == name)
    if for_update:
        query = query.with_for_update().execution_options(populate_existing=True)
    return db.scalar(query)


def get_configuration(db: Session, name: str) -> Configuration:
    """Return a configuration. Raises: ConfigurationUnknown."""
    found = find_configuration(db, name)
    if found is None:
        raise ConfigurationUnknown(f"nothing was applied under the name {name!r}")
    return found


def list_configurations(db: Session) -> list[Configuration]:
    """Return all configurations, by name."""
    return list(db.scalars(select(Configuration).order_by(Configuration.name)))


def get_definition(db: Session, kind: DefinitionKind, name: str) -> DefinitionVersion:
    """Return the current version of a definition. Raises: DefinitionUnknown."""
    version = db.scalar(_CURRENT, {"kind": kind, "name": name})
    if version is None:
        there = ", ".join(sorted(_names(db, kind))) or "none yet: apply a folder of files first"
        raise DefinitionUnknown(f"there is no {kind} {name!r}; there is {there}")
    return version


def current_workflow(db: Session, name: str) -> tuple[UUID, Workflow]:
    """Return the id of a workflow's current version, and the workflow; do not change that.

    Raises: DefinitionUnknown.
    """
    version_id, content = _current(db, DefinitionKind.WORKFLOW, name)
    return version_id, cast(Workflow, content)


def current_agent(db: Session, name: str) -> tuple[UUID, Agent]:
    """Return the id of an agent's current version, and the agent; do not change that.

    Raises: DefinitionUnknown.
    """
    version_id, content = _current(db, DefinitionKind.AGENT, name)
    return version_id, cast(Agent, content)


def _current(db: Session, kind: DefinitionKind, name: str) -> tuple[UUID, Content]:
    version_id = db.scalar(_CURRENT_ID, {"kind": kind, "name": name})
    if version_id is None:
        version_id = get_definition(db, kind, name).id  # which says what there is instead
    return version_id, read_contents(db, [version_id])[version_id]


_CURRENT_ID = select(Definition.version_id).where(
    Definition.kind == bindparam("kind"),
    Definition.name == bindparam("name"),
    Definition.retired_at.is_(None),
)
_CURRENT = (
    select(DefinitionVersion)
    .join(Definition, Definition.version_id == DefinitionVersion.id)
    .where(
        Definition.kind == bindparam("kind"),
        Definition.name == bindparam("name"),
        Definition.retired_at.is_(None),
    )
)


def list_definitions(
    db: Session, kind: DefinitionKind
) -> list[tuple[Definition, DefinitionVersion, str]]:
    """Return the current definitions of a kind with their versions and configurations' names."""
    query = (
        select(Definition, DefinitionVersion, Configuration.name)
        .join(DefinitionVersion, Definition.version_id == DefinitionVersion.id)
        .join(Configuration, Definition.configuration_id == Configuration.id)
        .where(Definition.kind == kind, Definition.retired_at.is_(None))
        .order_by(Definition.name)
    )
    return [(row[0], row[1], row[2]) for row in db.execute(query)]


def _known(db: Session, by: Applier, name: str) -> Known:
    """Return what there is besides these files: what they do not say any more will be gone."""
    models, aliases = known_names(db, outside=name)
    agents = {
        definition.name: agent_of(version)
        for definition, version, configuration in list_definitions(db, DefinitionKind.AGENT)
        if configuration != name
    }
    return Known(
        agents=agents,
        aliases=aliases,
        models=models,
        tools=by.tools,
        verifiers=frozenset(each.name for each in list_verifiers()),
    )


def _names(db: Session, kind: DefinitionKind) -> list[str]:
    query = select(Definition.name).where(Definition.kind == kind, Definition.retired_at.is_(None))
    return list(db.scalars(query))


def _contents(bundle: Bundle) -> Contents:
    return {
        DefinitionKind.AGENT: dict(bundle.agents),
        DefinitionKind.WORKFLOW: dict(bundle.workflows),
    }


def _apply_registry(db: Session, by: Applier, name: str, bundle: Bundle) -> list[Change]:
    file = ModelsFile(models=bundle.models, aliases={**bundle.aliases})
    applied = apply_models(
        db, by.clock, by.new_id, by.actor, file, configuration=name, sources=_texts(bundle)
    )
    models = [
        Change(
            kind="model",
            name=model,
            change=_REGISTRY_WORDS[each.change],
            content_hash=each.version.content_hash,
        )
        for model, each in applied.models.items()
    ]
    return models + [
        Change(kind="alias", name=alias, change=_REGISTRY_WORDS[change])
        for alias, change in applied.aliases.items()
    ]


def _texts(bundle: Bundle) -> dict[str, str]:
    """Return each model's and adapter's entry as it was written, with its comments."""
    source = bundle.sources["models.yaml"]
    texts = {name: source.written(("models", name)) for name in bundle.models}
    for name, model in bundle.models.items():
        for adapter in model.adapters:
            place = ("models", name, "adapters", adapter)
            texts[f"{name}/{adapter}"] = source.written(place)
    return {name: text for name, text in texts.items() if text}


_REGISTRY_WORDS: dict[str, ChangeWord] = {
    "unchanged": "unchanged",
    "revised": "revised",
    "changed": "changed",
    "moved": "changed",
    "new": "added",
    "retired": "retired",
}


def _apply_definitions(
    db: Session, by: Applier, configuration: Configuration, contents: Contents
) -> list[Change]:
    query = select(Definition)
    known = {(row.kind, row.name): row for row in db.scalars(query)}
    changes = []
    for kind, named in contents.items():
        for name, definition in named.items():
            row = known.get((kind, name))
            changes.append(_put(db, by, configuration, kind, name, definition, row))
    for (kind, name), row in known.items():
        left = row.configuration_id == configuration.id and name not in contents[kind]
        if left and row.retired_at is None:
            row.retired_at = by.clock.now()
            changes.append(Change(kind=kind, name=name, change="retired"))
    return changes


def _put(
    db: Session,
    by: Applier,
    configuration: Configuration,
    kind: DefinitionKind,
    name: str,
    definition: Agent | Workflow,
    row: Definition | None,
) -> Change:
    if row is not None and row.configuration_id != configuration.id and row.retired_at is None:
        other = db.get_one(Configuration, row.configuration_id).name
        raise NameInUse(
            f"the {kind} {name!r} stands in the configuration {other!r}: rename one of them"
        )
    version = _version(db, by, kind, name, definition)
    change: ChangeWord = "unchanged"
    if row is None:
        change = "added"
        row = Definition(kind=kind, name=name, version_id=version.id, updated_at=by.clock.now())
        row.configuration_id = configuration.id
        db.add(row)
    elif row.retired_at is not None or row.version_id != version.id:
        change = "changed" if row.retired_at is None else "added"
        row.version_id, row.retired_at = version.id, None
        row.configuration_id, row.updated_at = configuration.id, by.clock.now()
    return Change(kind=kind, name=name, change=change, content_hash=version.content_hash)


def _version(
    db: Session, by: Applier, kind: DefinitionKind, name: str, definition: Agent | Workflow
) -> DefinitionVersion:
    digest = definition_hash(definition)
    query = select(DefinitionVersion).where(
        DefinitionVersion.kind == kind,
        DefinitionVersion.name == name,
        DefinitionVersion.content_hash == digest,
    )
    version = db.scalar(query)
    if version is None:
        version = DefinitionVersion(
            id=by.new_id(),
            kind=kind,
            name=name,
            content_hash=digest,
            content=canonical(definition),
            created_at=by.clock.now(),
        )
        db.add(version)
        db.flush()
    return version


def _new(db: Session, by: Applier, name: str) -> Configuration:
    now = by.clock.now()
    configuration = Configuration(
        id=by.new_id(), name=name, revision=0, files={}, created_at=now, updated_at=now
    )
    try:
        with db.begin_nested():
            db.add(configuration)
            db.flush()
    except IntegrityError as error:  # another process was first, on PostgreSQL
        raise NameInUse(
            f"somebody applied the first files of {name!r} at this very moment: apply yours again"
        ) from error
    return configuration


def _revise(db: Session, by: Applier, configuration: Configuration, files: dict[str, str]) -> None:
    configuration.revision += 1
    configuration.files = files
    configuration.updated_at = by.clock.now()
    db.add(
        ConfigurationRevision(
            configuration_id=configuration.id,
            revision=configuration.revision,
            files=files,
            principal_id=by.actor.principal_id,
            created_at=by.clock.now(),
        )
    )
    subject = str(configuration.id)
    publish(
        db,
        by.clock,
        ConfigurationApplied(subject, configuration.name, configuration.revision),
    )

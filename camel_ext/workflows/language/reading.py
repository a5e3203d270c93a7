"""From files to checked definitions: read, check, and name what is in them by its content.

All problems of all files come in one error. Nothing is stored: what is returned is data.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from camel_ext.core.hashing import content_hash
from camel_ext.registry import (
    KEY_PLACES,
    AnyEntry,
    ModelEntry,
    ModelsFile,
    TargetEntry,
    alias_targets,
)
from camel_ext.workflows.language.checks import (
    Known,
    agent_problems,
    unused_inputs,
    workflow_problems,
)
from camel_ext.workflows.language.problems import LanguageError, Problem, suggest
from camel_ext.workflows.language.schema import (
    Agent,
    AgentsFile,
    Workflow,
    WorkflowsFile,
)
from camel_ext.workflows.language.structure import structural_problems
from camel_ext.workflows.language.yaml_source import Source, read_source

FILE_TYPES: dict[str, type[BaseModel]] = {
    "agents.yaml": AgentsFile,
    "workflows.yaml": WorkflowsFile,
    "models.yaml": ModelsFile,
}
F = TypeVar("F", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a folder defines, checked; and the text it came from."""

    agents: dict[str, Agent] = field(default_factory=dict)
    workflows: dict[str, Workflow] = field(default_factory=dict)
    models: dict[str, AnyEntry] = field(default_factory=dict)
    aliases: dict[str, list[TargetEntry]] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    warnings: tuple[Problem, ...] = ()


def read_bundle(files: Mapping[str, str | bytes], known: Known) -> Bundle:
    """Read and check agents.yaml, workflows.yaml and models.yaml, as many as there are.

    Raises: LanguageError with every problem of every file.
    """
    problems: list[Problem] = []
    sources: dict[str, Source] = {}
    parsed: dict[str, Any] = {}
    named: dict[str, frozenset[str]] = {}
    for name, raw in sorted(files.items()):
        try:
            sources[name] = _source(name, raw)
        except LanguageError as error:
            problems += error.problems
            continue
        section = name.removesuffix(".yaml")
        named[section] = _names(sources[name], section)
        named["aliases"] = named.get("aliases", frozenset()) | _names(sources[name], "aliases")
        parsed[section] = _read(sources[name], FILE_TYPES[name], problems)
    bundle = _bundle(parsed, sources)
    if len(sources) == len(files):  # names in a file that cannot be read would all seem missing
        problems += _cross(bundle, _widened(known, bundle, named))
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise LanguageError(errors)
    return replace(bundle, warnings=tuple(p for p in problems if p.severity == "warning"))


def canonical(definition: BaseModel) -> dict[str, Any]:
    """Return the content of a definition: defaults filled in, comments, order and secrets gone.

    A field that is not set and has no default is left out, so that a later version of this format
    can add such a field without renaming every definition there is.
    """
    hidden = KEY_PLACES if isinstance(definition, ModelEntry) else frozenset()
    content: dict[str, Any] = {}
    for name in type(definition).model_fields:
        value = getattr(definition, name)
        unset = value is None and not (name == "default" and name in definition.model_fields_set)
        if name not in hidden and not unset:
            content[name] = _plain(value)
    return content


def definition_hash(definition: BaseModel) -> str:
    """Return the content hash by which a version of a definition is named."""
    return content_hash({"kind": type(definition).__name__, "content": canonical(definition)})


def json_schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of each file, for editors."""
    return {name: kind.model_json_schema() for name, kind in FILE_TYPES.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return canonical(value)
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, list) else value


def _source(name: str, raw: str | bytes) -> Source:
    if name not in FILE_TYPES:
        fix = suggest(name, FILE_TYPES, "file")
        raise LanguageError([Problem(name, 1, 1, "", "this file is not one of the format.", fix)])
    return read_source(name, raw)


def _names(source: Source, section: str) -> frozenset[str]:
    """Return the names a section defines, also those whose definition is wrong."""
    data = source.data.get(section) if isinstance(source.data, dict) else None
    return frozenset(data) if isinstance(data, dict) else frozenset()


def _read(source: Source, kind: type[F], problems: list[Problem]) -> F | None:
    """Return a file as its type, without the definitions that are wrong; those become problems."""
    data = {} if source.data is None else source.data
    for _ in range(2):
        try:
            return kind.model_validate(data)
        except ValidationError as error:
            if data is source.data:
                problems += structural_problems(source, error, kind)
            data = _without(data, error)
    return None


def _without(data: Any, error: ValidationError) -> Any:
    if not isinstance(data, dict):
        return {}
    kept = json.loads(json.dumps(data))
    for entry in error.errors(include_url=False, include_input=False, include_context=False):
        loc = entry["loc"]
        section = kept.get(loc[0]) if loc else None
        if len(loc) > 1 and isinstance(section, dict):
            section.pop(loc[1], None)
        elif loc:
            kept.pop(loc[0], None)
    return kept


def _bundle(parsed: Mapping[str, Any], sources: dict[str, Source]) -> Bundle:
    agents, workflows, models = (parsed.get(key) for key in ("agents", "workflows", "models"))
    return Bundle(
        agents=agents.agents if agents else {},
        workflows=workflows.workflows if workflows else {},
        models=models.models if models else {},
        aliases={k: alias_targets(v) for k, v in models.aliases.items()} if models else {},
        sources=sources,
    )


def _widened(known: Known, bundle: Bundle, named: Mapping[str, frozenset[str]]) -> Known:
    here: dict[str, Agent | None] = dict.fromkeys(named.get("agents", frozenset()))
    return replace(
        known,
        agents={**known.agents, **here, **bundle.agents},
        aliases=known.aliases | named.get("aliases", frozenset()),
        models=known.models | named.get("models", frozenset()),
    )


def _cross(bundle: Bundle, known: Known) -> Iterator[Problem]:
    for name, agent in bundle.agents.items():
        yield from agent_problems(bundle.sources["agents.yaml"], name, agent, known)
    for name, workflow in bundle.workflows.items():
        source = bundle.sources["workflows.yaml"]
        yield from workflow_problems(source, name, workflow, known)
        yield from unused_inputs(source, name, workflow, known)
    for name, targets in bundle.aliases.items():
        yield from _alias_problems(bundle, name, targets, known)


def _alias_problems(
    bundle: Bundle, name: str, targets: list[TargetEntry], known: Known
) -> Iterator[Problem]:
    source = bundle.sources["models.yaml"]
    written = source.data["aliases"][name]
    seen: set[str] = set()
    for index, entry in enumerate(targets):
        at: tuple[str | int, ...] = ("aliases", name)
        if isinstance(written, list):
            at = (*at, index, "target")
        model, _, adapter = entry.target.partition("@")[0].partition("/")
        if model not in known.models:
            fix = suggest(model, known.models, "model")
            yield source.problem(at, f"there is no model `{model}`.", fix)
        elif adapter and model in bundle.models:
            adapters = bundle.models[model].adapters
            if adapter not in adapters:
                fix = suggest(adapter, adapters, "adapter")
                message = f"the model `{model}` has no adapter `{adapter}`."
                yield source.problem(at, message, fix)
        if entry.target in seen:
            fix = "Keep one and give it the whole weight."
            yield source.problem(at, f"`{entry.target}` stands here twice.", fix)
        seen.add(entry.target)

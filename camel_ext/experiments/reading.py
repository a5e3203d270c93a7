"""improve.yaml from text to a checked configuration; problems name the file, the line and the field.

The YAML machinery is the workflows' own: the same rules, the same words. Goals may stand in files of
their own beside it (`goals: FILE.yaml`); who reads files from a disk hands their texts in.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from camel_ext.experiments.checks import Finding, Path, findings
from camel_ext.experiments.config import ImproveConfig
from camel_ext.workflows import (
    LanguageError,
    Problem,
    Source,
    read_source,
    structural_problems,
)

GOAL_FIELDS = ("goals", "heldout")


class ImproveFile:
    """A configuration with the text it came from, so that what a server finds has its line, too."""

    def __init__(self, config: ImproveConfig, source: Source, parts: Mapping[str, Source]) -> None:
        self.config = config
        self._source = source
        self._parts = parts

    def problem_at(self, path: Path, message: str, fix: str = "") -> Problem:
        """Return what a server found wrong with the configuration, with its place in the file."""
        return _placed(Finding(path, message, fix), self._source, self._parts)


def files_named(name: str, text: str) -> list[str]:
    """Return the files of goals that an improve.yaml names.

    Raises: LanguageError.
    """
    data = read_source(name, text).data
    return [] if not isinstance(data, dict) else [
        data[field] for field in GOAL_FIELDS if isinstance(data.get(field), str)
    ]  # fmt: skip


def read_improve(name: str, text: str, others: Mapping[str, str] | None = None) -> ImproveFile:
    """Read and check an improve.yaml; `others` are the texts of the files that it names.

    Raises: LanguageError with everything that is wrong with it.
    """
    source = read_source(name, text)
    parts = _parts(source, others or {})
    data: Any = dict(source.data) if isinstance(source.data, dict) else source.data or {}
    for field, part in parts.items():
        data[field] = part.data
    try:
        config = ImproveConfig.model_validate(data)
    except ValidationError as error:
        raise LanguageError(_structural(source, parts, error)) from None
    wrong = [_placed(found, source, parts) for found in findings(config)]
    if wrong:
        raise LanguageError(wrong)
    return ImproveFile(config, source, parts)


def _parts(source: Source, others: Mapping[str, str]) -> dict[str, Source]:
    parts = {}
    data = source.data if isinstance(source.data, dict) else {}
    for field in GOAL_FIELDS:
        named = data.get(field)
        if not isinstance(named, str):
            continue
        if named not in others:
            message = f"there is no file `{named}` beside it."
            raise LanguageError([source.problem((field,), message, "Name a YAML file of goals.")])
        parts[field] = read_source(named, others[named])
    return parts


def _structural(
    source: Source, parts: Mapping[str, Source], error: ValidationError
) -> list[Problem]:
    """Return a validation error with each complaint at its line, in whichever file that is."""
    whole = structural_problems(source, error, ImproveConfig)  # in the order of its complaints
    entries = error.errors(include_url=False, include_input=False, include_context=False)
    placed = []
    for problem, entry in zip(whole, entries, strict=True):
        part = parts.get(str(entry["loc"][0])) if entry["loc"] else None
        if part is not None:
            span = part.place(tuple(entry["loc"][1:]), key="[key]" in entry["loc"])
            problem = replace(problem, file=part.name, line=span.line, column=span.column)
        placed.append(problem)
    return placed


def _placed(found: Finding, source: Source, parts: Mapping[str, Source]) -> Problem:
    part = parts.get(str(found.path[0])) if found.path else None
    if part is None:
        return source.problem(found.path, found.message, found.fix, key=found.key)
    inner: Path = found.path[1:]
    return part.problem(inner, found.message, found.fix, key=found.key)

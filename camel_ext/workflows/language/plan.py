"""Where in a workflow something is: step keys to and from text, and walks over nested steps.

A step key is the deterministic name of a turn within its run: `rounds[2]/execute/call[0]` is the
first model call of step `execute` in the third round. This is not the executor: it runs nothing.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from camel_ext.core.errors import Invalid
from camel_ext.workflows.language.schema import (
    IDENTIFIER_PATTERN,
    RESERVED_STEP_NAMES,
    AgentStep,
    AnyStep,
    ToolStep,
    VerifyStep,
    Workflow,
)

SegmentKind = Literal["step", "round", "candidate", "call", "tool"]
_SEGMENT = re.compile(r"([a-z][a-z0-9_]*)(?:\[(0|[1-9][0-9]{0,8})\]|\{(0|[1-9][0-9]{0,8})\})?")
_TURNS: dict[str, SegmentKind] = {"call": "call", "tool": "tool"}
MAX_KEY_CHARS = 1_000


class StepKeyMalformed(Invalid):
    """A step key that names no place in a workflow."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a step key: a name, and an index where its kind has one."""

    name: str
    kind: SegmentKind = "step"
    index: int | None = None

    def __str__(self) -> str:
        if self.kind == "step":
            return self.name
        return (
            f"{self.name}{{{self.index}}}"
            if self.kind == "candidate"
            else f"{self.name}[{self.index}]"
        )


@dataclass(frozen=True, slots=True)
class StepPath:
    """A place in a run; `str()` gives the step key, `parse` reads it back."""

    segments: tuple[Segment, ...] = ()

    def __str__(self) -> str:
        return "/".join(map(str, self.segments))

    @classmethod
    def parse(cls, key: str) -> "StepPath":
        """Read a step key.

        Raises: StepKeyMalformed when it is none.
        """
        if key == "":
            return cls()
        if len(key) > MAX_KEY_CHARS:
            raise StepKeyMalformed(f"A step key has at most {MAX_KEY_CHARS} characters.")
        segments = tuple(_segment(part, key) for part in key.split("/"))
        if any(s.kind in _TURNS for s in segments[:-1]):
            raise StepKeyMalformed(f"In the step key {key!r} something follows a call; none can.")
        return cls(segments)

    def child(self, name: str) -> "StepPath":
        """Return the path of the step of that name below this place."""
        if not re.fullmatch(IDENTIFIER_PATTERN, name) or name in RESERVED_STEP_NAMES:
            raise StepKeyMalformed(f"{name!r} cannot name a step.")
        return self._with(Segment(name))

    def round(self, index: int) -> "StepPath":
        """Return the path of that round (from 0) of the loop at this path."""
        return self._indexed("round", index)

    def candidate(self, index: int) -> "StepPath":
        """Return the path of that candidate (from 0) of the best_of at this path."""
        return self._indexed("candidate", index)

    def call(self, index: int) -> "StepPath":
        """Return the path of that model call (from 0) of the agent step at this path."""
        return self._with(Segment("call", "call", index))

    def tool(self, index: int) -> "StepPath":
        """Return the path of that tool call (from 0) of the agent step at this path."""
        return self._with(Segment("tool", "tool", index))

    @property
    def parent(self) -> "StepPath":
        """Return the place this one is directly in; the run's own path is its own parent."""
        return StepPath(self.segments[:-1])

    @property
    def step(self) -> "StepPath":
        """Return the path of the step, without the call inside it."""
        return self.parent if self.segments and self.segments[-1].kind in _TURNS else self

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the steps from the outside in, without indices and calls."""
        return tuple(s.name for s in self.step.segments)

    def is_within(self, place: "StepPath") -> bool:
        """Tell whether this path is that place or lies below it."""
        return self.segments[: len(place.segments)] == place.segments

    def _indexed(self, kind: SegmentKind, index: int) -> "StepPath":
        last = self.segments[-1] if self.segments else None
        if last is None or last.kind != "step":
            raise StepKeyMalformed(f"Only a step has a {kind}; {str(self)!r} ends with none.")
        return StepPath((*self.segments[:-1], Segment(last.name, kind, index)))

    def _with(self, segment: Segment) -> "StepPath":
        if self.segments and self.segments[-1].kind in _TURNS:
            raise StepKeyMalformed(f"Nothing lies below a call: {str(self)!r}.")
        return StepPath((*self.segments, segment))


def _segment(part: str, key: str) -> Segment:
    match = _SEGMENT.fullmatch(part)
    if match is None:
        raise StepKeyMalformed(
            f"{part!r} in the step key {key!r} is neither `name`, `loop[0]`, `best_of{{0}}`, "
            "`call[0]` nor `tool[0]`."
        )
    name, bracket, brace = match.groups()
    if name in _TURNS:
        if bracket is None:
            raise StepKeyMalformed(f"`{name}` in the step key {key!r} needs a number: {name}[0].")
        return Segment(name, _TURNS[name], int(bracket))
    if name in RESERVED_STEP_NAMES:
        raise StepKeyMalformed(f"`{name}` in the step key {key!r} cannot name a step.")
    if bracket is not None:
        return Segment(name, "round", int(bracket))
    return Segment(name, "candidate", int(brace)) if brace is not None else Segment(name)


def walk(
    steps: Sequence[AnyStep], at: StepPath | None = None
) -> Iterator[tuple[StepPath, AnyStep]]:
    """Yield each step with its path (names only), a parent before its sub-steps."""
    for step in steps:
        path = (at or StepPath()).child(step.name)
        yield path, step
        yield from walk(step.children, path)


def find_step(workflow: Workflow, path: StepPath) -> AnyStep | None:
    """Find the definition of the step at a path, whatever its rounds, candidates and calls."""
    steps, found = workflow.steps, None
    for name in path.names:
        found = next((step for step in steps if step.name == name), None)
        if found is None:
            return None
        steps = found.children
    return found


def agents_of(workflow: Workflow) -> set[str]:
    """Return the names of the agents that act in a workflow."""
    return {step.agent for _, step in walk(workflow.steps) if isinstance(step, AgentStep)}


def tools_of(workflow: Workflow) -> set[str]:
    """Return the names of the tools that a workflow calls by itself, not those of its agents."""
    return {step.tool for _, step in walk(workflow.steps) if isinstance(step, ToolStep)}


def verifiers_of(workflow: Workflow) -> set[str]:
    """Return the names of the verifiers that a workflow uses."""
    return {step.verify for _, step in walk(workflow.steps) if isinstance(step, VerifyStep)}

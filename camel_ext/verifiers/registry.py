"""The verifiers there are: one decorator registers, one function runs. No check lives here."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from camel_ext.core.threads import Threads
from camel_ext.verifiers.errors import UnknownVerifier, VerifierParamsWrong
from camel_ext.verifiers.verdicts import MAX_TEXT_CHARS, Outcome, Verdict, broken

P = TypeVar("P", bound="Params")


class Params(BaseModel):
    """The parameters of a verifier; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def example(**params: Any) -> ConfigDict:
    """Return the configuration of parameters with an example in their schema."""
    return ConfigDict(json_schema_extra={"examples": [params]})


class Check(Protocol):
    """A verifier's function: parameters and outcome in, verdict out; pure, or awaited."""

    __name__: str

    def __call__(self, params: Any, outcome: Outcome) -> Verdict | Awaitable[Verdict]: ...


@dataclass(frozen=True, slots=True)
class Verifier:
    """A registered verifier."""

    name: str
    description: str
    params: type[Params]
    check: Callable[[Any, Outcome], Any]
    awaited: bool = False

    @property
    def params_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of its parameters."""
        return self.params.model_json_schema()


_VERIFIERS: dict[str, Verifier] = {}


def verifier(
    name: str, params: type[P], *, awaited: bool = False
) -> Callable[[Callable[[P, Outcome], Any]], Callable[[P, Outcome], Any]]:
    """Register a function as the verifier of that name; its docstring describes it."""

    def register(function: Callable[[P, Outcome], Any]) -> Callable[[P, Outcome], Any]:
        if name in _VERIFIERS:
            raise ValueError(f"two verifiers are called {name!r}")
        description = " ".join((function.__doc__ or "").split())
        _VERIFIERS[name] = Verifier(name, description, params, function, awaited)
        return function

    return register


def list_verifiers() -> list[Verifier]:
    """Return every verifier, by name."""
    return [_VERIFIERS[name] for name in sorted(_VERIFIERS)]


def get_verifier(name: str) -> Verifier:
    """Return the verifier of that name.

    Raises: UnknownVerifier.
    """
    if name not in _VERIFIERS:
        known = ", ".join(sorted(_VERIFIERS))
        raise UnknownVerifier(f"There is no verifier {name!r}. There are: {known}.")
    return _VERIFIERS[name]


def read_params(name: str, params: dict[str, Any]) -> Params:
    """Return the parameters of a verifier as its type.

    Raises: UnknownVerifier; VerifierParamsWrong, which names each parameter and what is wrong.
    """
    kind = get_verifier(name)
    try:
        return kind.params.model_validate(params)
    except ValidationError as error:
        known = ", ".join(kind.params_schema["properties"])
        wrong = "; ".join(_complaint(entry) for entry in error.errors())
        detail = f"The verifier `{name}` cannot work so: {wrong}. It takes: {known}."
        raise VerifierParamsWrong(detail) from None


def _complaint(entry: Any) -> str:
    place = ".".join(str(part) for part in entry["loc"]) or "parameters"
    what = {"missing": "is missing", "extra_forbidden": "is not a parameter"}.get(entry["type"])
    said = entry["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    return f"`{place}` {what}" if what else f"`{place}`: {said[0].lower()}{said[1:]}"


async def verify(
    name: str, params: dict[str, Any], outcome: Outcome, *, threads: Threads | None = None
) -> Verdict:
    """Check an outcome; pure checks run on a thread of the `work` lane when threads are given.

    Raises: UnknownVerifier, VerifierParamsWrong.
    """
    kind, read = get_verifier(name), read_params(name, params)
    if refused := _too_long(outcome):
        return refused
    if kind.awaited:
        verdict: Verdict = await kind.check(read, outcome)
    elif threads is not None:
        verdict = await threads.run("work", kind.check, read, outcome)
    else:
        verdict = kind.check(read, outcome)
    return verdict


def verify_now(name: str, params: dict[str, Any], outcome: Outcome) -> Verdict:
    """Check an outcome without a loop; a verifier that must be awaited gives an `error` verdict.

    Raises: UnknownVerifier, VerifierParamsWrong.
    """
    kind, read = get_verifier(name), read_params(name, params)
    if refused := _too_long(outcome):
        return refused
    if kind.awaited:
        return broken(f"`{name}` needs an event loop: it cannot be part of all_of or any_of.")
    verdict: Verdict = kind.check(read, outcome)
    return verdict


def _too_long(outcome: Outcome) -> Verdict | None:
    if len(outcome.text) <= MAX_TEXT_CHARS:
        return None
    return broken(f"the text has {len(outcome.text):,} characters, at most {MAX_TEXT_CHARS:,}")

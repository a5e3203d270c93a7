"""Presets, and from what a request says to all hyper-parameters of a training.

How much time a training may take decides on a preset, the rest follows; they were chosen on the bundled
model (135 million parameters) and a CPU. Everything in one can be overridden: each value is checked by
the table (`hyper`), and then whether they go together.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import msgspec
from pydantic import BaseModel, ConfigDict, Field, create_model

from camel_ext.training.errors import HyperInvalid
from camel_ext.training.hyper import TABLE, TYPES, HyperParameter
from camel_ext.training.spec import LINEAR_LAYERS, Hyper

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Preset:
    """A named set of hyper-parameters, and what it is for."""

    name: str
    words: str
    hyper: Hyper

    @property
    def differs(self) -> Json:
        """Return those of them that are not the default."""
        usual = msgspec.to_builtins(Hyper())
        mine = msgspec.to_builtins(self.hyper)
        return {name: value for name, value in mine.items() if value != usual[name]}


PRESETS: Final = {
    preset.name: preset
    for preset in (
        Preset(
            "quick",
            "Half a minute: 20 updates of 4 pairs on the upper quarter of the bundled model. For a "
            "first look, for demos, and for a loop that retrains often.",
            Hyper(
                learning_rate=8e-4,
                max_steps=20,
                last_layers=8,
                max_length=512,
                max_prompt_length=384,
                save_every_steps=10,
            ),
        ),
        Preset(
            "balanced",
            "Some minutes: three passes over the pairs, on the upper half of the layers, with held-out "
            "pairs looked at on the way.",
            Hyper(
                learning_rate=2e-4,
                epochs=3.0,
                last_layers=16,
                eval_every_steps=25,
                save_every_steps=25,
            ),
        ),
        Preset(
            "thorough",
            "As long as it takes: five slow passes over the pairs, on all layers, with twice the rank.",
            Hyper(
                learning_rate=1e-4,
                epochs=5.0,
                pairs_per_step=8,
                grad_accum=2,
                lora_r=32,
                lora_alpha=64,
                eval_every_steps=25,
                save_every_steps=25,
            ),
        ),
    )
}
DEFAULT_PRESET: Final = "balanced"
GIVEN_APART: Final = frozenset({"seed"})  # a field of the request, so that it is not forgotten


def plan_hyper(preset: str, overrides: Mapping[str, Any], seed: int) -> Hyper:
    """Return all hyper-parameters of a training: the preset's, but for what was said otherwise.

    Raises: HyperInvalid where they do not go together, or there is no such preset.
    """
    if preset not in PRESETS:
        there = ", ".join(PRESETS)
        raise HyperInvalid(f"there is no preset {preset[:40]!r}: there are {there}")
    said = msgspec.to_builtins(PRESETS[preset].hyper) | overrides | {"seed": seed}
    hyper = msgspec.convert(said, Hyper)
    _check_fit(hyper)
    return hyper


def _check_fit(hyper: Hyper) -> None:
    if hyper.pairs_per_step % hyper.grad_accum:
        raise HyperInvalid(
            f"`grad_accum` ({hyper.grad_accum}) does not divide `pairs_per_step` "
            f"({hyper.pairs_per_step}) into equal parts"
        )
    if hyper.max_prompt_length >= hyper.max_length:
        raise HyperInvalid(
            f"`max_prompt_length` ({hyper.max_prompt_length}) leaves no room for an answer within "
            f"`max_length` ({hyper.max_length}): make one smaller or the other larger"
        )
    unknown = sorted(set(hyper.target_modules) - set(LINEAR_LAYERS))
    if unknown or not hyper.target_modules:
        raise HyperInvalid(
            f"`target_modules` names {', '.join(unknown) or 'nothing'}: choose among "
            f"{', '.join(LINEAR_LAYERS)}"
        )


def read_overrides(values: Mapping[str, Any]) -> Json:
    """Return what was said of hyper-parameters, each checked by the table.

    Raises: pydantic.ValidationError with the place of each mistake.
    """
    found = overrides_model().model_validate_json(json.dumps(values))
    return found.model_dump(mode="json", exclude_unset=True)


@cache
def overrides_model() -> type[BaseModel]:
    """Return the table as a Pydantic model: the schema of what a request may say."""
    chosen: Json = {each.name: _field(each) for each in TABLE if each.name not in GIVEN_APART}
    made: type[BaseModel] = create_model(
        "HyperOverrides",
        __config__=ConfigDict(extra="forbid", strict=True, allow_inf_nan=False),
        __doc__="What differs from the preset.",
        **chosen,
    )
    return made


def overrides_schema() -> Json:
    """Return the table as JSON Schema without references, to stand inside another schema."""
    schema = overrides_model().model_json_schema()
    words: Json = schema.pop("$defs", {})

    def inlined(node: Any) -> Any:
        if not isinstance(node, dict):
            return node
        name = str(node.get("$ref", "")).rpartition("/")[2]
        meant = {key: value for key, value in words.get(name, {}).items() if key != "description"}
        said = {key: inlined(value) for key, value in node.items() if key != "$ref"}
        return {**meant, **said}

    found: Json = inlined(schema)
    return found


def _field(each: HyperParameter) -> tuple[Any, Any]:
    words = each.meaning + (f" Source: {each.source}." if each.source else "")
    bounds = {"ge": each.low, "le": each.high, "gt": each.above}
    said: Json = {name: bound for name, bound in bounds.items() if bound is not None}
    return TYPES[each.name], Field(each.default, description=words, **said)

"""Presets, and from what a request says to all hyper-parameters of a training.

Each value is checked by the table (`hyper`), and then whether they go together.
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
    """Hyper-parameters that go together, under a name."""

    name: str
    words: str
    values: Mapping[str, Any]


PRESETS: Final = {
    preset.name: preset
    for preset in (
        Preset(
            "quick",
            "Minutes on two cores: 24 updates of 4 pairs on the upper 12 layers, for short answers "
            "and a first look.",
            {
                "max_steps": 24,
                "learning_rate": 4e-4,
                "last_layers": 12,
                "max_length": 512,
                "max_prompt_length": 384,
                "save_every_steps": 8,
            },
        ),
        Preset(
            "balanced",
            "Three epochs on all layers: where to begin when it matters.",
            {"eval_every_steps": 20, "save_every_steps": 20},
        ),
        Preset(
            "thorough",
            "Five epochs with a larger adapter, smaller steps, dropout and long texts, looked at "
            "often: for hundreds of pairs and a night.",
            {
                "epochs": 5.0,
                "learning_rate": 1e-4,
                "pairs_per_step": 8,
                "grad_accum": 2,
                "lora_r": 32,
                "lora_alpha": 64,
                "lora_dropout": 0.05,
                "max_length": 2048,
                "max_prompt_length": 1536,
                "eval_every_steps": 25,
                "save_every_steps": 25,
            },
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
    values = {**PRESETS[preset].values, **overrides, "seed": seed}
    hyper = msgspec.convert(values, Hyper)
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

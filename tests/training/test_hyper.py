"""One table of hyper-parameters: whole, true to the trainer's defaults, and what requests are held to."""

import json
from dataclasses import fields
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from camel_ext.training import PRESETS, TABLE, HyperInvalid, TrainingStart, plan_hyper
from camel_ext.training.hyper import BY_NAME
from camel_ext.training.presets import GIVEN_APART, overrides_schema, read_overrides
from camel_ext.training.spec import Hyper


def test_every_hyper_parameter_stands_in_the_table() -> None:
    assert [each.name for each in TABLE] != []
    assert set(BY_NAME) == {each.name for each in fields(Hyper)}
    assert len(BY_NAME) == len(TABLE)


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_each_says_what_it_means_and_its_default_may_be(name: str) -> None:
    each = BY_NAME[name]
    assert each.meaning.endswith(".")
    assert each.range
    if name not in GIVEN_APART:
        read_overrides({name: each.default})


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_preset_is_within_the_table(name: str) -> None:
    preset = PRESETS[name]
    assert read_overrides(preset.differs) == preset.differs
    assert plan_hyper(name, {}, seed=0) == preset.hyper


def test_what_is_said_otherwise_is_laid_on_the_preset() -> None:
    found = plan_hyper("quick", {"beta": 0.5, "max_steps": None}, seed=9)
    assert (found.beta, found.max_steps, found.seed) == (0.5, None, 9)
    assert found.learning_rate == PRESETS["quick"].hyper.learning_rate


@pytest.mark.parametrize(
    "wrong",
    [
        {"beta": "0.1"},
        {"beta": 0},
        {"beta": True},
        {"lora_r": 0},
        {"lora_r": 2.5},
        {"loss": "hinge"},
        {"dtype": "fp16"},
        {"length_bucketing": 1},
        {"target_modules": "q_proj"},
        {"seed": 1},
        {"bet": 0.1},
    ],
    ids=json.dumps,
)
def test_what_the_table_does_not_allow_is_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        TrainingStart.model_validate({"name": "a", "base": "b", "dataset": "d", "hyper": wrong})
    assert caught.value.errors()[0]["loc"][:2] == ("hyper", next(iter(wrong)))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"pairs_per_step": 5, "grad_accum": 2}, "equal parts"),
        ({"max_length": 256, "max_prompt_length": 256}, "no room for an answer"),
        ({"target_modules": []}, "names nothing"),
    ],
)
def test_what_does_not_go_together_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(HyperInvalid, match=said):
        plan_hyper("balanced", wrong, seed=0)


def test_the_schema_of_a_request_holds_the_whole_table() -> None:
    schema = overrides_schema()
    assert "$ref" not in json.dumps(schema)
    assert set(schema["properties"]) == set(BY_NAME) - GIVEN_APART
    assert schema["properties"]["loss"]["enum"] == ["sigmoid", "ipo", "kto"]
    assert "arXiv 2305.18290" in schema["properties"]["beta"]["description"]


def test_a_spec_survives_its_row() -> None:
    hyper = plan_hyper("thorough", {"loss": "kto", "target_modules": ["q_proj"]}, seed=1)
    assert msgspec.convert(json.loads(json.dumps(msgspec.to_builtins(hyper))), Hyper) == hyper

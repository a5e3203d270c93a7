"""Pairs become the token ids that TRL would make of them; bad ones are counted."""

from typing import Any

import msgspec
import pytest
from datasets import Dataset
from trl import DPOConfig, DPOTrainer

from camel_ext.training.spec import Hyper, PairRow, Split
from camel_ext.training.trainer.bases import Opened, load_weights, open_base
from camel_ext.training.trainer.encoding import encode
from camel_ext.training.trainer.failures import TrainingFailed
from camel_ext.training.trainer.trainers import Referenced, dpo_rows, kto_rows
from tests.training.trainer.conftest import SMALL, Jobs, pair, pairs

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")


def hyper(**changed: Any) -> Hyper:
    return msgspec.convert({**SMALL, **changed}, Hyper)


@pytest.fixture
def opened(jobs: Jobs) -> Opened:
    return open_base(jobs.spec())


def test_equals_trls_own(opened: Opened, tmp_path: Any) -> None:
    import torch

    rows = pairs(5, 0)
    ours = [
        Referenced(number, pair, 0.0, 0.0)
        for number, pair in enumerate(encode(rows, opened.tokenizer, hyper()).pairs)
    ]
    theirs = DPOTrainer(
        load_weights(opened, torch.float32).requires_grad_(True),
        args=DPOConfig(output_dir=str(tmp_path), use_cpu=True, bf16=False, report_to="none"),
        train_dataset=Dataset.from_list(
            [{"prompt": row.prompt, "chosen": row.chosen, "rejected": row.rejected} for row in rows]
        ),
        processing_class=opened.tokenizer,
        ref_model=load_weights(opened, torch.float32),
    ).train_dataset
    for one, other in zip(dpo_rows(ours), theirs, strict=True):
        for key in ("prompt_ids", "chosen_ids", "rejected_ids"):
            assert one[key] == other[key]


def test_counts_what_it_leaves_out_and_cuts(opened: Opened) -> None:
    rows = [
        *pairs(3, 1),
        pair(0),
        pair(4, chosen="same", rejected="same"),
        pair(5, rejected="long " * 60),
        PairRow(
            pair_hash="long",
            prompt=[{"role": "user", "content": "x" * 500}],
            chosen=pair(1).chosen,
            rejected=pair(1).rejected,
        ),
    ]
    found = encode(rows, opened.tokenizer, hyper())
    assert [each.pair_hash for each in found.pairs] == [
        "pair-0",
        "pair-1",
        "pair-2",
        "pair-3",
        "pair-5",
    ]
    assert dict(found.dropped) == {"duplicate": 1, "equal_texts": 1, "prompt_too_long": 1}
    assert found.truncated == 1
    cut = found.pairs[-1]
    assert len(cut.prompt) + len(cut.rejected) == 128
    assert [each.split for each in found.of(Split.EVAL)] == [Split.EVAL]


def test_texts_that_differ_only_beyond_the_cut_are_equal(opened: Opened) -> None:
    rows = [pair(1, chosen="x" * 200, rejected="x" * 201), pair(2)]
    assert encode(rows, opened.tokenizer, hyper()).dropped["equal_texts"] == 1


def test_a_message_the_template_cannot_write(opened: Opened) -> None:
    row = PairRow(pair_hash="p", prompt=[{"role": "user"}], chosen=[{"a": 1}], rejected=[{"b": 1}])
    opened.tokenizer.chat_template = "{{ raise_exception('only users') }}"
    with pytest.raises(TrainingFailed, match="only users") as failed:
        encode([row], opened.tokenizer, hyper())
    assert failed.value.code == "template_refused"


def test_ktos_other_answers_are_of_another_prompt(opened: Opened) -> None:
    first, second = encode(pairs(2, 0), opened.tokenizer, hyper()).pairs
    shifted = ((first.chosen, -1.0), (first.rejected, -2.0))
    rows = kto_rows([Referenced(1, second, -3.0, -4.0, shifted)])
    assert [row["label"] for row in rows] == [True, False]
    assert [row["KL_completion_ids"] for row in rows] == [list(first.chosen), list(first.rejected)]
    assert [(row["ref_logps"], row["ref_KL_logps"]) for row in rows] == [(-3.0, -1.0), (-4.0, -2.0)]

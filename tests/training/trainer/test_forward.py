"""Our forward pass says what TRL's says, number by number and gradient by gradient."""

from random import Random
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor
from trl.trainer.utils import add_fused_lm_head

from camel_ext.training.trainer.bases import load_weights, open_base
from camel_ext.training.trainer.forward import PairForward
from camel_ext.training.trainer.head import Head
from camel_ext.training.trainer.layout import IGNORED, Unit, layout_of, pack
from camel_ext.training.trainer.lora import speed_up
from tests.training.trainer.conftest import Jobs

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")
Rows = list[tuple[tuple[int, ...], tuple[int, ...]]]


def some_rows(seed: int = 0, count: int = 3) -> Rows:
    """Chosen rows, then rejected ones; the last prompt stands twice."""
    rng = Random(seed)

    def ids(least: int, most: int) -> tuple[int, ...]:
        return tuple(rng.randrange(3, 250) for _ in range(rng.randint(least, most)))

    prompts = [ids(4, 20) for _ in range(count)]
    prompts[-1] = prompts[0]
    return [(prompt, ids(1, 15)) for prompt in prompts * 2]


def batch(rows: Rows) -> dict[str, Tensor]:
    longest = max(len(prompt) + len(reply) for prompt, reply in rows)
    ids, seen = torch.zeros(2, len(rows), longest, dtype=torch.long)
    labels = torch.full_like(ids, IGNORED)
    for number, (prompt, reply) in enumerate(rows):
        length = len(prompt) + len(reply)
        ids[number, :length] = torch.tensor(prompt + reply)
        seen[number, :length] = 1
        labels[number, len(prompt) : length] = torch.tensor(reply)
    return {"input_ids": ids, "attention_mask": seen, "labels": labels}


def model(jobs: Jobs, last: int) -> PeftModel:
    base = load_weights(open_base(jobs.spec()), torch.float32)
    layers = list(range(3 - last, 3))
    lora = LoraConfig(
        r=4,
        target_modules=[
            "q_proj",
            "k_proj",
            "v_proj",
            "o_proj",
            "gate_proj",
            "up_proj",
            "down_proj",
        ],
        layers_to_transform=layers,
        task_type="CAUSAL_LM",
    )
    made = get_peft_model(base, lora)
    generator = torch.Generator().manual_seed(3)
    for name, parameter in made.named_parameters():
        if "lora_" in name:
            parameter.data = torch.randn(parameter.shape, generator=generator) * 0.2
    return made


def gradients(made: PeftModel) -> dict[str, Tensor]:
    return {
        name: parameter.grad
        for name, parameter in made.named_parameters()
        if parameter.grad is not None
    }


@pytest.mark.parametrize("last", [1, 2, 3])
def test_equals_trls_own(jobs: Jobs, last: int) -> None:
    rows = some_rows()
    ours, theirs = model(jobs, last), model(jobs, last)
    forward = PairForward(ours.get_base_model(), 3 - last, 10**9)
    forward.replace()
    speed_up(ours)
    outputs: Any = ("log_probs", "entropy", "mean_logits", "is_top1")
    add_fused_lm_head(theirs.get_base_model(), outputs=outputs)

    weights = torch.linspace(-1, 1, len(rows))
    for _ in range(2):  # the second time from kept activations
        ours.zero_grad()
        theirs.zero_grad()
        one = ours(**batch(rows), fused_lm_head=True, use_cache=False)
        other = theirs(**batch(rows), fused_lm_head=True, use_cache=False)
        torch.testing.assert_close(one.log_probs, other.log_probs, atol=2e-5, rtol=0)
        assert one.is_top1.equal(other.is_top1 & (batch(rows)["labels"][:, 1:] != IGNORED))
        torch.testing.assert_close(forward.last_logps, other.log_probs.sum(1), atol=1e-4, rtol=0)
        (one.log_probs.sum(dim=1) * weights).sum().backward()
        (other.log_probs.sum(dim=1) * weights).sum().backward()
        ours_grads, theirs_grads = gradients(ours), gradients(theirs)
        assert ours_grads.keys() == theirs_grads.keys()
        for name, grad in ours_grads.items():
            torch.testing.assert_close(grad, theirs_grads[name], atol=1e-4, rtol=1e-3)


def test_frozen_layers_are_computed_once(jobs: Jobs) -> None:
    made = model(jobs, 1)
    forward = PairForward(made.get_base_model(), 2, 10**9)
    forward.replace()
    calls: list[int] = []
    made.get_base_model().model.layers[0].register_forward_hook(lambda *_: calls.append(1))
    rows = some_rows()
    for _ in range(3):
        made(**batch(rows), fused_lm_head=True)
    prompts = {prompt for prompt, _ in rows}
    assert len(calls) == len(prompts)


def test_activations_that_find_no_room_are_computed_again(jobs: Jobs) -> None:
    rows = some_rows()
    found = []
    for budget in (0, 3000, 10**9):
        made = model(jobs, 2)
        PairForward(made.get_base_model(), 1, budget).replace()
        with torch.no_grad():
            first = made(**batch(rows), fused_lm_head=True).log_probs
            found += [first, made(**batch(rows), fused_lm_head=True).log_probs]
    assert all(found[0].equal(other) for other in found[1:])


def test_what_is_kept_does_not_depend_on_company(jobs: Jobs) -> None:
    base = load_weights(open_base(jobs.spec()), torch.float32)
    forward = PairForward(base, 3, 10**9)
    (prompt, chosen), (_, rejected) = some_rows()[0], some_rows()[3]
    alone = forward.score(prompt, (chosen, rejected))
    others = PairForward(base, 3, 10**9)
    for other_prompt, reply in some_rows(5):
        others.score(other_prompt, (reply,))
    assert others.score(prompt, (chosen, rejected)) == alone


def test_bf16_is_near_fp32(jobs: Jobs) -> None:
    (prompt, chosen), (_, rejected) = some_rows()[0], some_rows()[3]
    found = []
    for dtype in (torch.float32, torch.bfloat16):
        base = load_weights(open_base(jobs.spec()), dtype)
        forward = PairForward(base, 3, 10**9)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
            found.append(forward.score(prompt, (chosen, rejected)))
    assert found[0] == pytest.approx(found[1], rel=0.05)


@pytest.mark.parametrize("rows_a_chunk", [1, 5, 100])
def test_head_equals_log_softmax(rows_a_chunk: int) -> None:
    vocabulary = 300
    generator = torch.Generator().manual_seed(1)
    hidden = torch.randn(17, 8, generator=generator, requires_grad=True)
    weight = torch.randn(vocabulary, 8, generator=generator)
    target = torch.randint(0, vocabulary, (17,), generator=generator)
    logps, hits = Head(weight, 4 * vocabulary * rows_a_chunk).log_probs(hidden, target)
    expected = torch.log_softmax(hidden @ weight.T, dim=-1).gather(1, target[:, None])[:, 0]
    torch.testing.assert_close(logps, expected, atol=1e-5, rtol=1e-5)
    assert hits.equal((hidden @ weight.T).argmax(-1) == target)
    scale = torch.linspace(-2, 2, 17)
    (ours,) = torch.autograd.grad((logps * scale).sum(), hidden)
    (theirs,) = torch.autograd.grad((expected * scale).sum(), hidden)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


def test_units_hold_each_prompt_once() -> None:
    layout = pack([((1, 2), (3,)), ((9,), (8, 7)), ((1, 2), (4, 5))])
    assert layout.units == (Unit((1, 2), ((3,), (4, 5))), Unit((9,), ((8, 7),)))
    assert layout.ids.tolist() == [1, 2, 3, 4, 5, 9, 8, 7]
    assert layout.positions.tolist() == [0, 1, 2, 2, 3, 0, 1, 2]
    by_row = sorted(
        zip(
            *(t.tolist() for t in (layout.row, layout.column, layout.source, layout.target)),
            strict=True,
        )
    )
    assert by_row == [
        (0, 1, 1, 3),
        (1, 0, 5, 8),
        (1, 1, 6, 7),
        (2, 1, 1, 4),
        (2, 2, 3, 5),
    ]


def test_a_reply_never_sees_another() -> None:
    mask = Unit((1, 2), ((3,), (4, 5))).mask
    seen = [[column for column in range(5) if mask[row, column] == 0] for row in range(5)]
    assert seen == [[0], [0, 1], [0, 1, 2], [0, 1, 3], [0, 1, 3, 4]]


@pytest.mark.parametrize("labels", [[IGNORED] * 3, [5, 6, 7], [IGNORED, 6, IGNORED]])
def test_rows_without_prompt_or_reply_are_refused(labels: list[int]) -> None:
    ids = torch.tensor([[5, 6, 7]])
    with pytest.raises(ValueError, match="neither of them empty"):
        layout_of(ids, torch.ones_like(ids), torch.tensor([labels]))

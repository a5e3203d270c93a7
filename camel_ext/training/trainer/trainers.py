"""TRL's DPO and KTO trainers over our forward pass, in our order, with our checkpoints.

The losses, the optimizer, the schedule and the loop are TRL's and transformers'. What is replaced here
is what they would do through pickles, through the network, or slower.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from torch import Tensor
from torch.utils.data import Sampler
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast, Trainer, TrainerCallback
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer
from trl.trainer.dpo_trainer import DataCollatorForPreference
from trl.trainer.kto_trainer import DataCollatorForUnpairedPreference

from camel_ext.training.spec import Hyper, Loss, Schedule
from camel_ext.training.trainer import checkpoints
from camel_ext.training.trainer.encoding import Encoded
from camel_ext.training.trainer.forward import PairForward
from camel_ext.training.trainer.lora import speed_up
from camel_ext.training.trainer.sampling import PairOrder

SCHEDULES = {
    Schedule.COSINE: "cosine",
    Schedule.LINEAR: "linear",
    Schedule.CONSTANT: "constant_with_warmup",
}
NOT_COMPUTED = ("entropy", "logits/chosen", "logits/rejected")
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Referenced:
    """A pair with what the base says of its answers.

    `shifted` is for KTO alone: other answers to this prompt, and what the base says of them; they
    estimate how far the model has moved in general.
    """

    number: int
    pair: Encoded
    chosen_logps: float
    rejected_logps: float
    shifted: tuple[tuple[Sequence[int], float], ...] = ()


@dataclass(slots=True)
class Seen:
    """What the pairs of one step, or of an evaluation, said."""

    margins: dict[int, float] = field(default_factory=dict)  # by the pair's number; of rewards
    chosen: list[float] = field(default_factory=list)  # log-probabilities
    rejected: list[float] = field(default_factory=list)
    moved: list[float] = field(default_factory=list)  # of chosen answers, from the base, per token


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The outcome of an evaluation."""

    loss: float
    seen: Seen


@dataclass(frozen=True, slots=True)
class Answers:
    """Log-probabilities by the model and by its base, one for each pair of a batch. Shapes: (B,)."""

    chosen: Tensor
    rejected: Tensor
    ref_chosen: Tensor
    ref_rejected: Tensor
    chosen_tokens: Tensor


@dataclass(frozen=True, slots=True)
class Work:
    """What a trainer is given beside the model."""

    hyper: Hyper
    steps: int
    train: list[Referenced]
    held_out: list[Referenced]
    checkpoints: Path
    belongs_to: str  # what a checkpoint must say to be taken up again


class PreferenceTrainer(Trainer):
    """What both trainers have in common; it stands before TRL's class in the order of methods."""

    rows_per_pair = 1

    def take(self, forward: PairForward, work: Work) -> None:
        """Go over to our forward pass, order and checkpoints; called once, after `__init__`."""
        self.precompute_ref_logps = True  # the batches hold them (TRL would hash the model for it)
        self.pair_forward, self.work = forward, work
        self.seen = Seen()
        self.last_evaluated: Evaluated | None = None
        forward.replace()
        speed_up(self.model)

    def _prepare_dataset(self, dataset: Dataset, *_args: Any) -> Dataset:
        return dataset  # it is in token ids already

    def _send_telemetry(self) -> None:
        """Tell nobody."""

    def _get_train_sampler(self, _dataset: Dataset | None = None) -> Sampler[int]:
        return PairOrder(
            [each.pair.tokens for each in self.work.train],
            seed=self.work.hyper.seed,
            pairs_per_step=self.work.hyper.pairs_per_step,
            rows_per_pair=self.rows_per_pair,
            bucketing=self.work.hyper.length_bucketing,
        )

    def compute_loss(self, model: Any, inputs: Row, *args: Any, **options: Any) -> Any:
        """Return TRL's loss, and note what each pair said."""
        numbers = inputs.pop("pair").tolist()
        loss = super().compute_loss(model, inputs, *args, **options)
        self._note(numbers, self._answers(inputs))
        return loss

    def log(self, logs: dict[str, float], *args: Any) -> None:
        """Log TRL's metrics, without those that would cost a pass over the logits."""
        for metrics in self._metrics.values():
            for name in NOT_COMPUTED:
                metrics.pop(name, None)
        super().log(logs, *args)

    def _answers(self, inputs: Row) -> Answers:
        """Return what the last forward pass and the batch say of each pair."""
        raise NotImplementedError

    def _rows(self, pairs: list[Referenced]) -> list[Row]:
        """Return the pairs as rows of TRL's dataset."""
        raise NotImplementedError

    def _note(self, numbers: list[int], said: Answers) -> None:
        moved = said.chosen - said.ref_chosen
        margins = self.work.hyper.beta * (moved - (said.rejected - said.ref_rejected))
        self.seen.margins.update(zip(numbers, margins.tolist(), strict=True))
        self.seen.chosen += said.chosen.tolist()
        self.seen.rejected += said.rejected.tolist()
        self.seen.moved += (moved / said.chosen_tokens).tolist()

    def take_seen(self) -> Seen:
        """Return what was noted, and begin anew."""
        seen, self.seen = self.seen, Seen()
        return seen

    @torch.no_grad()
    def evaluate(self, *_args: Any, **_options: Any) -> dict[str, float]:
        """Return the loss over the held-out pairs; `last_evaluated` holds what each of them said."""
        training, self.seen = self.take_seen(), Seen()
        self.model.eval()
        size, total = self.work.hyper.pairs_per_step, 0.0
        for start in range(0, len(self.work.held_out), size):
            pairs = self.work.held_out[start : start + size]
            with self.compute_loss_context_manager():
                part = self.compute_loss(self.model, self.data_collator(self._rows(pairs)))
            total += float(part) * len(pairs)
        self._metrics["eval"].clear()
        self.model.train()
        loss = total / len(self.work.held_out)
        self.last_evaluated = Evaluated(loss, self.take_seen())
        self.seen = training
        metrics = {"eval_loss": loss}
        self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def _checkpoint(self) -> checkpoints.Checkpoint:
        optimizer = getattr(self.optimizer, "optimizer", self.optimizer)  # accelerate wraps it
        return checkpoints.Checkpoint(self.model, optimizer, self.lr_scheduler)

    def _save_checkpoint(self, *_model_and_trial: Any) -> None:
        self._checkpoint().save(
            self.work.checkpoints,
            self.state.global_step,
            write_trainer_state=self.state.save_to_json,
            belongs_to=self.work.belongs_to,
        )

    def _load_from_checkpoint(self, resume_from_checkpoint: str, *_model: Any) -> None:
        checkpoints.load_adapter(self.model, Path(resume_from_checkpoint))

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint:
            self._checkpoint().load_optimizer(Path(checkpoint))

    def _load_scaler(self, checkpoint: str | None) -> None:
        """Load nothing: there is no loss scaling on a CPU."""

    def _load_rng_state(self, checkpoint: str | None) -> None:
        if checkpoint:
            checkpoints.load_generators(Path(checkpoint))


class _PairCollator(DataCollatorForPreference):
    def torch_call(self, examples: list[Row]) -> Row:
        numbers = torch.tensor([row["pair"] for row in examples])
        return {**super().torch_call(examples), "pair": numbers}


class OurDPOTrainer(PreferenceTrainer, DPOTrainer):
    """DPO and IPO: a row is a pair, a batch its chosen rows and then its rejected ones."""

    def _answers(self, inputs: Row) -> Answers:
        chosen, rejected = self.pair_forward.last_logps.chunk(2)
        return Answers(
            chosen,
            rejected,
            inputs["ref_chosen_logps"],
            inputs["ref_rejected_logps"],
            inputs["completion_mask"].chunk(2)[0].sum(dim=1),
        )

    def _rows(self, pairs: list[Referenced]) -> list[Row]:
        return dpo_rows(pairs)


def dpo_rows(pairs: list[Referenced]) -> list[Row]:
    """Return rows as TRL's DPOTrainer makes them, with the number of the pair."""
    return [
        {
            "pair": each.number,
            "prompt_ids": list(each.pair.prompt),
            "chosen_ids": list(each.pair.chosen),
            "rejected_ids": list(each.pair.rejected),
            "ref_chosen_logps": each.chosen_logps,
            "ref_rejected_logps": each.rejected_logps,
        }
        for each in pairs
    ]


class _AnswerCollator(DataCollatorForUnpairedPreference):
    def torch_call(self, examples: list[Row]) -> Row:
        numbers = torch.tensor([row["pair"] for row in examples[::2]])
        return {**super().torch_call(examples), "pair": numbers}


class OurKTOTrainer(PreferenceTrainer, KTOTrainer):
    """KTO: a row is an answer; the two of a pair stand together, the chosen one first."""

    rows_per_pair = 2

    def _answers(self, inputs: Row) -> Answers:
        by_pair = self.pair_forward.last_logps.view(-1, 2)
        base = inputs["ref_logps"].view(-1, 2)
        return Answers(
            by_pair[:, 0],
            by_pair[:, 1],
            base[:, 0],
            base[:, 1],
            inputs["completion_mask"][::2].sum(dim=1),
        )

    def _rows(self, pairs: list[Referenced]) -> list[Row]:
        return kto_rows(pairs)


def kto_rows(pairs: list[Referenced]) -> list[Row]:
    """Return rows as TRL's KTOTrainer makes them, with the number of the pair.

    TRL shifts answers by one row, which here would be the other answer to the same prompt: they are
    shifted by one pair.
    """
    rows = []
    for each in pairs:
        answers = (
            (each.pair.chosen, each.chosen_logps, True),
            (each.pair.rejected, each.rejected_logps, False),
        )
        for (ids, logps, label), (other, other_logps) in zip(answers, each.shifted, strict=True):
            rows.append(
                {
                    "pair": each.number,
                    "prompt_ids": list(each.pair.prompt),
                    "completion_ids": list(ids),
                    "label": label,
                    "ref_logps": logps,
                    "KL_completion_ids": list(other),
                    "ref_KL_logps": other_logps,
                }
            )
    return rows


def build_trainer(
    base: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    lora: LoraConfig,
    work: Work,
    *,
    bf16: bool,
    callback: TrainerCallback,
) -> PreferenceTrainer:
    """Return the trainer of the wanted loss, with the adapter put into the base; not yet `take`n."""
    shared = {"model": base, "processing_class": tokenizer, "peft_config": lora}
    pad = tokenizer.pad_token_id
    if work.hyper.loss is Loss.KTO:
        return OurKTOTrainer(
            **shared,
            args=KTOConfig(**_options(work, bf16), train_sampling_strategy="sequential"),
            train_dataset=Dataset.from_list(kto_rows(work.train)),
            data_collator=_AnswerCollator(pad_token_id=pad),
            callbacks=[callback],
        )
    return OurDPOTrainer(
        **shared,
        args=DPOConfig(**_options(work, bf16), loss_type=[work.hyper.loss.value]),
        train_dataset=Dataset.from_list(dpo_rows(work.train)),
        data_collator=_PairCollator(pad_token_id=pad),
        callbacks=[callback],
    )


def _options(work: Work, bf16: bool) -> dict[str, Any]:
    hyper = work.hyper
    rows = 2 if hyper.loss is Loss.KTO else 1
    return {
        "output_dir": str(work.checkpoints),
        "beta": hyper.beta,
        "learning_rate": hyper.learning_rate,
        "lr_scheduler_type": SCHEDULES[hyper.lr_schedule],
        "warmup_steps": math.ceil(hyper.warmup_ratio * work.steps),
        "max_steps": work.steps,
        "per_device_train_batch_size": hyper.pairs_per_step // hyper.grad_accum * rows,
        "gradient_accumulation_steps": hyper.grad_accum,
        "max_grad_norm": hyper.max_grad_norm,
        "weight_decay": hyper.weight_decay,
        "seed": hyper.seed,
        "bf16": bf16,
        "use_cpu": True,
        "max_length": None,  # cut already, so that the warnings can count it
        "gradient_checkpointing": False,  # activations are few: prompts once, no padding, no logits
        "remove_unused_columns": False,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,  # a loss that is no number ends the training
        "save_strategy": "no",  # our callback says when
        "disable_tqdm": True,
        "report_to": "none",
        "dataloader_pin_memory": False,
    }

"""Turns pairs into token ids, exactly as TRL's trainers would, and says which cannot be trained on.

The prompt is what both texts share: where the template's words for the prompt and for the whole part
ways, the answer begins. It drops pairs that teach nothing and counts what it cut; it never changes a
text.
Source: trl 1.16, DPOTrainer._prepare_dataset.
"""

from collections import Counter
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from transformers import PreTrainedTokenizerFast

from camel_ext.training.spec import Hyper, PairRow, Split
from camel_ext.training.trainer.failures import TrainingFailed

Ids = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Encoded:
    """A pair in token ids: `prompt + chosen` and `prompt + rejected` are what the model reads."""

    pair_hash: str
    split: Split
    prompt: Ids
    chosen: Ids
    rejected: Ids

    @property
    def tokens(self) -> int:
        """Return how many tokens one pass over the pair computes; the prompt counts once."""
        return len(self.prompt) + len(self.chosen) + len(self.rejected)


@dataclass(slots=True)
class Encoding:
    """All pairs that can be trained on, and why others cannot."""

    pairs: list[Encoded] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)  # reason -> pairs
    truncated: int = 0

    def of(self, split: Split) -> list[Encoded]:
        """Return the pairs of one split, in their order."""
        return [pair for pair in self.pairs if pair.split is split]


def encode(pairs: list[PairRow], tokenizer: PreTrainedTokenizerFast, hyper: Hyper) -> Encoding:
    """Encode all pairs.

    Raises: TrainingFailed when there is none, when none can be trained on, or when the chat template
    refuses a conversation.
    """
    found = Encoding()
    seen: set[tuple[Ids, Ids, Ids]] = set()
    for row in pairs:
        prompt, chosen, rejected = _ids(row, tokenizer)
        kept = hyper.max_length - len(prompt)
        if len(prompt) > hyper.max_prompt_length or kept < 1:
            found.dropped["prompt_too_long"] += 1
            continue
        found.truncated += max(len(chosen), len(rejected)) > kept
        chosen, rejected = chosen[:kept], rejected[:kept]
        if chosen == rejected:
            found.dropped["equal_texts"] += 1
        elif not chosen or not rejected:
            found.dropped["empty_text"] += 1
        elif row.split is Split.TRAIN and (prompt, chosen, rejected) in seen:
            found.dropped["duplicate"] += 1
        else:
            seen.add((prompt, chosen, rejected))
            found.pairs.append(Encoded(row.pair_hash, row.split, prompt, chosen, rejected))
    if not found.of(Split.TRAIN):
        raise _nothing_left(pairs, found)
    return found


def _ids(row: PairRow, tokenizer: PreTrainedTokenizerFast) -> tuple[Ids, Ids, Ids]:
    """Return prompt, chosen and rejected, cut where the shared words of the template end."""
    prompt = _templated(row, row.prompt, tokenizer, add_generation_prompt=True)
    whole = [
        _templated(row, [*row.prompt, *said], tokenizer) for said in (row.chosen, row.rejected)
    ]
    end = min(_common(prompt, ids) for ids in whole)
    return prompt[:end], whole[0][end:], whole[1][end:]


def _templated(
    row: PairRow, messages: list[dict[str, Any]], tokenizer: PreTrainedTokenizerFast, **options: Any
) -> Ids:
    # jinja's own errors have no common root but Exception's child TemplateError; a template also
    # fails in Python's ways on a message that lacks a key
    from jinja2 import TemplateError

    try:
        text = tokenizer.apply_chat_template(messages, tools=row.tools, tokenize=False, **options)
    except (TemplateError, KeyError, TypeError, ValueError) as error:
        raise TrainingFailed(
            "template_refused",
            f"The base's chat template cannot write the pair {row.pair_hash}: {error}.",
            "Take the pair out, or train on a base whose template knows such messages.",
        ) from error
    return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])


def _common(one: Ids, other: Ids) -> int:
    return sum(1 for _ in takewhile(lambda both: both[0] == both[1], zip(one, other, strict=False)))


def _nothing_left(pairs: list[PairRow], found: Encoding) -> TrainingFailed:
    if not any(row.split is Split.TRAIN for row in pairs):
        return TrainingFailed(
            "no_pairs",
            "The dataset has no pair in its train split, so there is nothing to learn from.",
            "Build a version with pairs: lower the margin, or judge more candidates.",
        )
    reason, count = found.dropped.most_common(1)[0]
    said = {
        "prompt_too_long": "prompts are longer than allowed: raise max_prompt_length and max_length",
        "equal_texts": "chosen and rejected are the same text: judge other candidates",
        "empty_text": "an answer is empty: build the version without them",
        "duplicate": "they are the same pair: build the version without near-duplicates",
    }[reason]
    return TrainingFailed(
        reason,
        f"None of {sum(found.dropped.values())} pairs can be trained on; of {count}, {reason}.",
        f"In most of them {said}.",
    )

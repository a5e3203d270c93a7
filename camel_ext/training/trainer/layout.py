"""Packs the rows of a batch into prompts with their replies, so that a prompt is computed once.

TRL's batches repeat the prompt for the chosen and for the rejected answer, and pad all rows to the
longest. Here each prompt stands once, followed by its replies, and nothing is padded; which token may
look at which is said by a mask for each unit. It computes nothing.
Source: prefix sharing for DPO (arXiv 2410.20305).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

Ids = tuple[int, ...]
IGNORED = -100  # transformers' label of a token that is not to be predicted


@dataclass(frozen=True)
class Unit:
    """A prompt and its replies: `prompt + reply` is one row each."""

    prompt: Ids
    replies: tuple[Ids, ...]

    def __len__(self) -> int:
        return len(self.prompt) + sum(map(len, self.replies))

    @property
    def ids(self) -> Ids:
        """Return the tokens in packed order."""
        return self.prompt + tuple(token for reply in self.replies for token in reply)

    def positions(self) -> Iterator[int]:
        """Yield where each token stands in its own row: every reply goes on from the prompt."""
        yield from range(len(self.prompt))
        for reply in self.replies:
            yield from range(len(self.prompt), len(self.prompt) + len(reply))

    def starts(self) -> Iterator[int]:
        """Yield where each reply begins in packed order."""
        at = len(self.prompt)
        for reply in self.replies:
            yield at
            at += len(reply)

    @cached_property
    def mask(self) -> Tensor:
        """Return what is added to the attention's scores: 0 where a token may look, -inf elsewhere.

        Shapes: (tokens, tokens); a reply sees the prompt and itself, never another reply.
        """
        size = len(self)
        allowed = torch.ones(size, size, dtype=torch.bool).tril()
        for start, reply in zip(self.starts(), self.replies, strict=True):
            allowed[start + len(reply) :, start : start + len(reply)] = False
        return torch.zeros(size, size).masked_fill(~allowed, -torch.inf)


@dataclass(frozen=True)
class Layout:
    """A packed batch, and where its predictions belong in TRL's grid of rows and columns.

    Shapes: `ids` and `positions` (T,); `source`, `target`, `row` and `column` (N,), one for each
    token to be predicted: the hidden state at `source` predicts `target`, whose log-probability
    belongs at (`row`, `column`) of a (rows, longest - 1) grid.
    """

    units: tuple[Unit, ...]
    ids: Tensor
    positions: Tensor
    source: Tensor
    target: Tensor
    row: Tensor
    column: Tensor


def layout_of(input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> Layout:
    """Return the packed form of a batch as TRL's collators make it.

    Shapes: all (rows, longest), padded on the right; labels are IGNORED up to the reply.
    Raises: ValueError when a row has nothing to predict, or predicts its first token.
    """
    rows = []
    for ids, seen, wanted in zip(input_ids, attention_mask, labels, strict=True):
        length = int(seen.sum())
        predicted = (wanted[:length] != IGNORED).nonzero().flatten().tolist()
        if not predicted or predicted[0] == 0 or predicted != list(range(predicted[0], length)):
            raise ValueError("a row must be a prompt and then a reply, neither of them empty")
        tokens = tuple(ids[:length].tolist())
        rows.append((tokens[: predicted[0]], tokens[predicted[0] :]))
    return pack(rows)


def pack(rows: Sequence[tuple[Ids, Ids]]) -> Layout:
    """Return the packed form of (prompt, reply) rows; rows of one prompt share a unit."""
    grouped: dict[Ids, list[int]] = {}
    for number, (prompt, _) in enumerate(rows):
        grouped.setdefault(prompt, []).append(number)
    units: list[Unit] = []
    predictions: list[tuple[int, int, int, int]] = []
    offset = 0
    for prompt, numbers in grouped.items():
        unit = Unit(prompt, tuple(rows[number][1] for number in numbers))
        for number, start, reply in zip(numbers, unit.starts(), unit.replies, strict=True):
            predictions += _predictions(number, offset, len(prompt), start, reply)
        units.append(unit)
        offset += len(unit)
    source, target, row, column = torch.tensor(predictions).T
    return Layout(
        units=tuple(units),
        ids=_flat(unit.ids for unit in units),
        positions=_flat(unit.positions() for unit in units),
        source=source,
        target=target,
        row=row,
        column=column,
    )


def _predictions(
    number: int, offset: int, prompt: int, start: int, reply: Ids
) -> Iterator[tuple[int, int, int, int]]:
    """Yield (source, target, row, column): the prompt's last token predicts the reply's first."""
    source = offset + prompt - 1
    for at, token in enumerate(reply):
        yield source, token, number, prompt + at - 1
        source = offset + start + at


def _flat(parts: Iterable[Iterable[int]]) -> Tensor:
    return torch.tensor([value for part in parts for value in part])

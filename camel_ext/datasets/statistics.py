"""What a version is like, in numbers, and what a careful reader should be warned of. Pure functions."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from statistics import fmean, median
from typing import Any

from camel_ext.datasets.models import Split
from camel_ext.datasets.pair import Json, Pair, text_of
from camel_ext.datasets.pairs import Found

FEW_PAIRS = (
    32  # 40 pairs were enough for a small model to learn brevity; far fewer are learnt by heart
)
ENOUGH_TO_TELL = 10
LOPSIDED = 0.8
DOMINANT = 0.5
MANY = 0.5
REPETITIVE = 0.2
JUDGES_SHOWN = 20


class Description:
    """What pairs are like, gathered one after the other so that no text is kept."""

    def __init__(self) -> None:
        self._splits: Counter[Split] = Counter()
        self._topics: dict[Split, Counter[str]] = {split: Counter() for split in Split}
        self._sources: Counter[str] = Counter()
        self._judges: Counter[str] = Counter()
        self._prompts: set[str] = set()
        self._margins: list[float] = []
        self._chars: dict[str, list[int]] = {"prompt": [], "chosen": [], "rejected": []}
        self._longer: Counter[int] = Counter()

    def add(self, pair: Pair) -> None:
        """Take a pair into account."""
        self._splits[pair.split] += 1
        self._topics[pair.split][pair.topic] += 1
        self._sources[pair.source] += 1
        self._judges.update({judge.name for judge in pair.judges})
        self._prompts.add(pair.prompt_hash)
        if pair.margin is not None:
            self._margins.append(pair.margin)
        chosen, rejected = len(text_of(pair.chosen)), len(text_of(pair.rejected))
        for part, chars in (
            ("prompt", len(text_of(pair.prompt))),
            ("chosen", chosen),
            ("rejected", rejected),
        ):
            self._chars[part].append(chars)
        self._longer[(chosen > rejected) - (chosen < rejected)] += 1

    @property
    def pairs(self) -> int:
        return self._splits.total()

    def of(self, split: Split) -> int:
        """Return how many pairs are of a split."""
        return self._splits[split]

    @property
    def chosen_longer_ratio(self) -> float | None:
        """Of the pairs whose answers differ in length, how many have the longer as the better."""
        unequal = self._longer[1] + self._longer[-1]
        return self._longer[1] / unequal if unequal else None

    def statistics(self) -> Json:
        """Return it all as JSON."""
        train, watch = self._topics[Split.TRAIN], self._topics[Split.EVAL]
        return {
            "pairs": self.pairs,
            "pairs_train": self.of(Split.TRAIN),
            "pairs_eval": self.of(Split.EVAL),
            "prompts": len(self._prompts),
            "topics": len(train | watch),
            "topics_train": len(train),
            "topics_eval": len(watch),
            "sources": dict(sorted(self._sources.items())),
            "judges": dict(_most(self._judges, JUDGES_SHOWN)),
            "margin": _spread(self._margins),
            "prompt_chars": _spread(self._chars["prompt"]),
            "chosen_chars": _spread(self._chars["chosen"]),
            "rejected_chars": _spread(self._chars["rejected"]),
            "chosen_longer_ratio": _rounded(self.chosen_longer_ratio),
        }

    def warnings(self, eval_ratio: float) -> list[Json]:
        """Return what a careful reader should know of these pairs."""
        return list(self._warnings(eval_ratio))

    def _warnings(self, eval_ratio: float) -> Iterable[Json]:
        learning = self.of(Split.TRAIN)
        if learning < FEW_PAIRS:
            yield _warning(
                "few_pairs",
                f"only {learning} pairs to learn from: below {FEW_PAIRS} a training mostly learns "
                "them by heart. Judge more answers, or sample more of each prompt.",
            )
        if eval_ratio > 0 and self.of(Split.EVAL) == 0:
            yield _warning(
                "nothing_held_out",
                "no pair watches the training: all of them hang together by topic, run or nearly "
                "equal prompts. Add topics, or split by prompt.",
            )
        if self.pairs < ENOUGH_TO_TELL:
            return
        longer = self.chosen_longer_ratio
        if longer is not None and not 1 - LOPSIDED < longer < LOPSIDED:
            which, share = ("longer", longer) if longer > 0.5 else ("shorter", 1 - longer)
            yield _warning(
                "lopsided_length",
                f"the better answer is the {which} one in {share:.0%} of pairs: what is learnt may "
                "be nothing but length. Where that is not what you want, set `length_balance`.",
            )
        topic, count = (self._topics[Split.TRAIN] | self._topics[Split.EVAL]).most_common(1)[0]
        if count > DOMINANT * self.pairs:
            yield _warning(
                "dominant_topic", f"{count} of {self.pairs} pairs are of the topic {topic[:64]!r}."
            )


def found_statistics(found: Found, looked_at: int, left_out: Counter[str]) -> Json:
    """Return what was looked at on the way to the pairs, as JSON."""
    counts = asdict(found)
    return {
        **counts,
        "dropped": _nonzero(found.dropped),
        "looked_at": looked_at,
        "left_out": _nonzero(left_out),
    }


def found_warnings(found: Found, pairs: int) -> list[Json]:
    """Return what a careful reader should know of how the pairs were found."""
    warnings = []
    silent = found.prompts_tied + found.prompts_alone
    if silent > MANY * found.prompts:
        warnings.append(
            _warning(
                "silent_prompts",
                f"{silent} of {found.prompts} judged prompts say nothing: {found.prompts_tied} have "
                f"answers that were judged alike, {found.prompts_alone} a single judged answer. A "
                "finer judge, or more and more varied samples, would use them.",
            )
        )
    repeated = found.dropped["near_duplicates"] + found.dropped["exact_duplicates"]
    if repeated > REPETITIVE * (pairs + repeated):
        warnings.append(
            _warning("repetitive", f"{repeated} pairs were dropped as repetitions of others.")
        )
    if found.overruled:
        warnings.append(
            _warning(
                "overruled_scores",
                f"{found.overruled} times a direct comparison said the opposite of the scores, and "
                "won: does the judge that scores measure what people prefer?",
            )
        )
    return warnings


def same_warning(dataset: str, number: int) -> Json:
    """Return that another version holds exactly the same."""
    return _warning("same_content", f"it holds exactly the pairs of {dataset}@{number}.")


def why_no_pairs(found: Found, looked_at: int, left_out: Counter[str]) -> str:
    """Return in words why not one pair came of it, with counts, and what to do."""
    if not looked_at:
        return "no answer matches: widen the filter, or leave it out to look at all"
    if not found.candidates:
        reasons = ", ".join(f"{count} {name}" for name, count in _most(left_out, 6))
        return (
            f"none of {looked_at} interactions can become a pair ({reasons}): only judged answers of "
            "purpose run or sample do. Judge some: `camel-ext annotate batch`, or a queue"
        )
    said = (
        f"{found.candidates} judged answers to {found.prompts} prompts hold no pair. Prompts that are "
        "one-sided (a single judged answer, or judges that cannot be compared): "
        f"{found.prompts_alone}; with nothing but ties (all judged alike): {found.prompts_tied}; "
        f"judged by nobody whose word counts: {found.prompts_unjudged}"
    )
    dropped = ", ".join(f"{count} by {name}" for name, count in _most(found.dropped, 6))
    return (
        f"{said}; pairs dropped: {dropped or 'none'}. Sample more, judge finer, or relax the rules"
    )


def _most(counts: Counter[str], limit: int) -> list[tuple[str, int]]:
    found = sorted(_nonzero(counts).items(), key=lambda item: (-item[1], item[0]))
    return found[:limit]


def _nonzero(counts: Counter[str]) -> dict[str, int]:
    return {name: count for name, count in sorted(counts.items()) if count}


def _spread(values: Sequence[float]) -> Json | None:
    if not values:
        return None
    return {
        "min": min(values),
        "median": _rounded(median(values)),
        "mean": _rounded(fmean(values)),
        "max": max(values),
    }


def _rounded(value: float | None) -> Any:
    return None if value is None else round(value, 4)


def _warning(code: str, words: str) -> Json:
    return {"code": code, "words": words}

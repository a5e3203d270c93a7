"""Judged answers out of nothing, for what is pure, and drawings of many for hypothesis."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID, uuid5

from hypothesis import strategies as st

from camel_ext.annotations import AnnotationKind, JudgeKind, Judgement
from camel_ext.datasets import Pair, PairRules
from camel_ext.datasets.pair import Json, text_of
from camel_ext.datasets.pairs import Found, build_pairs
from camel_ext.datasets.preferences import Candidate
from camel_ext.interactions import prompt_hash

SPACE = UUID(int=77)
ADA, BEN = UUID(int=41), UUID(int=42)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
_numbers = count(1)


def fresh_id() -> UUID:
    return UUID(int=next(_numbers))


def judged(
    kind: AnnotationKind,
    ids: Sequence[UUID],
    *,
    score: float | None = None,
    judge: str = "length",
    version: str | None = "v1",
    who: UUID = ADA,
    judge_kind: JudgeKind = JudgeKind.VERIFIER,
    judgement_id: UUID | None = None,
    **value: Any,
) -> Judgement:
    return Judgement(
        judgement_id or fresh_id(), kind, judge_kind, judge, version, who, tuple(ids), score, value,
        None, NOW,
    )  # fmt: skip


def verdict(interaction_id: UUID, score: float | None, **fields: Any) -> Judgement:
    return judged(AnnotationKind.VERDICT, [interaction_id], score=score, **fields)


def by(person: str, who: UUID = ADA) -> dict[str, Any]:
    return {"judge": person, "version": None, "who": who, "judge_kind": JudgeKind.PERSON}


def choice(one: UUID, other: UUID, chosen: UUID | None, **fields: Any) -> Judgement:
    chosen_id = None if chosen is None else str(chosen)
    fields = {**by("ada"), **fields}
    return judged(AnnotationKind.CHOICE, [one, other], chosen_id=chosen_id, **fields)


def ranking(groups: Sequence[Sequence[UUID]], **fields: Any) -> Judgement:
    ids = [each for group in groups for each in group]
    said = [[str(each) for each in group] for group in groups]
    return judged(AnnotationKind.RANKING, ids, ranking=said, **{**by("ada"), **fields})


def correction(interaction_id: UUID, text: str, **fields: Any) -> Judgement:
    return judged(AnnotationKind.CORRECTION, [interaction_id], text=text, **{**by("ada"), **fields})


def answered(
    text: str,
    score: float | None = None,
    *,
    prompt: str = "Why is the sky blue?",
    said: Sequence[Judgement] = (),
    interaction_id: UUID | None = None,
    topic: str | None = None,
    run_id: UUID | None = None,
    cut: bool = False,
    tools: list[Json] | None = None,
) -> Candidate:
    """A candidate; with a score, a verifier judged it."""
    interaction_id = interaction_id or fresh_id()
    messages = [{"role": "user", "content": prompt}]
    given = [] if score is None else [verdict(interaction_id, score)]
    return Candidate(
        interaction_id, prompt_hash(messages), messages, tools,
        {"role": "assistant", "content": text}, topic, run_id, cut, (*given, *said),
    )  # fmt: skip


def made(candidates: Sequence[Candidate], **rules: Any) -> list[Pair]:
    return build_pairs(candidates, PairRules(**{"eval_ratio": 0, **rules}))[0]


def found_in(candidates: Sequence[Candidate], **rules: Any) -> Found:
    return build_pairs(candidates, PairRules(**{"eval_ratio": 0, **rules}))[1]


def texts(pairs: Sequence[Pair]) -> set[tuple[str, str]]:
    return {(text_of(pair.chosen), text_of(pair.rejected)) for pair in pairs}


# --- for hypothesis ---

WORDS = (
    "red",
    "green",
    "blue",
    "sky",
    "sea",
    "tree",
    "runs",
    "falls",
    "slow",
    "fast",
    "why",
    "how",
)
sentences = st.lists(st.sampled_from(WORDS), min_size=1, max_size=8).map(" ".join)
scores = st.sampled_from([0.0, 0.1, 0.2, 0.25, 0.5, 0.7, 0.8, 0.9, 1.0])


@st.composite
def answers(draw: st.DrawFn) -> list[Candidate]:
    """Judged answers to some prompts in some topics and runs; ids follow from what they are."""
    prompts = draw(st.lists(sentences, min_size=1, max_size=8, unique=True))
    found = []
    for number in range(draw(st.integers(0, 30))):
        interaction_id = uuid5(SPACE, str(number))
        said = [verdict(interaction_id, draw(scores), judgement_id=uuid5(SPACE, f"v{number}"))]
        if draw(st.booleans()):
            person = {**by("ada"), "judgement_id": uuid5(SPACE, f"p{number}")}
            said.append(
                judged(AnnotationKind.RATING, [interaction_id], score=draw(scores), **person)
            )
        if draw(st.integers(0, 9)) == 0:
            fix = {"judgement_id": uuid5(SPACE, f"c{number}")}
            said.append(correction(interaction_id, draw(sentences), **fix))
        run = draw(st.none() | st.integers(1, 5))
        found.append(
            answered(
                draw(sentences), prompt=draw(st.sampled_from(prompts)), said=said,
                interaction_id=interaction_id,
                topic=draw(st.none() | st.sampled_from(["rivers", "cities", "trees"])),
                run_id=None if run is None else UUID(int=run), cut=draw(st.booleans()),
            )
        )  # fmt: skip
    return found


rules = st.builds(
    PairRules,
    strategy=st.sampled_from(["best_vs_worst", "best_vs_rest", "all"]),
    combine=st.sampled_from(["mean", "min"]),
    min_margin=scores,
    min_chosen_score=st.none() | scores,
    allow_cut_chosen=st.booleans(),
    per_prompt_max=st.none() | st.integers(1, 3),
    per_source_max=st.none() | st.integers(1, 3),
    length_ratio_max=st.none() | st.sampled_from([1.0, 1.5, 3.0]),
    length_balance=st.none() | st.sampled_from([0.5, 0.6, 1.0]),
    overlap_max=st.none() | st.sampled_from([0.5, 0.9]),
    near_duplicates=st.none() | st.sampled_from([0.5, 0.7, 0.9, 1.0]),
    eval_ratio=st.sampled_from([0.0, 0.1, 0.3, 0.5]),
    split_by=st.sampled_from(["topic", "prompt"]),
    seed=st.integers(0, 3),
)

"""Who preferred what: from judged answers to one prompt to a graph of which is better than which.

Equal answers are one node. An edge is a correction, a direct comparison (choices and rankings, counted
as votes), or a difference of scores; the more direct one wins where they are about the same two answers.
Pure functions: neither ids nor the order of what comes in change what comes out.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import fsum
from typing import Any
from uuid import UUID

from camel_ext.annotations import AnnotationKind, JudgeKind, Judgement
from camel_ext.core.hashing import canonical_json, sha256_hex
from camel_ext.datasets.models import PairSource
from camel_ext.datasets.pair import Json, JudgedBy, text_of
from camel_ext.datasets.schemas import Combine, PairRules

CROWD = 200  # graded answers to one prompt that are compared: 20,000 comparisons
DIGITS = 12  # 0.9 - 0.8 is 0.09999999999999998
SCORED = (AnnotationKind.RATING, AnnotationKind.THUMBS, AnnotationKind.VERDICT)
PEOPLE = (JudgeKind.PERSON, JudgeKind.AGENT)
COMPARED = (AnnotationKind.CHOICE, AnnotationKind.RANKING)

Seat = tuple[str, str | None]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A logged answer with what is said of it."""

    interaction_id: UUID
    prompt_hash: str
    prompt: Sequence[Json]
    tools: Sequence[Json] | None
    message: Json
    topic: str | None
    run_id: UUID | None
    cut: bool
    judgements: tuple[Judgement, ...]


@dataclass(slots=True)
class Answer:
    """All candidates that said the same, as one; or a text that somebody wrote instead (no ids)."""

    key: str
    message: Json
    text: str
    interaction_ids: list[UUID] = field(default_factory=list)
    run_ids: set[UUID] = field(default_factory=set)
    cut: bool = True
    seats: dict[Seat, list[float]] = field(default_factory=lambda: defaultdict(list))
    evidence: dict[Seat, list[Judgement]] = field(default_factory=lambda: defaultdict(list))
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Preference:
    """One answer is better than another, by so much, on whose word.

    `is_explicit`: somebody said it of these very two. `margin` is from 0 to 1.
    """

    chosen: Answer
    rejected: Answer
    source: PairSource
    margin: float
    is_explicit: bool
    chosen_score: float | None
    rejected_score: float | None
    evidence: tuple[Judgement, ...]

    @property
    def judges(self) -> tuple[JudgedBy, ...]:
        """Who says so, each once."""
        found = {
            JudgedBy(each.judge_kind, each.judge, each.judge_version, each.principal_id)
            for each in self.evidence
        }
        return tuple(
            sorted(found, key=lambda by: (by.kind, by.name, by.version or "", by.principal_id))
        )


@dataclass(slots=True)
class Opinions:
    """What is said of the answers to one prompt.

    `judged` are answers of whom anything is said, `ties` the answers found equally good, two by two,
    `overruled` scores that a direct comparison contradicts, `crowded` answers left out of a crowd.
    """

    prompt: Sequence[Json]
    tools: Sequence[Json] | None
    prompt_hash: str
    topics: set[str]
    preferences: list[Preference]
    judged: int
    ties: int
    overruled: int
    crowded: int


def counting(judgements: Iterable[Judgement], rules: PairRules) -> list[Judgement]:
    """Return the judgements whose judges the rules let speak."""
    return [
        each
        for each in judgements
        if (rules.judge_kinds is None or each.judge_kind in rules.judge_kinds)
        and (rules.judges is None or any(_is_meant(each, word) for word in rules.judges))
    ]


def _is_meant(judgement: Judgement, word: str) -> bool:
    if judgement.judge == word:
        return True
    name, _, version = word.rpartition("@")
    known = judgement.judge_version or ""
    return (
        judgement.judge == name
        and bool(version)
        and version
        in (
            known[: len(version)],
            known.removeprefix("sha256:")[: len(version)],
        )
    )


def opinions_of(candidates: Sequence[Candidate], rules: PairRules) -> Opinions:
    """Return who preferred what among the answers to one prompt."""
    first = candidates[0]
    topics = {each.topic for each in candidates if each.topic is not None}
    answers, of = _merged(candidates)
    said = {
        judgement.id: judgement
        for each in candidates
        for judgement in counting(each.judgements, rules)
    }
    heard = sorted(said.values(), key=lambda each: str(each.id))
    _score(of, heard)
    for each in answers.values():
        each.score = _combined(each, each.seats, rules)
    judged = {i for each in heard for i in each.interaction_ids if i in of}
    direct = _votes(of, heard)
    graded, crowded = _graded(list(answers.values()))
    by_scores: dict[frozenset[str], Preference] = {}
    for one, other in combinations(graded, 2):
        better = _by_scores(one, other, rules)
        if better is not None:
            by_scores[frozenset((one.key, other.key))] = better
    overruled = sum(
        1 for two, vote in direct.items() if two in by_scores and _opposed(vote, by_scores[two])
    )
    found = [*_corrections(of, heard), *{**by_scores, **direct}.values()]
    clear = [each for each in found if each.margin > 0]
    return Opinions(
        first.prompt, first.tools, first.prompt_hash, topics or {first.prompt_hash}, clear,
        len(judged), len(found) - len(clear), overruled, crowded,
    )  # fmt: skip


def _opposed(vote: Preference, scores: Preference) -> bool:
    return vote.chosen.key != scores.chosen.key and vote.margin > 0 and scores.margin > 0


def _merged(
    candidates: Iterable[Candidate],
) -> tuple[dict[str, Answer], dict[UUID, Answer]]:
    """Return the different answers by key, and the answer of each interaction."""
    answers: dict[str, Answer] = {}
    of: dict[UUID, Answer] = {}
    for each in sorted(candidates, key=lambda candidate: str(candidate.interaction_id)):
        answer = _answer(each.message, answers)
        answer.interaction_ids.append(each.interaction_id)
        answer.cut = answer.cut and each.cut
        if each.run_id is not None:
            answer.run_ids.add(each.run_id)
        of[each.interaction_id] = answer
    return answers, of


def _answer(message: Json, answers: dict[str, Answer]) -> Answer:
    key = sha256_hex(canonical_json(message))
    if key not in answers:
        answers[key] = Answer(key, message, text_of([message]))
    return answers[key]


def _score(of: Mapping[UUID, Answer], heard: Iterable[Judgement]) -> None:
    """Give each answer its scores by seat: people share one, a verifier or model has its own.

    Two answers are only compared by what the same seats say of both: one judge's half is not another's.
    """
    for each in heard:
        if each.kind not in SCORED or each.score is None:
            continue
        people = each.judge_kind in PEOPLE
        seat: Seat = ("people", None) if people else (each.judge, each.judge_version or "")
        for interaction_id in each.interaction_ids:
            if interaction_id in of:
                of[interaction_id].seats[seat].append(each.score)
                of[interaction_id].evidence[seat].append(each)


def _combined(answer: Answer, seats: Iterable[Seat], rules: PairRules) -> float | None:
    """Return an answer's score by these seats; None where a judge that must speak did not."""
    seats = list(seats)
    if not seats or not _all_spoke(answer, seats, rules):
        return None
    each = [fsum(sorted(answer.seats[seat])) / len(answer.seats[seat]) for seat in seats]
    score = min(each) if rules.combine is Combine.MIN else fsum(sorted(each)) / len(each)
    return round(score, DIGITS)


def _all_spoke(answer: Answer, seats: Iterable[Seat], rules: PairRules) -> bool:
    heard = [judgement for seat in seats for judgement in answer.evidence[seat]]
    return all(any(_is_meant(each, word) for each in heard) for word in rules.judges or ())


def _graded(answers: Sequence[Answer]) -> tuple[list[Answer], int]:
    """Return the answers that have a score, the best and the worst of a crowd; and who was left out."""
    scored = [(each.score, each.key, each) for each in answers if each.score is not None]
    graded = [each for _, _, each in sorted(scored, key=lambda one: one[:2])]
    left_out = max(0, len(graded) - CROWD)
    if left_out:
        graded = graded[: CROWD // 2] + graded[-(CROWD // 2) :]
    return graded, left_out


def _by_scores(one: Answer, other: Answer, rules: PairRules) -> Preference | None:
    """Return which scores higher, None where they cannot be compared."""
    shared = sorted(one.seats.keys() & other.seats.keys(), key=str)
    high, low = _combined(one, shared, rules), _combined(other, shared, rules)
    if high is None or low is None:
        return None
    if (high, other.key) < (low, one.key):
        one, other, high, low = other, one, low, high
    evidence = {
        each.id: each for seat in shared for part in (one, other) for each in part.evidence[seat]
    }
    return Preference(
        one, other, PairSource.SCORES, round(high - low, DIGITS), False, high, low,
        tuple(evidence.values()),
    )  # fmt: skip


@dataclass(slots=True)
class _Ballot:
    """The votes on two answers: how many for each, and for neither."""

    votes: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    evidence: dict[UUID, Judgement] = field(default_factory=dict)
    is_explicit: bool = False


def _votes(
    of: Mapping[UUID, Answer], heard: Iterable[Judgement]
) -> dict[frozenset[str], Preference]:
    """Return what choices and rankings say of each two answers: votes for, less against, of all."""
    ballots: dict[frozenset[str], _Ballot] = defaultdict(_Ballot)
    known = {answer.key: answer for answer in of.values()}
    for each in heard:
        for one, other, better in _comparisons(each):
            if one not in of or other not in of or of[one].key == of[other].key:
                continue
            ballot = ballots[frozenset((of[one].key, of[other].key))]
            ballot.votes["" if better is None else of[better].key] += 1
            ballot.evidence[each.id] = each
            ballot.is_explicit |= each.kind == AnnotationKind.CHOICE
    return {two: _elected(two, ballot, known) for two, ballot in ballots.items()}


def _comparisons(judgement: Judgement) -> Iterator[tuple[UUID, UUID, UUID | None]]:
    """Yield (one, other, the better of them) for each two that were compared; None: a tie."""
    if judgement.kind == AnnotationKind.CHOICE:
        one, other = judgement.interaction_ids
        chosen = judgement.value["chosen_id"]
        yield one, other, None if chosen is None else UUID(chosen)
    elif judgement.kind == AnnotationKind.RANKING:
        placed = [
            (place, UUID(each))
            for place, group in enumerate(judgement.value["ranking"])
            for each in group
        ]
        for (place, one), (lower, other) in combinations(placed, 2):
            yield one, other, one if place < lower else None


def _elected(two: frozenset[str], ballot: _Ballot, known: Mapping[str, Answer]) -> Preference:
    chosen, rejected = sorted(two, key=lambda key: (-ballot.votes[key], key))
    ahead = ballot.votes[chosen] - ballot.votes[rejected]
    return Preference(
        known[chosen], known[rejected], PairSource.COMPARISON,
        round(ahead / sum(ballot.votes.values()), DIGITS), ballot.is_explicit,
        known[chosen].score, known[rejected].score, tuple(ballot.evidence.values()),
    )  # fmt: skip


def _corrections(of: Mapping[UUID, Answer], heard: Iterable[Judgement]) -> Iterator[Preference]:
    """Yield that each correction is better than what it corrects; the same one by several once."""
    known = {answer.key: answer for answer in of.values()}
    found: dict[tuple[str, str], list[Judgement]] = defaultdict(list)
    written: dict[str, Answer] = {}
    for each in heard:
        if each.kind == AnnotationKind.CORRECTION and each.interaction_ids[0] in of:
            message: dict[str, Any] = {"role": "assistant", "content": each.value["text"]}
            better = _answer(message, written)
            better.cut = False
            found[better.key, of[each.interaction_ids[0]].key].append(each)
    for (better_key, worse_key), evidence in sorted(found.items()):
        if better_key != worse_key:
            yield Preference(
                written[better_key], known[worse_key], PairSource.CORRECTION, 1.0, True,
                None, known[worse_key].score, tuple(evidence),
            )  # fmt: skip

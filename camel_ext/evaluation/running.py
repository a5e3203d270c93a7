"""Running an evaluation: cases made, equal answers taken over, the rest asked, each scored and written.

It goes on from wherever its rows say it is: what a case's row names as its run is waited for, never
started again. The task around it says how it ended.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from camel_ext.annotations import annotate_many
from camel_ext.core.queue import TaskContext
from camel_ext.evaluation import answers
from camel_ext.evaluation.answers import Answered
from camel_ext.evaluation.asking import answer_case
from camel_ext.evaluation.evaluations import (
    add_cases,
    get_evaluation,
    means_of,
    scores_so_far,
    target_of,
)
from camel_ext.evaluation.judges import Bench, Opinion, grade
from camel_ext.evaluation.models import Evaluation, SuiteVersion, TargetKind
from camel_ext.evaluation.scoring import Check, check_of, score, text_of
from camel_ext.evaluation.suites import get_suite_version, scorers_of
from camel_ext.evaluation.targets import ITSELF, resolve_model
from camel_ext.registry import ResolvedModel, get_version, resolve_version
from camel_ext.workflows import asker_for

Json = dict[str, Any]
PAGE = 200  # rows of cases in one commit
SOONEST_S, LATEST_S, SLOWER = 0.1, 2.0, 1.5  # how often runs under way are looked at


@dataclass(slots=True)
class Examination:
    """An evaluation under way: its cases, its checks, and who answers or judges."""

    context: TaskContext
    evaluation: Evaluation
    version: SuiteVersion
    checks: list[Check]
    benches: list[Bench]
    model: ResolvedModel | None
    told: Callable[[Evaluation], None]
    _few: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._few = asyncio.Semaphore(self.evaluation.parallel)

    async def run(self) -> None:
        """Answer and score every case that is still open."""
        await self._prepare()
        if self.evaluation.target_kind == TargetKind.WORKFLOW:
            await self._by_runs()
        else:
            await self._by_calls()

    # -- cases -------------------------------------------------------------------------------------

    async def _prepare(self) -> None:
        """Write rows of all cases, and take over what was answered before."""
        evaluation_id, cases = self.evaluation.id, self.version.cases
        there = await self.context.read(answers.count_cases, evaluation_id)
        for page in _pages(range(there, len(cases))):
            rows = [cases[position] for position in page]
            await self.context.write(add_cases, evaluation_id, rows, page[0])
        if not self.evaluation.reuse:
            return
        queued, _ = await self.context.read(answers.read_open, evaluation_id)
        for page in _pages(queued):
            equal = await self.context.read(answers.find_equal, self.evaluation, page)
            await self._write(equal)

    # -- a whole workflow ----------------------------------------------------------------------------

    async def _by_runs(self) -> None:
        """Keep so many runs under way, and write down each that ends, until there are none."""
        queued, under_way = await self.context.read(answers.read_open, self.evaluation.id)
        pause_s = SOONEST_S
        while queued or under_way:
            room = self.evaluation.parallel - len(under_way)
            if room > 0 and queued:
                under_way |= await self._start(queued[:room])
                del queued[:room]
                continue
            ended = await self.context.read(answers.read_ended, under_way)
            if ended:
                await self._write(ended)
                for each in ended:
                    del under_way[each.position]
                pause_s = SOONEST_S
                continue
            await self.context.runtime.clock.sleep(pause_s)
            pause_s = min(pause_s * SLOWER, LATEST_S)

    async def _start(self, positions: list[int]) -> dict[int, UUID]:
        asker = asker_for(self.context, self.evaluation.principal_id)
        cases = {position: self.version.cases[position] for position in positions}
        return await self.context.write(answers.start_runs, asker, self.evaluation, cases)

    # -- a model by itself ---------------------------------------------------------------------------

    async def _by_calls(self) -> None:
        queued, _ = await self.context.read(answers.read_open, self.evaluation.id)

        async def one(position: int) -> None:
            assert self.model is not None, "a model is examined"
            case = self.version.cases[position]
            async with self._few:
                answered = await answer_case(
                    self.context, self.evaluation, self.model, position, case
                )
            await self._write([answered])

        await _all(one(position) for position in queued)

    # -- scores --------------------------------------------------------------------------------------

    async def _write(self, ended: list[Answered]) -> None:
        """Score what came out, and write it with what judges said of it, in one transaction."""
        if not ended:
            return
        opinions: list[tuple[Bench, Opinion]] = []
        await _all(self._score(answered, opinions) for answered in ended)
        runtime, evaluation_id = self.context.runtime, self.evaluation.id

        def write(db: Session) -> Evaluation:
            for bench, opinion in opinions:
                if opinion.annotations:
                    annotate_many(
                        db, runtime.clock, runtime.new_id, bench.signed, opinion.annotations
                    )
            return answers.write_answers(db, runtime.clock, evaluation_id, ended)

        self.told(await self.context.write(write))

    async def _score(self, said: Answered, opinions: list[tuple[Bench, Opinion]]) -> None:
        if said.error is not None:
            return
        case, threads = self.version.cases[said.position], self.context.runtime.threads
        said.scores = await score(threads, self.checks, case, said.answer, said.known)
        for bench in self.benches:
            name = bench.check.name
            if name in said.scores:  # an equal judge said it before
                continue
            text = text_of(said.answer, bench.check.scorer.of)
            async with self._few:
                opinion = await grade(
                    self.context, bench, case, question_of(case), text, said.interaction_id
                )
            said.scores[name] = opinion.found
            said.judging_usd_micros = (said.judging_usd_micros or 0) + opinion.cost_usd_micros
            opinions.append((bench, opinion))


def question_of(case: Json) -> str:
    """Return what a judge is told was asked: the text of a case's input, or all of it as JSON."""
    texts = [value for value in case["input"].values() if isinstance(value, str)]
    return texts[0] if len(texts) == 1 else text_of(case["input"], None)


def open_examination(
    db: Session, context: TaskContext, evaluation_id: UUID, told: Callable[[Evaluation], None]
) -> Examination:
    """Return an evaluation with everything that running it takes."""
    evaluation = get_evaluation(db, evaluation_id)
    version = get_suite_version(db, evaluation.suite_version_id)
    checks, benches = list[Check](), list[Bench]()
    for name, scorer in scorers_of(version).items():
        if scorer.sees_both:
            continue  # it needs two evaluations: a judging asks it
        if scorer.judge is None:
            checks.append(check_of(name, scorer))
            continue
        judge = resolve_model(db, scorer.judge.model)
        digest = get_version(db, judge.target_id).content_hash
        check = check_of(name, scorer, digest)
        checks.append(check)
        benches.append(
            Bench(check, scorer.judge, judge, evaluation.principal_id, evaluation.id,
                  evaluation.seed)
        )  # fmt: skip
    model = None
    if evaluation.target_kind == TargetKind.MODEL:
        pinned = target_of(evaluation).models[ITSELF]
        model = resolve_version(db, UUID(pinned), alias=evaluation.target)
    return Examination(context, evaluation, version, checks, benches, model, told)


def write_means(db: Session, evaluation_id: UUID) -> None:
    """Write the mean of each measure on an evaluation whose cases are all over."""
    evaluation = get_evaluation(db, evaluation_id, lock=True)
    version = get_suite_version(db, evaluation.suite_version_id)
    evaluation.means = means_of(scores_so_far(db, evaluation_id, version))
    db.flush()


async def _all(each: Iterator[Awaitable[None]]) -> None:
    """Await all; the first failure stops the others and is raised as it is."""
    tasks = [asyncio.ensure_future(one) for one in each]
    try:
        await asyncio.gather(*tasks)
    finally:
        for one in tasks:
            one.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _pages(positions: Any) -> Iterator[list[int]]:
    listed = list(positions)
    for first in range(0, len(listed), PAGE):
        yield listed[first : first + PAGE]

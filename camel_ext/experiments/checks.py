"""What is wrong with a configuration that has the right shape: names, leaks, too few goals.

Each finding is a place in it, what is wrong and what would be right, so that a file can show its line.
Nothing here needs a database.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from camel_ext.core.errors import CamelExtError
from camel_ext.evaluation import MEASURES
from camel_ext.experiments.config import ImproveConfig, ScorerEntry, each_goal, plain_goal
from camel_ext.training import PRESETS, read_overrides
from camel_ext.verifiers import get_verifier, list_verifiers, read_params

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: where, what, and what would be right."""

    path: Path
    message: str
    fix: str = ""
    key: bool = False


def findings(config: ImproveConfig) -> list[Finding]:
    """Return everything that is wrong with a configuration by itself."""
    return [
        *_scorers(config),
        *_gate(config),
        *_pairs(config),
        *_source(config),
        *_training(config),
        *_repeated(config),
        *_leaks(config),
        *_too_few(config),
    ]


def _scorers(config: ImproveConfig) -> Iterator[Finding]:
    for name, scorer in config.scorers.items():
        at: Path = ("scorers", name)
        if name in MEASURES:
            fix = "Take another name: every evaluation measures this one anyway."
            yield Finding(at, f"`{name}` cannot name a scorer.", fix, key=True)
        known = [each.name for each in list_verifiers()]
        if scorer.verify not in known:
            listed = ", ".join(f"`{each}`" for each in known)
            yield Finding((*at, "verify"), f"there is no verifier `{scorer.verify}`.",
                          f"There are {listed}.")  # fmt: skip
            continue
        yield from _parameters(at, scorer)


def _parameters(at: Path, scorer: ScorerEntry) -> Iterator[Finding]:
    fields = get_verifier(scorer.verify).params.model_fields
    for parameter in scorer.per_goal:
        if parameter not in fields:
            listed = ", ".join(f"`{each}`" for each in fields)
            yield Finding((*at, "per_goal", parameter),
                          f"`{scorer.verify}` has no parameter `{parameter}`.",
                          f"It takes {listed}.", key=True)  # fmt: skip
        elif parameter in scorer.params:
            yield Finding((*at, "per_goal", parameter),
                          f"`{parameter}` is given twice, here and in `params`.",
                          "Keep one.", key=True)  # fmt: skip
    # a text stands for what each goal will give: the rest is checked as it is
    given = {**scorer.params, **dict.fromkeys(scorer.per_goal.keys() & fields.keys(), "goal")}
    try:
        read_params(scorer.verify, given)
    except CamelExtError as error:
        yield Finding((*at, "params"), error.detail)


def _gate(config: ImproveConfig) -> Iterator[Finding]:
    gate, scorers = config.gate, config.scorers
    if gate.primary not in scorers:
        yield Finding(("gate", "primary"), f"there is no scorer `{gate.primary}`.", _known(scorers))
    for index, rail in enumerate(gate.guardrails):
        if rail.measure not in scorers and rail.measure not in MEASURES:
            besides = ", ".join(f"`{each}`" for each in MEASURES)
            yield Finding(("gate", "guardrails", index, "measure"),
                          f"there is nothing called `{rail.measure}` to measure.",
                          f"{_known(scorers)} Besides, there are {besides}.")  # fmt: skip


def _pairs(config: ImproveConfig) -> Iterator[Finding]:
    for index, name in enumerate(config.pairs.by or ()):
        if name not in config.scorers:
            yield Finding(("pairs", "by", index), f"there is no scorer `{name}`.",
                          _known(config.scorers))  # fmt: skip


def _known(scorers: dict[str, ScorerEntry]) -> str:
    return "There are " + ", ".join(f"`{name}`" for name in scorers) + "."


def _training(config: ImproveConfig) -> Iterator[Finding]:
    train = config.train
    if train.preset not in PRESETS:
        listed = ", ".join(f"`{name}`" for name in PRESETS)
        yield Finding(("train", "preset"), f"there is no preset `{train.preset}`.",
                      f"There are {listed}.")  # fmt: skip
    try:
        read_overrides(train.hyper)
    except (CamelExtError, ValueError) as error:
        yield Finding(("train", "hyper"), f"{error}")


def _source(config: ImproveConfig) -> Iterator[Finding]:
    if config.candidate is None and not config.goals:
        yield Finding(("goals",), "`goals` is missing.", "Add goals to learn from, by topic; or "
                      "name a `candidate` that is there already.")  # fmt: skip


def _repeated(config: ImproveConfig) -> Iterator[Finding]:
    """A repeated held-out goal counts one answer twice and makes an interval look narrower."""
    seen: dict[str, str] = {}
    for topic, goals in config.heldout.items():
        for index, goal in enumerate(goals):
            said = plain_goal(goal)
            if said in seen:
                yield Finding(("heldout", topic, index), "this goal stands here twice, also under "
                              f"`{seen[said]}`.", "Keep one: each held-out goal counts once.")  # fmt: skip
            seen.setdefault(said, topic)


def _leaks(config: ImproveConfig) -> Iterator[Finding]:
    learnt = {plain_goal(goal) for _, goal in each_goal(config.goals)}
    topics = {topic.casefold() for topic in config.goals}
    for topic, goals in config.heldout.items():
        if topic.casefold() in topics:
            yield Finding(("heldout", topic), f"the topic `{topic}` is learnt from, too.",
                          "Hold out whole topics: give it to one of both.", key=True)  # fmt: skip
        for index, goal in enumerate(goals):
            if plain_goal(goal) in learnt:
                yield Finding(("heldout", topic, index), "this goal is learnt from, too.",
                              "Take another one, or remove it from `goals`.")  # fmt: skip


def _too_few(config: ImproveConfig) -> Iterator[Finding]:
    cases = sum(len(goals) for goals in config.heldout.values())
    if cases < config.gate.min_cases:
        yield Finding(("heldout",), f"{cases} held-out goals are fewer than `gate.min_cases` "
                      f"({config.gate.min_cases}).", "Add goals.", key=True)  # fmt: skip
    if len(config.heldout) < config.gate.min_topics:
        yield Finding(("heldout",), f"{len(config.heldout)} held-out topics are fewer than "
                      f"`gate.min_topics` ({config.gate.min_topics}).",
                      "Add topics: they are what the statistics count.", key=True)  # fmt: skip

"""improve.yaml: what is wrong is named with file, line and field, and what would be right."""

import pytest

from camel_ext.experiments import files_named, read_improve
from camel_ext.workflows import LanguageError
from tests.experiments.examples import IMPROVE


def wrong(text: str, others: dict[str, str] | None = None) -> str:
    with pytest.raises(LanguageError) as caught:
        read_improve("improve.yaml", text, others)
    return str(caught.value)


def changed(old: str, new: str) -> str:
    assert old in IMPROVE
    return IMPROVE.replace(old, new)


def test_a_good_file_is_read_with_its_defaults() -> None:
    config = read_improve("improve.yaml", IMPROVE).config
    assert list(config.goals) == ["pets", "music"]
    assert config.sample.count == 5
    assert config.pairs.combine == "min"
    assert config.judges == ["brief", "relevant"]
    assert config.promote.when == "better"


def test_it_comes_back_the_same_from_json() -> None:
    config = read_improve("improve.yaml", IMPROVE).config
    again = type(config).model_validate(config.model_dump(mode="json"))
    assert again == config
    assert again.policy_hash == config.policy_hash


def test_the_policy_is_what_decides_and_nothing_else() -> None:
    config = read_improve("improve.yaml", IMPROVE).config
    same = read_improve("improve.yaml", changed("Answers briefly.", "Other words.")).config
    other = read_improve("improve.yaml", changed("margin: 0.2", "margin: 0.3")).config
    assert same.policy_hash == config.policy_hash
    assert other.policy_hash != config.policy_hash


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("agent: writer", "agnet: writer", "improve.yaml:3:1: agnet: there is no field `agnet` here. Did you mean `agent`?"),
        ("max: 5", "mx: 5", "improve.yaml:15:13: scorers.brief.params: The verifier `length` cannot work so: `mx` is not a parameter"),
        ("verify: length", "verify: lenght", "improve.yaml:14:13: scorers.brief.verify: there is no verifier `lenght`."),
        ("per_goal: {to: goal}", "per_goal: {too: goal}", "scorers.relevant.per_goal.too: `relevance` has no parameter `too`."),
        ("primary: brief", "primary: breif", "gate.primary: there is no scorer `breif`."),
        ("measure: relevant", "measure: relevnt", "gate.guardrails[0].measure: there is nothing called `relevnt` to measure."),
        ("margin: 0.2", "margin: 2", "gate.guardrails[0]: Value error, scores go from 0 to 1"),
        ("What is a dam?", "what is  a RIVER?", "heldout.rivers[1]: this goal stands here twice"),
        ("What is a dam?", "What do dogs eat?", "heldout.rivers[1]: this goal is learnt from, too."),
        ("  metals:", "  Pets:", "heldout.Pets: the topic `Pets` is learnt from, too."),
        ("min_cases: 2", "min_cases: 9", "heldout: 4 held-out goals are fewer than `gate.min_cases` (9)."),
        ("min_topics: 2", "min_topics: 9", "heldout: 2 held-out topics are fewer than `gate.min_topics` (9)."),
        ("goals:\n  pets: [What do dogs eat?, Why do cats purr?]", "goals:\n  pets: []", "goals.pets: this must have at least 1 entry."),
        ("What is a dam?", '""', "heldout.rivers[1]: Value error, it is empty."),
        ("description: Answers briefly.", "promote: {when: beter}", "improve.yaml:2:17: promote.when: this must be 'better', 'not_worse' or 'never'."),
        ("description: Answers briefly.", "train: {preset: quik}", "train.preset: there is no preset `quik`."),
        ("description: Answers briefly.", "train: {hyper: {beta: -1}}", "train.hyper"),
        ("description: Answers briefly.", "pairs: {by: [brif]}", "pairs.by[0]: there is no scorer `brif`."),
        ("description: Answers briefly.", "candidate: nothing", "candidate: `nothing` does not have the right form."),
    ],
)  # fmt: skip
def test_what_is_wrong_has_its_place(old: str, new: str, said: str) -> None:
    assert said in wrong(changed(old, new))


def test_all_that_is_wrong_is_said_at_once() -> None:
    text = changed("primary: brief", "primary: breif").replace("  metals:", "  pets:")
    assert "gate.primary" in wrong(text)
    assert "heldout.pets" in wrong(text)


def test_goals_may_stand_in_files_of_their_own() -> None:
    text = (
        IMPROVE.partition("goals:")[0]
        + "goals: train.yaml\n"
        + "heldout:"
        + IMPROVE.partition("heldout:")[2]
    )
    assert files_named("improve.yaml", text) == ["train.yaml"]
    config = read_improve(
        "improve.yaml", text, {"train.yaml": "pets: [What do dogs eat?]\n"}
    ).config
    assert config.goals == {"pets": ["What do dogs eat?"]}
    said = wrong(text, {"train.yaml": "pets: [fine]\nrivers:\n  - What is a dam?\n"})
    assert "improve.yaml:6:3: heldout.rivers" in said
    assert "train.yaml:1:7: goals.pets" in wrong(text, {"train.yaml": "pets: []\n"})
    assert "there is no file `train.yaml` beside it" in wrong(text)


def test_a_candidate_that_is_there_needs_no_goals_to_learn_from() -> None:
    head, _, tail = IMPROVE.partition("goals:")
    text = head + "candidate: small/critic\nheldout:" + tail.partition("heldout:")[2]
    assert read_improve("improve.yaml", text).config.goals == {}
    assert "`goals` is missing" in wrong(text.replace("candidate: small/critic\n", ""))


def test_what_a_server_finds_wrong_has_its_line_too() -> None:
    problem = read_improve("improve.yaml", IMPROVE).problem_at(
        ("goals", "music", 1), "the input `gaol` is unknown", "Write `goal`."
    )
    assert str(problem).startswith("improve.yaml:8:7: goals.music[1]: the input `gaol`")

"""Files that come in: part by part, twice, out of place, split and unsplit, and out again the same."""

import json
from typing import Any

import pytest

from camel_ext.core.models import State
from camel_ext.datasets import DatasetVersion, Origin, Pair, Split
from camel_ext.datasets.errors import FileInvalid, ImportOutOfPlace, VersionFrozen
from camel_ext.datasets.files import lines_of, read_lines
from camel_ext.datasets.importing import append, close_import, open_import
from camel_ext.datasets.lineage import diff_versions
from camel_ext.datasets.schemas import ImportOpen
from camel_ext.datasets.versions import cancel_build
from tests.datasets.conftest import ADA, Yard


def line(number: int, **fields: Any) -> bytes:
    said = {
        "prompt": [{"role": "user", "content": f"question {number} of many"}],
        "chosen": [{"role": "assistant", "content": f"good {number}"}],
        "rejected": [{"role": "assistant", "content": f"poor {number}"}],
    }
    return json.dumps({**said, **fields}).encode()


def lines(*numbers: int, **fields: Any) -> bytes:
    return b"\n".join(line(number, **fields) for number in numbers)


async def opened(yard: Yard, name: str = "theirs", **how: Any) -> DatasetVersion:
    version: DatasetVersion = await yard.write(
        open_import, yard.clock, yard.runtime.new_id, ADA, name, ImportOpen(**how)
    )
    return version


async def sent(yard: Yard, version: DatasetVersion, raw: bytes, at: int = 0) -> DatasetVersion:
    found: DatasetVersion = await yard.write(append, version.id, at, read_lines(raw))
    return found


async def closed(yard: Yard, version: DatasetVersion) -> DatasetVersion:
    await yard.write(close_import, yard.clock, yard.runtime.new_id, version.id)
    return await yard.finish(version.id)


async def imported(yard: Yard, raw: bytes, name: str = "theirs", **how: Any) -> DatasetVersion:
    version = await opened(yard, name, **how)
    await sent(yard, version, raw)
    return await closed(yard, version)


class TestRoundTrip:
    async def test_a_version_comes_back_as_it_was(self, yard: Yard) -> None:
        await yard.scored(topics=3, prompts=2)
        london = await yard.answer("London.", "What is the capital of France?")
        await yard.correct(london, "Paris.")
        built = await yard.build(rules={"eval_ratio": 0.3})
        pairs = await yard.pairs(built)
        again = await imported(yard, lines_of(pairs))
        assert (again.state, again.origin) == (State.SUCCEEDED, Origin.IMPORTED)
        assert await yard.pairs(again) == pairs
        assert again.content_hash == built.content_hash
        assert (again.pairs_train, again.pairs_eval) == (built.pairs_train, built.pairs_eval)
        assert (await yard.read(diff_versions, built.id, again.id)).equal
        assert "it holds exactly the pairs of brief@1." in [w["words"] for w in again.warnings]

    async def test_odd_values_do_too(self, yard: Yard) -> None:
        """What a database could lose: NUL, huge numbers, signs outside the plane, key order, floats."""
        odd = {
            "prompt": [{"role": "tool", "content": "a\0b \U0001f40d \u2028", "z": 1e-320, "a": [10**25, -0.5, None]}],
            "tools": [{"type": "function", "x": {"b": 1, "a": 1.0}}],
            "margin": 0.1, "chosen_score": 1.0, "rejected_score": 0.9,
        }  # fmt: skip
        raw = line(1, **odd)
        version = await imported(yard, raw)
        (pair,) = await yard.pairs(version)
        assert pair == read_lines(raw)[0][0]
        assert json.dumps(pair.prompt) == json.dumps(odd["prompt"])

    async def test_lineage_comes_with_it(self, yard: Yard) -> None:
        await yard.scored(topics=2, prompts=1)
        pairs = await yard.pairs(await yard.build())
        again = await imported(yard, lines_of(pairs))
        reduced = await yard.without(again.id, run_ids=[pairs[0].run_ids[0]])
        assert reduced.pairs == 1


class TestParts:
    async def test_one_after_the_other(self, yard: Yard) -> None:
        version = await opened(yard)
        await sent(yard, version, lines(0, 1))
        found = await sent(yard, version, lines(2, 3, 4), at=2)
        assert (found.state, found.done, found.pairs) == (State.WAITING, 5, 5)
        frozen = await closed(yard, version)
        assert [pair.chosen[0]["content"] for pair in await yard.pairs(frozen)] == [
            f"good {number}" for number in range(5)
        ]

    async def test_a_part_that_comes_twice_adds_nothing(self, yard: Yard) -> None:
        version = await opened(yard)
        await sent(yard, version, lines(0, 1, 2))
        assert (await sent(yard, version, lines(0, 1, 2))).done == 3
        assert (await sent(yard, version, lines(1, 2, 3), at=1)).done == 4
        assert (await closed(yard, version)).pairs == 4

    async def test_a_gap_is_refused(self, yard: Yard) -> None:
        version = await opened(yard)
        await sent(yard, version, lines(0))
        with pytest.raises(
            ImportOutOfPlace, match="1 pairs have arrived, and this part begins after 2"
        ):
            await sent(yard, version, lines(2), at=2)
        with pytest.raises(ImportOutOfPlace):
            await sent(yard, await sent(yard, version, lines(1, 2), at=1), lines(0), at=0)

    async def test_repetitions_are_dropped_and_counted(self, yard: Yard) -> None:
        version = await opened(yard)
        await sent(yard, version, lines(0, 1, 0))
        await sent(yard, version, lines(1, 2), at=3)
        frozen = await closed(yard, version)
        assert (frozen.done, frozen.pairs) == (5, 3)
        assert frozen.statistics["received"]["exact_duplicates"] == 2

    async def test_a_frozen_one_takes_no_more(self, yard: Yard) -> None:
        version = await imported(yard, lines(0))
        with pytest.raises(VersionFrozen, match="takes no lines"):
            await sent(yard, version, lines(1), at=1)
        built = await yard.start()
        with pytest.raises(VersionFrozen):
            await sent(yard, built, lines(1))

    async def test_closing_twice_is_closing_once(self, yard: Yard) -> None:
        version = await imported(yard, lines(0))
        again = await yard.write(close_import, yard.clock, yard.runtime.new_id, version.id)
        assert (again.job_id, again.state) == (version.job_id, State.SUCCEEDED)

    async def test_an_open_one_can_be_given_up(self, yard: Yard) -> None:
        version = await opened(yard)
        await sent(yard, version, lines(0))
        assert (await yard.write(cancel_build, yard.clock, version.id)).state == State.CANCELLED
        with pytest.raises(VersionFrozen):
            await sent(yard, version, lines(1), at=1)

    async def test_an_empty_file_is_no_version(self, yard: Yard) -> None:
        frozen = await closed(yard, await opened(yard))
        assert (frozen.state, frozen.error_code) == (State.FAILED, "datasets.no_pairs")


class TestSplits:
    async def test_a_file_without_them_is_split_by_topic(self, yard: Yard) -> None:
        raw = b"\n".join(line(number, topic=f"topic {number % 4}") for number in range(16))
        frozen = await imported(yard, raw, eval_ratio=0.25, seed=1)
        assert (frozen.pairs_train, frozen.pairs_eval) == (12, 4)
        sides: dict[Split, set[str]] = {split: set() for split in Split}
        for pair in await yard.pairs(frozen):
            sides[pair.split].add(pair.topic)
        assert not sides[Split.TRAIN] & sides[Split.EVAL]
        same = await imported(yard, raw, eval_ratio=0.25, seed=1)
        assert same.content_hash == frozen.content_hash

    async def test_those_of_a_file_stay(self, yard: Yard) -> None:
        raw = line(0, split="eval") + b"\n" + lines(*range(1, 9), split="train")
        pairs: list[Pair] = await yard.pairs(await imported(yard, raw, eval_ratio=0.5))
        assert [pair.split for pair in pairs] == [Split.EVAL, *[Split.TRAIN] * 8]

    async def test_some_with_and_some_without_is_a_mistake(self, yard: Yard) -> None:
        version = await opened(yard)
        await sent(yard, version, line(0, split="eval") + b"\n" + lines(1, 2))
        with pytest.raises(FileInvalid, match="2 of 3 lines name no `split`"):
            await closed(yard, version)


async def test_a_version_holds_so_many_pairs(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("camel_ext.datasets.importing.MAX_PAIRS", 2)
    version = await opened(yard)
    with pytest.raises(FileInvalid, match="at most 2 pairs"):
        await sent(yard, version, lines(0, 1, 2))
    assert (await yard.version(version.id)).done == 0

"""Where pairs come from, what leaving touches, how versions differ, and how they are found."""

from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from camel_ext.core.models import State
from camel_ext.core.tenancy import Tenant
from camel_ext.datasets import DatasetVersion, Origin, find_version, get_version
from camel_ext.datasets.errors import DatasetUnknown, VersionUnknown, VersionUnready
from camel_ext.datasets.lineage import diff_versions, list_touched, preview_without, trace_version
from camel_ext.datasets.models import SourceKind
from camel_ext.datasets.schemas import BlastShown, DiffShown, LineageShown, Without
from tests.datasets.conftest import ADA, BEN, Yard, ben


async def blast(yard: Yard, version: DatasetVersion, **wanted: object) -> BlastShown:
    found: BlastShown = await yard.read(preview_without, version.id, Without.model_validate(wanted))
    return found


async def diff(yard: Yard, one: DatasetVersion, other: DatasetVersion) -> DiffShown:
    found: DiffShown = await yard.read(diff_versions, one.id, other.id)
    return found


class TestTrace:
    async def test_down_to_run_and_annotator(self, yard: Yard) -> None:
        await yard.scored(topics=2, prompts=2)
        one, other = await yard.answer("yes", "Does it?"), await yard.answer("no", "Does it?")
        await yard.choose(one, other)
        version = await yard.build()
        found: LineageShown = await yard.read(trace_version, version.id)
        assert (found.pairs, found.interactions, found.annotations, found.runs) == (5, 10, 9, 2)
        by_kind = {
            kind: {each.label: each.pairs for each in found.sources if each.kind is kind}
            for kind in SourceKind
        }
        assert by_kind[SourceKind.JUDGE] == {"length": 4, "ada": 1}
        assert sorted(by_kind[SourceKind.RUN].values()) == [2, 2]
        assert found.sources[0].ref == "length"
        (person,) = [each for each in found.sources if each.label == "ada"]
        assert person.ref == str(ADA)

    async def test_from_a_run_to_the_versions_that_rest_on_it(self, yard: Yard) -> None:
        await yard.scored(topics=2, prompts=2)
        first, second = await yard.build(), await yard.build("other")
        run_id = str((await yard.pairs(first))[0].run_ids[0])
        found = await yard.read(list_touched, SourceKind.RUN, run_id)
        assert [(each.version_id, each.pairs) for each in found] == [(second.id, 2), (first.id, 2)]
        assert len(await yard.read(list_touched, SourceKind.JUDGE, "length")) == 2
        assert await yard.read(list_touched, SourceKind.JUDGE, "nobody") == []

    async def test_a_person_is_found_by_id_and_name(self, yard: Yard) -> None:
        await yard.choose(await yard.answer("yes"), await yard.answer("no"))
        version = await yard.build()
        for word in ("ada", str(ADA)):
            (found,) = await yard.read(list_touched, SourceKind.JUDGE, word)
            assert (found.version_id, found.dataset, found.number) == (version.id, "brief", 1)


class TestWithout:
    async def test_the_preview_is_what_happens(self, yard: Yard) -> None:
        await yard.scored(topics=3, prompts=2)
        version = await yard.build(rules={"eval_ratio": 0.34})
        pairs = await yard.pairs(version)
        run_id = pairs[0].run_ids[0]
        mine = [pair for pair in pairs if run_id in pair.run_ids]
        said = await blast(yard, version, run_ids=[run_id])
        assert (said.pairs, said.touched, said.left) == (6, 2, 4)
        assert said.touched_train + said.touched_eval == 2
        assert said.topics_lost == [mine[0].topic]
        assert said.sample == [pair.pair_hash for pair in mine]
        reduced = await yard.without(version.id, run_ids=[run_id])
        assert (reduced.state, reduced.origin) == (State.SUCCEEDED, Origin.REDUCED)
        assert (reduced.number, reduced.parent_id) == (2, version.id)
        assert await yard.pairs(reduced) == [pair for pair in pairs if pair not in mine]
        changed = await diff(yard, version, reduced)
        assert (changed.removed, changed.added, changed.moved, changed.kept) == (2, 0, 0, 4)
        assert changed.removed_hashes == sorted(pair.pair_hash for pair in mine)
        assert reduced.statistics["left_out"] == 2

    @pytest.mark.parametrize("word", ["ben", str(BEN)])
    async def test_a_person_by_name_or_id(self, yard: Yard, word: str) -> None:
        for judge, question in (("ada", "first thing"), ("ben", "second one")):
            one, other = await yard.answer("yes", question), await yard.answer("no", question)
            await (yard.choose(one, other, ben) if judge == "ben" else yard.choose(one, other))
        version = await yard.build()
        reduced = await yard.without(version.id, judges=[word])
        (pair,) = await yard.pairs(reduced)
        assert [judge.name for judge in pair.judges] == ["ada"]
        assert reduced.exclude_judges == [word]

    async def test_who_ran_a_verifier_is_not_its_judge(self, yard: Yard) -> None:
        """Ada started the batch; the verdicts are the verifier's word, not hers."""
        await yard.scored(topics=1)
        version = await yard.build()
        said = await blast(yard, version, judges=[str(ADA)])
        assert (said.touched, said.unknown) == (0, [str(ADA)])
        assert (await blast(yard, version, judges=["length"])).left == 0

    async def test_what_leaves_adds_up(self, yard: Yard) -> None:
        await yard.scored(topics=3, prompts=1)
        version = await yard.build()
        runs = sorted({run for pair in await yard.pairs(version) for run in pair.run_ids})
        once = await yard.without(version.id, run_ids=[runs[0]])
        twice = await yard.without(once.id, run_ids=[runs[1]])
        assert twice.exclude_runs == [str(each) for each in runs[:2]]
        assert twice.pairs == 1
        found: LineageShown = await yard.read(trace_version, twice.id)
        assert found.parent_ids == [once.id, version.id]

    async def test_nothing_left_is_no_version(self, yard: Yard) -> None:
        await yard.scored(topics=1)
        version = await yard.build()
        reduced = await yard.without(version.id, judges=["length"])
        assert (reduced.state, reduced.error_code) == (State.FAILED, "datasets.no_pairs")
        assert reduced.error_detail == (
            "all 2 pairs rest on what shall leave: nothing would be left"
        )

    async def test_only_a_frozen_one_can_lose_something(self, yard: Yard) -> None:
        asked = await yard.start()
        with pytest.raises(VersionUnready, match="is queued: wait for it"):
            await yard.without(asked.id, judges=["ada"])


class TestDiff:
    async def test_other_rules_move_and_add(self, yard: Yard) -> None:
        await yard.scored(topics=4, prompts=2)
        one = await yard.build(rules={"eval_ratio": 0.25, "seed": 1})
        other = await yard.build(rules={"eval_ratio": 0, "strategy": "all"})
        found = await diff(yard, one, other)
        assert (found.equal, found.removed) == (False, 0)
        assert (found.kept, found.moved, found.added) == (6, 2, 16)
        assert found.rules == {
            "eval_ratio": [0.25, 0.0], "seed": [1, 0], "strategy": ["best_vs_worst", "all"],
        }  # fmt: skip

    async def test_a_better_word_on_the_same_answers_rescores(self, yard: Yard) -> None:
        ((good, _, poor),) = (await yard.scored(topics=1, prompts=1)).values()
        one = await yard.build()
        await yard.verdicts({good: 0.9, poor: 0.1})
        other = await yard.build()
        found = await diff(yard, one, other)
        assert (found.kept, found.rescored, found.equal) == (1, 1, False)
        assert (await diff(yard, one, one)).equal


class TestFinding:
    async def test_by_name_number_hash_and_id(self, yard: Yard) -> None:
        await yard.scored(topics=1)
        first = await yard.build()
        second = await yard.build(rules={"strategy": "all"})
        await yard.build(rules={"judges": ["nobody"]})  # fails: a bare name never means it
        digits = (first.content_hash or "")[:20]
        for target, expected in (
            ("brief", second), ("brief@1", first), ("brief@2", second),
            (f"brief@{digits}", first), (f"brief@{digits.removeprefix('sha256:')}", first),
            (str(first.id), first),
        ):  # fmt: skip
            found: DatasetVersion = await yard.read(find_version, target)
            assert found.id == expected.id, target

    @pytest.mark.parametrize(
        ("target", "error"),
        [
            ("nothing", DatasetUnknown), ("brief@9", VersionUnknown), ("brief@sha256:00000000", VersionUnknown),
            ("brief@abc", VersionUnknown), (str(UUID(int=3)), VersionUnknown),
        ],
    )  # fmt: skip
    async def test_what_is_not_there(self, yard: Yard, target: str, error: type[Exception]) -> None:
        await yard.scored(topics=1)
        await yard.build()
        with pytest.raises(error):
            await yard.read(find_version, target)

    async def test_a_name_without_a_frozen_version(self, yard: Yard) -> None:
        await yard.build()
        with pytest.raises(VersionUnknown, match="no frozen version yet"):
            await yard.read(find_version, "brief")


async def test_another_tenant_sees_nothing_of_it(yard: Yard) -> None:
    await yard.scored(topics=1)
    version = await yard.build()
    stranger = Tenant(UUID(int=1), UUID(int=2))

    def look(db: Session) -> None:
        with pytest.raises(VersionUnknown):
            get_version(db, version.id)
        with pytest.raises(DatasetUnknown):
            find_version(db, "brief")
        assert list_touched(db, SourceKind.JUDGE, "length") == []

    await yard.runtime.read(stranger, look)

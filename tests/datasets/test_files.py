"""Files of pairs: exact out and in, and everything that a hostile one may hold, refused by line and field."""

import json
import pickle
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camel_ext.annotations import JudgeKind
from camel_ext.datasets import JudgedBy, Pair, PairSource, Split, pair_hash
from camel_ext.datasets.errors import FileInvalid
from camel_ext.datasets.files import as_line, lines_of, read_line, read_lines
from camel_ext.datasets.parquet import ParquetWriter, read_parquet
from camel_ext.interactions import prompt_hash

pa: Any = import_module("pyarrow")  # it has no types
pq: Any = import_module("pyarrow.parquet")
USER = {"role": "user", "content": "Why?"}
GOOD = {"role": "assistant", "content": "Because."}
POOR = {"role": "assistant", "content": "No idea."}
PLAIN = {"prompt": [USER], "chosen": [GOOD], "rejected": [POOR]}

# --- any pair there may be ---

words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
spoken = words.filter(str.strip)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | words
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
calls = st.lists(
    st.fixed_dictionaries(
        {"id": words, "function": st.fixed_dictionaries({"name": spoken, "arguments": words})}
    ),
    min_size=1,
    max_size=2,
)
parts = st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": spoken}), min_size=1)
units = st.none() | st.floats(0, 1)
ids = st.uuids()
named = spoken.filter(lambda text: "\0" not in text)
asked = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant", "tool"]), "content": words | parts},
    optional={"name": words, "tool_calls": calls, "extra": values},
)
answer = st.fixed_dictionaries({"role": st.just("assistant"), "content": spoken}) | (
    st.fixed_dictionaries(
        {"role": st.just("assistant"), "content": st.none() | spoken, "tool_calls": calls}
    )
)
judges = st.builds(JudgedBy, st.sampled_from(list(JudgeKind)), named, st.none() | named, ids)


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    prompt = draw(st.lists(asked, min_size=1, max_size=3))
    chosen = {**draw(answer), "content": "better " + draw(words)}
    rejected = {**draw(answer), "content": "worse " + draw(words)}
    tools = draw(st.none() | st.lists(st.dictionaries(words, values, max_size=2), min_size=1))
    return Pair(
        pair_hash(prompt, tools, [chosen], [rejected]), prompt_hash(prompt), prompt, tools,
        [chosen], [rejected], draw(st.sampled_from(Split)), draw(named),
        draw(st.sampled_from(PairSource)), draw(units), draw(units), draw(units),
        draw(st.none() | ids), draw(st.none() | ids), tuple(draw(st.lists(ids, max_size=3))),
        tuple(draw(st.lists(ids, max_size=3))), tuple(draw(st.lists(judges, max_size=2))),
    )  # fmt: skip


def as_parquet(lines: bytes, folder: Path) -> Path:
    writer = ParquetWriter()
    path = folder / "pairs.parquet"
    path.write_bytes(writer.piece(lines) + writer.end())
    return path


def check_lines(given_pairs: list[Pair]) -> None:
    assert read_lines(lines_of(given_pairs)) == [(pair, True) for pair in given_pairs]


def check_parquet(given_pairs: list[Pair], folder: Path) -> None:
    path = as_parquet(lines_of(given_pairs), folder)
    lines = b"\n".join(read_parquet(path))
    assert read_lines(lines) == [(pair, True) for pair in given_pairs]


class TestRoundTrip:
    @given(st.lists(pairs(), max_size=4))
    @settings(max_examples=10, deadline=None)
    def test_lines_come_back_as_they_were(self, given_pairs: list[Pair]) -> None:
        check_lines(given_pairs)

    @given(given_pairs=st.lists(pairs(), min_size=1, max_size=2))
    @settings(max_examples=5, deadline=None)
    def test_parquet_comes_back_as_it_was(
        self, tmp_path_factory: pytest.TempPathFactory, given_pairs: list[Pair]
    ) -> None:
        check_parquet(given_pairs, tmp_path_factory.mktemp("parquet"))

    @pytest.mark.slow
    @given(given_pairs=st.lists(pairs(), min_size=1, max_size=4))
    @settings(max_examples=100, deadline=None)
    def test_so_do_many(
        self, tmp_path_factory: pytest.TempPathFactory, given_pairs: list[Pair]
    ) -> None:
        check_lines(given_pairs)
        check_parquet(given_pairs, tmp_path_factory.mktemp("parquet"))

    def test_a_line_is_what_trl_reads(self) -> None:
        """https://huggingface.co/docs/trl/dataset_formats#preference, conversational, explicit."""
        pair, _ = read_line(json.dumps(PLAIN).encode(), 1)
        said = json.loads(as_line(pair))
        assert {name: said[name] for name in PLAIN} == PLAIN
        assert list(said)[:3] == ["prompt", "chosen", "rejected"]

    def test_parquet_is_what_trl_reads(self, tmp_path: Path) -> None:
        table = pq.read_table(as_parquet(json.dumps(PLAIN).encode(), tmp_path))
        assert table.select(list(PLAIN)).to_pylist() == [PLAIN]
        assert table.column("exact").to_pylist() == [None]

    def test_what_two_texts_cannot_hold_stands_beside_them(self, tmp_path: Path) -> None:
        line: dict[str, Any] = {**PLAIN, "prompt": [{**USER, "name": "eve"}]}
        path = as_parquet(json.dumps(line).encode(), tmp_path)
        row = pq.read_table(path).to_pylist()[0]
        assert row["prompt"] == [USER]
        assert json.loads(row["exact"])["prompt"] == line["prompt"]
        ((pair, _),) = read_lines(next(read_parquet(path)))
        assert pair.prompt == line["prompt"]


class TestForeign:
    def test_a_file_of_others_has_no_split_and_no_source(self) -> None:
        pair, is_split = read_line(json.dumps({**PLAIN, "id": 7, "score_chosen": 3.0}).encode(), 1)
        assert (is_split, pair.split, pair.source) == (False, Split.TRAIN, PairSource.FILE)
        assert (pair.topic, pair.margin) == (pair.prompt_hash, None)

    def test_empty_lines_are_none(self) -> None:
        assert len(read_lines(b"\n" + json.dumps(PLAIN).encode() + b"\r\n\n")) == 1

    def test_parquet_without_our_columns(self, tmp_path: Path) -> None:
        rows = [
            {**PLAIN, "prompt": [{**USER, "tool_calls": None}]},
            {**PLAIN, "prompt": [{**USER, "tool_calls": [{"id": "1"}]}]},
        ]
        path = tmp_path / "theirs.parquet"
        pq.write_table(pa.Table.from_pylist(rows), path)
        found = [read_line(line, 1)[0] for line in read_parquet(path)]
        assert found[0].prompt == [USER]
        assert found[1].prompt[0]["tool_calls"] == [{"id": "1"}]


def line_with(**fields: Any) -> bytes:
    return json.dumps({**PLAIN, **fields}).encode()


class TestHostile:
    @pytest.mark.parametrize(
        ("line", "said"),
        [
            (b"not json", "line 7: it is not JSON"),
            (b'{"prompt": ', "line 7: it is not JSON"),
            (b"\xff\xfe", "line 7: it is not"),
            (b"[1, 2]", "line 7: Expected `object`"),
            (b"[" * 100_000, "line 7: "),
            (b'{"a":' * 100_000, "line 7: "),
            (b'{"prompt": [{"role": "user", "content": "\\ud800"}]}', "line 7: "),
            (b" " * (3 * 2**20), "line 7: it has 3,145,728 bytes"),
            (pickle.dumps(PLAIN), "line 7: it is not"),
            (b"PK\x03\x04 zip", "line 7: it is not JSON"),
            (json.dumps({"chosen": [GOOD], "rejected": [POOR]}).encode(), "missing required field `prompt`"),
            (line_with(prompt="Why?"), "line 7: prompt: Expected `array`, got `str`; TRL's conversational"),
            (line_with(prompt=[]), "line 7: prompt: Expected `array` of length >= 1"),
            (line_with(prompt=["Why?"]), "line 7: prompt[0]: Expected `object`"),
            (line_with(prompt=[{"content": "Why?"}]), "line 7: prompt[0].role: it is 'None', not one of"),
            (line_with(prompt=[{"role": "robot"}]), "line 7: prompt[0].role: it is 'robot', not one of"),
            (line_with(prompt=[{"role": "user", "content": 7}]), "line 7: prompt[0].content: it is a int"),
            (line_with(chosen=[GOOD, GOOD]), "line 7: chosen: Expected `array` of length <= 1"),
            (line_with(chosen=[USER]), "line 7: chosen[0].role: it is 'user': an answer is the assistant's"),
            (line_with(chosen=[{**GOOD, "content": " "}]), "line 7: chosen[0].content: it is empty"),
            (line_with(chosen=[{**GOOD, "tool_calls": 7}]), "line 7: chosen[0].tool_calls: it is a int"),
            (line_with(chosen=[{**POOR, "content": "No idea. "}]), "line 7: rejected: it says the same"),
            (line_with(split="test"), "line 7: split: Invalid enum value 'test'"),
            (line_with(margin=2), "line 7: margin: Expected `float` <= 1"),
            (line_with(chosen_score="high"), "line 7: chosen_score: Expected `float"),
            (line_with(topic="x" * 65), "line 7: topic: Expected `str` of length <= 64"),
            (line_with(topic="a\0b"), "line 7: topic: it holds a NUL"),
            (line_with(run_ids=["7"]), "line 7: run_ids[0]: Invalid UUID"),
            (line_with(pair_hash="0" * 64), "line 7: pair_hash: it is 000000000000..., and the texts give"),
            (line_with(judges=[{"kind": "god"}]), "line 7: judges[0].kind: Invalid enum value 'god'"),
            (line_with(tools=7), "line 7: tools: Expected `array | null`"),
        ],
    )  # fmt: skip
    def test_it_is_refused_by_line_and_field(self, line: bytes, said: str) -> None:
        with pytest.raises(FileInvalid) as refused:
            read_line(line, 7)
        assert said in refused.value.detail

    def test_the_line_is_the_files(self) -> None:
        raw = json.dumps(PLAIN).encode()
        with pytest.raises(FileInvalid, match="line 13: it is not JSON"):
            read_lines(b"\n".join([raw, b"", raw, b"{"]), first_line=10)

    @given(st.binary(max_size=200))
    @settings(max_examples=100, deadline=None)
    def test_any_bytes_are_pairs_or_refused(self, raw: bytes) -> None:
        with suppress(FileInvalid):
            assert all(pair.pair_hash for pair, _ in read_lines(raw))

    @pytest.mark.parametrize(
        "raw", [b"", b"PAR1", b"PAR1" + b"\0" * 100 + b"PAR1", pickle.dumps(7)]
    )
    def test_what_is_no_parquet_is_refused(self, tmp_path: Path, raw: bytes) -> None:
        path = tmp_path / "pairs.parquet"
        path.write_bytes(raw)
        with pytest.raises(FileInvalid, match="not a Parquet file that can be read"):
            list(read_parquet(path))

    def test_so_is_one_whose_pages_are_damaged(self, tmp_path: Path) -> None:
        path = as_parquet(b"\n".join([line_with(topic="x" * 60)] * 50), tmp_path)
        raw = bytearray(path.read_bytes())
        raw[20:200] = bytes(180)
        path.write_bytes(raw)
        with pytest.raises(FileInvalid):
            list(read_parquet(path))

    def test_what_would_unpack_to_far_more_is_refused_unopened(self, tmp_path: Path) -> None:
        path = tmp_path / "bomb.parquet"
        zeros = pa.table({"prompt": [b"\0" * 2**18] * 64})
        pq.write_table(zeros, path, compression="zstd", use_dictionary=False)
        assert path.stat().st_size < 2**16
        with pytest.raises(FileInvalid, match="would unpack to"):
            list(read_parquet(path))

    def test_bytes_are_no_messages(self, tmp_path: Path) -> None:
        path = tmp_path / "odd.parquet"
        pq.write_table(pa.table({"prompt": [b"\xff\xfe"]}), path)
        line = next(read_parquet(path))  # bytes are said in base64, and are no messages
        with pytest.raises(FileInvalid, match="line 1: prompt: Expected `array`"):
            read_line(line, 1)


def test_the_hash_is_of_what_is_learnt_from_and_nothing_else() -> None:
    one, _ = read_line(line_with(topic="a", margin=0.5, run_ids=[str(UUID(int=1))]), 1)
    other, _ = read_line(line_with(topic="b"), 1)
    turned, _ = read_line(line_with(chosen=[POOR], rejected=[GOOD]), 1)
    assert one.pair_hash == other.pair_hash != turned.pair_hash
    reordered, _ = read_line(line_with(prompt=[dict(reversed(USER.items()))]), 1)
    assert reordered.pair_hash == one.pair_hash
    assert msgspec.json.decode(as_line(one))["pair_hash"] == one.pair_hash

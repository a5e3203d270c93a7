"""A converted base is the base: weights to the bit, tokens one by one."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from camel_ext.training.spec import Base
from camel_ext.training.trainer.bases import load_weights, open_base
from camel_ext.training.trainer.convert import converted_base, permuted, unpermuted
from camel_ext.training.trainer.failures import TrainingFailed
from tests.training.trainer.conftest import Jobs
from tests.training.trainer.tiny import TEMPLATE, Shape, sha256_of, write_tiny

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
TEXT = "<|im_start|>user\nhello in the hall, it's  twelve\n\tor not?<|im_end|>\n"


def converted(tmp_path: Path, **shape: Any) -> Jobs:
    base = write_tiny(tmp_path / "base.gguf", Shape(**shape))
    return Jobs(base, tmp_path / "cache", tmp_path)


@pytest.mark.parametrize("tied", [True, False])
def test_weights_are_those_of_transformers(tmp_path: Path, tied: bool) -> None:
    jobs = converted(tmp_path, tied=tied)
    ours = load_weights(open_base(jobs.spec()), torch.float32)
    theirs = AutoModelForCausalLM.from_pretrained(
        tmp_path, gguf_file="base.gguf", dtype=torch.float32
    )
    theirs_state = theirs.state_dict()
    for name, tensor in ours.state_dict().items():
        assert tensor.equal(theirs_state[name]), name
    ids = torch.tensor([[1, 40, 50, 60, 2]])
    with torch.no_grad():
        assert ours(ids).logits.equal(theirs(ids).logits)


@pytest.mark.parametrize("cut", ["gpt-2", "llama-bpe", "qwen2", "smollm"])
def test_tokens_are_those_of_transformers(tmp_path: Path, cut: str) -> None:
    jobs = converted(tmp_path, cut=cut)
    ours = open_base(jobs.spec()).tokenizer
    theirs = AutoTokenizer.from_pretrained(tmp_path, gguf_file="base.gguf")
    assert ours(TEXT).input_ids == theirs(TEXT).input_ids
    assert ours.decode(ours(TEXT).input_ids) == TEXT
    assert (ours.bos_token_id, ours.eos_token_id, ours.pad_token_id) == (1, 2, 2)
    assert ours.chat_template == TEMPLATE


def test_digits_are_cut_one_by_one_as_the_engine_does(tmp_path: Path) -> None:
    for cut, pieces in (("smollm", ["1", "2", "1"]), ("gpt-2", ["12", "1"])):
        folder = tmp_path / cut
        folder.mkdir()
        tokenizer = open_base(converted(folder, cut=cut).spec()).tokenizer
        assert tokenizer.tokenize("121") == pieces


def test_stretched_positions_are_taken_over(tmp_path: Path) -> None:
    plain = load_weights(open_base(converted(tmp_path).spec()), torch.float32)
    jobs = converted(tmp_path, rope_factors=True)
    stretched = load_weights(open_base(jobs.spec()), torch.float32)
    factors = plain.model.rotary_emb.inv_freq / stretched.model.rotary_emb.inv_freq
    torch.testing.assert_close(factors, torch.linspace(1, 4, 8))


def test_it_is_done_once(jobs: Jobs) -> None:
    folder = converted_base(jobs.base, jobs.cache_dir)
    before = (folder / "model.safetensors").stat().st_mtime_ns
    gone = Base(gguf_path="/no/such.gguf", sha256=jobs.base.sha256, name="tiny")
    assert converted_base(gone, jobs.cache_dir) == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert load_file(folder / "model.safetensors")["model.norm.weight"].shape == (64,)


@pytest.mark.parametrize(
    ("shape", "code"),
    [
        ({"architecture": "gptneox"}, "base_unsupported"),
        ({"cut": "deepseek-llm"}, "tokenizer_unsupported"),
        ({"template": None}, "template_missing"),
    ],
)
def test_what_is_not_known_is_refused(tmp_path: Path, shape: dict[str, Any], code: str) -> None:
    jobs = converted(tmp_path, **shape)
    with pytest.raises(TrainingFailed) as failed:
        open_base(jobs.spec())
    assert failed.value.code == code
    assert not list((tmp_path / "cache" / "bases").glob("*"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("block_count", 4),
        ("block_count", 2),
        ("block_count", 10**9),
        ("feed_forward_length", 95),
        ("attention.head_count", 3),
        ("attention.head_count_kv", 4),
        ("embedding_length", 0),
    ],
)
def test_a_base_that_is_not_whole_is_refused(tmp_path: Path, key: str, value: int) -> None:
    """What is missing would else be made up at random."""
    path = Path(converted(tmp_path).base.gguf_path)
    raw = bytearray(path.read_bytes())
    at = raw.index(f"llama.{key}".encode() + struct.pack("<I", 4)) + len(f"llama.{key}") + 4
    raw[at : at + 4] = struct.pack("<I", value)
    path.write_bytes(raw)
    base = Base(gguf_path=str(path), sha256=sha256_of(path), name="lame")
    with pytest.raises(TrainingFailed) as failed:
        converted_base(base, tmp_path / "cache")
    assert failed.value.code == "base_unsupported"


def test_missing_changed_and_hostile_bases(jobs: Jobs, tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 2**60, 0))
    for base, code in (
        (Base(gguf_path=str(tmp_path / "no.gguf"), sha256="0", name="x"), "base_missing"),
        (Base(gguf_path=jobs.base.gguf_path, sha256="0", name="x"), "base_changed"),
        (Base(gguf_path=str(path), sha256=sha256_of(path), name="x"), "base_refused"),
    ):
        with pytest.raises(TrainingFailed) as failed:
            converted_base(base, tmp_path / "c")
        assert failed.value.code == code


def test_rows_go_to_llama_cpps_order_and_back() -> None:
    rows = np.arange(24).reshape(12, 2)
    assert permuted(rows, 2)[:, 0].tolist() == [0, 6, 2, 8, 4, 10, 12, 18, 14, 20, 16, 22]
    assert (unpermuted(permuted(rows, 2), 2) == rows).all()


@pytest.mark.slow
def test_the_bundled_model(bundled_model: Path, tmp_path: Path) -> None:
    base = Base(gguf_path=str(bundled_model), sha256=sha256_of(bundled_model), name="smollm2")
    jobs = Jobs(base, tmp_path / "cache", tmp_path)
    ours = load_weights(open_base(jobs.spec()), torch.float32).state_dict()
    theirs = AutoModelForCausalLM.from_pretrained(
        bundled_model.parent, gguf_file=bundled_model.name, dtype=torch.float32
    )
    for name, tensor in theirs.state_dict().items():
        assert tensor.equal(ours[name]), name

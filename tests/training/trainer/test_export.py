"""The exported adapter does in llama.cpp what it does in torch; what it cannot do is refused."""

import json
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from random import Random
from statistics import mean
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file

from camel_ext.core.clock import SystemClock
from camel_ext.core.threads import ThreadLanes
from camel_ext.serving import ChatReply, ChatRequest, LocalEngine, LocalOptions
from camel_ext.training.files import check_gguf
from camel_ext.training.spec import LINEAR_LAYERS, Base
from camel_ext.training.trainer.bases import load_weights, open_base
from camel_ext.training.trainer.export import CONFIG, WEIGHTS, export_gguf, save_adapter
from camel_ext.training.trainer.failures import TrainingFailed
from tests.training.trainer.conftest import Jobs
from tests.training.trainer.tiny import Shape, sha256_of, write_tiny

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")
MESSAGES = [{"role": "user", "content": "hello in the hall, 12 of them"}]
NEAR = 0.05  # nats: llama.cpp keeps its cache and the adapter in F16
TOP = 5


def random_adapter(
    jobs: Jobs, *, strength: float = 0.15, last: int = 2, **options: Any
) -> tuple[PeftModel, LoraConfig]:
    """Put an adapter into the base whose every matrix does something."""
    opened = open_base(jobs.spec())
    layers = opened.config["num_hidden_layers"]
    lora = LoraConfig(
        **{
            "r": 4,
            "lora_alpha": 8,
            "target_modules": list(LINEAR_LAYERS),
            "layers_to_transform": list(range(layers - last, layers)),
            "task_type": "CAUSAL_LM",
            **options,
        }
    )
    model = get_peft_model(load_weights(opened, torch.float32), lora)
    generator = torch.Generator().manual_seed(1)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data = torch.randn(parameter.shape, generator=generator) * strength
    return model, lora


@pytest.fixture
def lanes() -> Iterator[ThreadLanes]:
    lanes = ThreadLanes()
    yield lanes
    lanes.close()


async def answers(jobs: Jobs, adapter: Path, lanes: ThreadLanes) -> list[ChatReply]:
    """Ask the engine without and with the adapter."""
    options = LocalOptions(Path(jobs.base.gguf_path), jobs.folder / "log", slots=1, threads=1)
    engine = LocalEngine("x", options, clock=SystemClock(), rng=Random(1), threads=lanes)
    params = {"temperature": 0, "max_tokens": 10, "top_logprobs": TOP, "ignore_eos": True}
    try:
        return [
            await engine.chat(
                ChatRequest(MESSAGES, "x", params, adapter_path=path, logprobs=True), timeout_s=60
            )
            for path in (None, adapter)
        ]
    finally:
        await engine.close()


def gaps(jobs: Jobs, model: PeftModel, reply: ChatReply) -> tuple[list[float], list[bool]]:
    """Return how far each shown log-probability is from torch's, and which tokens torch would say."""
    tokenizer = open_base(jobs.spec()).tokenizer
    prompt = tokenizer.apply_chat_template(MESSAGES, add_generation_prompt=True, tokenize=False)
    ids = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    assert len(ids) == reply.prompt_tokens
    assert reply.logprobs is not None
    said = reply.logprobs["content"]
    with torch.no_grad():
        logits = model(torch.tensor([ids + [each["id"] for each in said]])).logits[0]
    rows = logits.log_softmax(-1)[len(ids) - 1 :]
    distances = [
        abs(float(row[shown["id"]]) - shown["logprob"])
        for row, each in zip(rows, said, strict=False)
        for shown in each["top_logprobs"]
    ]
    same = [
        float(row.max() - row[each["id"]]) < NEAR for row, each in zip(rows, said, strict=False)
    ]
    return distances, same


@pytest.mark.parametrize(
    ("shape", "lora"),
    [
        ({}, {}),
        ({"tied": False, "kv_heads": 4}, {"use_rslora": True}),
        (
            {"rope_factors": True, "heads": 2, "kv_heads": 1},
            {"target_modules": ["q_proj", "k_proj"]},
        ),
    ],
)
async def test_torch_and_llama_cpp_agree(
    tmp_path: Path, lanes: ThreadLanes, shape: dict[str, Any], lora: dict[str, Any]
) -> None:
    pytest.importorskip("xllamacpp")
    jobs = Jobs(write_tiny(tmp_path / "b.gguf", Shape(**shape)), tmp_path / "cache", tmp_path)
    strength = 0.25 if lora.get("target_modules") else 0.15
    model, config = random_adapter(jobs, strength=strength, **lora)
    save_adapter(model, config, "tiny", tmp_path / "adapter")
    path = export_gguf(tmp_path / "adapter", open_base(jobs.spec()).config, "x")
    assert check_gguf(path).kind == "adapter"

    plain, adapted = await answers(jobs, path, lanes)
    for reply, context in ((plain, model.disable_adapter()), (adapted, nullcontext())):
        with context:
            distances, same = gaps(jobs, model, reply)
        assert len(distances) == 10 * TOP
        assert max(distances) < NEAR
        assert all(same)
    others, _ = gaps(jobs, model, plain)  # the adapter does something: the base is far from it
    assert max(others) > 10 * NEAR


def exported(jobs: Jobs, folder: Path, **changed: Any) -> Path:
    model, lora = random_adapter(jobs)
    save_adapter(model, lora, "tiny", folder)
    said = json.loads((folder / CONFIG).read_bytes())
    (folder / CONFIG).write_text(json.dumps({**said, **changed}))
    return export_gguf(folder, open_base(jobs.spec()).config, "x")


@pytest.mark.parametrize(
    "changed",
    [
        {"use_dora": True},
        {"rank_pattern": {"q_proj": 8}},
        {"alpha_pattern": {"q_proj": 8}},
        {"modules_to_save": ["lm_head"]},
        {"bias": "all"},
        {"lora_bias": True},
        {"peft_type": "LOHA"},
        {"layer_replication": [[0, 2], [1, 3]]},
    ],
)
def test_what_llama_cpp_cannot_express_is_refused(
    jobs: Jobs, tmp_path: Path, changed: dict[str, Any]
) -> None:
    with pytest.raises(TrainingFailed) as failed:
        exported(jobs, tmp_path / "a", **changed)
    assert failed.value.code == "adapter_inexpressible"
    assert not (tmp_path / "a" / "adapter.gguf").exists()


@pytest.mark.parametrize(
    ("name", "shape", "code"),
    [
        (
            "base_model.model.model.layers.9.self_attn.q_proj.lora_A.weight",
            (4, 64),
            "of_another_base",
        ),
        ("base_model.model.model.layers.1.mlp.up_proj.lora_B.weight", (97, 4), "of_another_base"),
        ("base_model.model.lm_head.lora_A.weight", (4, 64), "inexpressible"),
        ("base_model.model.model.layers.1.self_attn.q_proj.lora_magnitude", (64,), "inexpressible"),
    ],
)
def test_matrices_without_a_place_are_refused(
    jobs: Jobs, tmp_path: Path, name: str, shape: tuple[int, ...], code: str
) -> None:
    exported(jobs, tmp_path)
    tensors = load_file(tmp_path / WEIGHTS)
    save_file({**tensors, name: torch.zeros(shape)}, tmp_path / WEIGHTS)
    with pytest.raises(TrainingFailed) as failed:
        export_gguf(tmp_path, open_base(jobs.spec()).config, "x")
    assert failed.value.code == f"adapter_{code}"


def test_equal_adapters_are_equal_files(jobs: Jobs, tmp_path: Path) -> None:
    one, other = exported(jobs, tmp_path / "a"), exported(jobs, tmp_path / "b")
    for name in ("adapter.gguf", WEIGHTS, CONFIG):
        assert (one.parent / name).read_bytes() == (other.parent / name).read_bytes()


@pytest.mark.slow
async def test_on_the_bundled_model_the_adapter_adds_no_error_of_its_own(
    bundled_model: Path, tmp_path: Path, lanes: ThreadLanes
) -> None:
    """llama.cpp multiplies Q4_1 by activations of 8 bits: the base itself is up to 0.5 nats away."""
    base = Base(gguf_path=str(bundled_model), sha256=sha256_of(bundled_model), name="smollm2")
    jobs = Jobs(base, tmp_path / "cache", tmp_path)
    model, config = random_adapter(jobs, strength=0.05, last=12)
    save_adapter(model, config, "smollm2", tmp_path / "adapter")
    path = export_gguf(tmp_path / "adapter", open_base(jobs.spec()).config, "x")
    plain, adapted = await answers(jobs, path, lanes)
    with model.disable_adapter():
        alone, _ = gaps(jobs, model, plain)
    together, _ = gaps(jobs, model, adapted)
    apart, _ = gaps(jobs, model, plain)
    assert mean(together) < 2 * mean(alone) < mean(apart)

"""The peer of P11: what one writes by hand to get from preference pairs to an answering adapter.

python hand_loop.py BASE_HF BASE_GGUF PAIRS_JSONL CONVERTER WORK PROMPT [--precision default|fp32]

TRL's DPOTrainer on a PEFT LoRA, llama.cpp's own converter, a llama.cpp server with the adapter, one
question. Hyper-parameters are those of our side; all else is as TRL ships it. It prints the seconds of
each step, and is given a base that is already in torch's form, which ours converts itself.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

START_S = time.perf_counter()


def main() -> None:
    base, gguf, pairs, converter, work, prompt, *rest = sys.argv[1:]
    folder = Path(work) / "adapter"
    took: dict[str, float] = {}
    _train(base, pairs, folder, fp32="fp32" in rest)
    took["train"] = time.perf_counter() - START_S
    _convert(converter, base, folder)
    took["convert"] = time.perf_counter() - START_S
    answer = _ask(gguf, folder / "adapter.gguf", prompt)
    took["answer"] = time.perf_counter() - START_S
    print(json.dumps({"seconds": took, "answer": answer}))


def _train(base: str, pairs: str, folder: Path, *, fp32: bool) -> None:
    from datasets import load_dataset
    from peft import LoraConfig
    from trl import DPOConfig, DPOTrainer

    hyper = json.loads((Path(pairs).parent / "hyper.json").read_text())
    rows = load_dataset("json", data_files=pairs, split="train")
    rows = rows.select_columns(["prompt", "chosen", "rejected"])
    exact = {"bf16": False} if fp32 else {}
    config = DPOConfig(
        output_dir=str(folder.parent / "out"),
        per_device_train_batch_size=hyper["pairs_per_step"],
        max_steps=hyper["max_steps"],
        learning_rate=hyper["learning_rate"],
        lr_scheduler_type="cosine",
        warmup_steps=hyper["warmup_ratio"],
        beta=hyper["beta"],
        max_length=hyper["max_length"],
        seed=hyper["seed"],
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        **exact,
    )
    layers = json.loads((Path(base) / "config.json").read_text())["num_hidden_layers"]
    first = layers - (hyper["last_layers"] or layers)
    lora = LoraConfig(
        r=hyper["lora_r"],
        lora_alpha=hyper["lora_alpha"],
        target_modules=hyper["target_modules"],
        layers_to_transform=list(range(first, layers)),
        task_type="CAUSAL_LM",
    )
    trainer = DPOTrainer(base, args=config, train_dataset=rows, peft_config=lora)
    trainer.train()
    trainer.save_model(str(folder))


def _convert(converter: str, base: str, folder: Path) -> None:
    command = [sys.executable, converter, "--base", base, "--outfile", str(folder / "adapter.gguf")]
    subprocess.run([*command, "--outtype", "f16", str(folder)], check=True, stdout=sys.stderr)


def _ask(gguf: str, adapter: Path, prompt: str) -> str:
    import httpx
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path, params.port, params.hostnames = gguf, 0, ["127.0.0.1"]
    lora = xllamacpp.CommonAdapterLoraInfo()
    lora.path, lora.scale = str(adapter), 1.0
    params.lora_adapters = [lora]
    server = xllamacpp.Server(params)
    body = {"messages": [{"role": "user", "content": prompt}], "max_tokens": 48, "temperature": 0.0}
    url = f"{server.listening_address}/v1/chat/completions"
    reply = httpx.post(url, json=body, timeout=120, trust_env=False).json()
    text: str = reply["choices"][0]["message"]["content"]
    return text


if __name__ == "__main__":
    main()

"""The peer of P9: for each request load the adapter, merge it, generate, unmerge it, drop it.

python peft_merge.py BASE THREADS TOKENS ADAPTER...   # then lines `[number, prompt, keep]` on stdin

With `keep` an adapter that is merged already stays so: what a user gets who sorts requests by hand.
"""

import json
import sys

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer


def main() -> None:
    base, threads, tokens, *adapters = sys.argv[1:]
    torch.set_num_threads(int(threads))
    tokenizer = AutoTokenizer.from_pretrained(base)
    model = AutoModelForCausalLM.from_pretrained(base)  # fp32: faster than bf16 without AMX
    peft: PeftModel | None = None
    print(json.dumps({"ready": True}), flush=True)
    merged: int | None = None
    for line in sys.stdin:
        number, prompt, keep = json.loads(line)
        if peft is not None and merged is not None and not (keep and merged == number):
            peft.unmerge_adapter()
            peft.delete_adapter("one")
            merged = None
        if peft is None:
            peft = PeftModel.from_pretrained(model, adapters[number], adapter_name="one")
        elif merged is None:
            peft.load_adapter(adapters[number], "one")
            peft.set_adapter("one")
        if merged is None:
            peft.merge_adapter(["one"])
            merged = number
        ids = tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt}], add_generation_prompt=True, return_tensors="pt",
            return_dict=True,
        )  # fmt: skip
        with torch.inference_mode():
            out = peft.generate(
                **ids, max_new_tokens=int(tokens), min_new_tokens=int(tokens), do_sample=False
            )
        made = out.shape[1] - ids["input_ids"].shape[1]
        print(json.dumps({"tokens": made}), flush=True)


if __name__ == "__main__":
    main()

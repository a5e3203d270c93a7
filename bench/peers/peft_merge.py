"""The peer of P9: for each request load the adapter, merge it, generate, unmerge it, drop it.

python peft_merge.py BASE THREADS TOKENS ADAPTER...   # then lines `[number, prompt]` on stdin
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
    for line in sys.stdin:
        number, prompt = json.loads(line)
        folder = adapters[number]
        if peft is None:
            peft = PeftModel.from_pretrained(model, folder, adapter_name="one")
        else:
            peft.load_adapter(folder, "one")
            peft.set_adapter("one")
        peft.merge_adapter(["one"])
        ids = tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt}], add_generation_prompt=True, return_tensors="pt",
            return_dict=True,
        )  # fmt: skip
        with torch.inference_mode():
            out = peft.generate(
                **ids, max_new_tokens=int(tokens), min_new_tokens=int(tokens), do_sample=False
            )
        peft.unmerge_adapter()
        peft.delete_adapter("one")
        made = out.shape[1] - ids["input_ids"].shape[1]
        print(json.dumps({"tokens": made}), flush=True)


if __name__ == "__main__":
    main()

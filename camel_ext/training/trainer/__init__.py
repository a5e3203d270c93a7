"""The trainer's process: `python -m camel_ext.training.trainer JOB_DIR [--preflight]`.

The only place where torch, TRL and PEFT are imported. It reads a folder (`training/spec.py`), trains,
and writes what happened into the same folder; it knows no database, no job and no network.

    convert    the base's GGUF becomes safetensors and a tokenizer, once (`convert`, `tokenizer`)
    tokenize   pairs become token ids, with the base's own chat template (`encoding`)
    reference  what the base says of each answer, and the activations below the adapter (`reference`)
    train      TRL's DPOTrainer or KTOTrainer over our forward pass (`forward`, `trainers`)
    export     PEFT's adapter becomes a GGUF LoRA for the local engine (`export`)

A rerun in the same folder goes on where the last whole checkpoint is (`checkpoints`).
"""

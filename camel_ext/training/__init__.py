"""Training: a preference dataset and a base model in, a LoRA adapter with its provenance out.

The work is done by TRL and PEFT in a process of its own (`trainer`), the only place where torch is
loaded; this room starts it, watches it and registers what it made. It proves nothing (evaluation).
"""

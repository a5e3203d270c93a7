"""The model's own process: llama.cpp's server (xllamacpp), started by path and led over pipes.

It is run as a plain script, `python -I local_process.py`, and imports nothing of the platform, so that
the process holds a model and little else. It supervises nothing: its parent does (`model_server.py`).

Protocol: one line of JSON comes in on stdin (see `main`); one line goes out on the first stdout,
`{"ready": {"port": ..., "build": ...}}` or `{"failed": "..."}`; when stdin ends, the process ends.
What the engine prints goes to stderr, which is a log file.
"""

import ctypes
import json
import os
import signal
import sys
from typing import Any

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent ends; stdin's end says so elsewhere."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def start_server(wish: dict[str, Any]) -> Any:
    """Load the model and its adapters and start the HTTP server; returns when it answers."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = wish["model_path"]
    params.model_alias = {wish["model_name"]}
    params.hostnames = ["127.0.0.1"]
    params.port = 0  # a free one, chosen by the kernel: nobody can take it in between
    params.api_keys = [wish["api_key"]]
    params.n_parallel = wish["slots"]
    params.n_ctx = wish["slots"] * wish["context_tokens"]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = wish["threads"]
    params.n_threads_http = wish["slots"] + 8  # a kept-alive connection holds one of them
    params.endpoint_metrics = True
    params.endpoint_slots = params.ui = False
    params.fit_params = False  # or it may shrink the context to its idea of free memory
    params.warmup = False  # costs more CPU at the start than it saves on the first call
    # A prompt cached in RAM does not know which adapter computed it.
    params.cache_ram_mib = 0
    params.cache_idle_slots = False
    params.verbosity = 1  # errors: a warning is written for every cached prompt
    params.offline = True
    # Loaded but off: a request that names no adapter gets the base model.
    params.lora_adapters = [
        xllamacpp.CommonAdapterLoraInfo(path, 0.0) for path in wish["adapter_paths"]
    ]
    return xllamacpp.Server(params), f"xllamacpp {xllamacpp.__version__}"


def main() -> None:
    """Read the wish, serve it, and end with stdin."""
    die_with_parent()
    answer: dict[str, Any]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the engine prints to stdout belongs into the log
    line = sys.stdin.readline()
    if not line:
        os._exit(0)
    try:
        server, build = start_server(json.loads(line))
    except ImportError as error:
        answer = {"missing": str(error)}
    except (RuntimeError, ValueError, OSError) as error:
        answer = {"failed": str(error)}
    else:
        port = int(server.listening_address.rsplit(":", 1)[1])
        answer = {"ready": {"port": port, "build": build}}
    answers.write(json.dumps(answer) + "\n")
    answers.flush()
    if "ready" in answer:
        sys.stdin.read()
    # Not sys.exit: the server's threads hold nothing that is worth waiting for.
    os._exit(0 if "ready" in answer else 1)


if __name__ == "__main__":
    main()

"""camel-ai's process environment: what must hold before its first import, and that import itself.

camel reads these variables while it is imported. This is the one place outside settings that
touches `os.environ`, because it sets nothing of ours: it keeps telemetry to third parties, log
files and a stdout handler off. It is not where camel is configured for an agent (see `chat`).
"""

import gc
import importlib
import logging
import os
import sys

CHAT = "camel_ext.workflows.agents.chat"
# Telemetry to third parties, a JSON file per call, and a hidden time-out: none of them is ours.
_REMOVED = (
    "AGENTOPS_API_KEY",
    "LANGFUSE_ENABLED",
    "TRACEROOT_ENABLED",
    "CAMEL_MODEL_LOG_ENABLED",
    "CAMEL_MODEL_LOG_MODEL_CONFIG_ENABLED",
    "MODEL_TIMEOUT",
)


def prepare() -> None:
    """Make the environment fit for camel's import; call it before any import of camel."""
    os.environ["CAMEL_LOGGING_DISABLED"] = "true"  # else basicConfig puts a stdout handler on root
    for name in _REMOVED:
        os.environ.pop(name, None)
    # It logs whole prompts at INFO: they belong to the interaction log, not to a log file.
    logger = logging.getLogger("camel")
    if logger.level != logging.ERROR:  # to set it forgets what every logger of the process knows
        logger.setLevel(logging.ERROR)


def warm() -> None:
    """Import camel and assemble what a first step needs: 1 s of CPU, so call it on a thread."""
    if CHAT in sys.modules:
        return
    prepare()
    collecting = gc.isenabled()
    gc.disable()  # what an import makes stays: to search it for garbage took half as long again
    try:
        importlib.import_module(CHAT)
    finally:
        gc.freeze()
        if collecting:
            gc.enable()

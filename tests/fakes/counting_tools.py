"""Two tools whose effects a CountingServer counts; a tool module as an operator would write it.

The server's port comes from COUNTING_TOOL_PORT, because the platform under test is another process.
"""

import os

from camel_ext.workflows.tools import ToolContext, tool
from tests.fakes.counting_tool_server import ask


def _take(label: str, once: bool, delay_ms: int, context: ToolContext) -> str:
    body = {"key": context.effect_key, "label": label, "once": once, "delay_ms": delay_ms}
    ask(int(os.environ["COUNTING_TOOL_PORT"]), "POST", "/effects", body)
    return f"counted {label}"


@tool(idempotent=False)
def count_every(label: str, context: ToolContext, delay_ms: int = 0) -> str:
    """Count a label once more each time, whoever asks.

    Args:
        label: What to count.
        delay_ms: How long the service takes between the call and its effect.
    """
    return _take(label, False, delay_ms, context)


@tool(idempotent=True)
def count_once(label: str, context: ToolContext, delay_ms: int = 0) -> str:
    """Count a label; the service has the effect of one effect key only once.

    Args:
        label: What to count.
        delay_ms: How long the service takes between the call and its effect.
    """
    return _take(label, True, delay_ms, context)

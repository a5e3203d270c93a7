"""One call of a model in full: what was sent, what came back, by which version. Pages share it."""

import json

import streamlit as st
from camel_ext_client import Client
from camel_ext_client.shapes_interactions import Interaction

from camel_ext_gui import formats
from camel_ext_gui.untrusted import message_text, visible

READ = "calls_read"


def read(client: Client, interaction_id: str) -> Interaction:
    """Return a call; it never changes but by being erased, so a session reads it once."""
    kept: dict[str, Interaction] = st.session_state.setdefault(READ, {})
    if interaction_id not in kept:
        if len(kept) > 200:
            kept.clear()
        kept[interaction_id] = client.interactions.get(interaction_id)
    return kept[interaction_id]


def show(client: Client, interaction_id: str) -> None:
    """Show a call: answer first, then the prompt as it was sent, then the facts."""
    call = read(client, interaction_id)
    st.caption("Answer")
    text(message_text(call["answer"]) or call["error_detail"] or "")
    st.caption("Prompt as sent")
    for message in call["messages"]:
        st.text(visible(message.get("role", "")))
        text(message_text(message))
    facts = {
        "call": call["id"],
        "run": call["run_id"],
        "step": call["step_key"],
        "agent": call["agent_id"],
        "alias": call["alias"],
        "model version": call["model_version_id"],
        "adapter version": call["adapter_version_id"],
        "tokens in + out": formats.tokens(call["prompt_tokens"], call["completion_tokens"]),
        "first token": formats.duration(call["ttft_ms"]),
        "time": formats.duration(call["total_ms"]),
        "cost": formats.cost(call["cost_usd_micros"]),
        "seed": call["seed"],
        "parameters": call["params"],
        "error": call["error_code"],
    }
    with st.expander("Model, parameters, time and cost"):
        known = {name: value for name, value in facts.items() if value is not None}
        text(json.dumps(known, ensure_ascii=False, indent=2))


def text(content: str) -> None:
    """Show text of a model or person as it is, markup and all, wrapped."""
    st.code(visible(content) or formats.UNKNOWN, language=None, wrap_lines=True)

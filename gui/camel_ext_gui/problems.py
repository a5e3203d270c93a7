"""What goes wrong, in place of what would have been shown: what happened, code and trace id.

The rest of the page works on. It knows no page.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec

import streamlit as st
from camel_ext_client import ApiError, ClientError, Unreachable

from camel_ext_gui.untrusted import visible

P = ParamSpec("P")
MEANINGS = {
    401: "The key was refused. Connect again in the sidebar.",
    403: "Not here, or not yours.",
    404: "Not here, or not yours.",
    409: "Not possible as things stand now.",
    412: "Changed by someone else meanwhile. Look at it anew, then repeat.",
    429: "Too much at once. It can be repeated in a moment.",
    503: "The server is busy or restarts. It can be repeated in a moment.",
}


@contextmanager
def shown() -> Iterator[None]:
    """Show an error of the client where it happens, and go on."""
    try:
        yield
    except ClientError as error:
        show(error)


def told(part: Callable[P, None]) -> Callable[P, None]:
    """Let a part of a page show its own errors; a fragment needs it, as it runs alone."""

    @wraps(part)
    def safe(*args: P.args, **kwargs: P.kwargs) -> None:
        with shown():
            part(*args, **kwargs)

    return safe


def show(error: ClientError) -> None:
    """Show an error; what the server says is text, never Markdown."""
    if isinstance(error, Unreachable):
        st.error("Connection lost. What is shown may be old.", icon=":material/cloud_off:")
        st.text(visible(error))
        return
    if isinstance(error, ApiError):
        meaning = MEANINGS.get(
            error.status,
            "The server did not do it." if error.status < 500 else "A bug of the server.",
        )
        st.error(meaning, icon=":material/error:")
        st.text(visible(error.detail))
        trace = f"   trace {error.trace_id}" if error.trace_id else ""
        st.code(visible(f"{error.code}{trace}"), language=None)
        return
    st.error("It could not be done.", icon=":material/error:")
    st.text(visible(error))

"""Which server this browser session talks to, as whom: a form in the sidebar, kept in session state.

A key is in the memory of this session alone: never in an address, a cookie, a log or a cache. What the
process was given goes only to who shows its token, and only to the server it was given for.
"""

import os
from typing import cast

import streamlit as st
from camel_ext_client import ApiError, Client, ClientError
from camel_ext_client.shapes import Me

from camel_ext_gui.launch import TOKEN, given
from camel_ext_gui.untrusted import visible

CLIENT, WHO = "client", "me"
DEFAULT_URL = "http://127.0.0.1:8000"
TIMEOUT_S = 15.0


def client() -> Client:
    """Return this session's client; pages are shown only where there is one."""
    return cast(Client, st.session_state[CLIENT])


def who() -> Me:
    """Return who this session acts as."""
    return cast(Me, st.session_state[WHO])


def connect() -> bool:
    """Show in the sidebar where we are, and tell whether there is a server to talk to."""
    start = given()
    token = st.query_params.get(TOKEN)
    if CLIENT not in st.session_state and start is not None and start.is_for(token):
        st.session_state[TOKEN] = token
        _open(start.url, start.key)
    with st.sidebar:
        if CLIENT not in st.session_state:
            _form()
            return False
        if TOKEN in st.session_state:
            st.query_params[TOKEN] = st.session_state[TOKEN]  # so that a reload comes back
        _where_we_are()
    return True


def _where_we_are() -> None:
    me = who()
    with st.expander(f"Connected as {me['role']}", icon=":material/lan:"):
        st.text(visible(f"{client().url}\n{me['name']}"))
        if st.button("Use another server or key", width="stretch"):
            leave()
            st.rerun()


def _form() -> None:
    start = given()
    default = os.environ.get("CAMEL_EXT_URL", DEFAULT_URL) if start is None else start.url
    with st.form("connection"):
        url = st.text_input("Server", value=default, autocomplete="off")
        key = st.text_input("Key", type="password", autocomplete="off", help="It begins with cx_")
        if st.form_submit_button("Connect", type="primary", width="stretch"):
            _open(url.strip(), key.strip() or None)
            if CLIENT in st.session_state:
                st.rerun()


def _open(url: str, key: str | None) -> None:
    made = None
    try:
        made = Client(url, key, timeout_s=TIMEOUT_S)
        st.session_state[WHO] = made.me()
        st.session_state[CLIENT] = made
    except ClientError as error:
        if made is not None:
            made.close()
        refused = isinstance(error, ApiError)
        st.sidebar.error("The server refused the key." if refused else "No server answers there.")
        st.sidebar.text(visible(error))


def leave() -> None:
    """Forget server, key and everything that came from there."""
    opened = st.session_state.get(CLIENT)
    if opened is not None:
        opened.close()
    st.session_state.clear()
    st.query_params.clear()

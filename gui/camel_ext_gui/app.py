"""The script that Streamlit runs for each browser session: the connection, then the page chosen.

It is no library: `camel-ext gui` and tests run it by its path.
"""

import streamlit as st

from camel_ext_gui import connection, problems

PAGES = [
    st.Page("screens/home.py", title="Home", icon=":material/home:", default=True),
    st.Page("screens/runs.py", title="Runs", icon=":material/account_tree:"),
    st.Page("screens/logs.py", title="Logs", icon=":material/forum:"),
    st.Page("screens/annotate.py", title="Annotate", icon=":material/edit_note:"),
    st.Page("screens/training.py", title="Training", icon=":material/model_training:"),
    st.Page("screens/compare.py", title="Compare versions", icon=":material/balance:"),
    st.Page("screens/configuration.py", title="Configuration", icon=":material/schema:"),
]

st.set_page_config(page_title="CAMEL Extensions", page_icon="🐪", layout="wide")
page = st.navigation(PAGES)
if connection.connect():
    with problems.shown():
        page.run()
else:
    st.title("CAMEL Extensions")
    st.info(
        "Name a server and a key in the sidebar. On the server's machine, `camel-ext gui` knows both; "
        "`camel-ext keys create NAME` makes a key for somebody else.",
        icon=":material/key:",
    )

"""Configuration: the YAML of agents, workflows and models; checked and applied, with errors at their line."""

import pandas as pd
import streamlit as st
from camel_ext_client import ApiError, Client
from camel_ext_client.shapes import Applied, Configuration

from camel_ext_gui import calls, connection, formats, problems
from camel_ext_gui.untrusted import visible

FILES = ("agents.yaml", "workflows.yaml", "models.yaml")
MARKS = {
    "added": "+ added",
    "changed": "~ changed",
    "revised": "~ revised",
    "retired": "- retired",
    "unchanged": "= unchanged",
}
NEW = "a new one"
OPENED = "configuration_opened"  # what is edited, as it was when it was opened: typed text stays


def show() -> None:
    """Show the page."""
    st.title("Configuration")
    client = connection.client()
    found = {each["name"]: each for each in client.configurations.list()}
    if not found:
        st.info("No workflow of your own. Start from a template.", icon=":material/schema:")
        st.code("camel-ext apply -f examples/three-roles", language=None)
    chosen = st.selectbox("Configuration", [*found, NEW])
    if chosen == NEW:
        name = st.text_input("Its name", value="" if found else "main")
        _edit(client, name.strip(), None)
        return
    opened: dict[str, Configuration] = st.session_state.setdefault(OPENED, {})
    kept = opened.setdefault(chosen, found[chosen])
    if kept["revision"] != found[chosen]["revision"]:
        st.warning("Changed by someone else meanwhile. What you typed is still here.")
        if st.button("Take theirs"):
            del opened[chosen]
            st.rerun()
    _edit(client, chosen, kept)


def _edit(client: Client, name: str, kept: Configuration | None) -> None:
    revision = kept["revision"] if kept else None
    if kept is not None:
        st.caption(f"Revision {revision}, changed {formats.ago(kept['updated_at'])}.")
    texts: dict[str, str] = {}
    for tab, file in zip(st.tabs(FILES), FILES, strict=True):
        was = kept["files"].get(file, "") if kept else ""
        with tab:
            key = f"{name} {revision} {file}"
            given = tab.text_area(
                file, value=was, height=420, key=key, label_visibility="collapsed"
            )
            if given.strip():
                texts[file] = given
            if given != was:
                tab.caption("Changed, not applied yet.")
    with st.container(horizontal=True):
        check = st.button("Check", disabled=not texts or not name)
        apply = st.button("Apply", type="primary", disabled=not texts or not name)
    if check or apply:
        _send(client, name, texts, revision, dry_run=not apply)


def _send(
    client: Client, name: str, texts: dict[str, str], revision: int | None, *, dry_run: bool
) -> None:
    try:
        done = client.configurations.apply(texts, name=name, dry_run=dry_run, revision=revision)
    except ApiError as error:
        if not any("line" in each for each in error.errors):
            problems.show(error)
            return
        _wrong(error, texts)
        return
    if not dry_run:
        st.session_state.setdefault(OPENED, {})[name] = client.configurations.get(name)
    _changes(done)


def _wrong(error: ApiError, texts: dict[str, str]) -> None:
    st.error("Nothing was changed: there is something to mend.", icon=":material/error:")
    rows = [
        {"file": each.get("file"), "line": each.get("line"), "field": visible(each.get("field", "")),
         "problem": visible(each.get("message", "")), "cure": visible(each.get("fix") or "")}
        for each in error.errors
    ]  # fmt: skip
    st.dataframe(pd.DataFrame(rows), hide_index=True)
    for each in error.errors[:5]:
        lines = texts.get(str(each.get("file")), "").splitlines()
        at = int(each.get("line") or 0)
        if 0 < at <= len(lines):
            column = max(0, int(each.get("column") or 1) - 1)
            st.text(visible(f"{each['file']}:{at}"))
            calls.text(f"{lines[at - 1]}\n{' ' * column}^")


def _changes(done: Applied) -> None:
    changed = [each for each in done["changes"] if each["change"] != "unchanged"]
    if done["dry_run"]:
        st.info(f"Only checked, nothing was written: {formats.plural(len(changed), 'change')}.")
    else:
        st.success(
            f"Applied: revision {done['revision']}, {formats.plural(len(changed), 'change')}."
        )
    rows = [
        {"change": MARKS.get(each["change"], each["change"]), "kind": each["kind"],
         "name": each["name"], "hash": (each["content_hash"] or "").removeprefix("sha256:")[:12]}
        for each in done["changes"]
    ]  # fmt: skip
    st.dataframe(pd.DataFrame(rows), hide_index=True)


show()

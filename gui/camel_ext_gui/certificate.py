"""A certificate: what was proved of a candidate, on which evidence, and what was decided."""

import streamlit as st
from camel_ext_client import Client

from camel_ext_gui import calls, formats, verdicts
from camel_ext_gui.untrusted import visible

SIDES = ("baseline", "candidate")


def choose(client: Client) -> None:
    """Show the certificate that is chosen, the newest first."""
    listed = client.certificates.list(limit=100)["items"]
    if not listed:
        st.info(
            "No verdict yet. It needs a candidate and held-out goals.", icon=":material/verified:"
        )
        st.code("camel-ext improve WORKFLOW", language=None)
        return
    known = {each["id"]: each for each in listed}

    def named(key: str) -> str:
        each = known[key]
        word = formats.VERDICTS.get(each["verdict"], each["verdict"])
        return f"C-{each['number']:04d}, {each['workflow']}: {word}, {formats.when(each['created_at'])}"

    _show(client, st.selectbox("Certificate", list(known), format_func=named))


def _show(client: Client, certificate_id: str) -> None:
    found = client.certificates.get(certificate_id)
    verdicts.show(found)
    st.subheader("What was compared")
    st.text(visible(f"{found['description']} (scorer {found['primary']})"))
    for side in SIDES:
        part = found[side]
        st.text(visible(f"{side}: {part['target']}, {part['passed']} of {found['n']} passed"))
    decision = found.get("decision")
    st.subheader("Decision")
    if decision is None:
        st.text("Nothing is decided yet. Decide: camel-ext promote")
    else:
        st.text(visible(f"{decision['kind']} by {decision['decided_by']}: {decision['reason']}"))
    facts = [
        f"method     {found['method']}",
        f"level      {found['level']:.6g}, error spent {found['alpha']:.6g}",
        f"made from  {', '.join(f'{value} {name}' for name, value in found['made_from'].items())}",
        *(f"{name:10} {value}" for name, value in found["hashes"].items()),
        f"{'whole':10} {found['content_hash']}",
    ]
    with st.expander("Method and fingerprints"):
        calls.text("\n".join(facts))
    with st.container(horizontal=True):
        name = f"certificate-C-{found['number']:04d}"
        st.download_button(
            "Download as a page", lambda: client.certificates.html(certificate_id), f"{name}.html",
            "text/html", on_click="ignore",
        )  # fmt: skip
        st.download_button(
            "Download as Markdown", lambda: client.certificates.markdown(certificate_id),
            f"{name}.md", "text/markdown", on_click="ignore",
        )  # fmt: skip

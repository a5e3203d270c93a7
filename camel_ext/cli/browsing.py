"""The web app in a browser: a link that signs in once, opened where there is a screen.

The link holds a secret for five minutes, so it is printed to a terminal only, where its owner sits,
or where it was asked for, and never to a log.
"""

import webbrowser

from camel_ext.cli.command import Here
from camel_ext.settings import has_display


def opens_a_browser(here: Here, wanted: bool | None) -> bool:
    """Tell whether to open a browser: as was said, else where a person sits before a screen."""
    if wanted is not None:
        return wanted
    return here.out.is_terminal and not here.as_json and has_display()


def sign_in_link(url: str, code: str) -> str:
    """Return the address that signs in; a fragment stays in the browser (ADR 12)."""
    return f"{url}/#code={code}"


def show_web(here: Here, *, link_only: bool) -> None:
    """Open the web app of a running server, signed in; print the link where nothing opens."""
    with here.connect() as client:
        code = client.sign_ins.make_code()
        link = sign_in_link(client.url, code["code"])
    if here.as_json:
        here.answer({"url": link, "expires_at": code["expires_at"]})
        return
    if not link_only and has_display() and webbrowser.open(link):
        here.out.print(f"Opened [id]{client.url}[/] in your browser.")
        here.note("Nothing there? camel-ext open --link prints the link.")
        return
    here.out.print(f"[id]{link}[/]", soft_wrap=True)
    here.note("It signs in once, within five minutes.")

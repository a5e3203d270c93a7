"""Starting Streamlit on our pages, in this process: so the key is in no argument and no environment.

Who may use the key that was given: only a browser that was opened with this start's own token, as
another user of the machine can open the port, too. It asks the server nothing.
"""

import hmac
import os
import secrets
import socket
import sys
import threading
import time
import urllib.request
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

APP = Path(__file__).with_name("app.py")
THEME = Path(__file__).with_name("theme.toml")
HOST = "127.0.0.1"
TOKEN = "token"  # noqa: S105 - the name of the parameter, not a token
START_S = 30.0  # Streamlit answers after one to three seconds


@dataclass(frozen=True, slots=True)
class Given:
    """The server and key that this process was started with."""

    url: str
    key: str | None
    token: str

    def is_for(self, token: object) -> bool:
        """Tell whether who shows this token may use what was given."""
        return isinstance(token, str) and hmac.compare_digest(token.encode(), self.token.encode())


_given: Given | None = None


def given() -> Given | None:
    """Return what this process was started with; None where Streamlit was started by hand."""
    return _given


def use(wanted: Given | None) -> None:
    """Set what this process was started with."""
    global _given
    _given = wanted


def options(port: int) -> dict[str, str | int | bool | list[str]]:
    """Return Streamlit's options: this machine only, no statistics sent, our colours."""
    return {
        "server.address": HOST,
        "server.port": port,
        "server.headless": True,
        "server.allowedHosts": [HOST, "localhost"],  # against DNS rebinding
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "minimal",
        "client.disableDataExport": True,  # its CSV does not escape formulas; ours does
        "client.showErrorDetails": "type",
        "client.showErrorLinks": False,
        "logger.hideWelcomeMessage": True,
        "logger.level": "warning",
        "theme.base": str(THEME),
    }


def arguments(port: int) -> list[str]:
    """Return the arguments of `streamlit run`; nothing secret is among them."""
    said = []
    for name, value in options(port).items():
        for each in value if isinstance(value, list) else [value]:
            said += [f"--{name}", str(each).lower() if isinstance(each, bool) else str(each)]
    return ["run", str(APP), *said]


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.create_server((HOST, 0)) as sock:
        port: int = sock.getsockname()[1]
    return port


def address(port: int, token: str) -> str:
    """Return where to open the GUI; the token is this start's, and never the key."""
    return f"http://{HOST}:{port}/?{urlencode({TOKEN: token})}"


def start(url: str, key: str | None, port: int | None = None, *, open_browser: bool = True) -> None:
    """Serve the GUI until it is told to stop."""
    from streamlit.web import cli

    port = port or free_port()
    use(Given(url, key, secrets.token_urlsafe(24)))
    where = address(port, _given.token if _given else "")
    threading.Thread(target=_greet, args=(where, port, open_browser), daemon=True).start()
    cli.main(arguments(port), prog_name="camel-ext gui", standalone_mode=False)


def _greet(where: str, port: int, open_browser: bool) -> None:
    if not _answers(port):
        return
    sys.stdout.write(f"\n  CAMEL Extensions GUI  ready\n\n  {where}\n\n  Ctrl-C stops it.\n\n")
    sys.stdout.flush()
    if open_browser and _has_a_screen():
        webbrowser.open(where)


def _answers(port: int) -> bool:
    deadline_s = time.monotonic() + START_S
    while time.monotonic() < deadline_s:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{port}/_stcore/health", timeout=1):
                return True
        except OSError:
            time.sleep(0.1)
    return False


def _has_a_screen() -> bool:
    """Without one, `webbrowser` would open a browser of text over our own terminal."""
    return not sys.platform.startswith("linux") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )

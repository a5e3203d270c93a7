"""`gui`: looks that Streamlit is here and the server answers, then opens the pages in `gui/`."""

from importlib.util import find_spec

from camel_ext.cli.command import Here
from camel_ext.cli.exits import Exit, Stop

INSTALL = "pip install 'camel-extensions[gui]'"


def open_gui(here: Here, port: int | None, *, open_browser: bool) -> None:
    """Serve the GUI until it is told to stop.

    Raises: Stop where Streamlit or the pages are not installed; what `me` raises.
    """
    missing = [name for name in ("streamlit", "pandas") if find_spec(name) is None]
    if missing:
        raise Stop(
            Exit.USAGE,
            f"The GUI needs {' and '.join(missing)}, which this Python does not have.",
            f"Install it: {INSTALL} (in a clone: make setup).",
        )
    if find_spec("camel_ext_gui") is None:
        raise Stop(
            Exit.USAGE,
            "The pages of the GUI are not installed with this camel-ext.",
            f"Install it anew: {INSTALL} (in a clone: make setup).",
        )
    with here.connect(timeout_s=10.0) as client:
        client.me()
    from camel_ext_gui import start

    url, key = here.place()
    start(url, key, port, open_browser=open_browser)

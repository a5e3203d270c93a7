"""The Streamlit GUI of CAMEL Extensions: run, look, judge, train, compare, configure, from a browser.

It talks to a server only through `camel_ext_client` and never imports `camel_ext`; it holds no business
and keeps no state beyond a browser session. `camel-ext gui` opens it.
"""

from camel_ext_gui.launch import Given, start

__all__ = ["Given", "start"]

"""CAMEL Extensions: teams of camel-ai agents that measurably improve, on your own hardware.

This package holds the server, the worker and the command line. It is not the client: that is
`camel_ext_client`, which knows only the HTTP API.
"""

__version__ = "0.1.0"

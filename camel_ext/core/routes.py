"""Routers whose routes are analysed when they are first used, not when the server starts.

FastAPI reads a route's signature and makes its validators as soon as it is declared: 2 ms each, for
a hundred and more of which a start needs one. What matching reads is there at once. A wrong signature
shows with the first request, or when the OpenAPI document is made, as the tests do.
"""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.routing import compile_path, get_name


class DeferredRoute(APIRoute):
    """A route that becomes whole when something asks for more than its path and methods."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **declared: Any) -> None:
        self._declared: dict[str, Any] | None = {"path": path, "endpoint": endpoint, **declared}
        self.path, self.endpoint = path, endpoint
        self.name = declared.get("name") or get_name(endpoint)
        self.methods = {method.upper() for method in declared.get("methods") or ["GET"]}
        self.path_regex, self.path_format, self.param_convertors = compile_path(path)

    def __getattr__(self, name: str) -> Any:  # asked only for what is not there yet
        declared = self.__dict__.get("_declared")
        if declared is None:
            raise AttributeError(name)
        self._declared = None  # what the analysis itself asks for is not a reason to begin again
        try:
            super().__init__(**declared)
        except BaseException:
            self._declared = declared
            raise
        return getattr(self, name)


class Router(APIRouter):
    """A room's router: FastAPI's, with routes made whole at first use."""

    def __init__(self, *, route_class: type[APIRoute] = DeferredRoute, **given: Any) -> None:
        super().__init__(route_class=route_class, **given)

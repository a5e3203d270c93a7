"""The one list of rooms: whose tables, routes and tasks make up the product.

It imports what is named here and nothing else; a room that is not listed does not exist.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module
from importlib.util import find_spec

from fastapi import APIRouter

from camel_ext.core.runtime import Runtime
from camel_ext.settings import Settings

ROOMS = (
    "identity", "events", "scheduling", "jobs", "brokers", "registry", "interactions", "verifiers",
    "annotations", "serving", "datasets", "workflows", "training", "evaluation", "experiments", "notifications",
)  # fmt: skip


def import_models() -> None:
    """Import every room's tables, so that the metadata is whole."""
    import_module("camel_ext.core.models")
    for room in ROOMS:
        _import(f"camel_ext.{room}.models")


def import_tasks() -> None:
    """Import every room's tasks, so that the queue knows them by name."""
    for room in ROOMS:
        _import(f"camel_ext.{room}.tasks")


def import_schedulable() -> None:
    """Import what schedules can start in every room, by name."""
    for room in ROOMS:
        if room != "scheduling":  # where they are registered
            _import(f"camel_ext.{room}.schedulable")


def import_events() -> None:
    """Import every room's event types, so that the feed knows its topics."""
    for room in ROOMS:
        _import(f"camel_ext.{room}.events")


def routers() -> list[APIRouter]:
    """Return the routes of every room, in the order of the list."""
    found: list[APIRouter] = []
    for room in ROOMS:
        api = _import(f"camel_ext.{room}.api")
        found += [] if api is None else getattr(api, "routers", None) or [api.router]
    return found


@asynccontextmanager
async def opened(runtime: Runtime, settings: Settings) -> AsyncIterator[None]:
    """Open what rooms keep for the life of a process (`process.opened`), lowest floor first."""
    async with AsyncExitStack() as stack:
        for room in ROOMS:
            process = _import(f"camel_ext.{room}.process")
            if process is not None:
                await stack.enter_async_context(process.opened(runtime, settings))
        yield


def _import(name: str):  # type: ignore[no-untyped-def]  # a module, or None where the room has none
    try:
        return None if find_spec(name) is None else import_module(name)
    except ModuleNotFoundError as error:
        if error.name == name.rpartition(".")[0]:  # a room still to come
            return None
        raise

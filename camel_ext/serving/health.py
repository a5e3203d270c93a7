"""How the engines are that answer for a project: asked all at once, none of them started for it."""

import asyncio
from collections.abc import Iterable
from typing import Any

from camel_ext.registry import ResolvedModel
from camel_ext.serving.process import Serving
from camel_ext.serving.schemas import EngineShown, EnginesShown
from camel_ext.serving.stations import Station, station_key


async def engines_of(serving: Serving, served: Iterable[tuple[str, ResolvedModel]]) -> EnginesShown:
    """Return the engines behind these aliases, by name; one that was not asked yet says so."""
    found: dict[Any, tuple[ResolvedModel, Station | None, list[str]]] = {}
    for alias, model in served:
        station = serving.station_of(model)
        key = station_key(model) if station is None else id(station)
        names = found.setdefault(key, (model, station, []))[2]
        if alias not in names:
            names.append(alias)
    shown = await asyncio.gather(*(_shown(*each) for each in found.values()))
    return EnginesShown(engines=sorted(shown, key=lambda engine: engine.name))


async def _shown(model: ResolvedModel, station: Station | None, aliases: list[str]) -> EngineShown:
    name, kind = model.name, str(model.engine)
    if station is None:
        return EngineShown.model_validate(
            {"name": name, "kind": kind, "aliases": sorted(aliases), "opened": False, "ok": None,
             "detail": "not asked yet: it is opened with its first call", "build": None,
             "quantization": None, "model_sha256": None, "restarts": 0, "circuit": None}
        )  # fmt: skip
    health = await station.engine.health()
    return EngineShown.model_validate(
        {
            "name": name,
            "kind": kind,
            "aliases": sorted(aliases),
            "opened": True,
            "ok": health.ok,
            "detail": health.detail,
            "build": health.engine_build,
            "quantization": health.quantization,
            "model_sha256": health.model_sha256,
            "restarts": health.restarts,
            "circuit": getattr(station.engine, "circuit", None),
        }
    )

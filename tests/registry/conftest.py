"""Actors and models for tests of the registry."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from sqlalchemy.orm import Session

from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.identity import Actor, Bootstrapped, PrincipalKind, Role
from camel_ext.registry import AppliedModels, ModelsFile, apply_models
from tests.conftest import House
from tests.statements import counted

Content = dict[str, Any]
Apply = Callable[..., Awaitable[AppliedModels]]

LOCAL: Content = {
    "engine": "local",
    "file": "bundled",
    "context_tokens": 2048,
    "adapters": {"critic": {"file": "critic.gguf"}},
}
PROVIDER: Content = {
    "engine": "provider",
    "url": "https://api.example.com/v1",
    "model": "big-1",
    "api_key_env": "BIG_KEY",
    "price": {"input_usd": 0.15, "output_usd": 0.6},
}


def content(**aliases: Any) -> Content:
    """A models.yaml with a local model, its adapter and a provider's."""
    return {"models": {"small": LOCAL, "big": PROVIDER}, "aliases": aliases}


def changed(entry: Content, **fields: Any) -> Content:
    """The entry with other fields."""
    return {**entry, **fields}


@pytest.fixture
def actor(founded: Bootstrapped) -> Actor:
    """The owner of the local organisation."""
    return _actor(founded, Role.OWNER)


@pytest.fixture
def editor(founded: Bootstrapped) -> Actor:
    """An editor of the local organisation."""
    return _actor(founded, Role.EDITOR)


def _actor(founded: Bootstrapped, role: Role) -> Actor:
    return Actor(
        founded.tenant, founded.principal_id, founded.principal_id, "ada", PrincipalKind.USER, role
    )


@pytest.fixture
def apply(runtime: Runtime, tenant: Tenant, actor: Actor) -> Apply:
    """Applies a models.yaml as the owner, or as somebody else."""

    async def applying(
        parsed: Content, *, by: Actor | None = None, **options: Any
    ) -> AppliedModels:
        file = ModelsFile.model_validate(parsed)

        def write(db: Session) -> AppliedModels:
            return apply_models(db, runtime.clock, runtime.new_id, by or actor, file, **options)

        return await runtime.write(tenant, write)

    return applying


@pytest.fixture
def statements(runtime: Runtime) -> Iterator[list[str]]:
    """What the runtime's readers execute, from here on."""
    with counted(runtime) as seen:
        yield seen


@pytest.fixture
def house_statements(house: House) -> Iterator[list[str]]:
    """What the running app's readers execute for tables of this room."""
    with counted(house.runtime, ("model", "alias")) as seen:
        yield seen

"""Which version answers: weights kept, keys sticky, costs whole."""

from collections import Counter
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.registry import (
    AliasUnknown,
    EngineKind,
    Price,
    ResolvedModel,
    SecretReference,
    VersionUnknown,
    known_names,
    pick_target,
    resolve_alias,
    resolve_version,
)
from tests.registry.conftest import Apply, content

A, B, C = (str(UUID(int=n)) for n in (1, 2, 3))


def shares(**weights: float) -> list[dict[str, object]]:
    return [{"version_id": {"a": A, "b": B, "c": C}[k], "weight": w} for k, w in weights.items()]


def test_each_version_gets_its_share() -> None:
    split = shares(a=90, b=10)
    got = Counter(str(pick_target("x", split, f"key {n}")) for n in range(5_000))
    # 5,000 draws at 10 %: standard deviation 21
    assert abs(got[B] - 500) < 5 * 21


@settings(max_examples=30)
@given(st.text(max_size=20), st.floats(0.01, 100), st.floats(0.01, 100))
def test_a_growing_share_takes_keys_and_gives_none_away(key: str, a: float, b: float) -> None:
    before = pick_target("x", shares(a=a, b=b), key)
    after = pick_target("x", shares(a=a, b=b * 2), key)
    assert before == after or str(after) == B
    third = pick_target("x", shares(b=b, c=1.0, a=a), key)
    assert third == before or str(third) == C


def test_the_order_of_shares_does_not_matter() -> None:
    for n in range(200):
        key = str(n)
        one = pick_target("x", shares(a=1, b=2, c=3), key)
        assert one == pick_target("x", shares(c=3, a=1, b=2), key)


async def test_an_alias_gives_all_that_serving_needs(
    apply: Apply, runtime: Runtime, tenant: Tenant
) -> None:
    applied = await apply(content(fast="small", better="small/critic", paid="big"))
    fast = await runtime.read(tenant, resolve_alias, "fast", "run-1")
    assert (fast.name, fast.engine, fast.alias) == ("small", EngineKind.LOCAL, "fast")
    assert (fast.config, fast.context_tokens) == ({"file": "bundled", "context_tokens": 2048}, 2048)
    assert (fast.secret, fast.adapter) == (None, None)
    better = await runtime.read(tenant, resolve_alias, "better", "run-1")
    assert better.version_id == fast.version_id
    assert better.adapter is not None
    assert (better.adapter.name, better.adapter.file) == ("small/critic", "critic.gguf")
    assert better.target_id == applied.models["small/critic"].version.id
    paid = await runtime.read(tenant, resolve_alias, "paid", "run-1")
    assert paid.config["model"] == "big-1"
    assert paid.secret == SecretReference(env="BIG_KEY")
    assert paid.price == Price(150_000, 600_000)
    again: ResolvedModel = await runtime.read(tenant, resolve_version, paid.target_id)
    assert again.config == paid.config
    models, aliases = await runtime.read(tenant, known_names)
    assert (set(models), set(aliases)) == ({"small", "big"}, {"fast", "better", "paid"})


async def test_resolving_is_two_statements(
    apply: Apply, runtime: Runtime, tenant: Tenant, statements: list[str]
) -> None:
    await apply(content(better="small/critic"))
    statements.clear()
    await runtime.read(tenant, resolve_alias, "better", "key")
    assert len(statements) == 2


async def test_what_is_not_there(apply: Apply, runtime: Runtime, tenant: Tenant) -> None:
    applied = await apply(content(fast="small"))
    with pytest.raises(AliasUnknown):
        await runtime.read(tenant, resolve_alias, "small", "key")
    stranger = Tenant(runtime.new_id(), tenant.project_id)
    with pytest.raises(AliasUnknown):
        await runtime.read(stranger, resolve_alias, "fast", "key")
    other_project = Tenant(tenant.org_id, runtime.new_id())
    version_id = applied.models["small"].version.id

    def resolve(db: Session) -> ResolvedModel:
        return resolve_version(db, version_id)

    for elsewhere in (stranger, other_project):
        with pytest.raises(VersionUnknown):
            await runtime.read(elsewhere, resolve)


@settings(max_examples=50)
@given(*(st.integers(0, 10**7) for _ in range(3)))
def test_costs_are_whole_and_never_below_their_parts(prompt: int, answer: int, cached: int) -> None:
    price = Price(150_000, 600_000, 75_000)
    cost = price.cost_usd_micros(prompt, answer, cached)
    exact = (prompt - min(cached, prompt)) * 0.15 + min(cached, prompt) * 0.075 + answer * 0.6
    assert abs(cost - exact) <= 0.5 + 1e-6 * exact
    assert Price().cost_usd_micros(prompt, answer) == 0


def test_a_cost_by_hand() -> None:
    # 1,000 tokens at 0.15 USD and 500 at 0.60 USD per million: 150 + 300 micro-USD
    assert Price(150_000, 600_000).cost_usd_micros(1_000, 500) == 450
    assert Price(150_000, 600_000, 0).cost_usd_micros(1_000, 500, 1_000) == 300

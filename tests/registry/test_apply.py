"""models.yaml into the registry: equal content is the same version, files do not undo promotions."""

import pytest
from pydantic import ValidationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from camel_ext.core.errors import CamelExtError
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.identity import Actor
from camel_ext.registry import (
    ModelsFile,
    TargetEntry,
    find_target,
    get_alias,
    get_model,
    move_alias,
    shares_of,
)
from camel_ext.registry.errors import (
    ModelsAreTheOwners,
    ModelUnknown,
    NameTaken,
    TargetsInvalid,
    VersionUnknown,
)
from camel_ext.registry.models import AliasMove, ModelVersion
from tests.registry.conftest import LOCAL, PROVIDER, Apply, changed, content


async def test_the_same_file_again_changes_nothing(
    apply: Apply, runtime: Runtime, tenant: Tenant
) -> None:
    first = await apply(content(fast="small", split=[{"target": "small", "weight": 9.0},
                                                     {"target": "big", "weight": 1.0}]))  # fmt: skip
    assert {name: each.change for name, each in first.models.items()} == {
        "small": "new", "small/critic": "new", "big": "new",
    }  # fmt: skip
    again = await apply(content(fast="small", split=[{"target": "small", "weight": 9.0},
                                                     {"target": "big", "weight": 1.0}]))  # fmt: skip
    assert {each.change for each in again.models.values()} == {"unchanged"}
    assert again.aliases == {"fast": "unchanged", "split": "unchanged"}
    assert again.models["big"].version.id == first.models["big"].version.id
    counts = await runtime.read(tenant, _counts)
    assert counts == (3, 2)


def _counts(db: Session) -> tuple[int, int]:
    versions = db.scalar(select(func.count(ModelVersion.id))) or 0
    moves = db.scalar(select(func.count(AliasMove.id))) or 0
    return versions, moves


async def test_a_comment_makes_a_revision_and_no_version(apply: Apply) -> None:
    one = await apply(content(), sources={"big": "big: {...}"})
    two = await apply(content(), sources={"big": "big: {...}  # better"})
    assert two.models["big"].change == "revised"
    assert two.models["big"].version.id == one.models["big"].version.id
    assert two.models["big"].version.source == "big: {...}"


async def test_a_key_that_moved_makes_no_version(
    apply: Apply, runtime: Runtime, tenant: Tenant
) -> None:
    one = await apply({"models": {"big": PROVIDER}})
    moved = changed(PROVIDER, api_key_env=None, api_key_file="/run/secrets/big")
    two = await apply({"models": {"big": moved}})
    assert two.models["big"].change == "revised"
    assert two.models["big"].version.id == one.models["big"].version.id
    model = await runtime.read(tenant, get_model, "big")
    assert (model.api_key_env, model.api_key_file) == (None, "/run/secrets/big")


async def test_old_content_brings_back_the_old_version(
    apply: Apply, runtime: Runtime, tenant: Tenant
) -> None:
    one = await apply({"models": {"big": PROVIDER}})
    two = await apply({"models": {"big": changed(PROVIDER, model="big-2")}})
    back = await apply({"models": {"big": PROVIDER}})
    assert two.models["big"].version.number == 2
    assert back.models["big"].version.id == one.models["big"].version.id
    assert (await runtime.read(tenant, find_target, "big@2")).id == two.models["big"].version.id
    digest = two.models["big"].version.content_hash
    for name in (f"big@{digest}", f"big@{digest[:15]}", f"big@{digest[7:20]}"):
        found = await runtime.read(tenant, find_target, name)
        assert found.id == two.models["big"].version.id


@pytest.mark.parametrize("target", ["big@9", "big@12345678", "big@sha256:12", "big@x_______"])
async def test_a_version_that_is_not_there(
    apply: Apply, runtime: Runtime, tenant: Tenant, target: str
) -> None:
    await apply(content())
    with pytest.raises(VersionUnknown):
        await runtime.read(tenant, find_target, target)


async def test_a_new_base_version_makes_a_new_version_of_its_adapter(apply: Apply) -> None:
    one = await apply({"models": {"small": LOCAL}})
    two = await apply({"models": {"small": changed(LOCAL, context_tokens=4096)}})
    assert two.models["small/critic"].version.base_version_id == two.models["small"].version.id
    assert two.models["small/critic"].version.id != one.models["small/critic"].version.id


async def test_an_alias_follows_its_model_until_somebody_moves_it(
    apply: Apply, runtime: Runtime, tenant: Tenant, actor: Actor
) -> None:
    await apply(content(fast="small"))
    newer = content(fast="small")
    newer["models"]["small"] = changed(LOCAL, context_tokens=4096)
    followed = await apply(newer)
    assert followed.aliases == {"fast": "moved"}
    assert followed.models["small"].change == "changed"

    def promote(db: Session) -> None:
        shares = shares_of(db, [TargetEntry(target="small/critic")])
        move_alias(
            db, runtime.clock, runtime.new_id, actor.principal_id, "fast", shares, reason="better"
        )

    await runtime.write(tenant, promote)
    promoted = (await runtime.read(tenant, get_alias, "fast")).targets
    assert (await apply(newer)).aliases == {"fast": "unchanged"}
    assert (await apply(content(fast="small"))).aliases == {"fast": "unchanged"}
    assert (await runtime.read(tenant, get_alias, "fast")).targets == promoted
    assert (await apply(content(fast="big"))).aliases == {"fast": "moved"}


async def test_an_alias_that_left_its_file_retires_and_can_come_back(apply: Apply) -> None:
    await apply(content(fast="small", other="big"))
    assert (await apply(content(other="big"))).aliases == {"other": "unchanged", "fast": "retired"}
    assert (await apply(content(other="big"))).aliases == {"other": "unchanged"}
    assert (await apply(content(other="big", fast="big"))).aliases["fast"] == "new"


async def test_two_configurations_do_not_share_names(apply: Apply) -> None:
    await apply(content(fast="small"), configuration="one")
    with pytest.raises(NameTaken, match="configuration 'one'"):
        await apply(content(), configuration="two")
    with pytest.raises(NameTaken, match="alias 'fast'"):
        await apply({"aliases": {"fast": "big"}}, configuration="two")


async def test_an_editor_applies_a_known_file_but_changes_no_model(
    apply: Apply, editor: Actor
) -> None:
    await apply(content(fast="small"))
    again = await apply(content(fast="big"), by=editor)
    assert again.aliases == {"fast": "moved"}
    for entry in (
        changed(PROVIDER, url="https://evil.example/v1"),
        changed(PROVIDER, api_key_env="CAMEL_EXT_DATABASE__URL"),
    ):
        with pytest.raises(ModelsAreTheOwners):
            await apply({"models": {"big": entry}}, by=editor)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"models": {"x": {"engine": "cloud"}}}, "models.x"),
        ({"models": {"x": {"engine": "local"}}}, "file"),
        ({"models": {"x/y": LOCAL}}, "x/y"),
        ({"models": {"x": changed(PROVIDER, timeout_s="120")}}, "timeout_s"),
        ({"models": {"x": changed(PROVIDER, price={"input_usd": float("inf")})}}, "finite"),
        ({"models": {"x": changed(PROVIDER, api_key_file="/k")}}, "keep one"),
        (
            {"models": {"x": changed(PROVIDER, headers={"Authorization": "Bearer s3cret"})}},
            "carries a secret",
        ),
        ({"models": {"x": changed(PROVIDER, url="https://u:p@host/v1")}}, "url"),
        (
            {"models": {"x": changed(LOCAL, adapters={"versions": {"file": "a"}})}},
            "cannot name an adapter",
        ),
        (content(a=[{"target": "small", "weight": 0}]), "weight"),
        (content(a=[]), "aliases"),
    ],
)
def test_a_file_of_the_wrong_shape_is_refused(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says) as caught:
        ModelsFile.model_validate(wrong)
    assert "s3cret" not in str([each["msg"] for each in caught.value.errors()])


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        ({"aliases": {"a": "nobody"}}, ModelUnknown, "nobody"),
        (content(a=[{"target": "small"}, {"target": "small"}]), TargetsInvalid, "different"),
    ],
)
async def test_a_wrong_file_is_refused_whole(
    apply: Apply, runtime: Runtime, tenant: Tenant, wrong: dict[str, object],
    error: type[CamelExtError], says: str,
) -> None:  # fmt: skip
    with pytest.raises(error, match=says):
        await apply(wrong)
    assert await runtime.read(tenant, _counts) == (0, 0)

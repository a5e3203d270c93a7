"""Moves and versions are only ever added."""

import ast
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

import camel_ext.registry
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.identity import Actor
from camel_ext.registry import TargetEntry, find_target
from camel_ext.registry.aliases import move_alias, retire_alias, shares_of
from camel_ext.registry.errors import WrittenOnce
from camel_ext.registry.models import AliasMove, ModelVersion
from tests.registry.conftest import Apply, content


@pytest.mark.parametrize("table", [AliasMove, ModelVersion])
@pytest.mark.parametrize("verb", ["change", "remove"])
async def test_a_row_is_never_changed_or_removed(
    apply: Apply, runtime: Runtime, tenant: Tenant, table: type[AliasMove | ModelVersion], verb: str
) -> None:
    await apply(content(fast="small"))

    def spoil(db: Session) -> None:
        row = db.scalars(select(table)).first()
        assert isinstance(row, AliasMove | ModelVersion)
        if verb == "change":
            row.created_at = runtime.clock.now()
        else:
            db.delete(row)
        db.flush()

    with pytest.raises(WrittenOnce):
        await runtime.write(tenant, spoil)


def test_no_service_updates_or_deletes_in_bulk() -> None:
    for path in Path(camel_ext.registry.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "sqlalchemy":
                assert not {"update", "delete"} & {name.name for name in node.names}, path
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert (node.value.id, node.attr) != ("db", "delete"), path


async def test_every_move_is_in_the_history(
    apply: Apply, runtime: Runtime, tenant: Tenant, actor: Actor
) -> None:
    await apply(content(fast="small"))

    def walk(db: Session) -> list[tuple[int, list[str], list[str], str]]:
        def version(target: str) -> str:
            return str(find_target(db, target).id)

        to_big = shares_of(db, [TargetEntry(target="big")])
        for _ in range(2):  # to where it points already: no move
            move_alias(db, runtime.clock, runtime.new_id, actor.principal_id, "fast", to_big,
                       reason="try it")  # fmt: skip
        retire_alias(db, runtime.clock, runtime.new_id, actor.principal_id, "fast", reason="done")
        names = {version("small"): "small", version("big"): "big"}
        moves = db.scalars(select(AliasMove).order_by(AliasMove.revision))
        return [
            (
                move.revision,
                [names[each["version_id"]] for each in move.from_targets],
                [names[each["version_id"]] for each in move.to_targets],
                move.reason,
            )
            for move in moves
        ]

    assert await runtime.write(tenant, walk) == [
        (1, [], ["small"], "applied default"),
        (2, ["small"], ["big"], "try it"),
        (3, ["big"], [], "done"),
    ]

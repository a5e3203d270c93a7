"""Lists of judgements: an index serves each filter with its order and place."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from camel_ext.annotations import AnnotationKind, JudgeKind
from camel_ext.annotations.queries import list_annotations
from camel_ext.annotations.schemas import AnnotationFilter
from camel_ext.core.database import Database
from camel_ext.core.paging import Place
from camel_ext.core.tenancy import Tenant
from tests.fakes.clock import START

SERVED_BY = [
    ({}, "ix_annotations_created"),
    ({"current": False}, "ix_annotations_created"),
    ({"kind": AnnotationKind.CORRECTION}, "ix_annotations_kind"),
    ({"judge_kind": JudgeKind.PERSON}, "ix_annotations_judge_kind"),
    ({"judge": "length"}, "ix_annotations_judge"),
    ({"principal_id": UUID(int=9)}, "ix_annotations_principal"),
    ({"batch_id": UUID(int=9)}, "ix_annotations_batch"),
    ({"interaction_id": UUID(int=9)}, "USING PRIMARY KEY"),
]


@pytest.mark.parametrize(("wanted", "index"), SERVED_BY, ids=lambda each: str(each)[:30])
def test_an_index_serves_filter_order_and_place(
    sqlite_url: str, wanted: dict[str, Any], index: str
) -> None:
    """No sorting and no scan, at any depth; what counts is looked up for each row of the page."""
    database, tenant = Database(sqlite_url), Tenant(UUID(int=1), UUID(int=2))
    plans: list[str] = []

    def explain(_c: object, cursor: Any, statement: str, parameters: Any, *_rest: object) -> None:
        if statement.startswith("SELECT"):
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(row[3] for row in cursor.fetchall())

    def read(db: Session) -> None:
        list_annotations(db, AnnotationFilter(**wanted), Place(2, (START, UUID(int=3))))

    event.listen(database.reader, "before_cursor_execute", explain)
    database.read(tenant, read)
    database.close()
    assert index in plans[0], plans
    assert not [plan for plan in plans if "SCAN" in plan or "TEMP B-TREE" in plan], plans

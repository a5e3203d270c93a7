"""What each principal prefers: one document, read by its browsers, changed as a whole.

The server checks its shape and its size and keeps it; what a preference does is the web app's.
"""

from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from camel_ext.core.clock import Clock
from camel_ext.core.door import check_revision
from camel_ext.core.errors import PreconditionFailed
from camel_ext.core.tenancy import current_tenant
from camel_ext.identity.errors import PreferencesTooLarge
from camel_ext.identity.models import PreferenceSet
from camel_ext.identity.schemas import Preferences

MOST_BYTES = 64 * 1024


def read_preferences(db: Session, principal_id: UUID) -> tuple[Preferences, int]:
    """Return somebody's preferences and their revision; 0 where they never said any."""
    found = _find(db, principal_id)
    if found is None:
        return Preferences(), 0
    return Preferences.model_validate(found.document), found.revision


def keep_preferences(
    db: Session, clock: Clock, principal_id: UUID, wanted: Preferences, revision: int
) -> tuple[Preferences, int]:
    """Replace somebody's preferences, if they are still at that revision.

    Raises: PreferencesTooLarge, PreconditionFailed.
    """
    size = len(wanted.model_dump_json().encode())
    if size > MOST_BYTES:
        raise PreferencesTooLarge(f"these preferences take {size:,} bytes; {MOST_BYTES:,} are kept")
    found = _find(db, principal_id, for_update=True)
    check_revision(0 if found is None else found.revision, revision)
    document = wanted.model_dump(mode="json")
    if found is None:
        found = PreferenceSet(
            principal_id=principal_id, document=document, revision=1, updated_at=clock.now()
        )
        try:
            with db.begin_nested():
                db.add(found)
        except IntegrityError as error:  # another browser was first, on PostgreSQL
            raise PreconditionFailed() from error
    else:
        found.document, found.updated_at = document, clock.now()
        found.revision += 1
    db.flush()
    return wanted, found.revision


def _find(db: Session, principal_id: UUID, *, for_update: bool = False) -> PreferenceSet | None:
    identity = (current_tenant(db).org_id, principal_id)
    return db.get(PreferenceSet, identity, with_for_update=for_update)

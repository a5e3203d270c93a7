"""The log by months on PostgreSQL, and its external ids in a table of their own on both databases.

`interactions` and `interaction_bodies` become partitioned by ranges of `id`, a UUIDv7 and so a time. The
table that was there stays where it is, with all its rows, as the first partition. What takes long on a
large log is done before, in short transactions, while others work (`prepare`): a trigger and batches fill
the external ids, and a CHECK that the first partition needs is validated. What is left is a swap of names.

The trigger stays on the first partition: servers of before write there, and know no table of external ids.

Revision: 0021, after 0020.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from camel_ext.core.database import Database
from camel_ext.core.journal import JOURNAL_LOCK
from camel_ext.core.migrate import one_at_a_time
from camel_ext.core.row_security import protect
from camel_ext.core.tenancy import system_options

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

LOGS = ("interactions", "interaction_bodies")
MONTHS_LOCK = 0x6D6F6E746873
FILL_ROWS = 20_000  # some 0.2 s
FILLED = "filled"
AHEAD = 2


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        _create_external_ids()
        op.execute(_FILL)
        op.drop_index("uq_interactions_external", table_name="interactions")
        return
    _say(connection, f"SELECT pg_advisory_xact_lock({JOURNAL_LOCK})")  # who appends holds it first
    _say(connection, "LOCK TABLE interactions, interaction_bodies IN ACCESS EXCLUSIVE MODE")
    if not _is_filled(connection):
        _begin_external_ids(connection)
        _say(connection, f"{_FILL} ON CONFLICT DO NOTHING")
    _say(connection, "COMMENT ON TABLE interaction_external_ids IS NULL")
    schema = connection.exec_driver_sql("SELECT quote_ident(current_schema())").scalar()
    for function in (_MONTHS, _ADD_MONTH, _FREE_MONTH):
        named = function.replace("{schema}", schema).replace("{lock}", str(MONTHS_LOCK))
        _say(connection, named)
    if _say(connection, "SELECT 1 FROM interactions LIMIT 1").scalar() is None:
        _say(connection, "DROP TRIGGER keep_external_id ON interactions")
    bound = _first_bound(connection)
    for log in LOGS:
        _divide(connection, log, bound)
    protect(connection)  # months to come copy the policy
    for log in LOGS:
        add = f"SELECT camel_ext_add_month('{log}', {AHEAD})"
        while _say(connection, add).scalar() is not None:
            pass


def prepare(database: Database) -> None:
    """Do what takes long before the swap, while others work; begun anew, it does what is left."""

    def step(work, *args):
        with database.begin_long("migration") as connection:
            one_at_a_time(connection)
            marked = connection.execution_options(**system_options("migration"))
            there = sa.inspect(connection).has_table("interactions")
            return work(marked, *args) if there and not _is_divided(marked) else None

    step(_begin_external_ids)
    after = 0
    while after is not None:
        after = step(_fill_some, after)
    for log in LOGS:
        step(_promise, log)
        step(_hold_promise, log)


def _is_divided(connection) -> bool:
    kind = "SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass('interactions')"
    return bool(_say(connection, kind).scalar())


def _is_filled(connection) -> bool:
    said = "SELECT obj_description(to_regclass('interaction_external_ids'), 'pg_class')"
    return _say(connection, said).scalar() == FILLED


# External ids


def _create_external_ids() -> None:
    op.create_table(
        "interaction_external_ids",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("external_id", sa.String(length=200), nullable=False),
        sa.Column("interaction_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint(
            "org_id", "project_id", "source", "external_id",
            name=op.f("pk_interaction_external_ids"),
        ),
        sqlite_with_rowid=False,
    )  # fmt: skip


_COLUMNS = "org_id, project_id, source, external_id, interaction_id"
_FILL = (
    f"INSERT INTO interaction_external_ids ({_COLUMNS}) "  # noqa: S608 - names of our own
    "SELECT org_id, project_id, source, external_id, id FROM interactions "
    "WHERE external_id IS NOT NULL"
)


def _begin_external_ids(connection) -> None:
    """Create the table, and let whatever is recorded from now on be in it, by old servers, too."""
    if sa.inspect(connection).has_table("interaction_external_ids"):
        return
    _say(
        connection,
        """
        CREATE TABLE interaction_external_ids (
            org_id uuid NOT NULL, project_id uuid NOT NULL, source varchar(40) NOT NULL,
            external_id varchar(200) NOT NULL, interaction_id uuid NOT NULL,
            CONSTRAINT pk_interaction_external_ids
                PRIMARY KEY (org_id, project_id, source, external_id));
        CREATE FUNCTION camel_ext_keep_external_id() RETURNS trigger LANGUAGE plpgsql AS $function$
        BEGIN
            INSERT INTO interaction_external_ids
            VALUES (NEW.org_id, NEW.project_id, NEW.source, NEW.external_id, NEW.id)
            ON CONFLICT DO NOTHING;
            PERFORM 1 FROM interaction_external_ids k
            WHERE k.org_id = NEW.org_id AND k.project_id = NEW.project_id
              AND k.source = NEW.source AND k.external_id = NEW.external_id
              AND k.interaction_id = NEW.id;
            IF NOT FOUND THEN
                RAISE unique_violation USING MESSAGE = 'an external id is used once';
            END IF;
            RETURN NULL;
        END $function$;
        CREATE TRIGGER keep_external_id AFTER INSERT ON interactions FOR EACH ROW
        WHEN (NEW.external_id IS NOT NULL) EXECUTE FUNCTION camel_ext_keep_external_id()
        """,
    )


def _fill_some(connection, after: int) -> int | None:
    """Fill in the external ids of some rows; return the last that was looked at."""
    last = _say(connection, "SELECT max(ingest_seq) FROM interactions").scalar()
    if last is None or after >= last:
        _say(connection, f"COMMENT ON TABLE interaction_external_ids IS '{FILLED}'")
        return None
    upto = after + FILL_ROWS
    some = f"{_FILL} AND ingest_seq > {after} AND ingest_seq <= {upto} ON CONFLICT DO NOTHING"
    _say(connection, some)
    return upto


# The first partition


def _first_bound(connection) -> datetime:
    """Return where months begin: with this one, or (rows are there) so late that nobody comes too late."""
    now = _say(connection, "SELECT date_trunc('month', now() AT TIME ZONE 'UTC')").scalar()
    rows = _say(connection, "SELECT 1 FROM interactions LIMIT 1").scalar()
    year, month = divmod(now.year * 12 + now.month - 1 + (0 if rows is None else 2), 12)
    return datetime(year, month + 1, 1)  # noqa: DTZ001 - UTC, as PostgreSQL gave it


def _first_id(month: datetime) -> str:
    ms = int(month.replace(tzinfo=UTC).timestamp() * 1000)
    text = f"{ms:012x}{0:020x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _promise(connection, log: str) -> None:
    """Say, without a look, that no id is later than the bound; not where one is, or none is at all."""
    bound = _first_bound(connection)
    limit, name = _first_id(bound), f"ck_before_{bound:%Y_%m}"
    beyond = f"SELECT 1 FROM {log} WHERE id >= '{limit}' LIMIT 1"  # noqa: S608
    there = f"SELECT 1 FROM pg_constraint WHERE conrelid = '{log}'::regclass AND conname = '{name}'"  # noqa: S608
    empty = _say(connection, "SELECT 1 FROM interactions LIMIT 1").scalar() is None
    if not empty and all(_say(connection, each).scalar() is None for each in (beyond, there)):
        check = f"CHECK (id < '{limit}') NOT VALID"
        _say(connection, f"ALTER TABLE {log} ADD CONSTRAINT {name} {check}")


def _hold_promise(connection, log: str) -> None:
    """Look at every row, while others work: the swap need not."""
    said = "SELECT conname FROM pg_constraint WHERE conname LIKE 'ck_before_%' AND conrelid = "
    for name in _say(connection, f"{said} '{log}'::regclass").scalars().all():
        _say(connection, f"ALTER TABLE {log} VALIDATE CONSTRAINT {name}")


def _divide(connection, log: str, bound: datetime) -> None:
    """Put a partitioned table in the place of `log`, which becomes its first partition as it is."""
    first, spare, limit = f"{log}_first", f"{log}_default", _first_id(bound)
    if log == "interactions":
        _say(connection, "DROP INDEX uq_interactions_external")
    named = f"SELECT indexname, indexdef FROM pg_indexes WHERE tablename = '{log}' "  # noqa: S608
    indexes = _say(connection, f"{named} AND schemaname = current_schema()").all()
    for name, _ in indexes:
        _say(connection, f"ALTER INDEX {name} RENAME TO {name}_first")
    _say(connection, f"ALTER TABLE {log} RENAME TO {first}")
    like = f"LIKE {first} INCLUDING DEFAULTS INCLUDING STORAGE INCLUDING COMPRESSION"
    _say(connection, f"CREATE TABLE {log} ({like}) PARTITION BY RANGE (id)")
    _grant_as(connection, first, log)
    for name, definition in indexes:
        if not name.startswith("pk_"):
            _say(connection, definition)
    if log == "interactions":
        sequence = f"SELECT pg_get_serial_sequence('{first}', 'ingest_seq')"
        own = f"ALTER SEQUENCE {_say(connection, sequence).scalar()} OWNED BY {log}.ingest_seq"
        _say(connection, own)
    else:
        _say(connection, f"ALTER TABLE {log} ADD CONSTRAINT pk_{log} PRIMARY KEY (id)")
    _say(connection, f"CREATE TABLE {spare} (LIKE {log} INCLUDING STORAGE INCLUDING COMPRESSION)")
    if log == "interactions":
        _say(connection, f"CREATE INDEX ix_{spare}_ingest_seq ON {spare} (ingest_seq)")
    far = f"DELETE FROM {first} WHERE id >= '{limit}' RETURNING *"  # noqa: S608
    _say(connection, f"WITH far AS ({far}) INSERT INTO {spare} SELECT * FROM far")  # noqa: S608
    upto = f"FOR VALUES FROM (MINVALUE) TO ('{limit}')"
    _say(connection, f"ALTER TABLE {log} ATTACH PARTITION {first} {upto}")
    _say(connection, f"ALTER TABLE {log} ATTACH PARTITION {spare} DEFAULT")
    promises = "SELECT conname FROM pg_constraint WHERE conname LIKE 'ck_before_%' AND conrelid = "
    for name in _say(connection, f"{promises} '{first}'::regclass").scalars().all():
        _say(connection, f"ALTER TABLE {first} DROP CONSTRAINT {name}")


def _grant_as(connection, table: str, other: str) -> None:
    """Let those work on the other who may work on the table."""
    query = (
        "SELECT g.privilege_type, CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text "
        "END FROM pg_class c, aclexplode(c.relacl) g WHERE g.grantee <> c.relowner AND c.oid = "
    )
    for privilege, who in _say(connection, f"{query} '{table}'::regclass").all():
        _say(connection, f"GRANT {privilege} ON {other} TO {who}")


# What the platform calls later: it may own nothing, so these act as the owner


_MONTHS = r"""
CREATE FUNCTION camel_ext_months(log text) RETURNS TABLE (part text, ends_before uuid, bytes bigint)
LANGUAGE sql STABLE SET search_path = {schema}, pg_temp AS $function$
    SELECT c.relname::text,
        substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO \(''([0-9a-f-]+)''\)')::uuid,
        pg_relation_size(c.oid)
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = to_regclass(log)
$function$
"""

_ADD_MONTH = """
CREATE FUNCTION camel_ext_add_month(log text, ahead integer) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = {schema}, pg_temp SET lock_timeout = '200ms'
AS $function$
DECLARE
    begins uuid; ends uuid; month timestamp; part text; spare text := log || '_default';
    options text; condition text; said text := current_setting('camel_ext.system', true);
BEGIN
    IF log NOT IN ('interactions', 'interaction_bodies') OR ahead NOT BETWEEN 0 AND 12 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'no such log, or too far ahead';
    END IF;
    IF NOT pg_try_advisory_xact_lock({lock}) THEN
        RETURN NULL;  -- somebody else is at it
    END IF;
    SELECT max(m.ends_before::text)::uuid INTO begins FROM camel_ext_months(log) m;
    month := to_timestamp(('x' || left(replace(begins::text, '-', ''), 12))::bit(48)::bigint / 1000)
        AT TIME ZONE 'UTC';
    IF month > date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => ahead) THEN
        RETURN NULL;
    END IF;
    part := log || to_char(month, '_YYYY_MM');
    ends := (lpad(to_hex((extract(epoch FROM month + interval '1 month') * 1000)::bigint), 12, '0')
        || repeat('0', 20))::uuid;
    SELECT array_to_string(c.reloptions, ', ') INTO options
    FROM camel_ext_months(log) m JOIN pg_class c ON c.oid = to_regclass(m.part)
    WHERE m.ends_before = begins;
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING STORAGE INCLUDING COMPRESSION)', part, log)
        || coalesce(' WITH (' || options || ')', '');
    IF log = 'interactions' THEN
        EXECUTE format('CREATE INDEX %I ON %I (ingest_seq)', 'ix_' || part || '_ingest_seq', part);
    END IF;
    SELECT p.qual INTO STRICT condition FROM pg_policies p
    WHERE p.schemaname = current_schema() AND p.tablename = log AND p.policyname = 'tenancy';
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', part);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', part);
    EXECUTE format('CREATE POLICY tenancy ON %I USING (%s)', part, condition);
    EXECUTE format('LOCK TABLE ONLY %I IN ACCESS EXCLUSIVE MODE', spare);
    PERFORM set_config('camel_ext.system', 'months', true);  -- no policy hides a row from us
    EXECUTE format('WITH late AS (DELETE FROM ONLY %I WHERE id >= %L AND id < %L RETURNING *) '
        'INSERT INTO %I SELECT * FROM late', spare, begins, ends, part);
    PERFORM set_config('camel_ext.system', coalesce(said, ''), true);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        log, part, begins, ends);
    RETURN part;
END $function$
"""

_FREE_MONTH = """
CREATE FUNCTION camel_ext_free_month(part text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = {schema}, pg_temp SET lock_timeout = '200ms'
SET enable_seqscan = off
AS $function$
DECLARE
    month regclass; bytes bigint; row_id uuid; look text;
    said text := current_setting('camel_ext.system', true);
BEGIN
    SELECT c.oid::regclass INTO month FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'interaction_bodies'::regclass AND c.relname = part;
    IF month IS NULL OR pg_relation_size(month) = 0 THEN
        RETURN 0;
    END IF;
    look := format('SELECT id FROM ONLY %s ORDER BY id LIMIT 1', month);
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'an older snapshot does not see what came since';
    END IF;
    PERFORM set_config('camel_ext.system', 'months', true);  -- no policy hides a row from us
    EXECUTE look INTO row_id;
    IF row_id IS NULL THEN
        EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', month);
        EXECUTE look INTO row_id;
    END IF;
    PERFORM set_config('camel_ext.system', coalesce(said, ''), true);
    IF row_id IS NOT NULL THEN
        RETURN 0;
    END IF;
    bytes := pg_total_relation_size(month);
    EXECUTE format('TRUNCATE ONLY %s', month);
    RETURN bytes - pg_total_relation_size(month);
END $function$
"""


def _say(connection, sql: str):
    return connection.exec_driver_sql(sql, execution_options={"no_parameters": True})


def downgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        _unique_external_ids()
        op.drop_table("interaction_external_ids")
        return
    for log in LOGS:
        _undivide(connection, log)
    for function in ("add_month(text, integer)", "free_month(text)", "months(text)"):
        _say(connection, f"DROP FUNCTION camel_ext_{function}")
    _unique_external_ids()
    op.drop_table("interaction_external_ids")
    _say(connection, "DROP FUNCTION camel_ext_keep_external_id()")


def _unique_external_ids() -> None:
    op.create_index(
        "uq_interactions_external",
        "interactions",
        ["org_id", "project_id", "source", "external_id"],
        unique=True,
        sqlite_where=sa.text("external_id IS NOT NULL"),
        postgresql_where=sa.text("external_id IS NOT NULL"),
    )


def _undivide(connection, log: str) -> None:
    """Copy all rows into one table, in the place of the partitioned one."""
    whole = f"{log}_whole"
    named = f"SELECT indexname, indexdef FROM pg_indexes WHERE tablename = '{log}' "  # noqa: S608
    indexes = _say(connection, f"{named} AND schemaname = current_schema()").all()
    _say(connection, f"CREATE TABLE {whole} (LIKE {log} INCLUDING DEFAULTS)")
    _say(connection, f"INSERT INTO {whole} SELECT * FROM {log}")  # noqa: S608
    _grant_as(connection, log, whole)
    if log == "interactions":
        sequence = f"SELECT pg_get_serial_sequence('{log}', 'ingest_seq')"
        own = f"ALTER SEQUENCE {_say(connection, sequence).scalar()} OWNED BY {whole}.ingest_seq"
        _say(connection, own)
    _say(connection, f"DROP TABLE {log}")
    _say(connection, f"ALTER TABLE {whole} RENAME TO {log}")
    for name, definition in indexes:
        if not name.startswith("pk_"):
            _say(connection, definition.replace(" ON ONLY ", " ON "))
    key = "ingest_seq" if log == "interactions" else "id"
    _say(connection, f"ALTER TABLE {log} ADD CONSTRAINT pk_{log} PRIMARY KEY ({key})")

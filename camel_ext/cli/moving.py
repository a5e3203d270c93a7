"""`migrate`: an installation moved to another database, with a bar, a table and what to do next.

How rows are moved and compared is core's; this holds the locks of SQLite's folders and shows it.
"""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from camel_ext.cli.command import Here
from camel_ext.cli.exits import Exit, Stop
from camel_ext.cli.output import amount, duration, rows, table
from camel_ext.core.database import Database
from camel_ext.core.datadir import DataDir
from camel_ext.core.migrate import newest_revision
from camel_ext.core.moving import Moved, move
from camel_ext.rooms import import_models


def migrate(here: Here, source_url: str, target_url: str) -> None:
    """Move every row from one database to another, empty one."""
    began_s = time.monotonic()
    import_models()
    with ExitStack() as stack:
        source = stack.enter_context(_opened(source_url, must_exist=True))
        target = stack.enter_context(_opened(target_url))
        if source.url == target.url:
            raise Stop(Exit.USAGE, "The two databases are one.", "Name an empty one with --to.")
        moved = _moved(here, source, target)
        took_s = time.monotonic() - began_s
        shown = [_shown(each) for each in (source, target)]
    _show(here, shown, moved, took_s)


def _shown(database: Database) -> str:
    plain = database.url.set(drivername=database.url.get_backend_name())
    return plain.render_as_string(hide_password=True)


@contextmanager
def _opened(url: str, *, must_exist: bool = False) -> Iterator[Database]:
    """Open a database; one of SQLite with the lock of its folder, so that no server works on it."""
    with ExitStack() as stack:
        if url.startswith("sqlite"):
            path = Path(url.partition(":///")[2])
            if must_exist and not path.is_file():
                raise Stop(
                    Exit.NOT_FOUND, f"There is no database {path}.", "Name it as sqlite:///FILE."
                )
            folder = DataDir(path.parent)
            folder.lock(f"camel-ext migrate, process {os.getpid()}")
            stack.callback(folder.unlock)
        database = Database(url, readers=1)
        stack.callback(database.close)
        yield database


def _moved(here: Here, source: Database, target: Database) -> list[Moved]:
    progress = Progress(
        TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=here.err, transient=True, disable=here.as_json or not here.err.is_terminal,
    )  # fmt: skip
    with progress:
        bar = progress.add_task("looking", total=None)

        def tell(name: str, done: int, total: int) -> None:
            progress.update(bar, description=name, completed=done, total=total)

        return move(source, target, tell)


def _show(here: Here, urls: list[str], moved: list[Moved], took_s: float) -> None:
    total = sum(each.rows for each in moved)
    if here.as_json:
        tables = [{"table": m.table, "rows": m.rows, "sum_sha256": m.digest} for m in moved]
        here.answer(
            {
                "from": urls[0],
                "to": urls[1],
                "revision": newest_revision(),
                "rows": total,
                "took_s": round(took_s, 3),
                "tables": tables,
            }
        )
        return
    filled = [(m.table, amount(m.rows), m.digest[:12]) for m in moved if m.rows]
    columns = table("table", ("rows", {"justify": "right"}), "equal on both sides")
    here.out.print(rows(columns, filled))
    here.out.print(
        f"\n[ok]moved[/] {amount(total)} rows of {len(moved)} tables in {duration(took_s * 1000)}"
    )
    here.note(f"start with the same data directory and CAMEL_EXT_DATABASE__URL={urls[1]}")

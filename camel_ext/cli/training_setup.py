"""`train setup`: what would be fetched and how large it is, and making the environment."""

from typing import Any

from camel_ext.cli.command import Here
from camel_ext.cli.output import plain, plural, rows, size, table
from camel_ext.training import (
    Download,
    Environment,
    Steps,
    environment_dir,
    find_environment,
    make_environment,
    plan_downloads,
)

ON_DISK = 4  # times what is fetched: wheels are compressed (torch for a CPU: 0.19 GB, then 0.75)


def setup(here: Here, torch_index: str | None, *, dry_run: bool, anew: bool) -> None:
    """Make the environment that trains, unless training works already."""
    settings = here.settings()
    data_dir = settings.data_dir.expanduser()
    found = find_environment(data_dir, settings.training.python)
    if found is not None and not anew:
        _done(here, found, made=False)
        return
    steps = Steps(torch_index)
    data_dir.mkdir(parents=True, exist_ok=True)
    here.note("Looking at what is to be fetched.")
    downloads = plan_downloads(data_dir, steps)
    if dry_run:
        _show(here, downloads)
        return
    here.note(f"{_total(downloads)}, into {environment_dir(data_dir)}")
    with here.err.status("", spinner="dots") as status:

        def say(words: str) -> None:
            if here.err.is_terminal:
                status.update(f"[quiet]{words}[/]")
            else:
                here.note(f"  {words}")

        made = make_environment(data_dir, steps, say)
    _done(here, made, made=True)


def _show(here: Here, downloads: list[Download]) -> None:
    if here.as_json:
        shown = [
            {"name": each.name, "version": each.version, "size_bytes": each.size_bytes}
            for each in downloads
        ]
        here.answer({"downloads": shown, "size_bytes": _known(downloads)})
        return
    made = table("package", "version", ("size", {"justify": "right"}))
    largest_first = sorted(downloads, key=lambda each: -(each.size_bytes or 0))
    lines: list[list[Any]] = [
        [f"[name]{plain(each.name)}[/]", plain(each.version), _size(each)] for each in largest_first
    ]
    here.out.print(rows(made, lines))
    here.out.print(f"[name]{_total(downloads)}[/]")
    here.note("Nothing was installed: the same command without --dry-run does it.")


def _size(download: Download) -> str:
    return "[quiet]?[/]" if download.size_bytes is None else size(download.size_bytes)


def _known(downloads: list[Download]) -> int:
    return sum(each.size_bytes or 0 for each in downloads)


def _total(downloads: list[Download]) -> str:
    known = _known(downloads)
    unknown = sum(each.size_bytes is None for each in downloads)
    more = f" and {plural(unknown, 'package')} of unknown size" if unknown else ""
    return (
        f"{plural(len(downloads), 'package')}, {size(known)} to fetch{more}, "
        f"about {size(known * ON_DISK)} on disk"
    )


def _done(here: Here, found: Environment, *, made: bool) -> None:
    if here.as_json:
        here.answer({"python": str(found.python), "versions": found.versions, "made": made})
        return
    word = "made" if made else "here already"
    versions = ", ".join(f"{name} {version}" for name, version in found.versions.items())
    here.out.print(f"[ok]✓[/] training works: {word}  [quiet]{plain(versions)}[/]", soft_wrap=True)
    here.note(f"{found.python}   Next: camel-ext train start --help")

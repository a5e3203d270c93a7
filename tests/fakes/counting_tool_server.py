"""A service whose effects can be counted after any crash of the platform; a process of its own.

Each call and each effect is one fsynced line of an append-only file before the answer goes out.
`POST /effects {"key", "label", "once", "delay_ms"}` has the effect; with `once` a key that is there
already has none again. `GET /counts` says how often each key was called and had its effect.
It is a witness, not a fake of any real product.
"""

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True)
class Counts:
    """How often each effect key was called, and how often the call had its effect."""

    calls: Counter[str]
    effects: Counter[str]


def read_counts(file: Path) -> Counts:
    """Return what the file says; a line cut off by a kill does not count."""
    calls: Counter[str] = Counter()
    effects: Counter[str] = Counter()
    for line in file.read_bytes().splitlines(keepends=True) if file.exists() else []:
        if line.endswith(b"\n"):
            row = json.loads(line)
            (calls if row["kind"] == "call" else effects)[row["key"]] += 1
    return Counts(calls, effects)


class CountingServer:
    """Start the server as its own process in its own session; it outlives a killed platform."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, file: Path) -> None:
        self.process, self.port, self.file = process, port, file
        self.url = f"http://127.0.0.1:{port}"

    @classmethod
    def start(cls, folder: Path) -> Self:
        file, told = folder / "effects.jsonl", folder / "effects.port"
        told.unlink(missing_ok=True)
        process = subprocess.Popen(
            [sys.executable, __file__, str(file), str(told)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + 20
        while not told.exists():  # written when the socket listens
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the counting server did not start: {process.returncode}")
            time.sleep(0.01)
        return cls(process, int(told.read_text()), file)

    def counts(self) -> Counts:
        return read_counts(self.file)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def ask(port: int, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Make one request and return the JSON answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, json.dumps(body or {}))
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
        return answer
    finally:
        connection.close()


class _Ledger:
    def __init__(self, file: Path) -> None:
        self._fd = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._done = set(read_counts(file).effects)
        self._lock = threading.Lock()
        self.file = file

    def take(self, key: str, label: str, once: bool, delay_s: float) -> bool:
        """Note the call, wait, have the effect; return whether it was had now."""
        with self._lock:
            self._write("call", key, label)
        time.sleep(delay_s)
        with self._lock:
            if once and key in self._done:
                return False
            self._write("effect", key, label)
            self._done.add(key)
            return True

    def _write(self, kind: str, key: str, label: str) -> None:
        line = json.dumps({"kind": kind, "key": key, "label": label}) + "\n"
        os.write(self._fd, line.encode())
        os.fsync(self._fd)


def _handler(ledger: _Ledger) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            delay_s = body.get("delay_ms", 0) / 1000
            had = ledger.take(body["key"], body["label"], body["once"], delay_s)
            with suppress(ConnectionError):  # who asked was killed meanwhile
                self._answer({"label": body["label"], "had_now": had})

        def do_GET(self) -> None:
            counts = read_counts(ledger.file)
            self._answer({"calls": counts.calls, "effects": counts.effects})

        def _answer(self, content: dict[str, Any]) -> None:
            raw = json.dumps(content).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def main(file: Path, told: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(_Ledger(file)))
    part = told.with_suffix(".part")
    part.write_text(str(server.server_port))
    part.rename(told)
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

"""A provider whose answers are a pure function of the request; a process of its own.

So a run that is killed and goes on must end exactly as an undisturbed one, and the log (one line a
call, written before the answer) says whether a call was repeated. It is OpenAI's wire format, whole
or streamed, and no model.
"""

import hashlib
import json
import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

Json = dict[str, Any]
DELAY_MS = 30
TOOL_MS = 120


@dataclass(frozen=True)
class Call:
    """One request as it came in: what it asked, by digest, and when."""

    digest: str
    at_s: float


class Provider:
    """Start it as its own process; it outlives every killed platform."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
        self.process, self.port, self.log = process, port, log
        self.url = f"http://127.0.0.1:{port}/v1"

    @classmethod
    def start(cls, folder: Path, port: int = 0) -> Self:
        """Start one; at the port of one that was killed, it is that one come back."""
        log, told = folder / "provider.jsonl", folder / "provider.port"
        told.unlink(missing_ok=True)
        process = subprocess.Popen(
            [sys.executable, __file__, str(log), str(told), str(port)],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline_s = time.monotonic() + 60
        while not told.exists():
            if process.poll() is not None or time.monotonic() > deadline_s:
                raise RuntimeError(f"the provider did not start: {process.returncode}")
            time.sleep(0.01)
        return cls(process, int(told.read_text()), log)

    def calls(self, since: int = 0) -> list[Call]:
        """Return the calls after so many bytes of the log."""
        with self.log.open("rb") as file:
            file.seek(since)
            return [Call(**json.loads(line)) for line in file]

    def size(self) -> int:
        """Return how long the log is by now."""
        return self.log.stat().st_size if self.log.exists() else 0

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


def digest_of(body: Json) -> str:
    """Name a request by all that was sent, sampling seed included."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:12]


def answer_to(body: Json) -> tuple[str, Json]:
    """Return (digest, assistant message): by role, which the system message says."""
    asked = {name: value for name, value in body.items() if not name.startswith("stream")}
    digest, messages = digest_of(asked), body["messages"]
    role = str(messages[0]["content"]).split()[1].rstrip(".")
    said = str(messages[-1].get("content") or "")
    if role == "execute" and messages[-1]["role"] != "tool":
        return digest, _tool_calls(digest)
    if role == "review":
        done, wanted = (int(n) for n in re.findall(r"(?:round|needs) (\d+)", said)[:2])
        return digest, _text(f"{'yes' if done + 1 >= wanted else 'no'} {digest}")
    return digest, _text(f"{role.rstrip('e')}ed {digest}")


def _text(text: str) -> Json:
    return {"role": "assistant", "content": text}


def _tool_calls(digest: str) -> Json:
    """Call one tool, or both in one answer."""
    number = int(digest, 16)
    names = [["count_once"], ["count_every"], ["count_every", "count_once"]][number % 3]
    calls = [
        {
            "id": f"call_{digest}_{place}",
            "type": "function",
            "function": {
                "name": name,
                "arguments": json.dumps(
                    {"label": f"{digest}-{place}", "delay_ms": number // 7 % TOOL_MS}
                ),
            },
        }
        for place, name in enumerate(names)
    ]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def whole(digest: str, message: Json, *, usage: bool = True) -> Json:
    finish = "tool_calls" if message.get("tool_calls") else "stop"
    return {
        "id": f"chatcmpl-{digest}",
        "object": "chat.completion",
        "created": 1,
        "model": "scripted-1",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16},
    }


def streamed(digest: str, message: Json) -> list[bytes]:
    """Return the events of a stream: the text in two pieces, tool calls in one."""
    full = whole(digest, message)
    finish = full["choices"][0]["finish_reason"]
    deltas: list[Json] = [{"role": "assistant", "content": None}]
    if text := message.get("content"):
        deltas += [{"content": text[:4]}, {"content": text[4:]}]
    if calls := message.get("tool_calls"):
        deltas.append({"tool_calls": [{"index": i, **call} for i, call in enumerate(calls)]})
    choices: list[tuple[list[Json], Json]] = [
        ([{"index": 0, "delta": delta, "finish_reason": None}], {}) for delta in deltas
    ]
    choices.append(([{"index": 0, "delta": {}, "finish_reason": finish}], {}))
    choices.append(([], {"usage": full["usage"]}))
    head = {"id": full["id"], "object": "chat.completion.chunk", "created": 1}
    lines = [
        json.dumps({**head, "model": "scripted-1", "choices": chosen, **more})
        for chosen, more in choices
    ]
    return [f"data: {line}\n\n".encode() for line in (*lines, "[DONE]")]


def _handler(log: Path) -> type[BaseHTTPRequestHandler]:
    lock, file = threading.Lock(), log.open("ab", buffering=0)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            digest, message = answer_to(body)
            with lock:
                file.write(json.dumps({"digest": digest, "at_s": time.time()}).encode() + b"\n")
            time.sleep(int(digest, 16) % DELAY_MS / 1000)
            try:
                self._answer(body, digest, message)
            except ConnectionError:
                self.close_connection = True  # who asked was killed

        def _answer(self, body: Json, digest: str, message: Json) -> None:
            self.send_response(200)
            if not body.get("stream"):
                raw = json.dumps(whole(digest, message)).encode()
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)
                return
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for event in streamed(digest, message):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
            self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *_: object) -> None:
            pass

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A caller that was killed is no news here."""


def main(log: Path, told: Path, port: int) -> None:
    server = _Server(("127.0.0.1", port), _handler(log))
    part = told.with_suffix(".part")
    part.write_text(str(server.server_port))
    part.rename(told)
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))

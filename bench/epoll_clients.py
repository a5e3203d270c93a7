"""Many WebSockets of one feed on one epoll, raw: what it costs here says little about the servers' side."""

import base64
import os
import selectors
import socket
import time
import zlib
from typing import Any


class Clients:
    """Many WebSockets on one epoll; checks order and takes the latency of every event."""

    def __init__(self, port: int, count: int, key: str | None, deflate: bool) -> None:
        self._selector = selectors.EpollSelector()
        self._deflate = deflate
        self._inflaters: dict[socket.socket, Any] = {}
        self._rest: dict[socket.socket, bytes] = {}
        self._next: dict[socket.socket, int] = {}
        self.latencies_ns: list[int] = []
        self.delivered = self.gaps = self.repeated = 0
        for _ in range(count):
            self._connect(port, key)

    def _connect(self, port: int, key: str | None) -> None:
        sock = socket.create_connection(("127.0.0.1", port))
        nonce = base64.b64encode(os.urandom(16)).decode()
        lines = [
            "GET /api/v1/events?topics=bench HTTP/1.1", f"Host: 127.0.0.1:{port}",
            "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {nonce}",
            "Sec-WebSocket-Version: 13",
        ]  # fmt: skip
        if self._deflate:  # what browsers and client libraries ask for unless told not to
            lines.append("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits")
        lines += [] if key is None else [f"Authorization: Bearer {key}"]
        sock.sendall("\r\n".join([*lines, "", ""]).encode())
        data = b""
        while b"\r\n\r\n" not in data:
            more = sock.recv(65536)
            if not more:
                raise SystemExit(f"refused: {data.decode(errors='replace')}")
            data += more
        head, _, rest = data.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101"):
            raise SystemExit(f"refused: {data.decode(errors='replace')}")
        sock.setblocking(False)
        self._inflaters[sock] = zlib.decompressobj(-15)
        self._rest[sock], self._next[sock] = b"", 0
        self._take(sock, rest, 0)
        self._selector.register(sock, selectors.EVENT_READ)

    def begin(self, first: int) -> None:
        """Forget what was counted; every client expects this event next."""
        self.latencies_ns, self.delivered, self.gaps, self.repeated = [], 0, 0, 0
        self._next = dict.fromkeys(self._next, first)

    def read_until(self, deliveries: int, deadline_s: float) -> None:
        """Read until so many events came in all."""
        while self.delivered < deliveries and time.monotonic() < deadline_s:
            for key, _ in self._selector.select(0.2):
                sock: socket.socket = key.fileobj  # type: ignore[assignment]
                data = sock.recv(1 << 20)
                assert data, "the server hung up"
                self._take(sock, data, time.monotonic_ns())

    def close(self) -> None:
        for sock in self._rest:
            sock.close()

    def _take(self, sock: socket.socket, data: bytes, now_ns: int) -> None:
        buffer, at = self._rest[sock] + data, 0
        while len(buffer) - at >= 2:
            size, start = buffer[at + 1] & 127, at + 2
            if size == 126:
                size, start = int.from_bytes(buffer[at + 2 : at + 4], "big"), at + 4
            if len(buffer) < start + size:
                break
            body = buffer[start : start + size]
            if buffer[at] & 0x40:  # compressed
                body = self._inflaters[sock].decompress(body + b"\0\0\xff\xff")
            self._message(sock, buffer[at] & 15, body, now_ns)
            at = start + size
        self._rest[sock] = buffer[at:]

    def _message(self, sock: socket.socket, opcode: int, body: bytes, now_ns: int) -> None:
        assert opcode == 1, f"the server closed: {body!r}"
        place = body.find(b'"n":')
        if place < 0:
            return
        n, _, tail = body[place + 4 :].partition(b',"at_ns":')
        number, expected = int(n), self._next[sock]
        self.gaps += number > expected
        self.repeated += number < expected
        self._next[sock] = number + 1
        self.delivered += 1
        self.latencies_ns.append(now_ns - int(tail[: tail.index(b",")]))

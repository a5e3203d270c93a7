"""The live feed beside Streamlit's reruns: a thread listens, the page looks at what came.

The feed only says when to look and carries text while it is made; runs and turns are read from the
API, so a message that was missed costs time and nothing else. It shows nothing.
"""

import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field

from camel_ext_client import Client, ClientError, Message
from camel_ext_client.shapes import Run, Turn, at_rest
from camel_ext_client.shapes_interactions import InteractionRow

LEFT_S = 30.0  # nobody looked for so long: the browser is gone


class _NobodyFollows(Exception):
    """Ends a feed that waits for a lost server."""


class Follower:
    """Listens to some topics until it is stopped, or nobody looks any more."""

    def __init__(self, client: Client, topics: Sequence[str]) -> None:
        self._client, self._topics = client, list(topics)
        self._lock = threading.Lock()
        self._news = True
        self._texts: dict[str, str] = {}
        self._lost_at_s: float | None = None
        self._looked_at_s = time.monotonic()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="gui-feed", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End with the next message, a ping at the latest."""
        self._stopped.set()

    def join(self) -> None:
        """Wait for its end."""
        self._thread.join()

    def news(self) -> bool:
        """Tell whether something changed since this was asked last."""
        with self._lock:
            self._looked_at_s = time.monotonic()
            found, self._news = self._news, False
            return found

    def texts(self) -> dict[str, str]:
        """Return the texts that are being made, by their stream."""
        with self._lock:
            return dict(self._texts)

    def lost_s(self) -> float | None:
        """Return for how long the connection is lost; None where it is there."""
        with self._lock:
            return None if self._lost_at_s is None else time.monotonic() - self._lost_at_s

    def _listen(self) -> None:
        try:
            with closing(self._client.watch(self._topics, on_lost=self._lost)) as messages:
                for message in messages:
                    if self._stopped.is_set() or self._is_left():
                        return
                    self._hear(message)
        except _NobodyFollows:
            return
        except (ClientError, RuntimeError):  # refused for good, or the session was left meanwhile
            with self._lock:
                self._lost_at_s = time.monotonic()

    def _is_left(self) -> bool:
        with self._lock:
            return time.monotonic() - self._looked_at_s > LEFT_S

    def _lost(self, _error: Exception) -> None:
        if self._stopped.is_set() or self._is_left():
            raise _NobodyFollows
        with self._lock:
            self._lost_at_s = self._lost_at_s or time.monotonic()

    def _hear(self, message: Message) -> None:
        with self._lock:
            self._lost_at_s = None
            if message["type"] != "frame":
                self._news = self._news or message["type"] != "ping"
                return
            stream = message.get("stream", "")
            if message.get("done"):
                self._texts.pop(stream, None)
                return
            before = self._texts.get(stream)
        text = message.get("text", "")
        begins = message.get("offset", 0) - len(text)
        whole = self._joined(stream) if begins != len(before or "") else (before or "") + text
        with self._lock:
            self._texts[stream] = whole

    def _joined(self, stream: str) -> str:
        """Return the text so far: we came late, or a frame was dropped on a slow way."""
        try:
            return self._client.stream(stream)["text"]
        except ClientError:
            return ""


@dataclass
class Watched:
    """One run and its turns, kept level with the server."""

    run_id: str
    follower: Follower
    run: Run | None = None
    turns: list[Turn] = field(default_factory=list)
    calls: dict[str, InteractionRow] = field(default_factory=dict)

    def look(self, client: Client) -> Run:
        """Read what changed. The state is read before the turns, so a final one comes after all."""
        if self.run is not None and not self.follower.news():
            return self.run
        run = client.runs.get(self.run_id)
        before = len(self.turns)
        self.turns += client.runs.each_turn(self.run_id, after=self._place())
        if len(self.turns) > before:
            rows = client.interactions.list(run_id=self.run_id, limit=200)["items"]
            self.calls.update({row["id"]: row for row in rows})
        self.run = run
        if at_rest(run):
            self.follower.stop()
        return run

    def _place(self) -> int:
        return self.turns[-1]["seq"] if self.turns else 0

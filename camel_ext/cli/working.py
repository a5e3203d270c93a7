"""`queue work`: one item after the other on the terminal, judged by keys or by lines.

On a terminal a key is enough where one says it all; from a pipe, and for texts and orders, it is a line.
With --json each item and each judgement is a line, for programs that judge.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import typer
from camel_ext_client import ApiError, Client
from camel_ext_client.shapes_annotations import Annotation, Queue, QueueItem, Subject
from rich.rule import Rule
from rich.text import Text

from camel_ext.cli.annotating import read_order, said_shown
from camel_ext.cli.command import Here
from camel_ext.cli.exits import Exit, Stop
from camel_ext.cli.output import Indented, plain, plural, write_json
from camel_ext.cli.queues import find_queue

ONE_KEY = frozenset({"thumbs", "rating", "choice"})
SKIP, BACK, LEAVE, HELP = "s", "z", "q", "?"
COMMANDS = "s skip · z take the last one back · q leave · ? help"
ASKS = {
    "thumbs": "u good · d not good",
    "rating": "1 to 5, more is better",
    "choice": "1 or 2 is better · t tie · b both bad",
    "ranking": "the places, the best first: 2 > 1 = 3",
    "labels": "labels, with commas between; numbers stand for the queue's own",
    "correction": "the answer as it should have been",
}
GONE = frozenset({"annotations.item_taken", "annotations.item_done"})


def work(here: Here, name: str) -> None:
    """Work through a queue until it is empty or left."""
    with here.connect() as client:
        queue = find_queue(client, name)
        session = _Session(here, client, queue)
        if not here.as_json and queue["guideline"]:
            here.out.print(Indented(Text(queue["guideline"], style="dim"), 2))
        session.run()
    session.say_goodbye()


@dataclass(slots=True)
class _Session:
    """What was judged since it began, and the item in hand."""

    here: Here
    client: Client
    queue: Queue
    made: list[tuple[Annotation, str]] = field(default_factory=list)
    held: str | None = None
    is_empty: bool = False

    def run(self) -> None:
        try:
            while self._one():
                pass
        finally:
            if self.held is not None:
                self._give_back(self.held)

    def _one(self) -> bool:
        """Do one item; False: it is over."""
        taken = self.client.annotations.queues.next(self.queue["id"])
        item = taken["item"]
        if item is None:
            self.is_empty = True
            return False
        self.held = item["id"]
        self._show(item, taken["items_open"])
        began_s = time.monotonic()
        while True:
            typed = read_answer(self.here, self.queue)
            if typed == LEAVE:
                return False
            if typed == SKIP:
                self._give_back(item["id"], skip=True)
                return True
            if typed == BACK:
                if self._take_back():
                    return True
                continue
            try:
                value = read_value(self.queue, item, typed)
            except Stop as error:
                self.here.err.print(f"[warn]{plain(error.message)}[/]  [quiet]{error.advice}[/]")
                continue
            spent_ms = round((time.monotonic() - began_s) * 1000)
            self._judge(item, value, spent_ms)
            return True

    def _judge(self, item: QueueItem, value: dict[str, Any], spent_ms: int) -> None:
        self.held = None
        try:
            made = self._send(item, value, spent_ms)
        except ApiError as error:
            if error.code not in GONE:
                raise
            self.here.err.print(f"[warn]{plain(error.detail)}[/]")
            return
        self.made.append((made, item["id"]))
        if self.here.as_json:
            write_json({"type": "judged", "annotation": made}, line=True)
        else:
            self.here.out.print(f"  [ok]✓[/] {plain(said_shown(made))}\n")

    def _send(self, item: QueueItem, value: dict[str, Any], spent_ms: int) -> Annotation:
        def send() -> Annotation:
            return self.client.annotations.add(
                item["kind"], item["interaction_ids"], queue_item_id=item["id"],
                time_spent_ms=spent_ms, **value,
            )  # fmt: skip

        try:
            return send()
        except ApiError as error:
            if error.code != "annotations.reservation_expired":
                raise
        self.client.annotations.queues.reserve(item["id"])  # nobody else has it: it took too long
        return send()

    def _take_back(self) -> bool:
        """Withdraw the last judgement, and take its item in hand again."""
        if not self.made:
            self.here.err.print("[warn]Nothing was judged here yet.[/]")
            return False
        last, item_id = self.made.pop()
        self.client.annotations.withdraw(last["id"])
        if self.held is not None:
            self._give_back(self.held)
        self.client.annotations.queues.reserve(item_id)
        return True

    def _give_back(self, item_id: str, *, skip: bool = False) -> None:
        self.held = None
        try:
            self.client.annotations.queues.release(item_id, skip=skip)
        except ApiError as error:
            if error.code not in GONE:
                raise

    def _show(self, item: QueueItem, items_open: int) -> None:
        if self.here.as_json:
            write_json({"type": "item", "item": item, "items_open": items_open}, line=True)
            return
        out = self.here.out
        out.print(f"[quiet]{plural(items_open, 'item')} to judge[/]")
        for number, subject in enumerate(item["subjects"], 1):
            if subject["prompt"] is not None:
                for message in subject["prompt"]:
                    out.print(
                        Text.assemble((f"  {message.get('role')}  ", "dim"), text_in(message))
                    )
            title = "answer" if len(item["subjects"]) == 1 else f"answer {number}"
            out.print(Rule(title + self._who(subject), align="left", style="magenta"))
            out.print(Indented(Text(text_in(subject["answer"])), 2))

    def _who(self, subject: Subject) -> str:
        if self.queue["blind"]:
            return ""
        found = self.client.interactions.get(subject["interaction_id"])
        names = [found["agent_id"], found["alias"]]
        return "  " + " · ".join(name for name in names if name)

    def say_goodbye(self) -> None:
        """Say what was done, and what is left to do."""
        name = self.queue["name"]
        if self.made:
            self.here.note(f"{plural(len(self.made), 'judgement')} kept.")
        if self.is_empty:
            self.here.note(f"Nothing is left for you in {name}: camel-ext queue show {name}")
        else:
            self.here.note(f"Go on: camel-ext queue work {name}")


def read_answer(here: Here, queue: Queue) -> str:
    """Return what a person says of the item shown; the end of the input is a wish to leave."""
    while True:
        typed = _read(here, queue)
        if typed != HELP:
            return typed
        here.err.print(f"  [quiet]{ASKS[queue['kind']]}\n  {COMMANDS}[/]")


def _read(here: Here, queue: Queue) -> str:
    if not here.as_json:
        here.err.print(f"  [quiet]{ASKS[queue['kind']]} · {HELP} help[/]  ", end="")
    if queue["kind"] in ONE_KEY and sys.stdin.isatty():
        try:
            typed = typer.getchar()
        except EOFError:
            typed = LEAVE
        here.err.print()
        return typed.lower()
    line = sys.stdin.readline()
    return line.strip() if line else LEAVE


def read_value(queue: Queue, item: QueueItem, typed: str) -> dict[str, Any]:
    """Return the value of a judgement as the API takes it.

    Raises: Stop, with what would be right.
    """
    kind = queue["kind"]
    if kind == "ranking":
        ids = item["interaction_ids"]
        places = read_order(typed, len(ids))
        return {"ranking": [[ids[place] for place in group] for group in places]}
    if kind == "labels":
        known = queue["labels"] or []
        return {"labels": [_label(known, word.strip()) for word in typed.split(",")]}
    if kind == "correction" and typed:
        return {"text": typed}
    reads: dict[str, Callable[[str], dict[str, Any] | None]] = {
        "thumbs": lambda key: {"up": key == "u"} if key in ("u", "d") else None,
        "choice": lambda key: _choice(key),
        "rating": lambda key: {"rating": int(key)} if key in tuple("12345") else None,
    }
    value = reads[kind](typed) if kind in reads else None
    if value is None:
        raise Stop(Exit.USAGE, f"{typed!r} says nothing here.", f"{ASKS[kind]} · {COMMANDS}")
    return value


def _choice(key: str) -> dict[str, Any] | None:
    words = {"1": "first", "2": "second", "t": "tie", "b": "both_bad"}
    return {"choice": words[key]} if key in words else None


def _label(known: list[str], word: str) -> str:
    if word.isdecimal() and 0 < int(word) <= len(known):
        return known[int(word) - 1]
    if not word or (known and word not in known):
        listed = ", ".join(f"{number} {label}" for number, label in enumerate(known, 1))
        raise Stop(Exit.USAGE, f"There is no label {word!r}.", listed and f"There are: {listed}")
    return word


def text_in(message: dict[str, Any] | None) -> str:
    """Return the text of a message; its tool calls where it has none."""
    if message is None:
        return "(no answer)"
    content = message.get("content")
    if isinstance(content, list):
        content = "\n".join(str(part.get("text", "")) for part in content)
    calls = [call.get("function", {}) for call in message.get("tool_calls") or ()]
    told = [f"calls {call.get('name')} {call.get('arguments', '')}" for call in calls]
    return "\n".join([*([str(content)] if content else []), *told])

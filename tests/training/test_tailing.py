"""Reading a trainer's log while it is written, cut back and written again; and what its end means."""

import json
from pathlib import Path
from typing import Any

import pytest

from camel_ext.training.ending import End, death_of, end_of, failure_of
from camel_ext.training.tailing import (
    CONSOLE_BYTES,
    TAIL_BYTES,
    Tail,
    read_console,
    read_console_after,
)


def line(**said: Any) -> str:
    return json.dumps({"at": 1.0, **said}) + "\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


class TestTail:
    def test_each_line_is_read_once_and_a_torn_one_when_it_is_whole(self, log: Path) -> None:
        tail = Tail(log.parent)
        assert tail.read() == []
        whole = line(kind="step", step=1)
        log.write_text(whole + whole[:9])
        assert [event["step"] for event in tail.read()] == [1]
        assert tail.read() == []
        with log.open("a") as file:
            file.write(whole[9:].replace("1}", "2}"))
        assert [event["step"] for event in tail.read()] == [2]

    def test_a_log_that_was_cut_back_is_read_anew_however_long_it_is_by_now(
        self, log: Path
    ) -> None:
        tail = Tail(log.parent)
        log.write_text(line(kind="step", step=1) + line(kind="failed", code="x"))
        assert len(tail.read()) == 2
        log.write_text(
            line(kind="step", step=1) + line(kind="phase", name="a longer one than the failure")
        )
        assert [event["kind"] for event in tail.read()] == ["step", "phase"]
        log.write_text("")
        assert tail.read() == []
        log.write_text(line(kind="step", step=7))
        assert [event["step"] for event in tail.read()] == [7]

    def test_what_is_no_event_is_passed_over(self, log: Path) -> None:
        strange = ["{", "[]", "1", '{"kind": "step"}', line(kind="unknown"), '{"at": 1}']
        log.write_text("".join(each.strip() + "\n" for each in strange) + line(kind="phase"))
        assert [event["kind"] for event in Tail(log.parent).read()] == ["phase"]

    def test_the_console_is_its_last_lines(self, tmp_path: Path) -> None:
        assert read_console(tmp_path) == ""
        console = tmp_path / "console.log"
        console.write_bytes(b"x" * 10_000 + b"\n1%\r2%\r100%\n\xff\0end\n")
        assert read_console(tmp_path).endswith("1%\n2%\n100%\n\ufffdend")
        assert len(read_console(tmp_path)) <= TAIL_BYTES


class TestEnd:
    @pytest.mark.parametrize(
        ("code", "last", "looked", "end"),
        [
            (0, "result", False, End.DONE),
            (0, "preflight", True, End.DONE),
            (0, "preflight", False, End.DIED),
            (0, None, False, End.DIED),
            (1, "failed", False, End.FAILED),
            (1, "step", False, End.DIED),
            (1, None, False, End.DIED),
            (3, "stopped", False, End.STOPPED),
            (3, None, False, End.STOPPED),
            (-9, "failed", False, End.DIED),
            (-15, None, False, End.DIED),
        ],
    )
    def test_by_code_and_last_event(
        self, code: int, last: str | None, looked: bool, end: End
    ) -> None:
        event = None if last is None else {"kind": last, "at": 1.0}
        assert end_of(code, event, looked=looked) == end

    def test_a_failure_is_held_to_what_a_row_can_keep(self) -> None:
        found = failure_of({"code": "no such; code", "detail": "x" * 9_999, "advice": None})
        assert found.code == "training.nosuchcode"
        assert len(found.detail) == 2_000
        assert found.advice is None
        assert failure_of({}).code == "training.internal"

    def test_a_death_says_by_what(self) -> None:
        assert "SIGKILL" in death_of(-9, 0).detail
        assert "signal 11" in death_of(-11, 2).detail
        assert "exit code 1" in death_of(1, 0).detail


class TestConsole:
    def test_it_is_read_line_by_line_from_where_one_was(self, tmp_path: Path) -> None:
        assert read_console_after(tmp_path, None, ended=False) is None
        file = tmp_path / "console.log"
        file.write_bytes("one\nzwö".encode())
        first = read_console_after(tmp_path, 0, ended=False)
        assert first is not None
        assert (first.text, first.next_after) == ("one\n", 4)
        file.write_bytes("one\nzwölf\r\n 50%\r100%".encode())
        more = read_console_after(tmp_path, first.next_after, ended=False)
        assert more is not None
        assert more.text == "zwölf\n 50%\n"
        rest = read_console_after(tmp_path, more.next_after, ended=True)
        assert rest is not None
        assert rest.text == "100%"
        nothing = read_console_after(tmp_path, rest.next_after, ended=True)
        assert nothing is not None
        assert (nothing.text, nothing.next_after) == ("", rest.next_after)

    def test_without_an_offset_its_last_whole_lines_are_read(self, tmp_path: Path) -> None:
        lines = [f"line {n:06}\n" for n in range(10_000)]
        (tmp_path / "console.log").write_text("".join(lines))
        part = read_console_after(tmp_path, None, ended=False)
        assert part is not None
        assert part.text.splitlines(keepends=True) == lines[-(len(part.text) // 12) :]
        assert len(part.text) <= CONSOLE_BYTES
        assert part.next_after == 120_000

    def test_a_line_too_long_to_wait_for_and_a_console_begun_anew(self, tmp_path: Path) -> None:
        (tmp_path / "console.log").write_text("x" * (CONSOLE_BYTES + 5))
        part = read_console_after(tmp_path, 0, ended=False)
        assert part is not None
        assert part.next_after == CONSOLE_BYTES
        (tmp_path / "console.log").write_text("new\n")
        anew = read_console_after(tmp_path, part.next_after, ended=False)
        assert anew is not None
        assert anew.text == "new\n"

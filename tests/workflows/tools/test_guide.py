"""docs/guide/tools.md says what is so: its example loads, its numbers are the defaults."""

import re
from pathlib import Path

import pytest

from camel_ext.workflows.tools import Limits, load
from camel_ext.workflows.tools.limits import MIB, WATCH_S
from camel_ext.workflows.tools.output import KEPT_BYTES
from camel_ext.workflows.tools.seccomp import REFUSED
from camel_ext.workflows.tools.watch import MAX_DEPTH

GUIDE = Path(__file__).parents[3] / "docs" / "guide" / "tools.md"


def test_the_example_is_a_tool_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = re.search(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert found
    (tmp_path / "acme_tools_of_the_guide.py").write_text(found[1])
    monkeypatch.syspath_prepend(str(tmp_path))
    tools = load(["acme_tools_of_the_guide"])
    assert {name: one.idempotent for name, one in tools.items()} == {
        "find_order": True,
        "send_letter": False,
    }


def test_the_numbers_are_the_defaults() -> None:
    text, limits = GUIDE.read_text(), Limits()
    for told in (
        f"{len(REFUSED)} system calls",
        f"| {limits.wall_s:g} s, then all",
        f"{limits.cpu_s} s of processor time",
        f"{limits.memory_bytes // MIB // 1024} GiB of address space",
        f"{limits.processes}, {limits.open_files} per process",
        f"{limits.scratch_bytes // MIB} MiB in {limits.scratch_entries:,} files",
        f"{MAX_DEPTH} folders deep; {limits.written_bytes // MIB} MiB written",
        f"after {limits.output_bytes // MIB} MiB",
        f"{KEPT_BYTES:,} bytes",
        f"every {WATCH_S * 1000:g} ms",
    ):
        assert told in text, told

"""The guide of the Python client does what it says: its blocks are run, one after the other."""

import re
from pathlib import Path

import pytest

from tests.cli.conftest import Served, served

__all__ = ["served"]
GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "python-client.md"


@pytest.mark.slow
def test_every_block_runs(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    key = (served.data_dir / "owner.key").read_text().strip()
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert len(blocks) == 5
    names = {"__name__": "guide"}
    for block in blocks:
        here = re.sub(
            r"^url, key = .*$", f"url, key = {served.url!r}, {key!r}", block, flags=re.MULTILINE
        )
        exec(here.replace('"solve"', '"write"'), names)  # noqa: S102 - our own guide
    said = capsys.readouterr().out
    assert "workflows.run.finished" in said
    assert "three fine words" in said
    assert "404 workflows." in said

"""`camel-ext interactions`: calls made elsewhere, brought in once."""

import json
from pathlib import Path

from tests.cli.conftest import Camel, Served, shown
from tests.interactions.test_importing import line


def test_a_file_of_calls_is_recorded_once(camel: Camel, tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    file.write_text("".join(json.dumps(line(n, model="small")) + "\n" for n in range(600)))
    first = camel("interactions", "import", str(file))
    assert first.exit_code == 0, first.stderr
    assert "600 calls" in first.stdout
    again = shown(camel("interactions", "import", str(file), "--json"))
    assert again == {"recorded": 0, "duplicates": 600}
    listed = camel("interactions", "-n", "2")
    assert "It scatters." in listed.stdout


def test_a_wrong_line_is_said(camel: Camel, tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    file.write_text(json.dumps({**line(0), "nonsense": 1}))
    refused = camel("interactions", "import", str(file))
    assert refused.exit_code != 0
    assert "Line 1" in refused.stderr
    assert "nonsense" in refused.stderr


def test_retention_is_set_followed_and_ended(camel: Camel, served: Served) -> None:
    assert "for ever" in camel("interactions", "retention").stdout
    kept = camel("interactions", "retention", "--keep-days", "30")
    assert "kept for 30 days, then archived" in kept.stdout
    assert served.runtime is not None
    done = shown(camel("interactions", "archive", "--json"))
    assert (done["state"], done["archive"], done["archived"]) == ("succeeded", True, 0)
    assert "Nothing is archived" in camel("interactions", "archives").stderr
    assert camel("interactions", "restore", "abcd").exit_code == 5
    assert camel("interactions", "retention", "--erase").exit_code == 2
    assert shown(camel("interactions", "retention", "--for-ever", "--json")) is None

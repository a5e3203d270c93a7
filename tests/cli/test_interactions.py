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


def test_calls_are_taken_along_by_filter(camel: Camel, tmp_path: Path) -> None:
    told = tmp_path / "calls.jsonl"
    calls = [
        line(n, model="small", external_id=f"taken-{n}", session=f"user-{n % 2}")
        for n in range(250)
    ]
    told.write_text("".join(json.dumps(each) + "\n" for each in calls))
    assert camel("interactions", "import", str(told)).exit_code == 0
    out = tmp_path / "out.jsonl"
    words = ["interactions", "export", "-o", str(out), "--session", "user-1"]
    said = camel(*words)
    assert "125 calls" in said.stdout
    found = [json.loads(each) for each in out.read_text().splitlines()]
    assert {each["session"] for each in found} == {"user-1"}
    assert len({each["id"] for each in found}) == 125
    assert all(each["messages"] for each in found)
    told_again = shown(camel(*words, "--no-bodies", "--json"))
    assert (told_again["calls"], told_again["file"]) == (125, str(out))
    assert "messages" not in json.loads(out.read_text().splitlines()[0])
    piped = camel("interactions", "export", "--session", "user-0", "--no-bodies")
    assert len(piped.stdout.splitlines()) == 125


def test_a_file_that_cannot_be_written_or_is_refused_leaves_nothing(
    camel: Camel, tmp_path: Path
) -> None:
    there = tmp_path / "kept.jsonl"
    there.write_text("kept")
    assert camel("interactions", "export", "-o", str(there), "--since", "nonsense").exit_code == 2
    assert camel("interactions", "export", "-o", str(there), "--run", "ffff").exit_code == 5
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(("kept", "."))] == [
        "kept.jsonl"
    ]
    assert there.read_text() == "kept"
    refused = camel("interactions", "export", "-o", str(tmp_path / "no" / "where.jsonl"))
    assert refused.exit_code == 2
    assert "cannot be written" in refused.stderr


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

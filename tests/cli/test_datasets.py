"""`camel-ext dataset`: from judged answers to a version, what it rests on, files out and in."""

import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Camel, Served, error, shown

_goals = count(1)


def judged(served: Served, camel: Camel, *words: str) -> tuple[list[str], list[str]]:
    """Two answers to each goal, the first one chosen: (runs of the first, ids of all answers)."""
    runs, ids = [], []
    for word in words:
        goal = f"{word} number {next(_goals)}"
        two = []
        for text in (f"a good line about {word}", f"a poor line on {word}"):
            served.answers[goal] = text
            run = shown(
                camel("run", "write", goal, "--json", "--seed", "1", "--tag", f"topic:{word}")
            )
            turns = shown(camel("show", run["id"], "--json"))["turns"]
            two.append(turns[0]["interaction_id"])
            runs += [run["id"]] if len(two) == 1 else []
        assert camel("annotate", "choose", *two, "first").exit_code == 0
        ids += two
    return runs, ids


def of(ids: list[str]) -> list[str]:
    return [part for each in ids for part in ("--of", each)]


@pytest.fixture(scope="module")
def version(served: Served) -> Any:
    """A frozen version of three pairs, with the runs and answers it is made of."""
    from tests.cli.conftest import command_on

    camel = command_on(served.data_dir)
    runs, ids = judged(served, camel, "rivers", "cities", "trees")
    made = shown(camel("dataset", "build", "lines", *of(ids), "--eval-ratio", "0.4", "--json"))
    return {"version": made, "runs": runs, "ids": ids}


def test_a_project_without_datasets_is_told_how_to_begin(camel: Camel) -> None:
    said = camel("dataset")
    assert said.exit_code == 0
    assert "dataset build NAME" in said.stderr or "lines" in said.stdout


def test_a_version_is_built_and_shown(camel: Camel, version: Any) -> None:
    made = version["version"]
    assert (made["state"], made["pairs"], made["pairs_eval"]) == ("succeeded", 3, 1)
    said = camel("dataset", "show", "lines@1", "-n", "1")
    assert said.exit_code == 0
    for words in ("lines@1", "3 pairs: 2 train, 1 eval", made["content_hash"], "few_pairs",
                  "+ a good line about", "- a poor line on", "comparison by 1.00  owner"):  # fmt: skip
        assert words in said.stdout, words
    assert "camel-ext train start" in said.stderr
    listed = camel("dataset", "versions", "lines")
    assert "lines@1" in listed.stdout
    assert "lines" in camel("dataset", "list").stdout


def test_rules_come_from_a_file_and_from_options(
    camel: Camel, version: Any, tmp_path: Path
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("min_margin: 0.5\nseed: 3\n")
    made = shown(
        camel(
            "dataset", "build", "ruled", *of(version["ids"]), "--rules", str(rules), "--seed", "4",
            "--near-duplicates", "0", "--json",
        )
    )  # fmt: skip
    assert (made["rules"]["min_margin"], made["rules"]["seed"]) == (0.5, 4)
    assert made["rules"]["near_duplicates"] is None


def test_nothing_judged_fails_and_says_why(camel: Camel, version: Any) -> None:
    said = camel("dataset", "build", "none", *of(version["ids"]), "--by", "nobody")
    assert said.exit_code == 1
    assert "hold no pair" in said.stdout
    as_json = camel("dataset", "build", "none", *of(version["ids"]), "--by", "nobody", "--json")
    assert (as_json.exit_code, json.loads(as_json.stdout)["error_code"]) == (1, "datasets.no_pairs")


def test_a_wrong_rule_is_a_usage_error(camel: Camel, version: Any) -> None:
    said = camel("dataset", "build", "x", *of(version["ids"]), "--strategy", "luck", "--json")
    assert said.exit_code == 2
    assert "strategy" in error(said)["detail"]


def test_what_is_not_there(camel: Camel) -> None:
    assert camel("dataset", "show", "nothing").exit_code == 5
    assert camel("dataset", "versions", "nothing").exit_code == 5


def test_lineage_both_ways(camel: Camel, version: Any) -> None:
    said = camel("dataset", "lineage", "lines@1")
    assert "3 pairs from 6 answers of 6 runs, by 3 judgements" in said.stdout
    assert "owner" in said.stdout
    touched = shown(camel("dataset", "lineage", "--run", version["runs"][0], "--json"))
    assert ("lines", 1) in [(each["dataset"], each["number"]) for each in touched]
    assert "lines@1" in camel("dataset", "lineage", "--judge", "owner").stdout
    assert camel("dataset", "lineage").exit_code == 2


def test_without_a_run(camel: Camel, version: Any) -> None:
    run = version["runs"][1]
    looked = camel("dataset", "without", "lines@1", "--run", run, "--dry-run")
    assert "1 of 3 pairs would go" in looked.stdout
    reduced = shown(camel("dataset", "without", "lines@1", "--run", run, "--json"))
    assert (reduced["origin"], reduced["pairs"]) == ("reduced", 2)
    diff = camel("dataset", "diff", "lines@1", f"lines@{reduced['number']}")
    assert "2 kept, 1 removed" in diff.stdout
    nothing = camel("dataset", "without", "lines@1", "--judge", "nobody")
    assert "touches nothing: nobody" in nothing.stdout
    assert nothing.exit_code == 0
    assert camel("dataset", "without", "lines@1").exit_code == 2


class TestFiles:
    @pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
    def test_out_and_in_again_is_the_same(
        self, camel: Camel, version: Any, tmp_path: Path, suffix: str
    ) -> None:
        file = tmp_path / f"lines.{suffix}"
        written = shown(camel("dataset", "export", "lines@1", "-o", str(file), "--json"))
        assert written["size_bytes"] == file.stat().st_size
        made = shown(camel("dataset", "import", str(file), "--name", f"again-{suffix}", "--json"))
        assert made["content_hash"] == version["version"]["content_hash"]
        assert list(tmp_path.iterdir()) == [file]
        assert "hold the same pairs" in camel(
            "dataset", "diff", "lines@1", f"again-{suffix}"
        ).stdout  # fmt: skip

    def test_to_standard_output(self, camel: Camel, version: Any) -> None:
        said = camel("dataset", "export", "lines@1", "--split", "eval")
        assert len(said.stdout.splitlines()) == version["version"]["pairs_eval"]

    def test_a_bad_line_is_named_and_nothing_is_kept(self, camel: Camel, tmp_path: Path) -> None:
        file = tmp_path / "bad.jsonl"
        good = {
            "prompt": [{"role": "user", "content": "Why?"}],
            "chosen": [{"role": "assistant", "content": "So."}],
            "rejected": [{"role": "assistant", "content": "No."}],
        }
        file.write_text(f"{json.dumps(good)}\n\n{json.dumps({**good, 'chosen': 'So.'})}\n")
        said = camel("dataset", "import", str(file), "--name", "bad", "--json")
        assert said.exit_code == 2
        assert error(said)["detail"].startswith("Line 3: chosen: Expected `array`, got `str`")
        (only,) = shown(camel("dataset", "versions", "bad", "--json"))
        assert (only["state"], only["pairs"]) == ("cancelled", 0)

    def test_a_pickle_by_any_name_is_refused(self, camel: Camel, tmp_path: Path) -> None:
        import pickle

        for name in ("pairs.jsonl", "pairs.parquet"):
            file = tmp_path / name
            file.write_bytes(pickle.dumps({"prompt": print}))
            said = camel("dataset", "import", str(file), "--name", "pickled", "--json")
            assert said.exit_code == 2, name
        assert camel("dataset", "import", str(tmp_path / "no"), "--name", "x").exit_code == 2
        (tmp_path / "empty.jsonl").write_bytes(b"")
        empty = camel("dataset", "import", str(tmp_path / "empty.jsonl"), "--name", "x")
        assert empty.exit_code == 2

    def test_a_file_that_cannot_be_written_says_so(
        self, camel: Camel, version: Any, tmp_path: Path
    ) -> None:
        said = camel("dataset", "export", "lines@1", "-o", str(tmp_path / "no" / "x.jsonl"))
        assert said.exit_code == 2
        assert "cannot be written" in said.stderr

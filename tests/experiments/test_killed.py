"""The server is killed in every stage of a real loop, and the loop goes on and repeats nothing."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from camel_ext_client import Client
from camel_ext_client.experiments import Improvement

from camel_ext.experiments import read_improve

LONG_S = 1_200.0
KILLED_IN = ("sample", "fork", "judge", "pair", "train", "baseline", "candidate", "gate")
SMALL = """\
agent: answerer
goals:
  plants: [What do plants need to grow?, Why do trees lose their leaves in autumn?]
  weather: [What makes it rain?, What is a rainbow?]
  music: [What is a melody?, What is a choir?]
heldout:
  rivers: [What is a river?, What is a waterfall?]
  metals: [What is gold?, What is steel?]
  birds: [What do owls eat?, What are feathers for?]
  sleep: [Why do we sleep?, What is a dream?]
scorers:
  brief: {verify: length, params: {unit: words, max: 15}}
sample: {count: 4, temperature: 0.9, max_tokens: 60}
pairs: {min_margin: 0.05, eval_ratio: 0.0}
train: {preset: quick, adapter: brief, min_pairs: 1, hyper: {max_steps: 6, save_every_steps: 2}}
gate: {primary: brief, min_cases: 8, min_topics: 4}
promote: {when: never}
"""


@contextmanager
def serving(data_dir: Path) -> Iterator[tuple[int, Client]]:
    """A real `camel-ext up`, with the real model and the real trainer."""
    log = (data_dir.parent / "server.log").open("a")
    process = subprocess.Popen(
        [sys.executable, "-m", "camel_ext.cli", "up", "--port", "0", "--json",
         "--data-dir", str(data_dir), "--engine-threads", "1"],
        stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        greeting = json.loads(process.stdout.readline())
        key = Path(greeting["key_file"]).read_text().strip()
        with Client(greeting["url"], key) as client:
            yield process.pid, client
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        log.close()


def wait_for(client: Client, improvement_id: str, stage: str) -> Improvement:
    """The improvement, once it is in that stage or past it, or at its end."""
    deadline = time.monotonic() + LONG_S
    while time.monotonic() < deadline:
        found = client.improvements.get(improvement_id)
        names = [each["name"] for each in found["stages"]]
        if stage in names or found["state"] in ("succeeded", "failed", "cancelled"):
            return found
        time.sleep(0.05)
    raise AssertionError(f"it never came to {stage}")


@pytest.mark.slow
def test_killed_in_every_stage_it_goes_on_and_repeats_nothing(
    tmp_path: Path, bundled_model: Path
) -> None:
    data_dir = tmp_path / "data"
    (data_dir / "models").mkdir(parents=True)
    shutil.copy(bundled_model, data_dir / "models")
    there = files("camel_ext.cli") / "demo_files"
    texts = {name: (there / name).read_text() for name in
             ("agents.yaml", "workflows.yaml", "models.yaml")}  # fmt: skip
    config = read_improve("improve.yaml", SMALL).config.model_dump(mode="json")
    with serving(data_dir) as (_, client):
        client.configurations.apply(texts)
        improvement_id = client.improvements.start("answer", config, seed=1)["id"]
    killed = []
    for stage in KILLED_IN:
        with serving(data_dir) as (pid, client):
            found = wait_for(client, improvement_id, stage)
            if found["state"] != "running":
                break
            killed.append(found["stage"])
            os.kill(pid, signal.SIGKILL)
    with serving(data_dir) as (_, client):
        ended = wait_for(client, improvement_id, "verify_live")
        while ended["state"] == "running":
            time.sleep(0.1)
            ended = client.improvements.get(improvement_id)
        assert ended["state"] == "succeeded", ended["error_detail"]
        assert {"sample", "train", "candidate"} & set(killed)
        assert ended["cycle"] == 1
        check_nothing_twice(client, ended)


def check_nothing_twice(client: Client, ended: Improvement) -> None:
    """Everything that was started is a child of a stage, and there is no more of it."""
    children = {stage["name"]: stage["children"] for stage in ended["stages"]}
    runs = [run["id"] for run in client.runs.each()]
    mine = [run for run in runs if run in children["sample"]]
    assert sorted(mine) == sorted(children["sample"])
    assert len(runs) == 6 + 2 * 8
    listed: dict[str, Any] = {
        path: client._transport.get(f"/api/v1/{path}", limit=100)["items"]
        for path in ("forks", "trainings", "evaluations", "comparisons", "certificates",
                     "decisions")
    }  # fmt: skip
    assert {path: len(items) for path, items in listed.items()} == {
        "forks": 6, "trainings": 1, "evaluations": 2, "comparisons": 1, "certificates": 1,
        "decisions": 1,
    }  # fmt: skip
    assert all(fork["done"] == 4 for fork in listed["forks"])
    calls = list(client.interactions.export(bodies=False))
    samples = [call for call in calls if call["purpose"] == "sample" and not call["error_code"]]
    assert len(samples) == len({call["external_id"] for call in samples}) == 24

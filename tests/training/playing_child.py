"""A trainer's process whose trainer only plays: everything before the training is child.py's own.

Run as child.py is. It goes on from its last checkpoint, cuts its log back as the real one does, and
leaves a checkpoint when it is asked to stop. `play.json` in the folder says how many steps of how long.
"""

import importlib.util
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def play(job_dir: str, *options: str) -> None:
    """Say what a trainer says, slowly."""
    folder = Path(job_dir)
    plan = json.loads((folder / "play.json").read_text())
    log = folder / "events.jsonl"
    if "--preflight" in options:
        _say(log, kind="preflight", pairs=1, memory_bytes=1, network=_has_network())
        return
    stop: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stop.append(number))
    done = _last_checkpoint(folder)
    _rewind(log, done)
    sys.stdout.write(f"process {os.getpid()} goes on after step {done}\n")
    sys.stdout.flush()
    for step in range(done + 1, plan["steps"] + 1):
        time.sleep(plan["step_s"])
        _say(log, kind="step", step=step, steps=plan["steps"], loss=1 / step, margin=step / 10)
        if step % plan["every"] == 0 or stop:
            (folder / "checkpoints" / f"step-{step}").mkdir(parents=True, exist_ok=True)
            _say(log, kind="checkpoint", step=step, path=f"checkpoints/step-{step}", size_bytes=0)
        if stop:
            _say(log, kind="stopped", step=step)
            sys.exit(3)
    sys.path.insert(0, str(ROOT))
    from tests.fakes.launcher import write_result

    _say(log, kind="result", **write_result(folder))


def _say(log: Path, **said: Any) -> None:
    with log.open("a") as file:
        file.write(json.dumps({"at": time.time(), **said}) + "\n")


def _last_checkpoint(folder: Path) -> int:
    names = [path.name for path in (folder / "checkpoints").glob("step-*")]
    return max((int(name.removeprefix("step-")) for name in names), default=0)


def _rewind(log: Path, step: int) -> None:
    lines = log.read_text().splitlines() if log.exists() else []
    kept = [line for line in lines if json.loads(line).get("step", 0) <= step]
    log.write_text("".join(f"{line}\n" for line in kept if '"stopped"' not in line))


def _has_network() -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))
        except OSError:
            return False
        return True


def main() -> None:
    """Be child.py, with a trainer that plays."""
    spec = importlib.util.spec_from_file_location("child", ROOT / "camel_ext/training/child.py")
    assert spec is not None
    assert spec.loader is not None
    child = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(child)
    vars(child)["train"] = play
    child.main()


if __name__ == "__main__":
    main()

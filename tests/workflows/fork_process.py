"""A worker of forks as a process that can be killed: `python -m ... DATABASE_URL FOLDER`.

Its model takes a while, and writes down the seed of each call before it answers.
"""

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from random import Random

from camel_ext.core.clock import SystemClock
from camel_ext.core.database import Database
from camel_ext.core.queue import QueueWorker
from camel_ext.core.runtime import Runtime
from camel_ext.core.threads import ThreadLanes
from camel_ext.rooms import import_models
from camel_ext.serving import Serving
from camel_ext.serving.engines.protocol import ChatReply, ChatRequest
from camel_ext.settings import Settings
from tests.fakes.engine import FakeEngine

ANSWER_S = 0.05


@dataclass
class TellingEngine(FakeEngine):
    """Writes each call's seed into a file."""

    file: Path = Path()

    async def chat(self, request: ChatRequest, *, timeout_s: float) -> ChatReply:
        with self.file.open("a") as told:
            told.write(f"{request.params['seed']}\n")
        await asyncio.sleep(ANSWER_S)
        return await super().chat(request, timeout_s=timeout_s)


async def work(url: str, folder: Path) -> None:
    runtime = Runtime(Database(url), SystemClock(), Random(), ThreadLanes())
    serving = runtime.extras["serving"] = Serving(runtime, Settings(data_dir=folder))
    serving.use(TellingEngine(file=folder / "asked"))
    await QueueWorker(runtime, name="mortal", concurrency=1, poll_s=0.01, sole=True).run()


if __name__ == "__main__":
    import_models()
    import camel_ext.workflows.tasks  # noqa: F401 - registers them

    asyncio.run(work(sys.argv[1], Path(sys.argv[2])))

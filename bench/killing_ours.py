"""Our asker of `killing`: starts a run for each line of stdin, as a server does, and says when it is durable.

The workers are `camel-ext worker` itself. It measures nothing.

    python -m bench.killing_ours
"""

import asyncio
import os
import sys

from bench.killing import STEPS
from camel_ext.app import Parts, answering, create_app
from camel_ext.identity import Actor, PrincipalKind, Role, bootstrap
from camel_ext.settings import Settings
from camel_ext.workflows import definitions, runs
from camel_ext.workflows.definitions import Applier
from camel_ext.workflows.schemas import ConfigurationApply, RunStart


def workflow() -> str:
    """Return the configuration: some steps in a row, each saying whose and which it is."""
    steps = "\n".join(
        f"      - {{name: s{n}, tool: enter, arguments: {{job: '{{{{ input.job }}}}', n: {n}}}}}"
        for n in range(STEPS)
    )
    head = "workflows:\n  steps:\n    inputs: {job: {type: string}}\n    steps:\n"
    return f"{head}{steps}\n    output: steps.s{STEPS - 1}.text\n"


async def ask() -> None:
    """Bring the database up, then start what each line of stdin names."""
    settings = Settings()
    create_app(settings)  # imports all rooms, as the server does
    async with answering(settings, Parts()) as runtime:
        founded = await runtime.write_system(
            "bench", lambda db: bootstrap(db, runtime.clock, runtime.new_id)
        )
        who, tenant = founded.principal_id, founded.tenant
        actor = Actor(tenant, who, who, "bench", PrincipalKind.USER, Role.OWNER)
        by = Applier(actor, runtime.clock, runtime.new_id, frozenset({"enter"}))
        wanted = ConfigurationApply(files={"workflows.yaml": workflow()})
        await runtime.write(tenant, definitions.apply, by, wanted, None)
        print("ready", flush=True)
        asker = runs.Asker(who, runtime.clock, runtime.new_id, lambda: 1, "0" * 32)
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            job = RunStart(workflow="steps", input={"job": line.strip()})
            await runtime.write(tenant, runs.start_run, asker, job)
            print(line.strip(), flush=True)


if __name__ == "__main__":
    asyncio.run(ask())
    os._exit(0)  # a blocked read of stdin has a thread of its own

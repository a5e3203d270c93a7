"""What a command that waits for a job says at once where nobody works on it: who could, and how."""

from camel_ext_client import ApiError, Client

from camel_ext.cli.command import Here
from camel_ext.cli.output import plain, short

REFUSED = 403  # workers are shown to owners of who runs the installation


def warn_if_unserved(here: Here, client: Client, queue: str) -> None:
    """Say on standard error that nobody takes from a queue, and what changes that."""
    why = _why_unserved(client, queue)
    if why is not None and not here.as_json:
        here.err.print(f"[warn]Nobody works on it:[/] {why}", soft_wrap=True)


def _why_unserved(client: Client, queue: str) -> str | None:
    name = plain(queue)
    if any(each["name"] == queue and each["paused_at"] for each in client.jobs.queues()["items"]):
        return f"the queue {name} is paused. Let workers take from it: camel-ext jobs resume {name}"
    try:
        workers = client.jobs.workers()["items"]
    except ApiError as error:
        if error.status != REFUSED:
            raise
        return None
    serving = [each for each in workers if each["queues"] is None or queue in each["queues"]]
    if not serving:
        others = ", only from others" if workers else ""
        return (
            f"no worker takes from the queue {name}{others}. "
            f"Start one: camel-ext worker --queues {name}"
        )
    if all(each["draining_since"] is not None for each in serving):
        one = short(serving[0]["id"])
        return f"each worker that takes from the queue {name} drains. Take that back: camel-ext workers resume {one}"
    return None

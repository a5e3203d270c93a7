"""Everything else, through Apprise, where it is installed: `pip install camel-extensions[notify]`.

An Apprise URL holds tokens: it lies in a variable of the server's environment, and is neither stored, shown
nor logged.
"""

import logging
from dataclasses import dataclass
from importlib.util import find_spec

from camel_ext.core.runtime import Runtime
from camel_ext.notifications.deliveries import Letter, Tried
from camel_ext.notifications.plain_text import body_of
from camel_ext.notifications.unsent import Unsent
from camel_ext.settings import secret_from_environment


def problem(variable: str) -> str | None:
    """Say why nothing can be sent by the URL in that variable."""
    if find_spec("apprise") is None:
        return "Apprise is not installed here: pip install 'camel-extensions[notify]'"
    if secret_from_environment(variable) is None:
        return f"the variable {variable} is not set for this server"
    return None


@dataclass(frozen=True, slots=True)
class Apprised:
    """Sends by Apprise."""

    runtime: Runtime
    base_url: str | None

    async def send(self, letter: Letter) -> Tried:
        """Send a message. Raises: Unsent."""
        variable = letter.config["url_env"]
        missing = problem(variable)
        if missing is not None:
            raise Unsent("notifications.apprise_not_set", missing, lasting=True)
        clock = self.runtime.clock
        began_s = clock.monotonic_s()
        body = body_of(letter, self.base_url)
        taken = await self.runtime.threads.run("outbound", _notify, variable, letter.subject, body)
        took_ms = (clock.monotonic_s() - began_s) * 1000
        if taken is None:
            raise Unsent(
                "notifications.apprise_not_set",
                f"the variable {variable} holds no URL that Apprise knows",
                lasting=True,
            )
        if not taken:
            raise Unsent(
                "notifications.apprise_failed", "the service did not take it", latency_ms=took_ms
            )
        return Tried(None, took_ms)


def _notify(variable: str, title: str, body: str) -> bool | None:
    """Send; None: that is no URL for Apprise."""
    import apprise  # 0.3 s: with the first message

    logging.getLogger("apprise").disabled = True  # it names URLs, and they hold tokens
    url = secret_from_environment(variable)
    sender = apprise.Apprise()
    if url is None or not sender.add(url.get_secret_value()):
        return None
    return bool(sender.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT))

"""How a message leaves the house, by kind of channel, and what it means when it is not taken.

It writes nothing down: the job that calls it does. What other libraries need is imported with the first
message of its kind.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from camel_ext.core.runtime import Runtime
from camel_ext.notifications.deliveries import Letter, Tried
from camel_ext.notifications.models import Channel, ChannelKind
from camel_ext.notifications.schemas import ChannelConfig, WebhookConfig
from camel_ext.notifications.unsent import Unsent
from camel_ext.settings import Settings

if TYPE_CHECKING:
    from camel_ext.core.outbound import Outbound

EXTRA = "notifications"


class Way(Protocol):
    """Sends by one kind of channel."""

    async def send(self, letter: Letter) -> Tried:
        """Send a message once. Raises: Unsent."""
        ...


class Office:
    """One per process: it knows the operator's servers and limits."""

    def __init__(self, runtime: Runtime, settings: Settings) -> None:
        self.settings = settings
        self._runtime = runtime
        self._base_url = settings.notifications.public_url

    @cached_property
    def outbound(self) -> "Outbound":
        """What calls URLs of users; its code is loaded with the first of them."""
        from camel_ext.core.addresses import Allowed
        from camel_ext.core.outbound import Outbound

        knobs = self.settings.outbound
        return Outbound(
            self._runtime.threads,
            self._runtime.clock,
            Allowed.read(knobs.allowed_networks),
            knobs.timeout_s,
            knobs.max_response_bytes,
        )

    def problem(self, channel: Channel) -> str | None:
        """Say why a channel cannot send as this server is set up."""
        if channel.kind is ChannelKind.EMAIL:
            from camel_ext.notifications import mailing

            return mailing.problem(self.settings.mail)
        if channel.kind is ChannelKind.APPRISE:
            from camel_ext.notifications import apprising

            return apprising.problem(channel.config["url_env"])
        return None

    def check(self, config: ChannelConfig) -> None:
        """Refuse where no message could ever go. Raises: UrlRefused."""
        if isinstance(config, WebhookConfig):
            self.outbound.check(config.url)

    async def send(self, letter: Letter) -> Tried:
        """Send a message once.

        Raises: Unsent, which says whether another try makes sense.
        """
        from camel_ext.core.outbound import OutboundFailed, UrlRefused

        try:
            return await self._way(letter.kind).send(letter)
        except UrlRefused as error:
            raise Unsent(error.code, error.detail, lasting=True) from error
        except OutboundFailed as error:
            raise Unsent(error.code, error.detail) from error

    def _way(self, kind: ChannelKind) -> Way:
        """Return what sends by that kind of channel; its code is loaded with the first message."""
        match kind:
            case ChannelKind.WEBHOOK:
                from camel_ext.notifications.webhooks import Webhooks

                return Webhooks(self.outbound, self._runtime.clock, self._base_url)
            case ChannelKind.EMAIL:
                from camel_ext.notifications.mailing import Mail

                return Mail(self._runtime, self.settings.mail, self._base_url)
            case ChannelKind.APPRISE:
                from camel_ext.notifications.apprising import Apprised

                return Apprised(self._runtime, self._base_url)


def office_of(runtime: Runtime) -> Office:
    """Return this process's office."""
    office: Office = runtime.extras[EXTRA]
    return office

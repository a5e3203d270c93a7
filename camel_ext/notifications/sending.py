"""How a message leaves the house, by kind of channel, and what it means when it is not taken.

It writes nothing down: the job that calls it does. What other libraries need is imported with the first
message of its kind.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from camel_ext.core.addresses import Allowed
from camel_ext.core.outbound import Outbound, OutboundFailed, UrlRefused
from camel_ext.core.runtime import Runtime
from camel_ext.notifications import apprising, mailing, webhooks
from camel_ext.notifications.deliveries import Letter, Tried
from camel_ext.notifications.models import Channel, ChannelKind
from camel_ext.notifications.schemas import ChannelConfig, WebhookConfig
from camel_ext.notifications.unsent import Unsent
from camel_ext.settings import Settings

EXTRA = "notifications"


@dataclass(eq=False)
class Office:
    """One per process: it knows the operator's servers and limits."""

    runtime: Runtime
    settings: Settings
    ways: dict[ChannelKind, Callable[[Letter], Awaitable[Tried]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        knobs, runtime = self.settings, self.runtime
        base = knobs.notifications.public_url
        self.outbound = Outbound(
            runtime.threads,
            runtime.clock,
            Allowed.read(knobs.outbound.allowed_networks),
            knobs.outbound.timeout_s,
            knobs.outbound.max_response_bytes,
        )
        self.ways |= {
            ChannelKind.WEBHOOK: webhooks.Webhooks(self.outbound, runtime.clock, base).send,
            ChannelKind.EMAIL: mailing.Mail(runtime, knobs.mail, base).send,
            ChannelKind.APPRISE: apprising.Apprised(runtime, base).send,
        }

    def problem(self, channel: Channel) -> str | None:
        """Say why a channel cannot send as this server is set up."""
        match channel.kind:
            case ChannelKind.EMAIL:
                return mailing.problem(self.settings.mail)
            case ChannelKind.APPRISE:
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
        try:
            return await self.ways[letter.kind](letter)
        except UrlRefused as error:
            raise Unsent(error.code, error.detail, lasting=True) from error
        except OutboundFailed as error:
            raise Unsent(error.code, error.detail) from error


def office_of(runtime: Runtime) -> Office:
    """Return this process's office."""
    office: Office = runtime.extras[EXTRA]
    return office

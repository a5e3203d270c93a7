"""What can be wrong with channels, rules and deliveries; a message that was not taken is data on its row."""

from camel_ext.core.errors import Conflict, Invalid, NotFound, Unavailable


class ChannelUnknown(NotFound):
    """There is no such channel in this project."""


class RuleUnknown(NotFound):
    """There is no such rule in this project."""


class DeliveryUnknown(NotFound):
    """There is no such delivery in this project."""


class ChannelNameTaken(Conflict):
    """There is a channel by this name already."""


class RuleNameTaken(Conflict):
    """There is a rule by this name already."""


class ChannelInUse(Conflict):
    """Rules send by this channel: give them another one, or delete them first."""


class RuleBuiltIn(Conflict):
    """This rule is built in and stays: turn it off instead."""


class TooMany(Conflict):
    """A project has a limited number of these: delete some first."""


class RuleInvalid(Invalid):
    """The rule cannot be used as it was given."""


class ChannelInvalid(Invalid):
    """The channel cannot be used as it was given."""


class NoSecret(Conflict):
    """Only webhooks are signed: a channel of another kind has no secret."""


class DeliveryOpen(Conflict):
    """The delivery is still under way: only one that has ended can be sent again."""


class NotTaken(Unavailable):
    """The other side did not take the message, in all of its tries."""


class NotSendable(Invalid):
    """The message cannot be sent by this channel, now or later."""

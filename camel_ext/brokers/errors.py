"""What can be wrong with the broker that the settings name."""

from camel_ext.core.errors import Invalid


class BrokerLibraryMissing(Invalid):
    """A broker is named in the settings, and Celery is not installed: `camel-extensions[celery]`."""


class BrokerUnknown(Invalid):
    """The broker's URL begins with none of `amqp://`, `amqps://` and `redis://`."""


class EventsNeedRabbitMQ(Invalid):
    """Events are published to RabbitMQ alone: Redis keeps no topics and confirms nothing."""

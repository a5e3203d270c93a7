"""The live feed: numbers what changed, and tells who asked, without a gap and without a repetition.

It knows organisations, topics and cursors, and carries text that is being made. It does not know what
an event means: each room names its own in core's outbox, and whoever listens acts on them itself.
"""

from camel_ext.events.process import EXTRA as FEED
from camel_ext.events.process import Feed, end_streams, feed_of, show, show_end
from camel_ext.events.streams import Streams
from camel_ext.events.topics import frame_kind

__all__ = ["FEED", "Feed", "Streams", "end_streams", "feed_of", "frame_kind", "show", "show_end"]

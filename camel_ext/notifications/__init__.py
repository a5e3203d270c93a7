"""Notifications: rules from events to the inbox and to channels, and the log of what was delivered.

It only listens: it reads the numbered outbox of the rooms below and changes nothing of theirs. It decides
nothing, and what it sends is data, never a template of somebody's.
"""

from camel_ext.notifications.process import opened
from camel_ext.notifications.sending import Office, office_of

__all__ = ["Office", "office_of", "opened"]

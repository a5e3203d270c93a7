"""Brokers: RabbitMQ or Redis in front of the job queue, and events for other people's systems.

A message only hints at a job's row, which is the truth: a broker may lose, repeat, delay or reorder
anything, or be gone for a week. Nothing here is imported unless a broker is named in the settings.
"""

from camel_ext.brokers.process import hinted, hinting

__all__ = ["hinted", "hinting"]

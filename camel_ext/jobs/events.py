"""What the queue announces: that a job is dead. Core writes it, with the job's end."""

from camel_ext.core.deaths import JobDied

__all__ = ["JobDied"]

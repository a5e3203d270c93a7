"""How somebody asks a training to end, and how it says that it did."""

from typing import Any


class Stopped(Exception):
    """The training ended because it was asked to; a checkpoint holds what was reached at `step`."""

    def __init__(self, step: int = 0) -> None:
        super().__init__(f"stopped at step {step}")
        self.step = step


class StopSwitch:
    """Is thrown by a signal, and asked where the training may end."""

    def __init__(self) -> None:
        self.thrown = False

    def throw(self, *_signal: Any) -> None:
        """Ask the training to end; usable as a signal handler."""
        self.thrown = True

    def check(self, step: int = 0) -> None:
        """Raise Stopped when the switch was thrown."""
        if self.thrown:
            raise Stopped(step)

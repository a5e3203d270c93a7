"""How much a command in the sandbox may use, and how it is told when it used more.

Which of these the kernel holds (per process) and which the watch holds (for all processes together,
looked at every `WATCH_S`) stands with each. It is not about budgets of runs (tokens, cost).
"""

from dataclasses import dataclass
from enum import StrEnum

from camel_ext.workflows.tools.output import KEPT_BYTES

MIB = 1024 * 1024
WATCH_S = 0.05  # a program that fills memory or disk at 2 GB/s gets some 100 MB past its limit


class Stopped(StrEnum):
    """Why a command was ended before its own end."""

    TIME = "time"
    OUTPUT = "output"
    MEMORY = "memory"
    DISK = "disk"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one command may use; the defaults suit a laptop that runs a few at once."""

    wall_s: float = 30.0  # the platform's clock, then SIGKILL to all its processes
    cpu_s: int = 30  # kernel, per process
    memory_bytes: int = 1024 * MIB  # address space per process (kernel), resident in all (watch)
    processes: int = 64  # kernel, threads count too
    open_files: int = 256  # kernel, per process
    scratch_bytes: int = 64 * MIB  # per file (kernel), all together (watch)
    scratch_entries: int = 2_000  # watch: files, folders and links
    written_bytes: int = 512 * MIB  # watch: also what was written and deleted again
    temporary_bytes: int = 64 * MIB  # kernel: /tmp is memory
    output_bytes: int = 4 * MIB  # then it is stopped: a flood says nothing more
    kept_bytes: int = KEPT_BYTES  # of the output, head and tail

    def rlimits(self, uid: int | None) -> str:
        """Return the kernel's share in the words of the launcher."""
        values = {
            "AS": self.memory_bytes,
            "CORE": 0,
            "CPU": self.cpu_s,
            "FSIZE": self.scratch_bytes,
            "NOFILE": self.open_files,
            "NPROC": self.processes,
        }
        if uid is not None:
            values["uid"] = uid
        return ",".join(f"{name}={value}" for name, value in values.items())

    def sentence(self, stopped: Stopped) -> str:
        """Say to the model what happened and what would be right."""
        return {
            Stopped.TIME: f"it ran longer than {self.wall_s:g} s",
            Stopped.OUTPUT: f"it printed more than {self.output_bytes // MIB} MiB; print less",
            Stopped.MEMORY: f"it used more than {self.memory_bytes // MIB} MiB of memory",
            Stopped.DISK: (
                f"it wrote more than the working folder may hold ({self.scratch_bytes // MIB} MiB "
                f"in {self.scratch_entries} files)"
            ),
        }[stopped]

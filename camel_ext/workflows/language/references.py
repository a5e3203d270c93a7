"""What a template or an expression refers to: `steps.review.text` as a chain with its place.

It only names the shape; templates and conditions find the chains, checks judges them.
"""

from dataclasses import dataclass

ROOTS = ("input", "steps", "round", "rounds", "candidate")


@dataclass(frozen=True, slots=True)
class Reference:
    """A chain of names from a root variable; None stands for a number or a computed index."""

    chain: tuple[str | None, ...]
    line: int = 1
    optional: bool = False  # asked for with has() or default(): it may be missing

    def __str__(self) -> str:
        return ".".join("[...]" if part is None else part for part in self.chain).replace(".[", "[")

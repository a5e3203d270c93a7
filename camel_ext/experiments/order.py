"""The stages of the loop in their order, and which of them an improvement goes through."""

from typing import Final

from camel_ext.experiments.config import ImproveConfig
from camel_ext.experiments.deciding import Decide, VerifyLive
from camel_ext.experiments.learning import BuildPairs, JudgeCandidates, TrainAdapter
from camel_ext.experiments.proving import Baseline, Candidate, Gate
from camel_ext.experiments.sampling import ForkTurns, SampleRuns
from camel_ext.experiments.stages import Stage

LEARN: Final[tuple[Stage, ...]] = (
    SampleRuns(), ForkTurns(), JudgeCandidates(), BuildPairs(), TrainAdapter(),
)  # fmt: skip
PROVE: Final[tuple[Stage, ...]] = (Baseline(), Candidate(), Gate(), Decide(), VerifyLive())
STAGES: Final = (*LEARN, *PROVE)


def stages_of(config: ImproveConfig) -> tuple[Stage, ...]:
    """Return the stages of an improvement: one that names its candidate learns nothing."""
    return STAGES if config.candidate is None else PROVE

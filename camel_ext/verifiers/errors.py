"""What can be wrong with asking for a check; a failed check is a verdict, not an error."""

from camel_ext.core.errors import Invalid, NotFound


class UnknownVerifier(NotFound):
    """There is no verifier of that name."""


class VerifierParamsWrong(Invalid):
    """A verifier was given parameters it cannot work with."""

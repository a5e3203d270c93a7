"""A message that was not taken: what the other side said, and whether another try makes sense."""


class Unsent(Exception):
    """`lasting`: no other try would end better."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        lasting: bool = False,
        response_code: int | None = None,
        latency_ms: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.lasting = lasting
        self.response_code = response_code
        self.latency_ms = latency_ms

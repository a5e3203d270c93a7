"""A private S3 for tests: `rclone serve s3` over a folder, from a wheel, killed and started at will."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.brokers.servers import Server

BUCKET = "agents"


class S3(Server):
    """One server; its objects are files below `home/data`."""

    def __init__(self) -> None:
        super().__init__("s3")
        self.secret = "canary-4711-secret"
        (self.home / "data" / BUCKET).mkdir(parents=True)

    @property
    def url(self) -> str:
        return f"s3://{BUCKET}/ours"

    @property
    def env(self) -> Mapping[str, str]:
        """The variables by which a client finds it."""
        return {
            "AWS_ACCESS_KEY_ID": "tester", "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_REGION": "us-east-1", "AWS_ENDPOINT": f"http://127.0.0.1:{self.port}",
        }  # fmt: skip

    def _spawn(self) -> "subprocess.Popen[bytes]":
        rclone, keys = Path(sys.executable).parent / "rclone", f"tester,{self.secret}"
        words = ["serve", "s3", str(self.home / "data"), "--addr", f"127.0.0.1:{self.port}"]
        return self._popen([str(rclone), *words, "--auth-key", keys], dict(os.environ))

    def _answers(self) -> bool:
        return self._asked(b"GET / HTTP/1.0\r\n\r\n", lambda said: said.startswith(b"HTTP/"))


@contextmanager
def private_s3() -> Iterator[S3]:
    """Start an S3; end it with its folder."""
    server = S3()
    try:
        server.start()
        yield server
    finally:
        server.close()

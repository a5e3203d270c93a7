"""Content addresses: one canonical form of JSON, one hash of it.

Versions, prompts and effects are named by these. It is not for passwords or keys (identity).
"""

import hashlib
import json
from pathlib import Path
from typing import Any


def canonical_json(content: Any) -> bytes:
    """Return JSON with sorted keys, no spaces, UTF-8; equal content gives equal bytes.

    Raises: ValueError on NaN and infinities, which JSON cannot say.
    """
    return json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def sha256_hex(raw: bytes) -> str:
    """Return the SHA-256 of the bytes in hex."""
    return hashlib.sha256(raw).hexdigest()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_hash(content: Any) -> str:
    """Return `sha256:<hex>` of the content's canonical form."""
    return f"sha256:{sha256_hex(canonical_json(content))}"

"""Cursors: an organisation's place in its feed, as an opaque and typed string.

A cursor of a list's page is another kind of cursor; this module refuses it.
"""

import base64
import binascii

from camel_ext.events.errors import BadCursor

KIND = b"ev"  # the type: two bytes, then seven of the number, so that base64 needs no padding
_LENGTH = 12


def encode_cursor(seq: int) -> str:
    """Return the cursor after the event of that number."""
    return base64.urlsafe_b64encode(KIND + seq.to_bytes(7, "big")).decode()


def decode_cursor(cursor: str) -> int:
    """Return the number of the last event before the cursor.

    Raises: BadCursor.
    """
    try:
        raw = base64.b64decode(cursor, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadCursor() from error
    if len(cursor) != _LENGTH or not raw.startswith(KIND):
        raise BadCursor()
    return int.from_bytes(raw[len(KIND) :], "big")

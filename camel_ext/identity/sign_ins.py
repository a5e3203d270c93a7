"""How a browser gets a key of its own: a one-time code in a link, redeemed once for a key.

Codes live hashed in the memory of the server's one process and die with it: a code that is lost is
made again by `camel-ext open`. The key that a browser gets is an ordinary one, listed and revocable.
This is not a session: nothing is kept in a cookie, which every port of the host would share (ADR 12).
"""

import secrets
from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from camel_ext.core.caching import forget
from camel_ext.core.clock import Clock
from camel_ext.core.hashing import sha256_hex
from camel_ext.core.runtime import Runtime
from camel_ext.identity.errors import CodeRefused, KeyRefused, NotABrowserKey, TooManyTries
from camel_ext.identity.models import ApiKey
from camel_ext.identity.service import Actor, NewId, mint

CODE_S = 300.0
BROWSER_KEY = timedelta(days=30)
MOST_CODES = 256  # open at a time; the oldest gives way
MOST_FAILED = 10  # wrong tries in a minute
MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class SignInCode:
    """A code and until when it can be redeemed."""

    code: str
    expires_at: datetime


class SignInCodes:
    """This process's open codes, by hash, and how often somebody tried a wrong one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: OrderedDict[str, tuple[float, Actor]] = OrderedDict()
        self._failed_at_s: deque[float] = deque(maxlen=MOST_FAILED)

    def make(self, actor: Actor) -> SignInCode:
        """Make a code that signs in as this actor, once."""
        code = secrets.token_urlsafe(24)  # 192 bits: it cannot be guessed in its five minutes
        self._open[_digest(code)] = (self._clock.monotonic_s() + CODE_S, actor)
        while len(self._open) > MOST_CODES:
            self._open.popitem(last=False)
        return SignInCode(code, self._clock.now() + timedelta(seconds=CODE_S))

    def take(self, code: str) -> Actor:
        """Return who made the code; from now on it is refused.

        A right code is never held up by others' wrong ones, or anybody could keep the owner out.
        Raises: CodeRefused, TooManyTries.
        """
        now_s = self._clock.monotonic_s()
        until_s, actor = self._open.pop(_digest(code), (now_s, None))
        if actor is not None and until_s > now_s:
            return actor
        full = len(self._failed_at_s) == MOST_FAILED
        if full and (wait_s := self._failed_at_s[0] + MINUTE_S - now_s) > 0:
            raise TooManyTries(retry_after_s=wait_s)
        self._failed_at_s.append(now_s)
        raise CodeRefused()


def _digest(code: str) -> str:
    return sha256_hex(code.encode())


def sign_in_codes(runtime: Runtime) -> SignInCodes:
    """Return this process's open codes."""
    codes: SignInCodes = runtime.extras.setdefault("identity.codes", SignInCodes(runtime.clock))
    return codes


def give_browser_key(db: Session, clock: Clock, new_id: NewId, actor: Actor) -> tuple[ApiKey, str]:
    """Make a key for the browser of who asked: the same principal, never for longer than its own.

    Raises: KeyRefused where the key that asked was revoked meanwhile.
    """
    asking, now = db.get(ApiKey, actor.key_id), clock.now()
    if asking is None or asking.revoked_at is not None:
        raise KeyRefused()
    name = f"browser, {now:%Y-%m-%d}"
    secret, key = mint(new_id(), actor.tenant, actor.principal_id, name, now)
    key.for_browser = True
    key.expires_at = min(filter(None, (now + BROWSER_KEY, asking.expires_at)))
    db.add(key)
    db.flush()
    return key, secret


def sign_out(db: Session, clock: Clock, actor: Actor) -> ApiKey:
    """Revoke the browser's key that asks.

    Raises: NotABrowserKey: other keys are revoked by an owner, not by whoever holds them.
    """
    key = db.get_one(ApiKey, actor.key_id)
    if not key.for_browser:
        raise NotABrowserKey()
    key.revoked_at = key.revoked_at or clock.now()
    forget(db)
    db.flush()
    return key

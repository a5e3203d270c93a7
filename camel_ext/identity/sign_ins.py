"""How a browser gets a key of its own: a one-time code in a link, redeemed once for a key.

Codes are kept hashed for five minutes, so that whichever server is asked can redeem one; a code that is
lost is made again by `camel-ext open`. The key that a browser gets is an ordinary one, listed and
revocable. This is not a session: nothing is kept in a cookie, which every port of the host would share
(ADR 12).
"""

import secrets
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from camel_ext.core.caching import forget
from camel_ext.core.clock import Clock
from camel_ext.core.hashing import sha256_hex
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.identity.errors import CodeRefused, KeyRefused, NotABrowserKey, TooManyTries
from camel_ext.identity.models import ApiKey, SignInCode
from camel_ext.identity.service import Actor, NewId, actor_of, mint

CODE_KEPT = timedelta(minutes=5)
BROWSER_KEY = timedelta(days=30)
MOST_CODES = 256  # open at a time in an organisation; the oldest gives way
MOST_FAILED = 10  # wrong tries in a minute, at one server
MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class CodeMade:
    """A code and until when it can be redeemed."""

    code: str
    expires_at: datetime


def make_code(db: Session, clock: Clock, actor: Actor) -> CodeMade:
    """Make a code that signs in as this actor, once."""
    code, now = secrets.token_urlsafe(24), clock.now()  # 192 bits: not to be guessed in that time
    newest = select(SignInCode.digest).order_by(SignInCode.expires_at.desc())
    kept = newest.where(SignInCode.expires_at > now).limit(MOST_CODES - 1)
    held = list(db.scalars(kept))
    db.execute(delete(SignInCode).where(SignInCode.digest.not_in(held)))
    made = SignInCode(
        org_id=actor.tenant.org_id,
        digest=_digest(code),
        project_id=actor.tenant.project_id,
        key_id=actor.key_id,
        expires_at=now + CODE_KEPT,
    )
    db.add(made)
    db.flush()
    return CodeMade(code, made.expires_at)


def find_code(db: Session, clock: Clock, code: str) -> Tenant | None:
    """Return where an open code signs in; None: there is none. Runs in a system session."""
    found = db.get(SignInCode, _digest(code))
    if found is None or found.expires_at <= clock.now():
        return None
    return Tenant(found.org_id, found.project_id)


def redeem_code(db: Session, clock: Clock, new_id: NewId, code: str) -> tuple[ApiKey, str, Actor]:
    """Use a code up, and make a key for the browser: the same principal, never for longer than its own.

    Raises: CodeRefused where somebody was faster; KeyRefused where the key that asked was revoked meanwhile.
    """
    used = delete(SignInCode).where(SignInCode.digest == _digest(code)).returning(SignInCode.key_id)
    key_id = db.scalar(used)
    if key_id is None:
        raise CodeRefused()
    asking, now = db.get(ApiKey, key_id), clock.now()
    if asking is None or asking.revoked_at is not None:
        raise KeyRefused()
    actor = actor_of(db, asking)
    secret, key = mint(new_id(), actor.tenant, actor.principal_id, f"browser, {now:%Y-%m-%d}", now)
    key.for_browser = True
    key.expires_at = min(filter(None, (now + BROWSER_KEY, asking.expires_at)))
    db.add(key)
    db.flush()
    return key, secret, actor


class WrongTries:
    """How often somebody tried a wrong code at this server.

    A right code is never held up by others' wrong ones, or anybody could keep the owner out.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failed_at_s: deque[float] = deque(maxlen=MOST_FAILED)

    def refuse(self) -> CodeRefused | TooManyTries:
        """Count one more, and return what to say of it."""
        now_s = self._clock.monotonic_s()
        full = len(self._failed_at_s) == MOST_FAILED
        if full and (wait_s := self._failed_at_s[0] + MINUTE_S - now_s) > 0:
            return TooManyTries(retry_after_s=wait_s)
        self._failed_at_s.append(now_s)
        return CodeRefused()


def wrong_tries(runtime: Runtime) -> WrongTries:
    """Return this process's count of wrong codes."""
    tries: WrongTries = runtime.extras.setdefault("identity.tries", WrongTries(runtime.clock))
    return tries


async def sign_in(runtime: Runtime, code: str) -> tuple[ApiKey, str, Actor]:
    """Redeem a code for a key.

    Raises: CodeRefused, TooManyTries, KeyRefused.
    """
    tenant = await runtime.read_system("sign in", find_code, runtime.clock, code)
    if tenant is None:
        raise wrong_tries(runtime).refuse()
    return await runtime.write(tenant, redeem_code, runtime.clock, runtime.new_id, code)


def _digest(code: str) -> str:
    return sha256_hex(code.encode())


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

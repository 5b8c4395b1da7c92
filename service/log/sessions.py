"""Sessions of browsers: a key that was typed once is known again by a token."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_of

from service.log.keys import KeyLookUp, Principal
from service.postgres.pool import Pool
from service.postgres.statements import load_statements

LASTS = timedelta(hours=12)
FIND_SECONDS = 10.0
"""Every page for who is signed in waits for it."""

_SQL = load_statements("service.log", "sessions.sql")
_BEGIN_SESSION = _SQL["begin_session"]
_FIND_SESSION = _SQL["find_session"]
_END_SESSION = _SQL["end_session"]


class Sessions:
    """
    Who is signed in, by tokens of 256 random bits of which only the hashes are kept.

    Each use looks at the key too: a session is over as soon as its key is revoked, has ended or
    gave its place to another, whichever process did so.
    """

    def __init__(
        self,
        pool: Pool,
        keys: KeyLookUp,
        outside_keys: Mapping[bytes, Principal],
        now: Callable[[], datetime],
    ) -> None:
        self._pool = pool
        self._keys = keys
        self._outside_keys = outside_keys
        self._now = now

    async def begin(self, token: str, key_hash: bytes) -> None:
        """Let *token* stand for the key of this hash, which was found good."""
        now = self._now()
        if key_hash in self._outside_keys:
            key_hash = _hidden(token, key_hash)
        async with self._pool.acquire() as connection:
            await connection.execute(_BEGIN_SESSION, _token_hash(token), key_hash, now, now + LASTS)

    async def find(self, token: str) -> Principal | None:
        """Whose session it is; None if it is over, or none."""
        async with self._pool.acquire() as connection:
            kept = await connection.fetchval(
                _FIND_SESSION, _token_hash(token), self._now(), timeout=FIND_SECONDS
            )
        if kept is None:
            return None
        for key_hash, principal in self._outside_keys.items():
            if compare_digest(_hidden(token, key_hash), kept):
                return principal
        return await self._keys.find(kept)

    async def end(self, token: str) -> None:
        """Let *token* stand for nothing any more."""
        async with self._pool.acquire() as connection:
            await connection.execute(_END_SESSION, _token_hash(token))


def _token_hash(token: str) -> bytes:
    return sha256(token.encode()).digest()


def _hidden(token: str, key_hash: bytes) -> bytes:
    """
    What is kept of a key from outside, which may be of anybody's choice.

    Its bare hash in the database, and in every backup of it, could be tried with a dictionary.
    """
    return hmac_of(token.encode(), key_hash, "sha256")

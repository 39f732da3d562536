"""Whose tokens open this server: its own, and those of its store.

The store's tokens are remembered for a moment: a revoked token is refused by every process within `STALE_S`,
and no request costs a query. Where the database cannot be asked for that long, nobody is let in on memory.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tracking_server.errors import Unavailable
from tracking_server.store import access_tokens
from tracking_server.store.engine import Database

FRESH_S = 1.0
"""For how long what was read is taken as it is."""

STALE_S = 3.0
"""For how long it is used at all: until then, it is read again meanwhile."""

OWN_NAME = "server"
"""Who is named for the token that a server was started with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Whoever shows a token."""

    name: str
    may_write: bool


ANYBODY = Holder(name="", may_write=True)
"""Whoever comes to a server that demands no token."""


class Keyring:
    """The tokens of one server. Used on the event loop only.

    A server that demands none begins to when its store gets its first token, and does not stop while it
    runs: revoking the last token opens no door.
    """

    def __init__(
        self,
        database: Database,
        *,
        own: Iterable[str],
        demanded: bool,
        insecure: bool = False,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._own = [access_tokens.digest_of(token.encode()) for token in own]
        self._demanded = demanded
        self._insecure = insecure
        self._now = now
        self._holders: dict[str, Holder] = {}
        self._read_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None

    async def holder(self, digests: Iterable[str]) -> Holder | None:
        """Who shows one of these digests; ANYBODY where no token is demanded; None for a stranger.

        Raises Unavailable where the database cannot say.
        """
        if self._insecure:
            return ANYBODY
        shown = list(digests)
        if any(hmac.compare_digest(digest, own) for digest in shown for own in self._own):
            return Holder(name=OWN_NAME, may_write=True)
        if not shown and self._demanded:
            return None
        await self._refresh()
        if not self._demanded:
            return ANYBODY
        # Found by digest, not by token: how long it takes tells nothing about a token.
        return next((self._holders[digest] for digest in shown if digest in self._holders), None)

    async def _refresh(self) -> None:
        age_s = self._now() - self._read_at
        if age_s < FRESH_S:
            return
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())
        if age_s >= STALE_S:
            # Shielded: whoever hangs up while waiting must not end what others wait for.
            await asyncio.shield(self._reading)
            if self._now() - self._read_at >= STALE_S:
                raise Unavailable("The database cannot say which tokens are valid. Send the request again.")

    async def _read(self) -> None:
        try:
            found = await self._database.read(access_tokens.every)
            self._holders = {
                token.digest: Holder(name=token.name, may_write=token.may_write) for token in found
            }
            self._demanded = self._demanded or bool(found)
            self._read_at = self._now()
        except Unavailable:
            pass  # what is remembered goes stale, and then says so
        finally:
            self._reading = None

"""Whether a transaction was committed whose connection broke during the commit.

PostgreSQL remembers the outcome of every transaction for as long as anybody can ask (`txid_status`, since
version 10), also across its own death. The other databases do not say.
"""

from __future__ import annotations

import time
from typing import Literal

from sqlalchemy import Connection, Engine, bindparam, func, select
from sqlalchemy.exc import DBAPIError

from tracking_server.store import failures

Outcome = Literal["committed", "aborted", "unknown"]

_CURRENT = select(func.txid_current_if_assigned())
_STATUS = select(func.txid_status(bindparam("number")))
_PAUSE_S = 0.1


def transaction_number(connection: Connection) -> int | None:
    """What to ask with later; None where nothing was written, or the database cannot be asked."""
    if connection.dialect.name != "postgresql":
        return None
    number: int | None = connection.execute(_CURRENT).scalar()
    return number


def outcome(engine: Engine, number: int, until_s: float) -> Outcome:
    """What became of transaction `number`; asks until the monotonic clock says `until_s`."""
    while True:
        try:
            with engine.connect() as connection:
                status = connection.execute(_STATUS, {"number": number}).scalar()
            if status == "committed":
                return "committed"
            if status != "in progress":  # aborted; or so long ago that it is forgotten, which cannot be here
                return "aborted" if status == "aborted" else "unknown"
        except DBAPIError as error:
            if not failures.is_lost(error):
                return "unknown"
        if time.monotonic() > until_s:
            return "unknown"
        time.sleep(_PAUSE_S)

"""The end of a run whose keeper fell silent, and its return when the keeper is heard again."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.engine import Row

from tracking_client.wire import names
from tracking_server.store.schema import run_tags, runs

_log = logging.getLogger("tracking_server")

_LOST = "lost: no heartbeat for "


def lost_reason(silent_s: float) -> str:
    """Why a run was closed, as its tag `runner.end.reason` says it."""
    return f"{_LOST}{silent_s:g} s"


def reopen_if_it_was_lost(connection: Connection, run: Row[Any], tags: Mapping[str, str]) -> None:
    """Let a run (its row of the table `runs`) be RUNNING again if `tags` hold a beat and silence closed it.

    A keeper that was cut off or suspended is back. A run that was ended in any other way stays ended.
    """
    if run.status != "KILLED" or names.HEARTBEAT not in tags:
        return
    rows = connection.execute(
        select(run_tags.c.key, run_tags.c.value).where(
            run_tags.c.run_id == run.id, run_tags.c.key.in_((names.HEARTBEAT, names.END_REASON))
        )
    )
    stored: dict[str, str] = {row.key: row.value for row in rows}
    # A beat that was stored before is one that was sent twice, and says nothing new.
    is_new = stored.get(names.HEARTBEAT) != tags[names.HEARTBEAT]
    if not is_new or not stored.get(names.END_REASON, "").startswith(_LOST):
        return
    connection.execute(update(runs).where(runs.c.id == run.id).values(status="RUNNING", end_ms=None))
    connection.execute(
        delete(run_tags).where(run_tags.c.run_id == run.id, run_tags.c.key == names.END_REASON)
    )
    _log.warning("Run %s beats again and is RUNNING again", run.uuid)

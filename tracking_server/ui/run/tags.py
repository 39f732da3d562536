"""The tags of one run, without the rest of it: what programs noted of where it comes from."""

from __future__ import annotations

from sqlalchemy import Connection, select

from tracking_server.store.schema import run_tags

TICKET = "runner.ticket"
"""Every run that `runner` performs has it."""


def of(connection: Connection, row_id: int) -> dict[str, str]:
    """All tags of a run, which is given by its number within the store."""
    rows = connection.execute(
        select(run_tags.c.key, run_tags.c.value)
        .where(run_tags.c.run_id == row_id)
        .order_by(*run_tags.primary_key)
    )
    return {row.key: row.value for row in rows}

"""Insert-or-leave and insert-or-replace, in the words of each database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

from tracking_server.errors import StartRefused

_Condition = Callable[[Any], ColumnElement[bool]]


def insert_missing(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert those `rows` whose keys are not there yet; how many (-1 where the driver cannot say)."""
    if not rows:
        return 0
    return connection.execute(_insert_missing(table, connection.dialect.name), list(rows)).rowcount


def insert_or_update(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    where: _Condition | None = None,
) -> None:
    """Insert `rows`; where a primary key is taken, replace its other columns.

    `where` gets the new row's columns and says whether they win over the stored ones. It must be a
    module-level function: statements are kept per function.
    """
    if rows:
        connection.execute(_insert_or_update(table, connection.dialect.name, where), list(rows))


def _insert_into(table: Table, dialect: str) -> Any:
    # The two constructs share no base class that knows ON CONFLICT.
    if dialect == "sqlite":
        return sqlite.insert(table)
    if dialect == "postgresql":
        return postgresql.insert(table)
    raise StartRefused(f"'{dialect}' databases are not supported")


@lru_cache(maxsize=64)
def _insert_missing(table: Table, dialect: str) -> Any:
    return _insert_into(table, dialect).on_conflict_do_nothing()


@lru_cache(maxsize=64)
def _insert_or_update(table: Table, dialect: str, where: _Condition | None) -> Any:
    statement = _insert_into(table, dialect)
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={column.name: new[column.name] for column in table.columns if not column.primary_key},
        where=None if where is None else where(new),
    )

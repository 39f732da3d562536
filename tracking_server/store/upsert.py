"""Insert-or-leave and insert-or-replace, in the words of each database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, func
from sqlalchemy.sql import visitors

from tracking_server.store import plain

_Condition = Callable[[Any], ColumnElement[bool]]


def insert_missing(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert those `rows` whose keys are not there yet; how many (-1 where the driver cannot say)."""
    if not rows:
        return 0
    dialect = connection.dialect.name
    if plain.serves(connection):
        return plain.execute(connection, _insert_missing(table, dialect), rows)
    done = connection.execute(_insert_missing(table, dialect), _in_order(table, dialect, rows))
    # MySQL counts a row that it found like one that it inserted.
    return done.rowcount if dialect in ("sqlite", "postgresql") else -1


def insert_missing_tuples(
    connection: Connection, table: Table, names: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
) -> None:
    """`insert_missing` for very many rows: their values come as tuples in the order of `names`."""
    if rows and plain.serves(connection):
        plain.execute_tuples(connection, _insert_missing(table, "sqlite"), names, rows)
    else:
        insert_missing(connection, table, [dict(zip(names, row, strict=True)) for row in rows])


def insert_or_update(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    where: _Condition | None = None,
) -> None:
    """Insert `rows`; where a primary key is taken, replace its other columns.

    `where` gets the new row's columns and says whether they win over the stored ones: one comparison of rows,
    `tuple_(row.a, row.b) > tuple_(table.c.a, table.c.b)`. It must be a module-level function: statements are
    kept per function.
    """
    if not rows:
        return
    dialect = connection.dialect.name
    if plain.serves(connection):
        plain.execute(connection, _insert_or_update(table, dialect, where), rows)
    else:
        connection.execute(_insert_or_update(table, dialect, where), _in_order(table, dialect, rows))


def _in_order(table: Table, dialect: str, rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """`rows` by key: every process locks rows in the same order, so that none waits for another in a ring."""
    if dialect == "sqlite" or len(rows) == 1:
        return list(rows)
    names = [column.name for column in table.primary_key.columns]
    if names[0] not in rows[0]:  # the database numbers the rows itself; what it locks is their unique name
        names = list(rows[0])
    return sorted(rows, key=lambda row: [str(row[name]) for name in names])


def _insert_into(table: Table, dialect: str) -> Any:
    # The constructs share no base class that knows ON CONFLICT; each dialect takes its time to import.
    if dialect == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table)
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import mysql

    return mysql.insert(table)


@lru_cache(maxsize=64)
def _insert_missing(table: Table, dialect: str) -> Any:
    statement = _insert_into(table, dialect)
    if dialect in ("sqlite", "postgresql"):
        return statement.on_conflict_do_nothing()
    # INSERT IGNORE would also swallow values that do not fit and keys that point nowhere.
    same = next(iter(table.primary_key.columns))
    return statement.on_duplicate_key_update({same.name: same})


@lru_cache(maxsize=64)
def _insert_or_update(table: Table, dialect: str, where: _Condition | None) -> Any:
    statement = _insert_into(table, dialect)
    others = [column.name for column in table.columns if not column.primary_key]
    if dialect not in ("sqlite", "postgresql"):
        return statement.on_duplicate_key_update(_mysql_values(table, statement.inserted, others, where))
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={name: new[name] for name in others},
        where=None if where is None else where(new),
    )


def _mysql_values(
    table: Table, new: Any, names: list[str], where: _Condition | None
) -> list[tuple[str, ColumnElement[Any]]]:
    """What to set where the key is taken: MySQL knows no WHERE here, so that each column decides for itself.

    It assigns from left to right, and a later condition sees what an earlier one has assigned. Therefore the
    columns that are compared come last, the most significant one at the very end: whatever outranks a column
    is still as it was when the column is decided, and a tie leaves values that are equal anyway.
    """
    if where is None:
        return [(name, new[name]) for name in names]
    wins = where(new)
    compared = [
        part.name for part in visitors.iterate(wins) if isinstance(part, Column) and part.table is table
    ]
    ranked = list(dict.fromkeys(compared))
    order = [name for name in names if name not in ranked] + ranked[::-1]
    return [(name, func.if_(wins, new[name], table.c[name])) for name in order]

"""The busiest statements without SQLAlchemy's work for each execution, which costs more than SQLite's own.

They are still written with SQLAlchemy, and compiled by it, once. Only for SQLite: its driver takes and
returns every value of these tables as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, CursorResult
from sqlalchemy.dialects import sqlite

_Values = Callable[[Mapping[str, Any]], Sequence[Any]]


def serves(connection: Connection) -> bool:
    """Whether this is a connection for `execute`."""
    return connection.dialect.name == "sqlite"


def execute(connection: Connection, statement: Any, rows: Sequence[Mapping[str, Any]]) -> CursorResult[Any]:
    """Run `statement`, a long-lived value, with each of `rows`, which all have the same names."""
    text, values = _compiled(statement, tuple(rows[0]))
    if len(rows) == 1:
        return connection.exec_driver_sql(text, tuple(values(rows[0])))
    return connection.exec_driver_sql(text, [tuple(values(row)) for row in rows])


def execute_tuples(
    connection: Connection, statement: Any, names: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
) -> None:
    """The same with the values alone, in the order of `names`, which must be that of the table's columns."""
    text, _ = _compiled(statement, names)
    connection.exec_driver_sql(text, rows[0] if len(rows) == 1 else list(rows))


@lru_cache(maxsize=256)
def _compiled(statement: Any, names: tuple[str, ...]) -> tuple[str, _Values]:
    compiled = statement.compile(dialect=sqlite.dialect(), column_keys=list(names))
    order = compiled.positiontup
    if len(order) == 1:
        return str(compiled), lambda row: (row[order[0]],)
    return str(compiled), itemgetter(*order)

"""The busiest statements without SQLAlchemy's work for each execution, which costs more than SQLite's own.

They are still written with SQLAlchemy, and compiled by it, once; then SQLite's driver gets their text and
values. It takes and returns every value of these tables as it is.
"""

from __future__ import annotations

import re
import sqlite3
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError

ROWS_PER_STATEMENT = 100
_DRIVER = "the driver's connection"
_ROW = re.compile(r"VALUES (\([?, ]+\))")

_Values = Callable[[Mapping[str, Any]], Sequence[Any]]


def serves(connection: Connection) -> bool:
    """Whether this is a connection for the functions here."""
    return connection.dialect.name == "sqlite"


def prepared(connection: Connection) -> Connection:
    """`connection`, whose driver is found sooner from now on: for one that is used for long."""
    return connection.execution_options(**{_DRIVER: _driver(connection)})


def begin(connection: Connection) -> None:
    """Begin a transaction that writes. Raises DBAPIError."""
    _run(connection, "BEGIN IMMEDIATE", ())


def commit(connection: Connection) -> None:
    """End the transaction: it is on disk. Raises DBAPIError."""
    if connection.in_transaction():  # SQLAlchemy took part in it
        connection.commit()
    else:
        _run(connection, "COMMIT", ())


def roll_back(connection: Connection) -> None:
    """End the transaction, if any, and take back what it did."""
    if connection.in_transaction():
        connection.rollback()
    driver = _driver(connection)
    if driver.in_transaction:
        driver.rollback()


def execute(connection: Connection, statement: Any, rows: Sequence[Mapping[str, Any]]) -> int:
    """Run `statement`, a long-lived value, with each of `rows`, which all have the same names.

    How many rows it changed. Raises DBAPIError.
    """
    text, values = _compiled(statement, tuple(rows[0]))
    if len(rows) == 1:
        return _run(connection, text, values(rows[0])).rowcount
    return _run_many(connection, text, [values(row) for row in rows])


def insert(connection: Connection, statement: Any, row: Mapping[str, Any]) -> int:
    """Insert one row; the number that it got. Raises DBAPIError."""
    text, values = _compiled(statement, tuple(row))
    number = _run(connection, text, values(row)).lastrowid
    assert number is not None
    return number


def first(connection: Connection, statement: Any, values: Mapping[str, Any]) -> Any:
    """The first row that a query finds, its columns by name; None where it finds none. Raises DBAPIError."""
    text, ordered = _compiled(statement, tuple(values))
    cursor = _run(connection, text, ordered(values))
    found = cursor.fetchone()
    cursor.close()
    return None if found is None else _row_of(statement)._make(found)


def rows(connection: Connection, statement: Any, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """All rows that a query finds. Raises DBAPIError."""
    text, ordered = _compiled(statement, tuple(values))
    return _run(connection, text, ordered(values)).fetchall()


def named(statement: Any, found: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Rows that `statement` has found, their columns by name."""
    return list(map(_row_of(statement)._make, found))


def execute_tuples(
    connection: Connection, statement: Any, names: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
) -> None:
    """`execute` with the values alone, in the order of `names`, which must be that of the table's columns."""
    text, _ = _compiled(statement, names)
    if len(rows) == 1:
        _run(connection, text, rows[0])
        return
    # The driver lets go of the interpreter and takes it back for every statement, however small.
    whole = len(rows) - len(rows) % ROWS_PER_STATEMENT
    for start in range(0, whole, ROWS_PER_STATEMENT):
        values = tuple(chain.from_iterable(rows[start : start + ROWS_PER_STATEMENT]))
        _run(connection, _for_many_rows(text), values)
    if whole < len(rows):
        _run_many(connection, text, rows[whole:])


def _run(connection: Connection, text: str, values: Sequence[Any]) -> sqlite3.Cursor:
    driver = _driver(connection)
    try:
        return driver.execute(text, values)
    except sqlite3.Error as error:
        raise _wrapped(error, text, connection) from error


def _run_many(connection: Connection, text: str, rows: Sequence[Sequence[Any]]) -> int:
    driver = _driver(connection)
    try:
        return driver.executemany(text, rows).rowcount
    except sqlite3.Error as error:
        raise _wrapped(error, text, connection) from error


def _driver(connection: Connection) -> sqlite3.Connection:
    driver: Any = connection.get_execution_options().get(_DRIVER) or connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def _wrapped(error: sqlite3.Error, text: str, connection: Connection) -> BaseException:
    """As SQLAlchemy raises it; without the values, which may be secret."""
    return DBAPIError.instance(
        text, None, error, sqlite3.Error, hide_parameters=True, dialect=connection.dialect
    )


@lru_cache(maxsize=256)
def _compiled(statement: Any, names: tuple[str, ...]) -> tuple[str, _Values]:
    compiled = statement.compile(dialect=sqlite.dialect(), column_keys=list(names))
    order = compiled.positiontup
    if len(order) == 1:
        return str(compiled), lambda row: (row[order[0]],)
    return str(compiled), itemgetter(*order)


@lru_cache(maxsize=32)
def _for_many_rows(text: str) -> str:
    """An INSERT of one row as one of ROWS_PER_STATEMENT."""
    row = _ROW.search(text)
    assert row is not None
    return f"{text[: row.start(1)]}{', '.join([row[1]] * ROWS_PER_STATEMENT)}{text[row.end(1) :]}"


@lru_cache(maxsize=32)
def _row_of(statement: Any) -> Any:
    return namedtuple("Row", [column.key for column in statement.selected_columns])  # noqa: PYI024  # a NamedTuple's names must be known

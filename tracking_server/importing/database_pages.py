"""Reading a foreign database page by page, read-only, with the tables and columns that it really has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import Column, Engine, MetaData, Select, Table, func, select
from sqlalchemy.engine import Row
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError

from tracking_server.importing.protocols import SourceError
from tracking_server.store.records import Tag

ROWS_PER_FETCH = 5000

DEFAULT_WORKSPACE = "default"
"""The one that everything is in where nobody asked MLflow for workspaces."""


class Reader:
    """A database that is only read. Every method raises SourceError where it cannot be. For one thread."""

    def __init__(self, uri: str) -> None:
        self._engine = _engine(uri)
        self.name = self._engine.url.render_as_string(hide_password=True)
        self._tables: dict[str, Table] = {}
        try:
            self._names = set(sqlalchemy.inspect(self._engine).get_table_names())
        except (SQLAlchemyError, ImportError) as error:
            raise SourceError(f"cannot read the database {self.name}: {_reason(error)}") from error

    def has(self, *tables: str) -> bool:
        """Whether there are all of these tables."""
        return self._names.issuperset(tables)

    def table(self, name: str) -> Table:
        """A table with its columns."""
        if name not in self._tables:
            with self._failing():
                self._tables[name] = Table(name, MetaData(), autoload_with=self._engine, resolve_fks=False)
        return self._tables[name]

    def select(self, table: Table) -> Select[Any]:
        """All of a table that is in the default workspace; all of it where MLflow knew no workspaces yet."""
        return self._of_default(select(table), table)

    def _of_default(self, statement: Select[Any], table: Table) -> Select[Any]:
        if "workspace" not in table.c:
            return statement
        return statement.where(table.c.workspace == DEFAULT_WORKSPACE)

    def other_workspaces(self, name: str) -> dict[str, int]:
        """How many rows of a table each workspace has that is not the default one."""
        if not self.has(name) or "workspace" not in self.table(name).c:
            return {}
        column = self.table(name).c.workspace
        others: Select[Any] = select(column, func.count()).where(column != DEFAULT_WORKSPACE)
        rows: list[Any] = self.rows(others.group_by(column).order_by(column))
        return {row[0]: row[1] for row in rows}

    def rows(self, statement: Select[Any]) -> list[Row[Any]]:
        """All rows of a statement that gives few."""
        with self._failing(), self._engine.connect() as connection:
            return list(connection.execute(statement))

    def pages(self, statement: Select[Any], key: Column[Any], size: int) -> Iterator[list[Row[Any]]]:
        """The rows of a statement by their unique `key`, some at a time, without a transaction in between."""
        last: Any = None
        while True:
            page = statement if last is None else statement.where(key > last)
            found = self.rows(page.order_by(key).limit(size))
            if found:
                yield found
            if len(found) < size:
                return
            last = found[-1]._mapping[key]

    def stream(self, statement: Select[Any]) -> Iterator[Row[Any]]:
        """The rows of a statement that may give millions, a buffer of them in memory."""
        with self._failing(), self._engine.connect() as connection:
            options = {"yield_per": ROWS_PER_FETCH}
            yield from connection.execute(statement, execution_options=options)

    def tags(
        self, table: str, owner: str, ids: Sequence[Any], *, key: str = "key", value: str = "value"
    ) -> dict[Any, tuple[Tag, ...]]:
        """The pairs that hang on each of `ids`; empty where there is no such table."""
        if not ids or not self.has(table):
            return {}
        pairs = self.table(table)
        owner_column = pairs.c[owner]
        found: dict[Any, list[Tag]] = {}
        statement: Select[Any] = select(owner_column, pairs.c[key], pairs.c[value]).where(
            owner_column.in_(list(ids))
        )
        row: Any
        for row in self.rows(self._of_default(statement, pairs).order_by(owner_column, pairs.c[key])):
            found.setdefault(row[0], []).append(Tag(row[1], str(row[2] or "")))
        return {of: tuple(tags) for of, tags in found.items()}

    def count(self, table: str) -> int:
        """How many rows a table has; 0 where there is no such table."""
        if not self.has(table):
            return 0
        return int(self.rows(select(func.count()).select_from(self.table(table)))[0][0])

    def close(self) -> None:
        """Let go of the connections."""
        self._engine.dispose()

    def _failing(self) -> _Failing:
        return _Failing(self.name)


class _Failing:
    """A block whose database errors become SourceError."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, SQLAlchemyError):
            raise SourceError(f"cannot read the database {self._name}: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    reason = error.orig if isinstance(error, DBAPIError) else error
    return " ".join(str(reason).split())[:500]


def _engine(uri: str) -> Engine:
    try:
        url = sqlalchemy.make_url(uri)
        if url.get_backend_name() == "sqlite":
            return _sqlite(url)
        options = {"postgresql_readonly": True} if url.get_backend_name() == "postgresql" else {}
        return sqlalchemy.create_engine(url, pool_pre_ping=True, execution_options=options)
    except (NoSuchModuleError, ModuleNotFoundError, SQLAlchemyError) as error:
        scheme = uri.partition(":")[0]
        raise SourceError(f"cannot read a '{scheme}' database: {_reason(error)}") from error


def _sqlite(url: sqlalchemy.URL) -> Engine:
    path = Path(url.database or "")
    if not path.is_file():
        raise SourceError(f"there is no database file {path}")
    # Read-only for SQLite itself: not even a schema that is half migrated can be touched from here.
    file = path.absolute().as_uri()
    return sqlalchemy.create_engine(f"sqlite:///{file}?mode=ro&uri=true", connect_args={"timeout": 30})

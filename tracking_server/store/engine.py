"""The database: one writer, pooled readers, and the schema brought to its newest revision at the start.

SQLite runs in WAL mode with synchronous=FULL: a commit is on disk when it returns, and readers never wait
for the writer.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import sqlalchemy
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from tracking_server.errors import StartRefused
from tracking_server.settings import Settings
from tracking_server.store import metric_keys, revisions
from tracking_server.store.writer import Writer, as_server_error

T = TypeVar("T")

READERS = 4
BUSY_TIMEOUT_MS = 10_000
READ_LIMIT_S = 30.0
_DEADLINE_CHECK_EVERY = 50_000  # SQLite instructions: about a millisecond


class Database:
    """One store. Safe to use from any thread and event loop between `open` and `close`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        path = settings.sqlite_path
        if path is not None:
            self._writing = _sqlite_engine(str(path), readonly=False)
            self._reading = _sqlite_engine(str(path), readonly=True)
        else:
            self._writing = self._reading = _server_engine(settings.backend_store_uri)
        self._writer = Writer(self._writing, metric_keys.forget)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        self._opened = False

    def open(self) -> None:
        """Create or check the schema and start the writer. Harmless when done already; one thread opens.

        Raises StartRefused where the database cannot be opened, belongs to something else or is newer.
        """
        if self._opened:
            return
        path = self._settings.sqlite_path
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            revisions.bring_to_head(self._writing, self._settings)
        except (SQLAlchemyError, OSError) as error:
            reason = error.orig if isinstance(error, DBAPIError) else error
            where = path or sqlalchemy.make_url(self._settings.backend_store_uri).render_as_string()
            raise StartRefused(f"Cannot open the database {where}: {reason}") from error
        self._writer.start()
        self._opened = True

    def close(self) -> None:
        """Finish the writes that wait and let go of every connection. Harmless when done already."""
        self._writer.close()
        self._readers.shutdown(wait=True, cancel_futures=True)
        self._reading.dispose()
        self._writing.dispose()

    @property
    def commits(self) -> int:
        """How many transactions the writer has committed."""
        return self._writer.commits

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in the writer; returns once it is on disk. Raises what it raises, or Unavailable."""
        return await self._writer.write(work)

    def write_and_wait(self, work: Callable[[Connection], T]) -> T:
        """`write` for a plain thread."""
        return self._writer.write_and_wait(work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on one consistent snapshot in a reader thread. Raises what it raises, or Unavailable."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.read_now, work)

    def read_now(self, work: Callable[[Connection], T]) -> T:
        """`read` in the calling thread."""
        try:
            with self._reading.connect() as connection, connection.begin():
                _limit_time(connection)
                return work(connection)
        except (DBAPIError, OverflowError, UnicodeEncodeError) as error:
            raise as_server_error(error) from error


def _server_engine(uri: str) -> Engine:
    try:
        return sqlalchemy.create_engine(uri, pool_size=READERS + 1, pool_pre_ping=True)
    except (NoSuchModuleError, ModuleNotFoundError, SQLAlchemyError) as error:
        scheme = uri.partition(":")[0]
        raise StartRefused(
            f"Cannot use a '{scheme}' database: {error}. Give sqlite:///PATH, or "
            "install that database's driver."
        ) from error


def _sqlite_engine(path: str, *, readonly: bool) -> Engine:
    engine = sqlalchemy.create_engine(
        sqlalchemy.URL.create("sqlite", database=path),
        poolclass=QueuePool,
        pool_size=READERS if readonly else 1,
        max_overflow=0,
        pool_reset_on_return="rollback",
        connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000},
        query_cache_size=1000,
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
        # Transactions are begun below, and not behind our back by the driver.
        connection.isolation_level = None
        pragmas = [
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "case_sensitive_like=ON",
            "temp_store=MEMORY",
            "cache_size=-8000",
            "journal_size_limit=67108864",
        ]
        if readonly:
            pragmas.append("query_only=ON")
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if readonly else "BEGIN IMMEDIATE")

    return engine


def _limit_time(connection: Connection) -> None:
    """Let SQLite give up a query that takes longer than anybody waits."""
    driver: Any = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        return
    until = time.monotonic() + READ_LIMIT_S
    driver.set_progress_handler(lambda: time.monotonic() > until, _DEADLINE_CHECK_EVERY)

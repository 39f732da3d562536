"""The database: one writer, pooled readers, and the schema brought to its newest revision at the start.

SQLite runs in WAL mode with synchronous=FULL: a commit is on disk when it returns, and readers never wait
for the writer. PostgreSQL and MySQL may serve several of these at once, in as many processes.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from tracking_server.errors import StartRefused
from tracking_server.settings import Settings
from tracking_server.store import connections, failures, long_reads, metric_keys, revisions
from tracking_server.store.connections import READERS
from tracking_server.store.jobs import RETRY_S
from tracking_server.store.writer import Writer

T = TypeVar("T")

START_RETRY_S = 10.0
"""How long a start waits for a database that cannot be reached, as when both are started together."""

_PAUSE_S = 0.1


class Database:
    """One store. Safe to use from any thread and event loop between `open` and `close`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._writing, self._reading = connections.engines(settings)
        self._writer = Writer(self._writing, metric_keys.forget)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        # One connection fewer than there are: short reads never wait for long ones.
        self._long_readers = ThreadPoolExecutor(READERS - 1, thread_name_prefix="store-long-reader")
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
                _check_place(path)
            self._bring_to_head(time.monotonic() + START_RETRY_S)
        except (SQLAlchemyError, OSError) as error:
            reason = error.orig if isinstance(error, DBAPIError) else error
            where = connections.describe(self._settings)
            raise StartRefused(f"Cannot open the database {where}: {reason}") from error
        finally:
            # The writer connects anew, to the schema as it is now; where the start is refused, nobody does.
            self._writing.dispose()
        self._writer.start()
        self._opened = True

    def _bring_to_head(self, until_s: float) -> None:
        while True:
            try:
                revisions.bring_to_head(self._writing, self._settings)
            except DBAPIError as error:
                self._writing.dispose()
                if not failures.is_lost(error) or time.monotonic() > until_s:
                    raise
                time.sleep(_PAUSE_S)
            else:
                return

    def close(self) -> None:
        """Finish the writes that wait and let go of every connection. Harmless when done already."""
        self._writer.close()
        self._readers.shutdown(wait=True, cancel_futures=True)
        self._long_readers.shutdown(wait=True, cancel_futures=True)
        self._reading.dispose()
        self._writing.dispose()

    @property
    def commits(self) -> int:
        """How many transactions the writer has committed."""
        return self._writer.commits

    @property
    def writes(self) -> int:
        """How many units of work those held."""
        return self._writer.writes

    @property
    def waiting_writes(self) -> int:
        """How many wait for their turn."""
        return self._writer.waiting

    @property
    def is_writing(self) -> bool:
        """Whether writes are being taken, and the last that was tried reached the disk."""
        return self._writer.is_alive and not self._writer.is_failing

    async def try_writing(self) -> None:
        """Write something that changes nothing: whether that is possible again. Raises Unavailable."""
        await self.write(revisions.touch)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in the writer; returns once it is on disk. Raises what it raises, or Unavailable.

        `work` may run more than once: what it did before was taken back then.
        """
        return await self._writer.write(work)

    def write_and_wait(self, work: Callable[[Connection], T]) -> T:
        """`write` for a plain thread."""
        return self._writer.write_and_wait(work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on one consistent snapshot in a reader thread. Raises what it raises, or Unavailable.

        `work` may run more than once: while the database cannot be reached, and where it is a long one.
        """
        until_s = time.monotonic() + RETRY_S
        in_thread = asyncio.get_running_loop().run_in_executor
        try:
            return await in_thread(self._readers, self._read_until, work, until_s, True)
        except long_reads.TakesLong:
            return await in_thread(self._long_readers, self._read_until, work, until_s)

    def read_now(self, work: Callable[[Connection], T]) -> T:
        """`read` in the calling thread."""
        return self._read_until(work, time.monotonic() + RETRY_S)

    def _read_until(self, work: Callable[[Connection], T], until_s: float, is_short: bool = False) -> T:
        while True:
            try:
                with self._reading.connect() as connection:
                    connection.execution_options(**{long_reads.SHORT: is_short})
                    return _in_snapshot(connection, work)
            except (DBAPIError, OverflowError, UnicodeEncodeError) as error:
                if not failures.is_lost(error) or time.monotonic() > until_s:
                    raise failures.as_server_error(error) from error
            time.sleep(_PAUSE_S)


def _in_snapshot(connection: Connection, work: Callable[[Connection], T]) -> T:
    try:
        with connection.begin():
            connections.limit_time(connection)
            return work(connection)
    except DBAPIError as error:
        if failures.is_lost(error):
            # This one alone, and not all of the pool: who works with another would let it lie open.
            connection.invalidate()
        raise


def _check_place(path: Path) -> None:
    """Make the directory of a SQLite store. Raises StartRefused where nothing can be written there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # SQLite itself would say "unable to open database file", or find out at the first write.
    for place in (path.parent, *(file for file in (path,) if file.exists())):
        if not os.access(place, os.W_OK):
            raise StartRefused(
                f"Cannot open the database {path}: {place} cannot be written to. Give this user the right to "
                "write there, or another --backend-store-uri."
            )

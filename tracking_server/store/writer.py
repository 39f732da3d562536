"""The one thread that writes: requests that arrive together share one commit.

A request is answered after the commit that holds it is on disk. While one commit is being synced, the
requests that arrive meanwhile form the next one, so throughput grows with concurrency and a lone request
waits for nobody. Each job runs inside its own savepoint: a failing job takes back what it did itself and
nothing of its neighbours.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, DBAPIError

from tracking_server.errors import InvalidParameter, Unavailable

T = TypeVar("T")

MAX_WAITING_JOBS = 10_000
MAX_JOBS_PER_COMMIT = 500
MAX_BATCH_S = 0.05


@dataclass(slots=True)
class _Job(Generic[T]):
    """One unit of work and where its result goes; filled by the writer thread."""

    work: Callable[[Connection], T]
    loop: asyncio.AbstractEventLoop | None
    future: asyncio.Future[T] | Future[T]
    result: Any = None
    error: BaseException | None = field(default=None)

    def settle(self) -> None:
        if self.future.done():  # the caller went away: its request was cancelled
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class Writer:
    """Runs write jobs one after another in a thread of its own, many to a commit.

    `write` belongs to event loops, `write_and_wait` to every other thread. `after_rollback` is called with
    the connection whenever work was taken back, so that what was remembered of it can be forgotten.
    """

    def __init__(self, engine: Engine, after_rollback: Callable[[Connection], None]) -> None:
        self._engine = engine
        self._after_rollback = after_rollback
        self._jobs: queue.Queue[_Job[Any] | None] = queue.Queue(maxsize=MAX_WAITING_JOBS)
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)
        self._closed = threading.Event()
        self.commits = 0

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self, timeout_s: float = 5.0) -> None:
        """Finish the jobs that wait, then end the thread. Later jobs are refused."""
        if not self._closed.is_set():
            self._closed.set()
            self._jobs.put(None)
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in the writer and return its result once it is on disk.

        Raises what `work` raised (nothing of it is stored then), and Unavailable where the database refuses.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._enqueue(_Job(work, loop, future))
        return await future

    def write_and_wait(self, work: Callable[[Connection], T], timeout_s: float = 60.0) -> T:
        """The same for a plain thread; never call it on an event loop."""
        future: Future[T] = Future()
        self._enqueue(_Job(work, None, future))
        return future.result(timeout_s)

    def _enqueue(self, job: _Job[Any]) -> None:
        if self._closed.is_set():
            raise Unavailable("The server is shutting down; send the request again.")
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            raise Unavailable("Too many writes are waiting; send the request again in a moment.") from None

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            if job is None:
                return
            if not self._commit_with(job):
                return

    def _commit_with(self, first: _Job[Any]) -> bool:
        """Run `first` and whatever else waits, in one transaction; False when the writer is to end."""
        done: list[_Job[Any]] = []
        goes_on = True
        try:
            with self._engine.connect() as connection, connection.begin():
                until = time.monotonic() + MAX_BATCH_S
                job: _Job[Any] | None = first
                while job is not None:
                    done.append(job)
                    self._run(connection, job)
                    if len(done) >= MAX_JOBS_PER_COMMIT or time.monotonic() > until:
                        break
                    try:
                        job = self._jobs.get_nowait()
                    except queue.Empty:
                        break
                    goes_on = job is not None
            self.commits += 1
        except Exception as error:  # noqa: BLE001  # begin or commit failed: every job of the batch is told
            self._fail_all(done or [first], error)
        _settle_all(done or [first])
        return goes_on

    def _run(self, connection: Connection, job: _Job[Any]) -> None:
        connection.exec_driver_sql("SAVEPOINT job")
        try:
            job.result = job.work(connection)
        except Exception as error:  # noqa: BLE001  # belongs to the request, not to this thread
            self._take_back(connection, error)
            job.error = as_server_error(error)
        connection.exec_driver_sql("RELEASE SAVEPOINT job")

    def _take_back(self, connection: Connection, cause: Exception) -> None:
        """Undo the work of one job. Raises `cause` where the whole transaction is lost with it."""
        self._after_rollback(connection)
        try:
            connection.exec_driver_sql("ROLLBACK TO SAVEPOINT job")
        except DBAPIError:
            # A full disk or a failing one makes SQLite roll back everything by itself.
            raise cause from None

    def _fail_all(self, jobs: list[_Job[Any]], error: Exception) -> None:
        failure = as_server_error(error)
        for job in jobs:
            job.error = job.error or failure
        # The pooled connection goes: what it remembers may never have been stored.
        self._engine.dispose()


def _settle_all(jobs: list[_Job[Any]]) -> None:
    """Hand out results with one wake-up per event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Job[Any]]] = {}
    for job in jobs:
        if job.loop is None:
            job.settle()
        else:
            by_loop.setdefault(job.loop, []).append(job)
    for loop, loops_jobs in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle_in_loop, loops_jobs)


def _settle_in_loop(jobs: list[_Job[Any]]) -> None:
    for job in jobs:
        job.settle()


def as_server_error(error: Exception) -> Exception:
    """`error` as the caller should see it.

    A database that cannot serve now becomes Unavailable; a value that it cannot hold, InvalidParameter.
    """
    if isinstance(error, (OverflowError, UnicodeEncodeError, DataError)):
        return InvalidParameter("A value of the request is one that the database cannot hold.")
    if isinstance(error, DBAPIError):
        reason = str(error.orig).strip()
        kind = type(error.orig).__name__
        if kind in ("OperationalError", "InterfaceError") or error.connection_invalidated:
            return Unavailable(f"The database cannot take the request now: {reason}. Send it again later.")
    return error

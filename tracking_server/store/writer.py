"""The one thread that writes: requests that arrive together share one commit.

A request is answered after the commit that holds it is on disk. While one commit is being synced, the
requests that arrive meanwhile form the next one, so throughput grows with concurrency and a lone request
waits for nobody. A failing job takes back what it did itself and nothing of its neighbours: since savepoints
cost more than most jobs, a batch first runs without them, and where a job failed once more, each in its own.

Other processes may write to the same database. Who loses a race against them runs again and then finds what
the winner left; a deadlock loses the whole transaction, which runs once more, and after that job by job. A
lost connection is made again for as long as the requests' time allows.
"""

from __future__ import annotations

import asyncio
import queue
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError

from tracking_server.errors import Unavailable
from tracking_server.store import commit_outcome, failures
from tracking_server.store.failures import as_server_error
from tracking_server.store.jobs import Job, settle_all
from tracking_server.store.transactions import Transactions

T = TypeVar("T")

MAX_WAITING_JOBS = 10_000
MAX_JOBS_PER_COMMIT = 500
MAX_BATCH_S = 0.05
MAX_COLLISIONS = 20
MAX_COLLISION_S = 20.0
"""How long after its time is up a job may still try to get past other writers: PostgreSQL takes a second to
find that two wait for each other."""
_SHARED_COLLISIONS = 1
"""How often a job may lose a transaction that it shares before it gets one of its own."""
_RECONNECT_S = 0.1


class _CommitCut(Exception):
    """The connection broke during the commit of transaction `number`."""

    def __init__(self, number: int | None, cause: DBAPIError) -> None:
        super().__init__(str(cause))
        self.number = number
        self.cause = cause


class _JobFailed(Exception):
    """A job failed that has no savepoint: all of the transaction is lost with it."""


class Writer:
    """Runs write jobs one after another in a thread of its own, many to a commit.

    `write` belongs to event loops, `write_and_wait` to every other thread. `after_rollback` is called with
    the connection whenever work was taken back, so that what was remembered of it can be forgotten.
    """

    def __init__(
        self,
        engine: Engine,
        after_rollback: Callable[[Connection], None],
    ) -> None:
        self._engine = engine
        self._after_rollback = after_rollback
        self._transactions = Transactions(engine)
        self._jobs: queue.SimpleQueue[Job[Any] | None] = queue.SimpleQueue()
        self._again: deque[Job[Any]] = deque()
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)
        self._closed = threading.Event()
        self._ending = False
        self.commits = 0
        self.writes = 0
        self.is_failing = False
        """Whether the last transaction failed as a whole, for want of room or of a connection."""

    @property
    def is_alive(self) -> bool:
        """Whether jobs are being taken."""
        return self._thread.is_alive() and not self._closed.is_set()

    @property
    def waiting(self) -> int:
        """How many jobs wait for their turn."""
        return self._jobs.qsize() + len(self._again)

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
        self._enqueue(Job(work, loop, future))
        return await future

    def write_and_wait(self, work: Callable[[Connection], T], timeout_s: float = 60.0) -> T:
        """The same for a plain thread; never call it on an event loop."""
        future: Future[T] = Future()
        self._enqueue(Job(work, None, future))
        return future.result(timeout_s)

    def _enqueue(self, job: Job[Any]) -> None:
        if self._closed.is_set():
            raise Unavailable("The server is shutting down; send the request again.")
        if self.waiting > MAX_WAITING_JOBS:
            raise Unavailable("Too many writes are waiting; send the request again in a moment.")
        self._jobs.put(job)

    def _work(self) -> None:
        while (first := self._next(wait=True)) is not None:
            self._commit_with(first)
        self._transactions.start_anew()

    def _next(self, *, wait: bool) -> Job[Any] | None:
        """The next job; None when there is none now, or none ever again."""
        if self._again:
            return self._again.popleft()
        if self._ending:
            return None
        try:
            job = self._jobs.get(block=wait)
        except queue.Empty:
            return None
        self._ending = job is None
        return job

    def _commit_with(self, first: Job[Any]) -> None:
        """Run `first` and whatever else waits, in one transaction."""
        batch = [first]
        try:
            try:
                self._run_batch(batch, careful=False)
            except _JobFailed:
                self._run_batch(batch, careful=True)
            self._count(batch)
            self.is_failing = all(isinstance(job.error, Unavailable) for job in batch)
        except _CommitCut as cut:
            batch = self._after_cut_commit(batch, cut)
        except Exception as error:  # noqa: BLE001  # every job of the batch is told, or runs again
            batch = self._after_failure(batch, error)
        settle_all(batch)

    def _count(self, stored: list[Job[Any]]) -> None:
        self.commits += 1
        self.writes += len(stored)

    def _run_batch(self, batch: list[Job[Any]], *, careful: bool) -> None:
        """Run the batch, which grows by what waits. Raises where all of it is lost."""
        connection = self._transactions.begin()
        try:
            self._run_jobs(connection, batch, self._run if careful else self._run_unprotected)
            number = commit_outcome.transaction_number(connection)
            try:
                self._transactions.commit(connection)
            except DBAPIError as error:
                raise _CommitCut(number, error) from error
        except BaseException:
            self._forget(connection)
            self._transactions.roll_back(connection)
            raise

    def _run_jobs(
        self, connection: Connection, batch: list[Job[Any]], run: Callable[[Connection, Job[Any]], None]
    ) -> None:
        until = time.monotonic() + MAX_BATCH_S
        alone = batch[0].collisions > _SHARED_COLLISIONS
        for job in batch:  # which grows meanwhile
            run(connection, job)
            if job is not batch[-1]:
                continue
            if alone or len(batch) >= MAX_JOBS_PER_COMMIT or time.monotonic() > until:
                return
            following = self._next(wait=False)
            if following is not None:
                batch.append(following)

    def _run_unprotected(self, connection: Connection, job: Job[Any]) -> None:
        job.result, job.error = None, None
        try:
            job.result = job.work(connection)
        except Exception as error:
            if failures.is_lost(error) or failures.is_collision(error):
                raise
            raise _JobFailed from error

    def _run(self, connection: Connection, job: Job[Any]) -> None:
        """Run one job. One that loses a race for a name runs twice: then it sees who has the name."""
        job.result, job.error = None, None
        if self._attempt(connection, job):
            self._attempt(connection, job)

    def _attempt(self, connection: Connection, job: Job[Any]) -> bool:
        """Run `job` in a savepoint; whether it met a row that another process has just written."""
        raced = False
        connection.exec_driver_sql("SAVEPOINT job")
        try:
            job.result = job.work(connection)
            job.error = None
        except Exception as error:  # belongs to the request, not to this thread
            if failures.is_lost(error) or failures.is_collision(error):
                raise
            self._take_back(connection, error)
            job.error = as_server_error(error)
            raced = isinstance(error, IntegrityError)
        connection.exec_driver_sql("RELEASE SAVEPOINT job")
        return raced

    def _take_back(self, connection: Connection, cause: Exception) -> None:
        """Undo the work of one job. Raises `cause` where the whole transaction is lost with it."""
        self._forget(connection)
        try:
            connection.exec_driver_sql("ROLLBACK TO SAVEPOINT job")
        except DBAPIError:
            # A full disk or a failing one makes SQLite roll back everything by itself.
            raise cause from None

    def _forget(self, connection: Connection) -> None:
        if not connection.invalidated:  # with a connection that is gone, its memory is gone
            self._after_rollback(connection)

    def _after_cut_commit(self, batch: list[Job[Any]], cut: _CommitCut) -> list[Job[Any]]:
        """Ask the database what became of it, where it can say; the jobs that are over."""
        if not failures.is_lost(cut.cause) or cut.number is None:
            return self._after_failure(batch, cut.cause, may_run_again=not failures.is_lost(cut.cause))
        self._transactions.start_anew()
        outcome = commit_outcome.outcome(self._engine, cut.number, min(job.until_s for job in batch))
        if outcome == "committed":
            self._count(batch)
            self.is_failing = False
            return batch
        return self._after_failure(batch, cut.cause, may_run_again=outcome == "aborted")

    def _after_failure(
        self, batch: list[Job[Any]], error: Exception, *, may_run_again: bool = True
    ) -> list[Job[Any]]:
        """Line up again what may succeed the next time; the jobs that are over."""
        collided = failures.is_collision(error)
        lost = failures.is_lost(error)
        # Who lost a race against another writer found the database well.
        self.is_failing = not collided
        if not collided:
            # The pooled connection goes: what it remembers may never have been stored.
            self._transactions.start_anew()
        if lost:
            self._take_all_that_wait(batch)
        for job in batch:
            job.collisions += collided
        now = time.monotonic()
        over = [
            job
            for job in batch
            if not (may_run_again and (collided or lost))
            or job.collisions > MAX_COLLISIONS
            or now >= job.until_s + (MAX_COLLISION_S if collided else 0.0)
        ]
        if over:
            failure = as_server_error(error)
            if lost and not may_run_again:
                failure = Unavailable("The connection broke during the commit: the request is stored or not.")
            for job in over:
                job.error = job.error or failure
        told = set(map(id, over))
        again = [job for job in batch if id(job) not in told]
        self._again.extendleft(reversed(again))
        if again:
            time.sleep(_RECONNECT_S if lost else random.uniform(0, 0.05) * again[0].collisions)  # noqa: S311
        return over

    def _take_all_that_wait(self, batch: list[Job[Any]]) -> None:
        """Let everybody's time run out at once, and not one after another."""
        while (job := self._next(wait=False)) is not None:
            batch.append(job)

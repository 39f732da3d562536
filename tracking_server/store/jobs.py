"""One unit of work for the writer, and the way its result goes back to whoever waits for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")

RETRY_S = 5.0
"""How long after it came a request is tried again while the database cannot be reached."""


def _retry_until() -> float:
    return time.monotonic() + RETRY_S


@dataclass(slots=True)
class Job(Generic[T]):
    """One unit of work and where its result goes; filled by the writer's thread.

    `work` may run more than once, each time after everything that it did before was taken back.
    """

    work: Callable[[Connection], T]
    loop: asyncio.AbstractEventLoop | None
    future: asyncio.Future[T] | Future[T]
    result: Any = None
    error: BaseException | None = field(default=None)
    collisions: int = 0
    until_s: float = field(default_factory=_retry_until)

    def settle(self) -> None:
        """Hand the result over, in the thread that the future belongs to."""
        if self.future.done():  # the caller went away: its request was cancelled
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


def settle_all(jobs: Iterable[Job[Any]]) -> None:
    """Hand out results with one wake-up per event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Job[Any]]] = {}
    for job in jobs:
        if job.loop is None:
            job.settle()
        else:
            by_loop.setdefault(job.loop, []).append(job)
    for loop, loops_jobs in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle_in_loop, loops_jobs)


def _settle_in_loop(jobs: list[Job[Any]]) -> None:
    for job in jobs:
        job.settle()

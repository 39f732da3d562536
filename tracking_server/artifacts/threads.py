"""Threads of their own for artifacts: a disk or a store that hangs holds up no other request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from typing import ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")

MAX_THREADS = 32
"""How many calls of stores this process makes at once; more wait."""


@lru_cache(maxsize=1)
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="artifacts")


async def in_thread(call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """What a blocking call of a store returns or raises."""
    return await asyncio.get_running_loop().run_in_executor(_threads(), partial(call, *args, **kwargs))

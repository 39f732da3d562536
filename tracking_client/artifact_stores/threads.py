"""Several pieces of work at once, of which the first failure ends the others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

AT_ONCE = 4


def run_all(tasks: Sequence[Callable[[], None]], on_failure: Callable[[], None] = lambda: None) -> None:
    """Carries out all tasks, `AT_ONCE` at a time. Raises the first error, after those under way have ended.

    `on_failure` is called before that, and may hurry them. Works while the interpreter ends, too, one by one:
    the pool of the standard library refuses work then, and holds up the end for what it has.
    """
    if len(tasks) <= 1:
        for task in tasks:
            task()
        return
    work = _Work(tasks, on_failure)
    threads = []
    try:
        for _ in range(min(AT_ONCE, len(tasks))):
            thread = threading.Thread(target=work.carry_out, name="artifacts", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the interpreter is ending, or has no room for a thread
                break
            threads.append(thread)
        if not threads:
            work.carry_out()
        for thread in threads:
            thread.join()
    except BaseException:
        work.stop()
        on_failure()
        for thread in threads:
            thread.join()
        raise
    if work.failure is not None:
        raise work.failure


class _Work:
    """Tasks that are taken one after the other until one fails. Safe in threads."""

    def __init__(self, tasks: Sequence[Callable[[], None]], on_failure: Callable[[], None]) -> None:
        self.failure: BaseException | None = None
        self._left = list(reversed(tasks))
        self._lock = threading.Lock()
        self._on_failure = on_failure

    def carry_out(self) -> None:
        """Carries out what is left, together with others who do."""
        while (task := self._taken()) is not None:
            try:
                task()
            except BaseException as error:  # noqa: BLE001  # raised by whoever waits
                self._fail(error)
                return

    def stop(self) -> None:
        """Nothing further is begun."""
        with self._lock:
            self._left.clear()

    def _fail(self, error: BaseException) -> None:
        with self._lock:
            is_first = self.failure is None
            self.failure = self.failure or error
            self._left.clear()
        if is_first:
            self._on_failure()

    def _taken(self) -> Callable[[], None] | None:
        with self._lock:
            return self._left.pop() if self._left else None


__all__ = ["AT_ONCE", "run_all"]

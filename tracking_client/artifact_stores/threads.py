"""Several pieces of work at once, of which the first failure ends the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

AT_ONCE = 4


def run_all(tasks: Sequence[Callable[[], None]], on_failure: Callable[[], None] = lambda: None) -> None:
    """Carries out all tasks, `AT_ONCE` at a time. Raises the first error, after those under way have ended.

    `on_failure` is called before that, and may hurry them.
    """
    if len(tasks) <= 1:
        for task in tasks:
            task()
        return
    from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="artifacts") as pool:
        futures = [pool.submit(task) for task in tasks]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in futures:
                if future in done:
                    future.result()
        except BaseException:
            on_failure()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


__all__ = ["AT_ONCE", "run_all"]

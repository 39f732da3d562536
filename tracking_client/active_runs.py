"""Which runs this process has open, thread by thread.

Each thread has a stack; the top is what it logs to. A thread without a run of its own uses the process's:
the bottom run of the main thread, or of the only thread that has one. MLflow starts a new, stray run there.
"""

from __future__ import annotations

import os
import threading

from tracking_client.run import ActiveRun

# By thread, not by its number: numbers are used again, and a thread may end with a run left open.
_stacks: dict[threading.Thread, list[ActiveRun]] = {}
_lock = threading.RLock()


def push(run: ActiveRun) -> None:
    """Makes `run` what the calling thread logs to."""
    with _lock:
        _stacks.setdefault(threading.current_thread(), []).append(run)


def own() -> ActiveRun | None:
    """The calling thread's own innermost run."""
    with _lock:
        stack = _stacks.get(threading.current_thread())
        return stack[-1] if stack else None


def own_bottom() -> ActiveRun | None:
    """The calling thread's own outermost run."""
    with _lock:
        stack = _stacks.get(threading.current_thread())
        return stack[0] if stack else None


def of_process() -> ActiveRun | None:
    """The process's run: the main thread's outermost, else that of the only thread with one."""
    main = threading.main_thread()
    with _lock:
        bottoms = {thread: stack[0] for thread, stack in _stacks.items() if stack}
        if main in bottoms:
            return bottoms[main]
        return next(iter(bottoms.values())) if len(bottoms) == 1 else None


def pop() -> ActiveRun | None:
    """Takes the calling thread's innermost run off its stack."""
    with _lock:
        stack = _stacks.get(threading.current_thread())
        run = stack.pop() if stack else None
        _forget_empty()
        return run


def remove(run: ActiveRun) -> list[ActiveRun]:
    """Takes `run` and those opened inside it off the stack they are on; innermost first.

    Nothing is returned where `run` has ended already. The same run id opened anew counts as `run`.
    """
    with _lock:
        for stack in _stacks.values():
            for index, candidate in enumerate(stack):
                if candidate.info.run_id == run.info.run_id:
                    removed = stack[index:][::-1]
                    del stack[index:]
                    _forget_empty()
                    return removed
        return []


def remove_all() -> list[ActiveRun]:
    """Takes every run that this very process opened; innermost first."""
    with _lock:
        runs = [run for stack in _stacks.values() for run in reversed(stack)]
        _stacks.clear()
        return [run for run in runs if run.owner_pid == os.getpid()]


def snapshot() -> list[ActiveRun]:
    """What `remove_all` would take, without waiting for a lock: for signal handlers."""
    runs = [run for stack in list(_stacks.values()) for run in reversed(list(stack))]
    return [run for run in runs if run.owner_pid == os.getpid()]


def _forget_empty() -> None:
    for thread in [thread for thread, stack in _stacks.items() if not stack]:
        del _stacks[thread]


def _after_fork() -> None:
    global _lock  # noqa: PLW0603  # held by a thread that the child does not have
    _lock = threading.RLock()


os.register_at_fork(after_in_child=_after_fork)

__all__ = ["of_process", "own", "own_bottom", "pop", "push", "remove", "remove_all", "snapshot"]

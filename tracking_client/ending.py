"""What ends the runs that are still open when the process goes.

An exception that nobody caught makes them FAILED (KeyboardInterrupt: KILLED), SIGTERM makes them KILLED, a
normal exit FINISHED. MLflow calls all of these FINISHED, and leaves a run RUNNING on SIGTERM. A run that a
launcher started is ended by it as well, from the exit code: its word is the last.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from types import FrameType, TracebackType

from tracking_client import active_runs
from tracking_client.errors import TrackingError
from tracking_client.notice import say
from tracking_client.run import ActiveRun, status_after
from tracking_client.wire.entities import RunStatus

_AT_SIGTERM_S = 5.0

_final_status = RunStatus.FINISHED
_watching_pid: int | None = None
_previous_excepthook = sys.excepthook
_forking = threading.local()


def watch() -> None:
    """Sees to it that open runs are ended with the process. Called at every start of a run; idempotent.

    SIGTERM is taken over only from the main thread and only where nobody else handles it, until `rest`.
    """
    global _watching_pid, _previous_excepthook  # noqa: PLW0603  # hooks of the process are its state
    if _watching_pid is None:
        _previous_excepthook = sys.excepthook
        sys.excepthook = _on_uncaught
        atexit.register(end_all)
        os.register_at_fork(
            before=_hold_sigterm, after_in_parent=_let_sigterm_in, after_in_child=_die_of_sigterm_again
        )
    _watching_pid = os.getpid()
    if threading.current_thread() is threading.main_thread():
        try:
            if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
                signal.signal(signal.SIGTERM, _on_sigterm)
        except ValueError:
            pass  # a subinterpreter: signals belong to the main one


def rest() -> None:
    """Gives SIGTERM back where no run is open any more. Called at every end of a run; idempotent.

    Python calls a handler between two steps of its own only: a process that was just about to wait for a
    lock of another process, as idle workers of pools do, would never die of a signal that is handled.
    """
    if threading.current_thread() is threading.main_thread() and not active_runs.snapshot():
        _leave_sigterm_to_the_system()


def end_all() -> None:
    """Ends every run that this process opened and left open. Says, instead of raising, what went wrong."""
    for run in active_runs.remove_all():
        end_quietly(run, _final_status)


def end_quietly(run: ActiveRun, status: str, deadline_s: float | None = None) -> None:
    """Ends a run where there is nobody to raise to."""
    try:
        run.terminate(status, deadline_s)
    except (TrackingError, OSError) as error:
        say(f"the run {run.info.run_id} could not be recorded as {status}: {error}")


def _on_uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    global _final_status  # noqa: PLW0603  # read by end_all when the process goes
    _final_status = status_after(error)
    _previous_excepthook(kind, error, traceback)


def _on_sigterm(_number: int, _frame: FrameType | None) -> None:
    # A second SIGTERM ends the process at once, and so does what follows: dying of the signal is what
    # whoever sent it expects to see.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    runs = active_runs.snapshot()
    if runs:
        # The thread that was interrupted may hold any lock: the journal, which has connections of its own,
        # is told by another thread, and that is not waited for longer than a launcher waits.
        sender = threading.Thread(target=_kill, args=(runs,), daemon=True)
        sender.start()
        sender.join(_AT_SIGTERM_S)
    os.kill(os.getpid(), signal.SIGTERM)


def _hold_sigterm() -> None:
    # Python drops the signals that reach a child before its interpreter is set up; held back by the
    # kernel they are not lost. A pool that ends its workers at once depends on that.
    _forking.mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def _let_sigterm_in() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _forking.mask)


def _die_of_sigterm_again() -> None:
    _leave_sigterm_to_the_system()
    _let_sigterm_in()


def _leave_sigterm_to_the_system() -> None:
    if signal.getsignal(signal.SIGTERM) is _on_sigterm:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _kill(runs: list[ActiveRun]) -> None:
    for run in runs:
        end_quietly(run, RunStatus.KILLED, _AT_SIGTERM_S)


__all__ = ["end_all", "end_quietly", "rest", "watch"]

"""The journals of this process, one for each server that it logs to, and their end with the process."""

from __future__ import annotations

import atexit
import os
import threading

from tracking_client import notice
from tracking_client.errors import InvalidArgument, TrackingError
from tracking_client.journal.journal import Journal
from tracking_client.transport import Transport

FLUSH_DEADLINE = "RUNNER_FLUSH_DEADLINE_S"
_DEFAULT_DEADLINE_S = 60.0
FAILING_S = 5.0
"""How long a server that does not answer is tried when the process goes."""
_NEWS_AFTER_S = 1.0

_journals: dict[Transport, Journal] = {}
_lock = threading.RLock()


def of(transport: Transport) -> Journal:
    """The journal for what `transport` talks to. Opens nothing yet."""
    found = _journals.get(transport)
    if found is not None:
        return found
    with _lock:
        return _journals.setdefault(transport, Journal(transport))


def flush(transport: Transport) -> bool:
    """Waits until the server has all that this process logged to it; whether it has.

    One attempt that fails ends the wait. Raises the ApiError of the first value that was refused.
    """
    found = _journals.get(transport)
    return True if found is None else found.flush(deadline_s())


def deadline_s() -> float:
    """How long a flush may take. Raises InvalidArgument."""
    text = os.environ.get(FLUSH_DEADLINE) or str(_DEFAULT_DEADLINE_S)
    try:
        return max(0.0, float(text))
    except ValueError:
        raise InvalidArgument(f"{FLUSH_DEADLINE}={text!r:.50} is not a number of seconds") from None


def finish_all() -> None:
    """Ships what is left and says what could not be, and how it is sent later. Never raises; idempotent."""
    for journal in list(_journals.values()):
        try:
            _finish(journal)
        except (TrackingError, OSError) as error:
            notice.say(f"what was logged last could not be sent: {error}")


def _finish(journal: Journal) -> None:
    try:
        limit_s = deadline_s()
    except InvalidArgument:
        limit_s = _DEFAULT_DEADLINE_S
    try:
        if not journal.flush(min(_NEWS_AFTER_S, limit_s)):
            left = journal.unshipped
            if left is not None and journal.failure is None:
                notice.say(f"sending the last {left[1]:,} values …")
            journal.flush(limit_s, failing_s=FAILING_S)
    except TrackingError as error:
        notice.say(f"the tracking server refused a value: {error}")
    left = journal.unshipped
    if left is not None:
        path, values = left
        notice.say(
            f"{values:,} values are not sent yet. They are kept in {path}; send them with: runner sync"
        )
    if journal.lost:
        notice.say(f"{journal.lost:,} values were lost: the journal could not be written")
    journal.close()


def _after_fork() -> None:
    global _lock  # noqa: PLW0603  # held by a thread that the child does not have
    _lock = threading.RLock()
    for journal in _journals.values():
        journal.after_fork()


os.register_at_fork(after_in_child=_after_fork)
# Before whatever ends open runs at exit is registered, and therefore called after it.
atexit.register(finish_all)

__all__ = ["FLUSH_DEADLINE", "deadline_s", "finish_all", "flush", "of"]

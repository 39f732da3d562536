"""The journals of this process, one for each server that it logs to, and their end with the process."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
import time

from tracking_client import notice
from tracking_client.errors import InvalidArgument, Timeout, TrackingError
from tracking_client.journal.journal import Journal
from tracking_client.journal_folder import journal_folders
from tracking_client.transport import Transport

FLUSH_DEADLINE = "RUNNER_FLUSH_DEADLINE_S"
_DEFAULT_DEADLINE_S = 60.0
FAILING_S = 5.0
"""How long a server that does not answer is tried when the process goes."""
_NEWS_AFTER_S = 1.0

_journals: dict[Transport, Journal] = {}
_lock = threading.RLock()
_has_forked = False


def of(transport: Transport) -> Journal:
    """The journal for what `transport` talks to. Opens nothing yet."""
    found = _journals.get(transport)
    if found is not None:
        return found
    with _lock:
        return _journals.setdefault(transport, Journal(transport, opened=_finish_with_worker))


def flush(transport: Transport) -> bool:
    """Waits until the server has all that this process logged to it; whether it has.

    A server that does not answer is tried for FAILING_S. Raises the ApiError of the first value that was
    refused.
    """
    found = _journals.get(transport)
    return True if found is None else found.flush(deadline_s(), failing_s=FAILING_S)


def wait(transport: Transport) -> None:
    """Waits until the server has all that this process logged to it.

    Raises the ApiError of the first value that was refused, and where it cannot be sent in time why; it is
    sent later then.
    """
    found = _journals.get(transport)
    limit_s = deadline_s()
    failing_s = min(limit_s, transport.patience.deadline_s)
    if found is None or found.flush(limit_s, failing_s=failing_s):
        return
    failure = found.failure
    if isinstance(failure, TrackingError):
        raise failure
    raise Timeout(f"what was logged was not sent within {limit_s:g} s ({FLUSH_DEADLINE}); it is sent later")


def send_what_the_dead_left(transport: Transport) -> None:
    """Ships what processes of this machine that are dead have left for the same server, as far as it goes."""
    from tracking_client.journal.syncing import sync_left_behind

    until_s = time.monotonic() + deadline_s()
    for folder in journal_folders():
        with contextlib.suppress(OSError):
            sync_left_behind(folder, transport, of(transport).lasting_uri, until_s=until_s)


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
    until_s = time.monotonic() + limit_s
    if not _flush(journal, min(_NEWS_AFTER_S, limit_s)):
        left = journal.unshipped
        if left is not None and journal.failure is None:
            notice.say(f"sending the last {_counted(journal, left[1])} …")
        _flush(journal, limit_s, failing_s=FAILING_S)
    if _has_forked and journal.failure is None:
        journal.send_what_others_left(until_s)
    left = journal.unshipped
    if left is not None:
        path, values = left
        notice.say(
            f"{_counted(journal, values)} are not sent yet. They are kept in {path}; "
            "send them with: runner sync"
        )
    if journal.lost:
        notice.say(f"{journal.lost:,} values were lost: the journal could not be written")
    journal.close()


def _counted(journal: Journal, values: int) -> str:
    """So many values, or values and files: each file is a line, too."""
    files = journal.files
    if files is None:
        return f"{values:,} values"
    count = files.count
    size = f"{count:,} {'file' if count == 1 else 'files'} ({files.size_bytes / 1e6:,.1f} MB)"
    return f"{values - count:,} values and {size}" if values > count else size


def _flush(journal: Journal, within_s: float, *, failing_s: float = 0.0) -> bool:
    """Flushes, also past values that were refused, which are said; whether the server has the others."""
    until_s = time.monotonic() + within_s
    while True:
        try:
            return journal.flush(until_s - time.monotonic(), failing_s=failing_s)
        except TrackingError as error:
            notice.say(f"the tracking server refused a value: {error}")


def _finish_with_worker() -> None:
    """In a worker of `multiprocessing`, which ends without what is registered with `atexit`."""
    process = sys.modules.get("multiprocessing.process")
    if process is not None and process.parent_process() is not None:
        from multiprocessing.util import Finalize

        Finalize(None, finish_all, exitpriority=0)


def _after_fork_in_parent() -> None:
    global _has_forked  # noqa: PLW0603  # children may end without a word, and be survived by what they logged
    _has_forked = True


def _after_fork() -> None:
    global _lock, _has_forked  # noqa: PLW0603  # the lock is held by a thread that the child does not have
    _lock = threading.RLock()
    _has_forked = False
    for journal in _journals.values():
        journal.after_fork()


os.register_at_fork(after_in_parent=_after_fork_in_parent, after_in_child=_after_fork)
# Before whatever ends open runs at exit is registered, and therefore called after it.
atexit.register(finish_all)

__all__ = [
    "FLUSH_DEADLINE",
    "deadline_s",
    "finish_all",
    "flush",
    "of",
    "send_what_the_dead_left",
    "wait",
]

"""`Journal`: the one way by which the runs of a process are told anything.

What is appended has been handed to the operating system when `append` returns, so that it survives the death
of the process, and is shipped by a thread. Where nothing can be written at all, everything is sent at once.
"""

from __future__ import annotations

import contextlib
import math
import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tracking_client import journal_folder as folder
from tracking_client import notice
from tracking_client.context import RunContext
from tracking_client.errors import InvalidArgument, TrackingError
from tracking_client.journal import entries, shipping
from tracking_client.journal.calls import calls_of
from tracking_client.journal.kept_files import KeptFiles
from tracking_client.journal.shipper import Shipper
from tracking_client.journal.spool import Spool, all_in
from tracking_client.journal.wakeup import Wakeup
from tracking_client.transport import Transport

MAX_MB = "RUNNER_JOURNAL_MAX_MB"
_DEFAULT_MAX_MB = 4096
SEGMENT_BYTES = 64 << 20
"""A segment that is longer is followed by another, so that the shipped ones can go."""
_CLOSED = -1
_SHARE_OF_VALUES = 8
"""One in so many bytes may not be taken by files."""
_LITTLE_BYTES, _LITTLE_S = 8 << 20, 10.0
_UPLOAD_RETRIES = 2


class Journal:
    """The journal of this process for one server. Safe in threads, across fork and in signal handlers.

    A forked child begins a journal of its own when it appends. `opened` is called when a process begins one.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        environ: Mapping[str, str] = os.environ,
        say: Callable[[str], None] = notice.say,
        opened: Callable[[], None] = lambda: None,
    ) -> None:
        self._transport = transport
        self._environ = environ
        self._say = say
        self._on_opened = opened
        self._max_bytes = _max_bytes(environ)
        self._lock = threading.RLock()
        self._descriptor = _CLOSED
        self._asked = Wakeup()
        self._spool: Spool | None = None
        self._shipper: Shipper | None = None
        self._is_full = False
        self._is_torn = False
        self._has_no_place = False
        self._uploading: dict[bool, Transport] = {}
        self.lost = 0
        """How many values found no room."""

    def append(self, lines: bytes) -> None:
        """Takes whole lines (see `entries`). Raises TrackingError only where there is no journal and they
        are sent at once.
        """
        try:
            written = os.write(self._descriptor, lines)
        except OSError:
            left, error = self._written_with_care(lines)
            if left:
                self._lose(left, error)
        else:
            if written != len(lines):
                self._is_torn = True
                self._lose(lines[written:])
        if not self._asked.is_set():
            self._asked.set()

    def offer(self, lines: bytes) -> bytes:
        """The same for lines that their owner counts: returns what found no room."""
        left, _ = self._written_with_care(lines)
        if not self._asked.is_set():
            self._asked.set()
        return left

    def append_metric(self, line: bytes) -> None:
        """The same for a metric, which is let go where the journal is as long as it may get."""
        if self._is_full:
            self._lose(line)
        else:
            self.append(line)

    def flush(self, deadline_s: float, *, failing_s: float = 0.0) -> bool:
        """Waits up to `deadline_s` until a server has all that was appended; whether it has.

        While attempts fail, up to `failing_s`; by default one is made. Raises the server's ApiError for the
        first of the values that it refused since the last flush.
        """
        shipper = self._shipper
        if shipper is None:
            return True
        now = time.monotonic()
        is_shipped = shipper.flush(now + deadline_s, failing_until_s=now + failing_s)
        self._raise_refusal(shipper)
        return is_shipped

    @property
    def files(self) -> KeptFiles | None:
        """The files that wait to be sent. One that is logged now must not overtake them."""
        spool = self._spool
        return None if spool is None or spool.is_shipped or not spool.files else spool.files

    def opened(self) -> Spool | None:
        """The journal's directory, made now where it is missing; None where there is no place for one."""
        with self._lock:
            if self._descriptor == _CLOSED and not self._has_no_place:
                self._open()
            return self._spool

    def has_room_for(self, size_bytes: int) -> bool:
        """Whether so much more may be kept in files. The rest of the room is for values."""
        spool = self._spool
        kept_bytes = 0 if spool is None else self._kept_bytes(spool)
        return kept_bytes + size_bytes <= self._max_bytes - self._max_bytes // _SHARE_OF_VALUES

    def lose(self, count: int, why: str) -> None:
        """Counts and says what finds no room."""
        self.lost += count
        self._say(why)

    def upload_transport(self, size_bytes: int) -> Transport:
        """How so much in files is sent while the program waits: less patiently than without a journal."""
        is_little = size_bytes <= _LITTLE_BYTES
        with self._lock:
            if is_little not in self._uploading:
                deadline_s = self._transport.patience.deadline_s
                self._uploading[is_little] = self._transport.apart(
                    min(_LITTLE_S, deadline_s) if is_little else deadline_s, max_retries=_UPLOAD_RETRIES
                )
            return self._uploading[is_little]

    @property
    def unshipped(self) -> tuple[Path, int] | None:
        """The journal's directory and how many values in it are still to be sent; None for none."""
        if self._spool is None or self._spool.is_shipped:
            return None
        return self._spool.path, shipping.unshipped(self._spool)

    @property
    def failure(self) -> TrackingError | OSError | None:
        """Why nothing can be shipped at the moment."""
        return None if self._shipper is None else self._shipper.failure

    def close(self) -> None:
        """Ends the thread, and removes what is shipped whole. The next `append` begins anew."""
        with self._lock:
            spool, shipper = self._spool, self._shipper
            self._forget()
        if shipper is not None:
            shipper.stop(timeout_s=1.0)
        if spool is not None:
            spool.finish()

    def after_fork(self) -> None:
        """In a child: what was open belongs to the parent."""
        self._lock = threading.RLock()
        spool = self._spool
        self._uploading = {}
        self._forget()
        self._has_no_place = False
        if spool is not None:
            spool.leave()

    def _forget(self) -> None:
        descriptor, self._descriptor = self._descriptor, _CLOSED
        self._spool = self._shipper = None
        self._asked = Wakeup()
        self._is_full = self._is_torn = False
        if descriptor != _CLOSED:
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def _written_with_care(self, lines: bytes) -> tuple[bytes, OSError | None]:
        """Writes also where nothing is open yet, or a line was torn; what found no room, and why."""
        with self._lock:
            if self._descriptor == _CLOSED and not self._has_no_place:
                self._open()
            if self._has_no_place:
                self._send_now(lines)
                return b"", None
            mended = b"\n" + lines if self._is_torn else lines
            try:
                written = os.write(self._descriptor, mended)
            except OSError as error:
                return lines, error
            self._is_torn = written != len(mended)
            return mended[written:].lstrip(b"\n") if self._is_torn else b"", None

    def _open(self) -> None:
        reason = OSError()
        for find in (self._folder, folder.claim_spare_folder):
            try:
                place = find()
                spool = Spool.create(place, self.lasting_uri)
                descriptor = self._new_segment(spool)
            except OSError as error:
                reason = error
                continue
            if self._descriptor != _CLOSED:  # the handler of a signal was faster
                os.close(descriptor)
                spool.finish()
                return
            self._spool = spool
            self._shipper = Shipper(spool, self._transport, after_window=self._look_after, say=self._say)
            self._asked = self._shipper.asked
            self._descriptor = descriptor
            self._on_opened()
            self._send_what_others_left(place)
            return
        self._has_no_place = True
        self._say(
            f"no journal can be kept ({reason}): every value is sent at once, and lost where that fails. "
            f"Set {folder.JOURNAL_DIR} to a directory that can be written to"
        )

    def _folder(self) -> Path:
        return folder.journal_folder(self._environ)

    @staticmethod
    def _new_segment(spool: Spool) -> int:
        try:
            return spool.new_segment()
        except OSError:
            spool.finish()
            raise

    def send_what_others_left(self, until_s: float) -> None:
        """Ships what forked children, and processes before this one, did not live to send.

        Stops when the monotonic clock says `until_s`. Raises OSError.
        """
        spool = self._spool
        if spool is not None and len(all_in(spool.path.parent)) > 1:
            from tracking_client.journal.syncing import ATTEMPT_S, sync_left_behind

            transport = self._transport.apart(ATTEMPT_S, max_retries=0)
            sync_left_behind(spool.path.parent, transport, self.lasting_uri, until_s=until_s)

    def _send_what_others_left(self, place: Path) -> None:
        """Ships meanwhile what processes before this one did not live to send."""
        if len(all_in(place)) < 2:
            return
        from tracking_client.journal.syncing import ATTEMPT_S, sync_left_behind

        transport, uri = self._transport.apart(ATTEMPT_S), self.lasting_uri

        def send() -> None:
            with contextlib.suppress(OSError):
                sync_left_behind(place, transport, uri, until_s=math.inf)

        with contextlib.suppress(RuntimeError):  # the interpreter is ending: the next process does it
            threading.Thread(target=send, name="tracking-journals-left", daemon=True).start()

    @property
    def lasting_uri(self) -> str:
        """Where all this is to be sent, by a name that outlives the server of a local store."""
        context = RunContext.from_environ(self._environ)
        uri = self._transport.target_uri
        return context.store_uri or uri if context.tracking_uri == uri else uri

    def _send_now(self, lines: bytes) -> None:
        for call in calls_of(entry for entry in entries.read(lines) if entry is not None):
            shipping.send(call, self._transport)

    def _look_after(self) -> None:
        """Between windows: begins another segment, and sees whether the journal is too long."""
        spool = self._spool
        if spool is None:
            return
        was_full, self._is_full = self._is_full, self._kept_bytes(spool) > self._max_bytes
        if self._is_full and not was_full:
            self._say(
                f"{spool.path} holds more than {self._max_bytes >> 20} MB that no server has taken: metrics "
                f"are lost from now on ({MAX_MB} allows more)"
            )
        with contextlib.suppress(OSError), self._lock:
            if self._descriptor != _CLOSED and os.fstat(self._descriptor).st_size > SEGMENT_BYTES:
                following = spool.new_segment()
                before = os.dup(self._descriptor)
                try:
                    # The number stays the same, and so every writer's lines go to the one or the other.
                    os.dup2(following, self._descriptor, inheritable=False)
                    # Waits for a write that is under way there: it has to be done before this is read.
                    os.write(before, b"\n")
                finally:
                    os.close(following)
                    os.close(before)

    @staticmethod
    def _kept_bytes(spool: Spool) -> int:
        return spool.unshipped_bytes + spool.files.size_bytes

    def _lose(self, lines: bytes, error: OSError | None = None) -> None:
        is_first = not self.lost
        self.lost += max(1, lines.count(b"\n"))
        if is_first and not self._is_full:
            reason = "there is no room" if error is None else error.strerror
            self._say(f"values are being lost, for the journal cannot be written: {reason}")

    def _raise_refusal(self, shipper: Shipper) -> None:
        refusals = shipper.take_refusals()
        if refusals:
            raise refusals[0].error


def _max_bytes(environ: Mapping[str, str]) -> int:
    text = environ.get(MAX_MB) or str(_DEFAULT_MAX_MB)
    try:
        return max(1, int(text)) << 20
    except ValueError:
        raise InvalidArgument(f"{MAX_MB}={text!r:.50} is not a number of megabytes") from None


__all__ = ["MAX_MB", "Journal"]

"""What a program prints: into its log, to whoever listens, and the last lines for a message."""

from __future__ import annotations

from collections import deque
from io import FileIO
from pathlib import Path

from runner.conversation import StreamName
from runner.events import Listener, OutputLine, Warned
from runner.redaction import Redactor

TAIL_LINES = 20
_TAIL_LINE_BYTES = 2000


class OutputLog:
    """Takes pieces of output, hides secrets, appends them to the log file and passes them on at once.

    A secret that is cut between two pieces is still hidden: the end of a piece that could be the beginning
    of one waits for the next. A disk that is full costs the log, not the run. Used by one thread.
    """

    def __init__(self, path: Path, *, run_id: str, redactor: Redactor, listener: Listener) -> None:
        self.path = path
        self._run_id = run_id
        self._redactor = redactor
        self._listener = listener
        self._held: dict[StreamName, bytes] = {"stdout": b"", "stderr": b""}
        self._last: deque[bytes] = deque(maxlen=TAIL_LINES)
        self._partial = b""
        self._file: FileIO | None = None
        try:
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            self._give_up(error)

    def feed(self, stream: StreamName, data: bytes) -> None:
        """Takes the next piece of `stream`."""
        data = self._held[stream] + data
        held = self._redactor.undecided_bytes(data)
        self._held[stream] = data[len(data) - held :]
        self._emit(stream, data[: len(data) - held])

    def close(self) -> None:
        """Lets go of what waited and closes the file."""
        for stream, data in self._held.items():
            self._emit(stream, data)
            self._held[stream] = b""
        if self._file is not None:
            self._file.close()

    def tail(self) -> str:
        """The last lines, as text."""
        lines = [*self._last, self._partial] if self._partial else list(self._last)
        return b"\n".join(lines[-TAIL_LINES:]).decode("utf-8", errors="replace")

    def _emit(self, stream: StreamName, data: bytes) -> None:
        if not data:
            return
        data = self._redactor.hide(data)
        self._write(data)
        self._remember(data)
        self._listener(OutputLine(run_id=self._run_id, stream=stream, data=data))

    def _write(self, data: bytes) -> None:
        if self._file is None:
            return
        left = memoryview(data)
        try:
            while left:
                # As much as fits: the error comes with the first byte that does not.
                left = left[self._file.write(left) :]
        except OSError as error:
            self._file.close()
            self._file = None
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self._listener(Warned(message=f"the log ends early: {self.path}: {error.strerror}"))

    def _remember(self, data: bytes) -> None:
        *lines, self._partial = (self._partial + data).split(b"\n")
        self._partial = self._partial[-_TAIL_LINE_BYTES:]
        for line in lines:
            # Of a line that was drawn over and over (a progress bar), the last state counts.
            self._last.append(line.rstrip(b"\r").rpartition(b"\r")[2][-_TAIL_LINE_BYTES:])

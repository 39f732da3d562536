"""What a guardian (see `runner.guardian`) reports of its program, read from the socket to it."""

from __future__ import annotations

import os
import signal


class GuardianReports:
    """Takes the bytes as they come. Used by one thread.

    `program_pid` is None until the program is started. Then either `exit_code` follows (as in `subprocess`:
    -N is signal N) or `refusal`, the error with which the program could not be executed.
    """

    def __init__(self) -> None:
        self.program_pid: int | None = None
        self.exit_code: int | None = None
        self.refusal: OSError | None = None
        self._received = b""

    def take(self, chunk: bytes) -> None:
        """The next bytes; none at the end. A guardian that ends without a report was killed.

        Its program's process group is killed then: nobody looks after it any more.
        """
        if not chunk:
            self._guardian_died()
        *messages, self._received = (self._received + chunk).split(b"\n")
        for message in messages:
            word, _, rest = message.partition(b" ")
            if word == b"started":
                self.program_pid = int(rest)
            elif word == b"exit":
                self.exit_code = int(rest)
            elif word == b"refused":
                number, _, reason = rest.decode(errors="replace").partition(" ")
                self.refusal = OSError(int(number), reason)

    def _guardian_died(self) -> None:
        if self.exit_code is not None or self.refusal is not None:
            return
        if self.program_pid is not None:
            try:
                os.killpg(self.program_pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass
        self.exit_code = -signal.SIGKILL

"""One line of JSON per answered request, written by a thread so that a slow disk or pipe holds nobody up.

    {"time":"2026-01-31T12:00:00.123Z","method":"POST","path":"/api/2.0/mlflow/runs/create","status":200,
     "bytes":812,"duration_ms":3.1,"client":"10.0.0.7","token":"ci"}

`token` is the name of the token, `query` the query string with secrets taken out, where there is one. A file
that was renamed is opened anew within two seconds, so that it can be rotated from outside.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import msgspec

from tracking_server.errors import StartRefused

FLUSH_EVERY_S = 0.2
MAX_WAITING_LINES = 20_000
MAX_UNWRITTEN_BYTES = 1 << 20
"""How much is kept for a disk that has no room now."""
_SECRET_FIELDS = frozenset(
    {"token", "access_token", "password", "secret", "signature", "x-amz-signature", "sig"}
)


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is told of one request."""

    time: str
    method: str
    path: str
    query: str = ""
    status: int
    bytes: int
    duration_ms: float
    client: str = ""
    token: str = ""


class AccessLog:
    """Where lines go. `write` is for the event loop; a thread of its own does the rest. Loses no line but
    those that come while more than MAX_WAITING_LINES wait, or find no room on the disk: these it counts.
    """

    def __init__(self, target: str) -> None:
        self._path = None if target == "-" else Path(target)
        self._lines: deque[Line] = deque()
        self._dropped = 0
        self._unwritten = b""
        self._closing = threading.Event()
        self._encode = msgspec.json.Encoder().encode
        self._descriptor = self._open()
        self._thread = threading.Thread(target=self._flush_until_closed, name="access-log", daemon=True)
        self._thread.start()

    def write(
        self,
        *,
        method: str,
        path: str,
        query: bytes,
        status: int,
        size_bytes: int,
        took_s: float,
        client: str,
        token: str,
    ) -> None:
        """Tell of one request. Returns at once."""
        if len(self._lines) >= MAX_WAITING_LINES:
            self._dropped += 1
            return
        moment = datetime.now(timezone.utc).isoformat(timespec="milliseconds").removesuffix("+00:00")
        self._lines.append(
            Line(
                time=moment + "Z",
                method=method,
                path=path,
                query=without_secrets(query) if query else "",
                status=status,
                bytes=size_bytes,
                duration_ms=round(took_s * 1000, 3),
                client=client,
                token=token,
            )
        )

    @property
    def dropped(self) -> int:
        """How many lines were lost that the log does not tell of yet."""
        return self._dropped

    @property
    def has_unwritten(self) -> bool:
        """Whether the disk had no room for something that waits now."""
        return bool(self._unwritten)

    def close(self) -> None:
        """Write what waits and let go of the file."""
        if not self._closing.is_set():
            self._closing.set()
            self._thread.join(5.0)
            if self._path is not None:
                os.close(self._descriptor)

    def _open(self) -> int:
        if self._path is None:
            return sys.stderr.fileno()
        try:
            return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise StartRefused(f"Cannot write --access-log {self._path}: {error.strerror}") from error

    def _flush_until_closed(self) -> None:
        checked_at = time.monotonic()
        while not self._closing.wait(FLUSH_EVERY_S):
            self._flush()
            if self._path is not None and time.monotonic() - checked_at > 1.0:
                checked_at = time.monotonic()
                self._reopen_if_moved(self._path)
        for _ in range(2):  # what waited for room, then what was lost meanwhile
            self._flush()

    def _flush(self) -> None:
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        text = self._unwritten
        if len(text) > MAX_UNWRITTEN_BYTES:
            self._dropped += len(lines)
        else:
            text += b"".join(self._encode(line) + b"\n" for line in lines)
            if self._dropped:
                dropped, self._dropped = self._dropped, 0
                text += self._encode({"dropped": dropped}) + b"\n"
        try:
            while text:
                text = text[os.write(self._descriptor, text) :]
        except OSError:
            pass  # a full disk: requests matter more than their log
        # Gone on with from there, since a line may have been cut in two.
        self._unwritten = text

    def _reopen_if_moved(self, path: Path) -> None:
        try:
            there = path.stat()
            ours = os.fstat(self._descriptor)
            if (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino):
                return
        except OSError:
            pass
        try:
            descriptor = self._open()
        except StartRefused:
            return  # on with the old file
        os.close(self._descriptor)
        self._descriptor = descriptor
        if self._unwritten:
            # Its first line may have begun in the other file.
            self._unwritten = self._unwritten.partition(b"\n")[2]
            self._dropped += 1


def without_secrets(query: bytes) -> str:
    """A query string in which the values of fields that hold secrets are replaced."""
    text = query.decode("latin-1")
    pairs = parse_qsl(text, keep_blank_values=True)
    if not any(key.lower() in _SECRET_FIELDS for key, _ in pairs):
        return text
    return urlencode([(key, "***" if key.lower() in _SECRET_FIELDS else value) for key, value in pairs])

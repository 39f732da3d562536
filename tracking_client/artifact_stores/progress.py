"""How far a transfer is: one line on a terminal, where it takes longer than a second."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TextIO

from tracking_client.errors import ArtifactError

VARIABLE = "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"
"""MLflow's switch; anything but `false` and `0` leaves the line on."""

_QUIET_S = 1.0
_BETWEEN_S = 0.1
_CLEAR = "\r\x1b[K"


class Progress:
    """What was moved of `total_bytes`, as a context manager. Safe in threads.

    `stop` makes the next `advance` raise ArtifactError, so that work of other threads ends soon.
    """

    def __init__(
        self,
        what: str,
        total_bytes: int | None,
        *,
        stream: TextIO | None = None,
        environ: Mapping[str, str] = os.environ,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what = what
        self._total_bytes = total_bytes
        self._stream = sys.stderr if stream is None else stream
        self._now = now
        self._lock = threading.Lock()
        self._began_at = now()
        self._told_next_at = self._began_at + _QUIET_S
        self._moved_bytes = 0
        self._stopped = False
        self._is_told = False
        self._is_wanted = _is_wanted(self._stream, environ)

    def advance(self, size_bytes: int) -> None:
        """So many bytes more (or fewer). Raises ArtifactError after `stop`."""
        if self._stopped:
            raise ArtifactError(f"{self._what}: given up, since another file failed", uri="")
        if not self._is_wanted:
            return
        with self._lock:
            self._moved_bytes += size_bytes
            now = self._now()
            if now >= self._told_next_at:
                self._told_next_at = now + _BETWEEN_S
                self._tell(now)

    def stop(self) -> None:
        """Lets the work that goes on end."""
        self._stopped = True

    def _tell(self, now: float) -> None:
        rate = self._moved_bytes / max(now - self._began_at, 0.001)
        of = f" of {_size(self._total_bytes)}" if self._total_bytes else ""
        share = f" ({min(self._moved_bytes / self._total_bytes, 1):.0%})" if self._total_bytes else ""
        self._is_told = True
        self._print(f"{_CLEAR}{self._what}: {_size(self._moved_bytes)}{of}{share}, {_size(rate)}/s")

    def _print(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()

    def __enter__(self) -> Progress:  # noqa: PYI034  # Self came with Python 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_told:
            self._print(_CLEAR)


def _is_wanted(stream: TextIO | None, environ: Mapping[str, str]) -> bool:
    if environ.get(VARIABLE, "").strip().lower() in ("false", "0"):
        return False
    try:
        return stream is not None and stream.isatty()
    except (AttributeError, ValueError):  # some notebooks' streams, and closed ones
        return False


def _size(size_bytes: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size_bytes < 1000:
            return f"{size_bytes:.3g} {unit}" if unit != "B" else f"{size_bytes:.0f} B"
        size_bytes /= 1000
    return f"{size_bytes:.3g} TB"


__all__ = ["VARIABLE", "Progress"]

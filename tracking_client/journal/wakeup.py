"""`Wakeup`: what a thread is woken by, also from a signal handler."""

from __future__ import annotations

import threading


class Wakeup:
    """A flag that one thread waits for.

    Unlike `threading.Event` it takes no lock that the code which a signal interrupted may hold: setting it
    is safe at any moment.
    """

    def __init__(self) -> None:
        self._unset = threading.Lock()
        self._unset.acquire()

    def is_set(self) -> bool:
        """Whether it was set since the last `wait` or `clear`."""
        return not self._unset.locked()

    def set(self) -> None:
        """Wakes whoever waits, or else the next to wait."""
        try:
            self._unset.release()
        except RuntimeError:  # it is set already
            pass

    def clear(self) -> None:
        """Takes it back."""
        self._unset.acquire(blocking=False)

    def wait(self, timeout_s: float = -1) -> bool:
        """Waits until it is set, and takes it back; whether it was. Without a limit by default."""
        return self._unset.acquire(timeout=timeout_s)


__all__ = ["Wakeup"]

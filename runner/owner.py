"""Who holds something: a process, so described that a reused pid or another machine is not taken for it."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A process of one boot of one host (on Linux, of one of its pid namespaces).

    `process_started` is the kernel's start time, as it prints it.
    """

    host: str
    boot_id: str
    pid: int
    process_started: str

    @classmethod
    def current(cls) -> Owner:
        """This process."""
        return _owner_of(os.getpid())

    @classmethod
    def of(cls, value: object) -> Owner | None:
        """The owner that `as_json` described, or None where `value` is something else."""
        if not isinstance(value, Mapping):
            return None
        try:
            return cls(
                host=str(value["host"]),
                boot_id=str(value["boot_id"]),
                pid=int(value["pid"]),
                process_started=str(value["process_started"]),
            )
        except (KeyError, TypeError, ValueError):
            return None

    def as_json(self) -> dict[str, object]:
        """A description for `of`."""
        return asdict(self)

    def is_alive(self) -> bool | None:
        """Whether the process still runs; None where it is another host's and nobody here can know."""
        if self.host != _host():
            return None
        if self.boot_id != _boot_id():
            return False
        return _process_started(self.pid) == self.process_started != ""


@lru_cache(maxsize=1)
def _owner_of(pid: int) -> Owner:
    # Cached by pid, so a forked child is asked anew.
    return Owner(host=_host(), boot_id=_boot_id(), pid=pid, process_started=_process_started(pid))


def _host() -> str:
    # Containers of one machine may share its name, but not the numbering of processes.
    try:
        return f"{socket.gethostname()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return socket.gethostname()


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return _printed(["sysctl", "-n", "kern.bootsessionuuid"]) if sys.platform == "darwin" else ""


def _process_started(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return "" if sys.platform == "linux" else _printed(["ps", "-o", "lstart=", "-p", str(pid)])
    except OSError:
        return ""
    # The name in field 2 may hold spaces and brackets; what follows the last bracket is fields 3 and on.
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]


def _printed(argv: list[str]) -> str:
    from runner.process import capture

    try:
        return capture(argv, timeout_s=5.0).text.strip()
    except OSError:
        return ""

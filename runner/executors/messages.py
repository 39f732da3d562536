"""What a worker and whoever it works for say to each other, over a socket of this machine.

Each message is a pickled value behind its length. Before the first, the caller sends the key that lies in the
worker's folder, which only its user can read: nothing is unpickled for anybody else.
"""

from __future__ import annotations

import pickle
import socket
import struct
from dataclasses import dataclass

from runner.executors.reports import Report
from runner.model.run import RunSpec

PROTOCOL = 1
KEY_BYTES = 32
_LENGTH = struct.Struct("!Q")


@dataclass(frozen=True, slots=True)
class Submit:
    """Perform the order; `token` names it from here on. A token that is known is not performed again."""

    token: str
    spec: RunSpec
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop the run. `why` comes back in its report; the first one that is given counts."""

    token: str
    why: str


@dataclass(frozen=True, slots=True)
class Forget:
    """The report was noted and need not be kept."""

    token: str


@dataclass(frozen=True, slots=True)
class Leave:
    """Nothing more will come: end when the last run is over."""


@dataclass(frozen=True, slots=True)
class Hello:
    """The worker's first message, after the key: which runs it performs or has a report of."""

    protocol: int
    pid: int
    tokens: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Opened:
    """The run exists."""

    token: str
    run_id: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The run is over, and its report on disk."""

    token: str
    report: Report


@dataclass(frozen=True, slots=True)
class Said:
    """A warning for people."""

    message: str


Request = Submit | Cancel | Forget | Leave
News = Hello | Opened | Ended | Said


def send(line: socket.socket, message: Request | News) -> None:
    """Sends it. Raises OSError where the other end is gone."""
    data = pickle.dumps(message)
    line.sendall(_LENGTH.pack(len(data)) + data)


def receive(line: socket.socket) -> Request | News | None:
    """Waits for the next message; None at the end. Raises OSError."""
    head = receive_exactly(line, _LENGTH.size)
    if head is None:
        return None
    body = receive_exactly(line, _LENGTH.unpack(head)[0])
    return None if body is None else pickle.loads(body)  # noqa: S301  # from a holder of the key: ourselves


def receive_exactly(line: socket.socket, count: int) -> bytes | None:
    """So many bytes; None where the other end leaves first."""
    data = bytearray()
    while len(data) < count:
        chunk = line.recv(min(count - len(data), 1 << 20))
        if not chunk:
            return None
        data += chunk
    return bytes(data)

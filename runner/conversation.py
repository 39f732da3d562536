"""Talking to a guardian (see `runner.guardian`) while its program runs: output, requests to stop, the end."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Literal

from runner.guardian_reports import GuardianReports
from runner.stop import Stop

StreamName = Literal["stdout", "stderr"]
OutputReader = Callable[[StreamName, bytes], None]

_STREAMS: tuple[StreamName, ...] = ("stdout", "stderr")
_CHUNK_BYTES = 65536
_DRAIN_S = 1.0


class ProgramNotStarted(Exception):
    """The operating system refused to execute the program; the message is its reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """Where a program's output arrives, unbuffered or not: it is read from the descriptors."""

    stdout: IO[bytes]
    stderr: IO[bytes]


def converse(
    streams: Streams,
    control: socket.socket,
    *,
    on_output: OutputReader,
    stop: Stop,
    grace_s: float,
    received: bytes = b"",
) -> int:
    """Stays with a program to its end and returns its exit code; all as `runner.process.run_program` says.

    `control` is the socket to the guardian, of which `received` was read already. It and the streams are
    closed then. Raises ProgramNotStarted.
    """
    conversation = _Conversation(streams, control, on_output, grace_s)
    if received:
        conversation.reports.take(received)
    try:
        return conversation.hold(stop)
    finally:
        conversation.end()


class _Conversation:
    """The runner's end of the line to one guardian, and the program's output."""

    def __init__(
        self, streams: Streams, control: socket.socket, on_output: OutputReader, grace_s: float
    ) -> None:
        self.streams = streams
        self.control = control
        self.on_output = on_output
        self.grace_s = grace_s
        self.reports = GuardianReports()
        self._passed_on = 0
        self._escalate_at: float | None = None
        self._open_streams = 2

    def hold(self, stop: Stop) -> int:
        with stop.listen() as (wakeup, requests), selectors.DefaultSelector() as selector:
            selector.register(self.control, selectors.EVENT_READ, self._on_control)
            selector.register(wakeup, selectors.EVENT_READ, lambda _: wakeup.recv(64))
            for name in _STREAMS:
                pipe: IO[bytes] = getattr(self.streams, name)
                os.set_blocking(pipe.fileno(), False)
                selector.register(pipe, selectors.EVENT_READ, self._reader(name, pipe))
            while self.reports.exit_code is None and self.reports.refusal is None:
                for key, _ in selector.select(self._patience_s()):
                    key.data(selector)
                self._pass_on(requests)
            self._drain(selector, wakeup)
        if self.reports.refusal is not None:
            raise ProgramNotStarted(self.reports.refusal.strerror)
        assert self.reports.exit_code is not None
        return self.reports.exit_code

    def _reader(
        self, name: StreamName, pipe: IO[bytes]
    ) -> Callable[[selectors.BaseSelector], None]:  # one for each stream
        descriptor = pipe.fileno()

        def read(selector: selectors.BaseSelector) -> None:
            try:
                data = os.read(descriptor, _CHUNK_BYTES)
            except BlockingIOError:
                return
            if data:
                self.on_output(name, data)
            else:
                selector.unregister(descriptor)
                self._open_streams -= 1

        return read

    def _on_control(self, selector: selectors.BaseSelector) -> None:
        try:
            chunk = self.control.recv(4096)
        except OSError:
            chunk = b""
        if not chunk:
            selector.unregister(self.control)
        self.reports.take(chunk)

    def _patience_s(self) -> float | None:
        return None if self._escalate_at is None else max(0.0, self._escalate_at - time.monotonic())

    def _pass_on(self, requests: list[int]) -> None:
        if self.reports.program_pid is None:
            return
        if self._escalate_at is not None and time.monotonic() >= self._escalate_at:
            self._signal(signal.SIGTERM if self._passed_on < 2 else signal.SIGKILL)
            self._passed_on = max(2, self._passed_on + 1)
        for number in requests[self._passed_on :]:
            self._signal(number)
            self._passed_on += 1

    def _signal(self, number: int) -> None:
        try:
            self.control.sendall(b"signal %d\n" % number)
        except OSError:
            self.reports.take(b"")
        self._escalate_at = time.monotonic() + self.grace_s

    def _drain(self, selector: selectors.BaseSelector, wakeup: socket.socket) -> None:
        # All of the group is dead, so the pipes end at once, unless a daemon holds them open.
        for endpoint in (self.control, wakeup):
            try:
                selector.unregister(endpoint)
            except KeyError:
                continue
        deadline = time.monotonic() + _DRAIN_S
        while self._open_streams and (left_s := deadline - time.monotonic()) > 0:
            for key, _ in selector.select(left_s):
                key.data(selector)

    def end(self) -> None:
        self.streams.stdout.close()
        self.streams.stderr.close()
        self.control.close()  # a guardian still at work takes this for our death and ends the program

"""How a run looks on the terminal.

The program's output goes through untouched: its stdout to stdout, its stderr to stderr. Our own lines go to
stderr, few and short, with one accent colour where stderr is a terminal; a spinner shows what takes longer
than a second. Nothing moves and nothing is coloured when stderr is a pipe.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from runner.events import (
    CheckoutReady,
    EnvironmentProgress,
    EnvironmentReady,
    Event,
    OutputLine,
    RunEnded,
    RunStarted,
    SourceProgress,
    Warned,
)
from runner.model.run import RunStatus

if TYPE_CHECKING:
    from rich.status import Status

_ACCENT = "\x1b[36m"
_DIM = "\x1b[2m"
_RED = "\x1b[31m"
_YELLOW = "\x1b[33m"
_RESET = "\x1b[0m"
_LABEL_WIDTH = 12
_NEVER_SHOWN_BELOW_S = 0.05


def duration(seconds: float) -> str:
    """A duration for people: `0.42 s`, `41 s`, `2 min 03 s`, `1 h 05 min`."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


class Console:
    """Draws the news of one foreground run. A listener; used by one thread."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._lively = not quiet and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._colours = self._lively and "NO_COLOR" not in os.environ
        self._status: Status | None = None
        self._reader_left = {"stdout": False, "stderr": False}

    def __call__(self, event: Event) -> None:
        """Takes the news."""
        if isinstance(event, OutputLine):
            self._output(event)
        elif isinstance(event, CheckoutReady):
            self._line("code", event.description)
        elif isinstance(event, EnvironmentProgress):
            self._progress("environment", event.step)
        elif isinstance(event, SourceProgress):
            self._progress("code", event.step)
        elif isinstance(event, EnvironmentReady):
            self._environment_ready(event)
        elif isinstance(event, RunStarted):
            self._line("run", f"{event.run_name}  {self._paint(_DIM, event.run_id)}")
            self._line("tracking", event.tracking_uri)
        elif isinstance(event, RunEnded):
            self._ended(event)
        elif isinstance(event, Warned):
            self._end_progress()
            self._write(f"{self._paint(_YELLOW, 'warning:')} {event.message}\n")

    def _output(self, event: OutputLine) -> None:
        # A reader that has left (`runner run … | head`) ends the copy, not the run.
        stream = sys.stdout if event.stream == "stdout" else sys.stderr
        if self._reader_left[event.stream]:
            return
        try:
            stream.buffer.write(event.data)
            stream.buffer.flush()
        except (BrokenPipeError, ValueError):
            self._reader_left[event.stream] = True

    def _environment_ready(self, event: EnvironmentReady) -> None:
        self._end_progress()
        how = f"built in {duration(event.seconds)}" if event.built else "ready"
        if event.built or event.seconds > _NEVER_SHOWN_BELOW_S:
            self._line("environment", f"{event.fingerprint[:12]}  {how}")

    def _progress(self, label: str, step: str) -> None:
        if self._quiet:
            return
        if not self._lively:
            self._line(label, step)
            return
        if self._status is None:
            from rich.console import Console as RichConsole

            self._status = RichConsole(stderr=True).status(step, spinner="dots", spinner_style="cyan")
            self._status.start()
        self._status.update(f"{label}: {step}")

    def _end_progress(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _ended(self, event: RunEnded) -> None:
        self._end_progress()
        colour = _ACCENT if event.status is RunStatus.FINISHED else _RED
        code = f"  exit code {event.exit_code}" if event.exit_code else ""
        self._line("status", f"{self._paint(colour, event.status.value)} in {duration(event.seconds)}{code}")

    def _line(self, label: str, text: str) -> None:
        if not self._quiet:
            self._end_progress()
            self._write(f"{self._paint(_ACCENT, label.ljust(_LABEL_WIDTH))} {text}\n")

    def _paint(self, colour: str, text: str) -> str:
        return f"{colour}{text}{_RESET}" if self._colours else text

    def _write(self, text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except (BrokenPipeError, ValueError):
            self._reader_left["stderr"] = True

    def close(self) -> None:
        """Leaves the terminal as it was."""
        self._end_progress()

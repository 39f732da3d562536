"""How a run looks on the terminal.

The program's output goes through untouched: its stdout to stdout, its stderr to stderr. Our own lines go to
stderr, few and short, with one accent colour where stderr is a terminal; a spinner shows what takes longer
than a second. Nothing moves and nothing is coloured when stderr is a pipe.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

from runner.cli.wording import duration
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
from runner.printable import on_one_line, printable

if TYPE_CHECKING:
    from rich.status import Status

_ACCENT = "\x1b[36m"
_DIM = "\x1b[2m"
_RED = "\x1b[31m"
_YELLOW = "\x1b[33m"
_RESET = "\x1b[0m"
_LABEL_WIDTH = 12
_NEVER_SHOWN_BELOW_S = 0.05


class Console:
    """Draws the news of one foreground run. A listener; used by one thread.

    `quiet` leaves only the program's output and warnings. With `output_to_stderr` the program's stdout goes
    to our stderr, so that our stdout holds nothing but what a program is to read.
    """

    def __init__(self, *, quiet: bool = False, output_to_stderr: bool = False) -> None:
        self._quiet = quiet
        self._output_to_stderr = output_to_stderr
        self._named: set[str] = set()
        self._lively = not quiet and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._colours = self._lively and "NO_COLOR" not in os.environ
        self._status: Status | None = None
        self._reader_left = {"stdout": False, "stderr": False}

    def __call__(self, event: Event) -> None:
        """Takes the news."""
        if isinstance(event, OutputLine):
            self._output(event)
        elif isinstance(event, CheckoutReady):
            self._line("code", on_one_line(event.description))
        elif isinstance(event, EnvironmentProgress):
            self._progress("environment", event.step)
        elif isinstance(event, SourceProgress):
            self._progress("code", event.step)
        elif isinstance(event, EnvironmentReady):
            self._environment_ready(event)
        elif isinstance(event, RunStarted):
            self._name(event.run_id, event.run_name)
            self._line("tracking", event.tracking_uri)
        elif isinstance(event, RunEnded):
            self._ended(event)
        elif isinstance(event, Warned):
            self._end_progress()
            self._write(f"{self._paint(_YELLOW, 'warning:')} {printable(event.message)}\n")

    def name_run(self, run_id: str, run_name: str, tracking_uri: str) -> None:
        """Says which run this is, and where it is tracked."""
        self._name(run_id, run_name)
        self._line("tracking", tracking_uri)

    def say(self, line: str) -> None:
        """A line of progress."""
        if not self._quiet:
            self._end_progress()
            self._write(f"{line}\n")

    def _output(self, event: OutputLine) -> None:
        # A reader that has left (`runner run … | head`) ends the copy, not the run.
        is_stdout = event.stream == "stdout" and not self._output_to_stderr
        stream = sys.stdout if is_stdout else sys.stderr
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

    def _name(self, run_id: str, run_name: str) -> None:
        self._named.add(run_id)
        self._line("run", f"{on_one_line(run_name)}  {self._paint(_DIM, run_id)}")

    def _ended(self, event: RunEnded) -> None:
        if event.run_id not in self._named:
            # It never came to its program, but it is on record.
            self._name(event.run_id, event.run_name)
        colour = _ACCENT if event.status is RunStatus.FINISHED else _RED
        status = self._paint(colour, event.status.value)
        self._line("status", f"{status} in {duration(event.seconds)}{_how(event.exit_code)}")

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
        except (OSError, ValueError):
            self._reader_left["stderr"] = True

    def close(self) -> None:
        """Leaves the terminal as it was."""
        self._end_progress()


def _how(exit_code: int | None) -> str:
    if not exit_code:
        return ""
    if exit_code > 0:
        return f"  exit code {exit_code}"
    try:
        return f"  ended by {signal.Signals(-exit_code).name}"
    except ValueError:  # a real-time signal
        return f"  ended by signal {-exit_code}"

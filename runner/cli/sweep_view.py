"""How a sweep looks on the terminal while it runs.

On a terminal: one live table. Elsewhere: a plain line for each trial that ends.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO, cast

from runner.cli.console import Console
from runner.cli.sweep_lines import plain_lines
from runner.cli.sweep_progress import SweepProgress
from runner.cli.sweep_table import SweepTable
from runner.events import (
    EnvironmentProgress,
    EnvironmentReady,
    Event,
    RunEnded,
    SourceProgress,
    SweepEnding,
    SweepExtended,
    SweepStarted,
    TrialEnded,
    TrialProgress,
    TrialStarted,
    Warned,
)
from runner.printable import printable

if TYPE_CHECKING:
    from rich.live import Live

_REFRESHES_PER_S = 4
_OF_THE_SWEEP = (SweepStarted, TrialStarted, TrialProgress, TrialEnded, SweepExtended, SweepEnding)
_IN_THE_FOOT = (EnvironmentProgress, EnvironmentReady, SourceProgress)


class SweepView:
    """A listener of a sweep's news, in front of the console that draws all other news.

    Used by several threads.
    """

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self._console = console
        self._quiet = quiet
        self._lively = not quiet and _can_redraw()
        self._live: Live | None = None
        self._progress = SweepProgress()
        self._table = SweepTable(self._progress)

    def __call__(self, event: Event) -> None:
        """Takes the news."""
        if isinstance(event, _OF_THE_SWEEP):
            self._progress.take(event)
            self._show(event)
        elif isinstance(event, RunEnded):
            self.close()
            self._console(event)
        elif self._live is None:
            self._console(event)
        elif isinstance(event, _IN_THE_FOOT):
            self._progress.take(event)
        elif isinstance(event, Warned):
            from rich.text import Text

            self._live.console.print(Text.assemble(("warning:", "yellow"), f" {printable(event.message)}"))

    def _show(self, event: Event) -> None:
        if self._quiet:
            return
        if isinstance(event, SweepStarted):
            self._console.name_run(event.run_id, event.run_name, event.tracking_uri)
            if self._lively:
                self._start()
        if not self._lively:
            for line in plain_lines(event, self._progress):
                self._console.say(line)

    def _start(self) -> None:
        from rich.console import Console as RichConsole
        from rich.live import Live

        self._live = Live(
            console=RichConsole(file=cast("TextIO", _Terminal(sys.stderr)), highlight=False),
            refresh_per_second=_REFRESHES_PER_S,
            get_renderable=lambda: self._table,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )
        self._live.start()
        # Whoever is killed cannot bring back a cursor that was hidden.
        self._live.console.show_cursor(True)

    def close(self) -> None:
        """Leaves the terminal with the last state of the table."""
        live, self._live = self._live, None
        if live is not None:
            self._table.is_final = True
            live.stop()


class _Terminal:
    """A terminal that may be closed while we draw: what is written then goes nowhere."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _can_redraw() -> bool:
    encoding = (sys.stderr.encoding or "").lower()
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and encoding.startswith("utf")

"""How a sweep looks on the terminal while it runs.

On a terminal: one live table, with the running trials and the latest ends, the best so far, and how long it
will take. Elsewhere: a plain line for each trial that ends.
"""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from typing import TYPE_CHECKING

from runner.cli.console import Console
from runner.cli.sweep_summary import number, params_line, short
from runner.cli.wording import duration, first_line
from runner.events import (
    Event,
    RunEnded,
    SweepEnding,
    SweepStarted,
    TrialEnded,
    TrialProgress,
    TrialStarted,
    Warned,
)
from runner.model.sweep import Sweep
from runner.model.trial import Trial, TrialResult
from runner.printable import on_one_line
from runner.sweeping.budget import trials_in_all

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live
    from rich.table import Table

_BARS = "▁▂▃▄▅▆▇█"
_SPARK_WIDTH = 12
_REFRESHES_PER_S = 4


class SweepView:
    """A listener of a sweep's news, in front of the console that draws all other news.

    Used by several threads.
    """

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self._console = console
        self._quiet = quiet
        self._lively = not quiet and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._live: Live | None = None
        self._table = SweepTable()

    def __call__(self, event: Event) -> None:
        """Takes the news."""
        if isinstance(event, (SweepStarted, TrialStarted, TrialProgress, TrialEnded, SweepEnding)):
            self._table.take(event)
            self._draw(event)
        elif isinstance(event, RunEnded):
            self.close()
            self._console(event)
        elif isinstance(event, Warned) and self._live is not None:
            from rich.text import Text

            self._live.console.print(Text(f"warning: {event.message}", style="yellow"))
        else:
            self._console(event)

    def _draw(self, event: Event) -> None:
        if self._quiet:
            return
        if isinstance(event, SweepStarted):
            self._console.name_run(event.run_id, event.run_name, event.tracking_uri)
            if self._lively:
                self._start()
                return
        if self._lively:
            return
        for line in self._table.plain_lines(event):
            self._console.say(line)

    def _start(self) -> None:
        from rich.console import Console as RichConsole
        from rich.live import Live

        self._live = Live(
            console=RichConsole(stderr=True),
            refresh_per_second=_REFRESHES_PER_S,
            get_renderable=self._table.render,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def close(self) -> None:
        """Leaves the terminal with the last state of the table."""
        if self._live is not None:
            self._live.stop()
            self._live = None


class SweepTable:
    """The state that is drawn."""

    def __init__(self) -> None:
        self.sweep: Sweep | None = None
        self._total: int | None = None
        self._over = 0
        self._failed = 0
        self._best: Trial | None = None
        self._running: dict[int, tuple[Trial, float]] = {}
        self._curves: dict[int, deque[float]] = {}
        self._ended: deque[tuple[Trial, TrialResult, str]] = deque(maxlen=50)
        self._seconds: list[float] = []
        self._slots = 1
        self._ending = ""
        self._started = time.monotonic()

    def take(self, event: Event) -> None:
        """Takes the news."""
        if isinstance(event, SweepStarted):
            self.sweep, self._total = event.sweep, trials_in_all(event.sweep, event.total)
            ended = [trial for trial in event.trials if trial.result is not None and trial.number >= 0]
            self._over = len(ended)
            self._failed = sum(1 for t in ended if t.result is not None and t.result.values is None)
        elif isinstance(event, TrialStarted):
            self._running[event.trial.number] = event.trial, time.monotonic()
            self._slots = max(self._slots, len(self._running))
        elif isinstance(event, TrialProgress):
            self._curves.setdefault(event.number, deque(maxlen=_SPARK_WIDTH)).append(event.value)
        elif isinstance(event, TrialEnded):
            self._end(event)
        elif isinstance(event, SweepEnding):
            self._ending = event.reason

    def _end(self, event: TrialEnded) -> None:
        self._running.pop(event.trial.number, None)
        curve = self._curves.pop(event.trial.number, None)
        self._best, self._over = event.best, event.over
        if event.retried:
            return
        if event.trial.number >= 0:
            self._failed += event.result.values is None
            self._seconds.append(event.result.seconds)
        self._ended.append((event.trial, event.result, sparkline(list(curve or ()))))

    # Lines.

    def plain_lines(self, event: Event) -> list[str]:
        """What is said of the event where nothing can be redrawn."""
        if isinstance(event, SweepStarted):
            many = f"{self._total} trials" if self._total is not None else "trials"
            word = f"goes on, {self._over} over" if event.resumed else "begins"
            return [f"{on_one_line(event.sweep.name)} {word}: {many}, {event.sweep.parallel} at once"]
        if isinstance(event, TrialEnded):
            return [self._line(event)]
        if isinstance(event, SweepEnding):
            left = f"; {event.running} trials are still running" if event.running else ""
            return [f"no new trials: {first_line(event.reason)}{left}"]
        return []

    def _line(self, event: TrialEnded) -> str:
        trial, result = event.trial, event.result
        mark = "  (best so far)" if event.best is not None and event.best.number == trial.number else ""
        again = "; tried again" if event.retried else ""
        params = params_line(trial.params)
        return (
            f"{_name(trial)}{self._of(trial)}  {params}{'  ' if params else ''}{self._came_to(result)}{again}"
            f"  {duration(result.seconds)}{mark}"
        )

    def _of(self, trial: Trial) -> str:
        return f" of {self._total}" if self._total is not None and trial.number >= 0 else ""

    def _came_to(self, result: TrialResult) -> str:
        if result.values is None:
            return f"{result.cause or 'failed'}: {on_one_line(result.reason)}"
        assert self.sweep is not None
        pairs = zip(self.sweep.objectives, result.values, strict=True)
        values = " ".join(f"{objective.metric} {number(value)}" for objective, value in pairs)
        return f"{values}  stopped early" if result.stopped_early else values

    # The table.

    def render(self) -> RenderableType:
        """The whole picture, as high as the terminal allows."""
        from rich.console import Group
        from rich.text import Text

        if self.sweep is None:
            return Text("")
        return Group(self._rows(), Text.from_markup(self._foot()))

    def _rows(self) -> Table:
        from rich.table import Table

        assert self.sweep is not None
        names = list(self.sweep.space.names)
        table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
        table.add_column("TRIAL")
        for name in names:
            table.add_column(on_one_line(name), justify="right", overflow="ellipsis", no_wrap=True)
        table.add_column(on_one_line(self.sweep.objective.metric), justify="right")
        table.add_column("")
        table.add_column("STATUS")
        table.add_column("TIME", justify="right")
        height = max(4, os.get_terminal_size(sys.stderr.fileno()).lines - len(self._running) - 5)
        for trial, result, spark in list(self._ended)[-height:]:
            is_best = self._best is not None and self._best.number == trial.number
            value = "-" if result.values is None else number(result.values[0])
            status = _status(result)
            cells = [_name(trial), *_cells(trial, names), value, spark, status, duration(result.seconds)]
            table.add_row(*cells, style="bold cyan" if is_best else _style(result))
        now = time.monotonic()
        for trial, since in self._running.values():
            curve = list(self._curves.get(trial.number, ()))
            value = number(curve[-1]) if curve else ""
            cells = [
                _name(trial),
                *_cells(trial, names),
                value,
                sparkline(curve),
                "running",
                duration(now - since),
            ]
            table.add_row(*cells)
        return table

    def _foot(self) -> str:
        assert self.sweep is not None
        done = f"{self._over}/{self._total}" if self._total is not None else str(self._over)
        parts = [f"[cyan]{_bar(self._over, self._total)}[/] {done} trials", f"{len(self._running)} running"]
        if self._failed:
            parts.append(f"[red]{self._failed} failed[/]")
        if self._best is not None and self._best.result is not None and self._best.result.values:
            value = number(self._best.result.values[0])
            parts.append(f"best {self.sweep.objective.metric} {value} ({_name(self._best)})")
        left = self._left_s()
        parts.append(
            f"about {duration(left)} left" if left is not None else duration(time.monotonic() - self._started)
        )
        if self._ending:
            parts.append(f"[yellow]{first_line(self._ending)}; Ctrl-C again stops what is running[/]")
        return " · ".join(parts)

    def _left_s(self) -> float | None:
        if self._total is None or not self._seconds or self._ending:
            return None
        mean = sum(self._seconds) / len(self._seconds)
        return (self._total - self._over) * mean / self._slots


def sparkline(values: list[float]) -> str:
    """The curve in a few characters: `█▅▃▂▁`. Values that are no numbers are blanks."""
    numbers = [value for value in values if value == value and abs(value) != float("inf")]
    if len(numbers) < 2:
        return ""
    low, high = min(numbers), max(numbers)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(
        " " if value != value or abs(value) == float("inf") else _BARS[round((value - low) * scale)]
        for value in values[-_SPARK_WIDTH:]
    )


def _name(trial: Trial) -> str:
    return "baseline" if trial.number < 0 else trial.name


def _cells(trial: Trial, names: list[str]) -> list[str]:
    return [short(trial.params[name]) if name in trial.params else "" for name in names]


def _status(result: TrialResult) -> str:
    if result.values is None:
        return (result.cause or "failed").replace("_", " ")
    return "stopped early" if result.stopped_early else "finished"


def _style(result: TrialResult) -> str:
    if result.values is None:
        return "red"
    return "dim" if result.stopped_early else ""


def _bar(done: int, total: int | None, width: int = 20) -> str:
    if not total:
        return ""
    filled = round(width * min(done / total, 1.0))
    return "━" * filled + "╌" * (width - filled)

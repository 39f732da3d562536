"""The live table of a sweep: its latest trials, those that run, and a foot that says how far it is.

Columns keep their places while values change. Where the terminal is narrow, times, curves and then
parameters are left out; where it is low, the oldest trials. The foot is always there.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runner.cli.cells import bar_of, left, precisely, right, sparkline, width_of
from runner.cli.sweep_lines import came_to, ending_line
from runner.cli.sweep_progress import Ended, Running, SweepProgress
from runner.cli.sweep_summary import number, params_line, short, trial_name
from runner.cli.wording import duration
from runner.model.space import Choice, Value
from runner.model.trial import Trial, TrialResult
from runner.printable import on_one_line

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.text import Text

ACCENT = "cyan"
_GAP = 2
_MARK = 2
_STATUS = len("stopped early")
_TIME = len("12 min 03 s")
_LEAST_VALUE = 10
_LEAST_PARAMETER = 9
_FOOT = 6
_LOWEST = 10
"""A terminal of fewer lines has room for the foot only."""
# How wide the curve is, whether times are shown, and how wide a parameter may be: the roomiest first.
_ROOMS = ((12, True, 18), (12, True, 10), (8, True, 10), (8, False, 10), (0, False, 10))
_ENOUGH_PARAMETERS = 2


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns are shown, and how wide each of them is; 0: not at all."""

    name: int
    parameters: tuple[tuple[str, int], ...]
    left_out: int
    value: int
    curve: int
    status: int
    time: int


class SweepTable:
    """Draws a progress in the width and height of the terminal. Used by one thread at a time."""

    def __init__(self, progress: SweepProgress) -> None:
        self._progress = progress
        self._widest: dict[str, int] = {}
        self.is_final = False
        """Whether nothing more will be drawn. Until then the cursor has a line for itself at the end.

        What is typed, and the `^C` that a terminal shows, would break a long line in two, and all would be
        drawn again one line too low.
        """

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The lines; each fits."""
        if self._progress.sweep is None:
            return
        width = max(1, options.max_width - 1)
        for line in (*self._rows(width, console.size.height), *self._foot(width)):
            line.truncate(width, overflow="ellipsis")
            line.no_wrap = True
            yield line
        if not self.is_final:
            yield ""

    # Rows.

    def _rows(self, width: int, height: int) -> Iterator[Text]:
        from rich.text import Text

        if height < _LOWEST:
            return
        room = height - _FOOT - 2
        running, ended = self._progress.running(), self._progress.ended()
        shown = running if len(running) <= room else running[: room - 1]
        latest = ended[len(ended) - min(len(ended), room - min(len(running), room)) :]
        layout = self._layout(width, [*(r.trial for r in running), *(e.trial for e in latest)])
        yield self._head(layout)
        for one in latest:
            yield self._ended(one, layout)
        now = time.monotonic()
        for trial in shown:
            yield self._running(trial, layout, now)
        if len(shown) < len(running):
            yield Text(f"  and {len(running) - len(shown)} more that run", style="dim")
        yield Text("")

    def _head(self, layout: Layout) -> Text:
        from rich.text import Text

        assert self._progress.sweep is not None
        cells = [left("  TRIAL", _MARK + layout.name)]
        cells += [right(on_one_line(name), width) for name, width in layout.parameters]
        if layout.left_out:
            cells.append(f"+{layout.left_out}")
        cells.append(right(on_one_line(self._progress.sweep.objective.metric), layout.value))
        cells += [" " * layout.curve] if layout.curve else []
        cells += [left("STATUS", layout.status)] if layout.status else []
        cells += [right("TIME", layout.time)] if layout.time else []
        return Text((" " * _GAP).join(cells), style="dim")

    def _ended(self, ended: Ended, layout: Layout) -> Text:
        best, result = self._progress.best, ended.result
        is_best = best is not None and best.number == ended.trial.number
        value = "-" if result.values is None else precisely(result.values[0], 6)
        style = f"bold {ACCENT}" if is_best else "dim" if result.stopped_early else ""
        status = "red" if result.values is None else ""
        return self._row(
            layout,
            ended.trial,
            "*" if is_best else " ",
            (value, ended.curve, _status(result), duration(result.seconds)),
            (style, status),
        )

    def _running(self, running: Running, layout: Layout, now: float) -> Text:
        value = precisely(running.curve[-1], 6) if running.curve else ""
        cells = (value, running.curve, "running", duration(now - running.since))
        return self._row(layout, running.trial, " ", cells, ("", ACCENT))

    def _row(
        self,
        layout: Layout,
        trial: Trial,
        mark: str,
        cells: tuple[str, tuple[float, ...], str, str],
        styles: tuple[str, str],
    ) -> Text:
        from rich.text import Text

        value, curve, status, seconds = cells
        row, status_style = styles
        gap = " " * _GAP
        texts = [left(f"{mark} {trial_name(trial)}", _MARK + layout.name)]
        texts += [right(_cell(trial, name), width) for name, width in layout.parameters]
        if layout.left_out:
            texts.append(" " * (len(str(layout.left_out)) + 1))
        texts.append(right(value, layout.value))
        text = Text(gap.join(texts), style=row)
        if layout.curve:
            text.append(gap + left(sparkline(curve, layout.curve), layout.curve))
        if layout.status:
            text.append(gap + left(status, layout.status), style=status_style or None)
        if layout.time:
            text.append(gap + right(seconds, layout.time))
        return text

    def _layout(self, width: int, trials: list[Trial]) -> Layout:
        sweep = self._progress.sweep
        assert sweep is not None
        for dimension in sweep.space.dimensions:
            if isinstance(dimension.domain, Choice):
                for value in dimension.domain.values:
                    self._widen(dimension.name, _shown(value))
        for trial in trials:
            for name in trial.params:
                self._widen(name, _cell(trial, name))
            self._widen("", trial_name(trial))
        of_value = max(_LEAST_VALUE, min(len(on_one_line(sweep.objective.metric)), 16))
        name_width = max(len("trial-001"), self._widest.get("", 0))
        fitting = []
        for curve, with_time, most in _ROOMS:
            of_time = _TIME if with_time else 0
            fixed = (
                _MARK + name_width + sum(_GAP + part for part in (of_value, curve, _STATUS, of_time) if part)
            )
            parameters = self._parameters(width - fixed, most)
            left_out = len(sweep.space.names) - len(parameters)
            fitting.append(Layout(name_width, parameters, left_out, of_value, curve, _STATUS, of_time))
        whole = next((layout for layout in fitting if not layout.left_out), None)
        enough = next((layout for layout in fitting if len(layout.parameters) >= _ENOUGH_PARAMETERS), None)
        return whole or enough or self._narrowest(fitting[-1], width)

    def _narrowest(self, layout: Layout, width: int) -> Layout:
        room = width - _MARK - layout.name - _GAP - layout.value - _GAP
        if layout.left_out:
            room -= _GAP + len(f"+{layout.left_out}")
        room -= sum(_GAP + wide for _, wide in layout.parameters)
        return replace(layout, status=min(layout.status, max(room, 0)))

    def _parameters(self, room: int, most: int) -> tuple[tuple[str, int], ...]:
        """The parameters that there is room for, with their widths; there is room to say how many are not."""
        assert self._progress.sweep is not None
        names = self._progress.sweep.space.names
        widths = [
            min(most, max(_LEAST_PARAMETER, width_of(on_one_line(name)), self._widest.get(name, 0)))
            for name in names
        ]
        if sum(_GAP + width for width in widths) <= room:
            return tuple(zip(names, widths, strict=True))
        room -= _GAP + len(f"+{len(names)}")
        shown: list[tuple[str, int]] = []
        for name, width in zip(names, widths, strict=True):
            room -= _GAP + width
            if room < 0:
                break
            shown.append((name, width))
        return tuple(shown)

    def _widen(self, name: str, text: str) -> None:
        self._widest[name] = max(self._widest.get(name, 0), width_of(text))

    # The foot.

    def _foot(self, width: int) -> Iterator[Text]:
        from rich.text import Text

        progress = self._progress
        assert progress.sweep is not None
        bar = bar_of(progress.over, progress.total, 20 if width >= 60 else 8)
        line = Text("  ")
        if bar:
            line.append(f"{bar} ", style=ACCENT)
        done = f"{progress.over}/{progress.total}" if progress.total is not None else str(progress.over)
        line.append(f"{done} trials")
        for text, style in self._counts():
            line.append(" · ")
            line.append(text, style=style or None)
        yield line
        if (best := self._best()) is not None:
            yield Text.assemble("  ", ("best ", ACCENT), best)
        if progress.last_failure is not None:
            trial, result = progress.last_failure
            yield Text(f"  {trial_name(trial)} {came_to(result, progress.sweep)}", style="red")
        if progress.ending is not None:
            yield Text(f"  {ending_line(progress.ending, len(progress.running()))}", style="yellow")
        elif progress.step:
            yield Text(f"  {progress.step} …", style="dim")

    def _counts(self) -> Iterator[tuple[str, str]]:
        progress = self._progress
        if running := len(progress.running()):
            yield f"{running} running", ""
        if progress.failed:
            yield f"{progress.failed} failed", "red"
        if progress.stopped_early:
            yield f"{progress.stopped_early} stopped early", ""
        yield duration(time.monotonic() - progress.started), ""
        left_s = progress.left_s()
        if left_s is not None and running:
            yield f"about {duration(round(left_s)) if left_s >= 10 else f'{left_s:.0f} s'} left", ""

    def _best(self) -> str | None:
        progress = self._progress
        best = progress.best
        if best is None or best.result is None or best.result.values is None:
            return None
        assert progress.sweep is not None
        metric, value = on_one_line(progress.sweep.objective.metric), number(best.result.values[0])
        baseline = "" if progress.baseline is None else f" (baseline {number(progress.baseline)})"
        return f"{trial_name(best)}  {metric} {value}{baseline}  {params_line(best.params)}"


def _cell(trial: Trial, name: str) -> str:
    value: Value | None = trial.params.get(name)
    return "" if value is None else _shown(value)


def _shown(value: Value) -> str:
    return precisely(value, 4) if isinstance(value, float) else short(value)


def _status(result: TrialResult) -> str:
    if result.values is None:
        return (result.cause or "failed").replace("_", " ")
    return "stopped early" if result.stopped_early else "finished"

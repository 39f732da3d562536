"""What is said of a sweep's news where nothing can be redrawn: a plain line for each trial that ends."""

from __future__ import annotations

from runner.cli.sweep_progress import SweepProgress
from runner.cli.sweep_summary import number, params_line, trial_name
from runner.cli.wording import count, duration, first_line
from runner.events import Event, SweepEnding, SweepExtended, SweepStarted, TrialEnded
from runner.model.sweep import Sweep
from runner.model.trial import TrialResult
from runner.printable import on_one_line


def plain_lines(event: Event, progress: SweepProgress) -> list[str]:
    """The lines for an event that `progress` has taken."""
    if isinstance(event, SweepStarted):
        many = f"{progress.total} trials" if progress.total is not None else "trials"
        word = f"goes on, {progress.over} over" if event.resumed else "begins"
        return [f"{on_one_line(event.sweep.name)} {word}: {many}, {event.sweep.parallel} at once"]
    if isinstance(event, TrialEnded):
        return [_ended(event, progress)]
    if isinstance(event, SweepExtended):
        return [f"extended to {progress.total} trials"]
    if isinstance(event, SweepEnding):
        return [ending_line(event, event.running)]
    return []


def ending_line(event: SweepEnding, running: int) -> str:
    """What becomes of the trials that still run, and why no new ones are launched."""
    if not running:
        what = ""
    elif event.stops_running:
        what = f", and {count(running, 'trial')} {'is' if running == 1 else 'are'} being stopped"
    else:
        what = f", and Ctrl-C again stops the {running} that run{'s' if running == 1 else ''}"
    return f"no new trials{what}: {first_line(event.reason)}"


def _ended(event: TrialEnded, progress: SweepProgress) -> str:
    trial, result = event.trial, event.result
    of = f" of {progress.total}" if progress.total is not None and trial.number >= 0 else ""
    mark = "  (best so far)" if event.best is not None and event.best.number == trial.number else ""
    again = "; is tried again" if event.retried and result.cause != "stopped" else ""
    params = params_line(trial.params)
    assert progress.sweep is not None
    return (
        f"{trial_name(trial)}{of}  {params}{'  ' if params else ''}{came_to(result, progress.sweep)}{again}"
        f"  {duration(result.seconds)}{mark}"
    )


def came_to(result: TrialResult, sweep: Sweep) -> str:
    """The values of a trial that is over, or why it has none."""
    if result.values is None:
        return f"{(result.cause or 'failed').replace('_', ' ')}: {on_one_line(result.reason)}"
    pairs = zip(sweep.objectives, result.values, strict=True)
    values = " ".join(f"{on_one_line(objective.metric)} {number(value)}" for objective, value in pairs)
    return f"{values}  stopped early" if result.stopped_early else values

"""What is said of a sweep when it is over: text to be pasted into a report, or JSON."""

from __future__ import annotations

from collections.abc import Mapping

from runner.cli.wording import count, duration, first_line
from runner.model.space import Params, text_of
from runner.model.trial import Trial
from runner.printable import on_one_line
from runner.sweeping.ledger import Ledger
from runner.sweeping.winner import Winner, frontier, winner_of

_WIDEST_LABEL = 40


def summary(ledger: Ledger, *, state: str, reason: str, seconds: float | None = None) -> str:
    """A few aligned lines, without colours."""
    sweep = ledger.sweep
    lines = [f"{on_one_line(sweep.name)}: {_counts(ledger)}{_in(seconds)}; {state}{_because(state, reason)}"]
    rows = []
    winner = winner_of(ledger)
    if winner is not None:
        rows += _winner_rows(ledger, winner)
    if len(sweep.objectives) > 1:
        names = (ledger.trials[ledger.points[point].trials[0]].name for point in frontier(ledger))
        rows.append(("frontier", ", ".join(names)))
    width = min(_WIDEST_LABEL, max((len(on_one_line(label)) for label, _ in rows), default=0))
    lines += [f"  {on_one_line(label):<{width}}  {text}" for label, text in rows]
    return "\n".join(lines)


def as_json(ledger: Ledger, *, run_id: str, state: str, reason: str) -> dict[str, object]:
    """The same for machines, with every trial."""
    winner = winner_of(ledger)
    return {
        "run_id": run_id,
        "sweep": ledger.sweep.name,
        "state": state,
        "reason": reason,
        "max_trials": ledger.max_points,
        "seed": ledger.sweep.seed,
        "objectives": [{"metric": o.metric, "goal": o.goal} for o in ledger.sweep.objectives],
        "trials_over": len(ledger.over),
        "trials_failed": ledger.failed,
        "trials_stopped": ledger.stopped,
        "trials_stopped_early": ledger.stopped_early,
        "best": None if winner is None else _winner_json(winner),
        "trials": [trial_json(trial) for _, trial in sorted(ledger.trials.items())],
    }


def trial_json(trial: Trial) -> dict[str, object]:
    """A trial for machines."""
    result = trial.result
    return {
        "number": trial.number,
        "name": trial_name(trial),
        "point": trial.point,
        "repeat": trial.repeat,
        "params": dict(trial.params),
        "run_ids": list(trial.run_ids),
        "status": "RUNNING" if result is None else result.status.value,
        "values": None if result is None or result.values is None else list(result.values),
        "cause": None if result is None else result.cause,
        "reason": "" if result is None else result.reason,
        "stopped_early": "" if result is None else result.stopped_early,
        "seconds": None if result is None else round(result.seconds, 3),
    }


def trial_name(trial: Trial) -> str:
    """What people call it."""
    return "baseline" if trial.number < 0 else trial.name


def params_line(params: Params) -> str:
    """`learning_rate=0.00337 momentum=0.509`"""
    return " ".join(f"{on_one_line(name)}={short(value)}" for name, value in params.items())


def short(value: object) -> str:
    """A value in a few characters."""
    if isinstance(value, float):
        return f"{value:.4g}"
    text = on_one_line(str(value))
    return text if len(text) <= 24 else f"{text[:23]}…"


def number(value: float) -> str:
    """A metric's value."""
    return f"{value:.6g}"


def _counts(ledger: Ledger) -> str:
    parts = [count(len(ledger.over), "trial")]
    if ledger.failed:
        parts.append(f"{ledger.failed} failed")
    if ledger.stopped:
        parts.append(f"{ledger.stopped} stopped")
    if ledger.stopped_early:
        parts.append(f"{ledger.stopped_early} stopped early")
    return ", ".join(parts)


def _in(seconds: float | None) -> str:
    return "" if seconds is None else f", in {duration(seconds)}"


def _because(state: str, reason: str) -> str:
    return f": {first_line(reason)}" if reason and not (state == "finished" and "budget" in reason) else ""


def _winner_rows(ledger: Ledger, winner: Winner) -> list[tuple[str, str]]:
    metric = on_one_line(ledger.sweep.objective.metric)
    spread = "" if winner.spread is None else f" ± {number(winner.spread)} ({winner.repeats} repeats)"
    rows = [
        ("best", f"{winner.trial.name}  {metric} {number(winner.value)}{spread}"),
        ("run", winner.trial.run_ids[-1] if winner.trial.run_ids else "-"),
        *((name, on_one_line(text_of(value))) for name, value in winner.trial.params.items()),
    ]
    if winner.baseline is not None and winner.gain is not None:
        rows.append(("baseline", f"{number(winner.baseline)}: {_verdict(winner)}"))
    return rows


def _verdict(winner: Winner) -> str:
    assert winner.gain is not None
    assert winner.baseline is not None
    share = f" ({abs(winner.gain / winner.baseline):.1%})" if winner.baseline else ""
    if winner.gain <= 0:
        return f"NOT beaten, worse by {number(-winner.gain)}{share}"
    doubt = "" if winner.is_clear else ", which is within the spread of its repeats"
    return f"beaten by {number(winner.gain)}{share}{doubt}"


def _winner_json(winner: Winner) -> Mapping[str, object]:
    return {
        **trial_json(winner.trial),
        "value": winner.value,
        "repeats": winner.repeats,
        "spread": winner.spread,
        "baseline": winner.baseline,
        "gain": winner.gain,
        "is_clear": winner.is_clear,
    }

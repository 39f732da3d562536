"""What came of an attempt: the worker's report and what the run logged, as the sweep sees it."""

from __future__ import annotations

import math

from runner.errors import RunnerError
from runner.executors.reports import Report
from runner.model.run import Outcome, RunStatus
from runner.model.sweep import Objective, Sweep
from runner.model.trial import Cause, TrialResult
from tracking_client.client import TrackingClient
from tracking_client.errors import NotFound
from tracking_client.wire.entities import Run


def lost_result(run_id: str) -> TrialResult:
    """Of an attempt whose worker died with it."""
    return TrialResult(
        run_id=run_id, status=RunStatus.KILLED, cause="lost", reason="the process that looked after it died"
    )


def result_of(
    report: Report, sweep: Sweep, client: TrackingClient, *, run_id: str, stopped: str
) -> TrialResult:
    """The result of an attempt. `stopped` is the stopping rule's sentence, "" where none stopped it.

    Asks the server for what the run logged. Raises TrackingError where it does not answer.
    """
    try:
        outcome = report.result()
    except RunnerError as error:
        return TrialResult(run_id=run_id, status=RunStatus.FAILED, cause="provision", reason=str(error))
    try:
        run = client.get_run(outcome.run_id)
    except NotFound:
        return _without_value(outcome, "lost", "its run was deleted")
    values, missing = objective_values(client, run, sweep.objectives)
    stopped_early = stopped if report.stopped_for == "early" else ""
    cause, reason = _cause(outcome, report.stopped_for, values, missing, run)
    return TrialResult(
        run_id=outcome.run_id,
        status=outcome.status,
        values=None if cause else values,
        cause=cause,
        reason=reason,
        stopped_early=stopped_early,
        seconds=outcome.seconds,
        exit_code=outcome.exit_code,
        metrics=dict(run.data.metrics),
    )


def objective_values(
    client: TrackingClient, run: Run, objectives: tuple[Objective, ...]
) -> tuple[tuple[float, ...] | None, str]:
    """The objectives' values; or None, and the metric that is missing."""
    values = []
    for objective in objectives:
        if objective.metric not in run.data.metrics:
            return None, objective.metric
        values.append(_value(client, run, objective))
    return tuple(values), ""


def _value(client: TrackingClient, run: Run, objective: Objective) -> float:
    last = run.data.metrics[objective.metric]
    mode = objective.mode
    if mode == "best":
        mode = "min" if objective.goal == "minimize" else "max"
    if mode == "last":
        return last
    history = [point.value for point in client.get_metric_history(run.info.run_id, objective.metric)]
    numbers = [value for value in history if not math.isnan(value)] or [last]
    return min(numbers) if mode == "min" else max(numbers)


def _cause(
    outcome: Outcome, stopped_for: str, values: tuple[float, ...] | None, missing: str, run: Run
) -> tuple[Cause | None, str]:
    if stopped_for == "timeout":
        return "timeout", f"it took longer than a trial may: {outcome.seconds:.0f} s"
    if stopped_for == "stopped" or (outcome.status is RunStatus.KILLED and stopped_for != "early"):
        return "stopped", outcome.reason
    if outcome.status is RunStatus.FAILED:
        return "crashed", outcome.reason
    if values is None:
        known = ", ".join(sorted(run.data.metrics)) or "none at all"
        return "no_objective", f"it logged no {missing!r}; its metrics: {known}"
    if not all(map(math.isfinite, values)):
        return "diverged", f"its objective is {', '.join(map(str, values))}"
    return None, ""


def _without_value(outcome: Outcome, cause: Cause, reason: str) -> TrialResult:
    return TrialResult(
        run_id=outcome.run_id,
        status=outcome.status,
        cause=cause,
        reason=reason,
        seconds=outcome.seconds,
        exit_code=outcome.exit_code,
    )

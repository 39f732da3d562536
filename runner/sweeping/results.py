"""What came of an attempt: the worker's report and what the run logged, as the sweep sees it."""

from __future__ import annotations

from collections.abc import Mapping

from runner.errors import RunnerError
from runner.executors.reports import Report
from runner.model.run import Outcome, RunStatus
from runner.model.sweep import Sweep
from runner.model.trial import Cause, TrialResult
from runner.sweeping.failures import Failure, Remains, failure_of
from runner.sweeping.objectives import objective_values
from runner.sweeping.tracebacks import likeness
from tracking_client.client import TrackingClient
from tracking_client.errors import NotFound


def lost_result(run_id: str) -> TrialResult:
    """Of an attempt whose worker died with it."""
    return TrialResult(
        run_id=run_id, status=RunStatus.KILLED, cause="lost", reason="the process that looked after it died"
    )


def result_of(
    report: Report,
    sweep: Sweep,
    client: TrackingClient,
    *,
    run_id: str,
    stopped_early: str,
    memory_kills: int,
) -> TrialResult:
    """The result of an attempt; asks the server for what the run logged.

    `stopped_early` is the stopping rule's sentence, "" where none stopped it. `memory_kills` is how many
    processes the kernel killed for memory meanwhile. Raises TrackingError where the server does not answer.
    """
    try:
        outcome = report.result()
    except RunnerError as error:
        # One that was told to end before its run was open has no outcome either.
        causes: Mapping[str, Cause] = {
            "": "lost" if report.may_pass else "provision",
            "timeout": "timeout",
        }
        return TrialResult(
            run_id=run_id,
            status=RunStatus.FAILED,
            cause=causes.get(report.stopped_for, "stopped"),
            reason=str(error),
            likeness=f"{type(error).__name__}: {error}",
        )
    try:
        latest = dict(client.get_run(outcome.run_id).data.metrics)
    except NotFound:
        return _without_run(outcome)

    def history(metric: str) -> list[float]:
        return [point.value for point in client.get_metric_history(outcome.run_id, metric)]

    values = objective_values(latest, sweep.objectives, history)
    # Who had finished already when the wish to stop came was not stopped.
    ended_for = report.stopped_for if outcome.status is RunStatus.KILLED else ""
    remains = Remains(
        outcome=outcome,
        ended_for=ended_for,
        values=values,
        logged=latest,
        memory_kills=memory_kills,
    )
    failure = failure_of(remains, sweep.objectives)
    return TrialResult(
        run_id=outcome.run_id,
        status=outcome.status,
        values=tuple(value for value in values if value is not None) if failure is None else None,
        cause=failure.cause if failure else None,
        reason=failure.reason if failure else outcome.reason,
        stopped_early=stopped_early if ended_for == "early" else "",
        seconds=outcome.seconds,
        exit_code=outcome.exit_code,
        metrics=latest,
        tail=outcome.tail if failure else "",
        likeness=_likeness(failure, outcome) if failure else "",
    )


def _likeness(failure: Failure, outcome: Outcome) -> str:
    # A program that ended well says nothing of why its objective is missing.
    return likeness(outcome) if failure.cause == "crashed" else failure.reason


def _without_run(outcome: Outcome) -> TrialResult:
    return TrialResult(
        run_id=outcome.run_id,
        status=outcome.status,
        cause="lost",
        reason="its run was deleted",
        seconds=outcome.seconds,
        exit_code=outcome.exit_code,
    )

"""What earlier sweeps found, for a searcher to know from the beginning."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from runner.errors import RequestError, RunnerError
from runner.model.run import RunStatus
from runner.model.space import Choice, Domain, Range, Value, text_of
from runner.model.sweep import Sweep
from runner.model.trial import CAUSES, TrialResult
from runner.recording.failure import told_as_recording_error
from runner.sweeping.again import KeptSweep, began_of, read_sweep
from runner.sweeping.asking import news_of
from runner.sweeping.entries import Entry, Launched, Learned, Over, Suggested
from runner.sweeping.folder import find_sweep, sweep_folders
from runner.sweeping.ledger import BASELINE, Ledger
from runner.sweeping.names import BASELINE_TAG, CAUSE_TAG, POINT_TAG, REPEAT_TAG, TRIAL_TAG
from runner.sweeping.objectives import objective_values, valid
from tracking_client.client import TrackingClient
from tracking_client.errors import InvalidArgument, NotFound
from tracking_client.wire.entities import Run
from tracking_client.wire.names import PARENT_RUN_ID

_RUN_ID_DIGITS = 32


def earlier_results(sweep: Sweep, client: TrackingClient, state_dir: Path) -> Learned | None:
    """The results of the sweeps that `sweep.warm_start` names, in its order; None where it names none.

    Each is the id of a sweep's run, of this machine or on the server, or the name of a sweep: then it is the
    latest one of this machine that finished. Raises RequestError where there is none, and RecordingError.
    """
    if not sweep.warm_start:
        return None
    sources, history = [], []
    for wanted in sweep.warm_start:
        kept = _kept(state_dir, wanted)
        if kept is not None:
            run_id, ledger = kept.folder.run_id, _as_judged_by(sweep, kept.folder.journal.read())
        else:
            run_id, ledger = _tracked(sweep, client, wanted)
        sources.append(run_id)
        for number in sorted(ledger.points):
            if number == BASELINE or not ledger.results(number):
                continue
            told = news_of(ledger, number)
            if not told.is_void:
                history.append((ledger.points[number].params, told.losses, told.violations))
    return Learned(sources=sources, history=history)


def _kept(state_dir: Path, wanted: str) -> KeptSweep | None:
    if len(wanted) == _RUN_ID_DIGITS:
        with suppress(RequestError):
            return read_sweep(find_sweep(state_dir, wanted))
    for folder in sweep_folders(state_dir):
        with suppress(RunnerError):
            kept = read_sweep(folder)
            if kept.began.name == wanted and kept.state == "finished":
                return kept
    return None


def _as_judged_by(sweep: Sweep, entries: Sequence[Entry]) -> Ledger:
    """An earlier sweep's ledger, with its results measured by the objectives of another one."""
    ledger = Ledger(sweep)
    _, earlier = began_of(entries)
    for entry in entries:
        measured = entry
        if isinstance(entry, Over):
            measured = replace(entry, result=_measured(entry.result, sweep, earlier))
        ledger.apply(measured)
    return ledger


def _measured(result: TrialResult, sweep: Sweep, earlier: Sweep) -> TrialResult:
    if result.values is None or earlier.objectives == sweep.objectives:
        return result
    known = {(o.metric, o.mode): value for o, value in zip(earlier.objectives, result.values, strict=True)}
    last = result.metrics or {}
    values = [known.get((o.metric, o.mode), last.get(o.metric)) for o in sweep.objectives]
    found = valid(values)
    # Not measured: it says nothing about its parameters.
    return replace(result, values=found, cause=None if found else "lost")


def _tracked(sweep: Sweep, client: TrackingClient, wanted: str) -> tuple[str, Ledger]:
    with told_as_recording_error(client.tracking_uri):
        try:
            parent = client.get_run(wanted)
        except (NotFound, InvalidArgument):
            raise RequestError(
                f"no earlier sweep {wanted!r} to start from: none of that name has finished on this machine, "
                "and the tracking server has no such run",
                hint="`runner sweep list` shows the sweeps of this machine",
            ) from None
        children = client.find_runs(
            [parent.info.experiment_id],
            f"tags.{PARENT_RUN_ID} = '{parent.info.run_id}'",
            order_by=["start_time ASC"],
        )
        ledger = Ledger(sweep)
        for run in children:
            for entry in _entries(run, ledger, client):
                ledger.apply(entry)
    return parent.info.run_id, ledger


def _entries(run: Run, ledger: Ledger, client: TrackingClient) -> list[Entry]:
    """A tracked trial that is over, as a journal would have it; the last attempt counts."""
    sweep, tags = ledger.sweep, run.data.tags

    def history(metric: str) -> list[float]:
        return [logged.value for logged in client.get_metric_history(run.info.run_id, metric)]

    if tags.get(BASELINE_TAG) == "true":
        trial = point = BASELINE
    elif all(tags.get(tag, "").isdigit() for tag in (TRIAL_TAG, POINT_TAG, REPEAT_TAG)):
        trial, point = int(tags[TRIAL_TAG]), int(tags[POINT_TAG])
    else:
        return []
    if run.info.status == RunStatus.RUNNING.value:
        return []
    metrics = dict(run.data.metrics)
    cause = next((known for known in CAUSES if known == tags.get(CAUSE_TAG)), None)
    values = None if cause else valid(objective_values(metrics, sweep.objectives, history))
    result = TrialResult(
        run_id=run.info.run_id,
        status=RunStatus(run.info.status),
        values=values,
        cause=cause if values is None else None,
        metrics=metrics,
    )
    if values is None and cause is None:
        return []
    params = {
        dimension.name: value
        for dimension in sweep.space.dimensions
        if (value := _value(run.data.params.get(dimension.name), dimension.domain)) is not None
    }
    suggested = () if point in ledger.points else (Suggested(point=point, params=params),)
    return [
        *suggested,
        Launched(trial=trial, point=point, repeat=0),
        Over(trial=trial, attempt=0, result=result),
    ]


def _value(text: str | None, domain: Domain) -> Value | None:
    if text is None:
        return None
    if isinstance(domain, Choice):
        return next((value for value in domain.values if text_of(value) == text), None)
    with suppress(ValueError):
        return int(text) if isinstance(domain, Range) and domain.integer else float(text)
    return None

"""`watched_training`: a training with a run to log to, whatever becomes of either."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from tracking_client import active_runs, checks
from tracking_client.data.dataset import Dataset
from tracking_client.errors import InvalidArgument
from tracking_client.integrations import nesting
from tracking_client.integrations.autologging import AUTOLOGGING_TAG, Autologging
from tracking_client.run import ActiveRun
from tracking_client.starting import active_run, at_hand, is_launched, start_run
from tracking_client.wire import limits
from tracking_client.wire.entities import Metric

T = TypeVar("T")

_started: set[str] = set()
"""Runs that were started for trainings and have not ended: not what other threads log to."""


def watched_training(
    settings: Autologging,
    train: Callable[[], T],
    *,
    begun: Callable[[ActiveRun], None],
    done: Callable[[ActiveRun, T], None],
) -> T:
    """What `train` returns or raises; what `begun` and `done` raise is told, and harms nothing.

    It is logged to the user's run where there is one. Else a run is started for it, which ends with it:
    FINISHED, or FAILED or KILLED with the training.
    """
    run: ActiveRun | None = None
    is_own = False
    with nesting.inside():
        with settings.without_harm("the training"):
            run, is_own = _run_for(settings)
        if run is None:
            return train()
        try:
            with settings.without_harm("the beginning of the training"):
                begun(run)
            result = train()
            with settings.without_harm("the outcome of the training"):
                done(run, result)
        except BaseException as error:
            if is_own:
                _end(run, settings, error)
            raise
        if is_own:
            _end(run, settings, None)
        return result


def log_new_params(run: ActiveRun, params: Mapping[str, Any], settings: Autologging) -> None:
    """Logs parameters, cut to what a server keeps. One that the run has with another value keeps it."""
    kept: list[str] = []
    for name, value in params.items():
        try:
            key = _cut(str(name), limits.MAX_KEY_LENGTH)
            run.log_params({key: _cut(str(value), limits.MAX_PARAM_VALUE_LENGTH)})
        except InvalidArgument:
            kept.append(str(name))
    if kept:
        settings.say(
            f"the run {run.info.run_id} has other values of {', '.join(kept):.300} already, or cannot have "
            "them: start a run for each training"
        )


def log_measured(
    run: ActiveRun, measured: Mapping[str, float], model_id: str | None, dataset: Dataset | None
) -> None:
    """Logs metrics; where a model was logged, as its own, measured on `dataset`."""
    if model_id is None:
        run.log_metrics(measured)
        return
    name, digest = (None, None) if dataset is None else (dataset.name, dataset.digest)
    at_ms = checks.now_ms()
    run.log_measured(
        [Metric(key, value, at_ms, 0, model_id, name, digest) for key, value in measured.items()]
    )


def _run_for(settings: Autologging) -> tuple[ActiveRun | None, bool]:
    """The run to log to, if any, and whether it is ours to end."""
    run = active_run()
    if run is not None and run.info.run_id in _started and active_runs.own() is not run:
        run = None  # another thread's training
    if run is None and is_launched():
        run = at_hand()
    if run is not None:
        return (None if settings.exclusive else run), False
    tags = {
        **{str(key): value for key, value in settings.extra_tags.items()},
        AUTOLOGGING_TAG: settings.framework,
    }
    run = start_run(tags=tags)
    _started.add(run.info.run_id)
    return run, True


def _end(run: ActiveRun, settings: Autologging, error: BaseException | None) -> None:
    """Ends a run that was started for a training, as the training ended: with `error`, or well."""
    _started.discard(run.info.run_id)
    with settings.without_harm("the end of the run"):
        if error is None:
            run.__exit__(None, None, None)
        else:
            run.__exit__(type(error), error, error.__traceback__)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 3]}..."


__all__ = ["log_measured", "log_new_params", "watched_training"]

"""MLflow's fluent API: functions that log to the run at hand.

Functions that log return when the values are safe on this machine (see `tracking_client.journal`), and with
`synchronous=True` when the server has them; reads of runs first wait for what this process wrote. All raise
InvalidArgument for values against the rules and ApiError for what the server refuses, reads TransportError
where it does not answer in time. `run_id` logs to another run than the one at hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, SupportsFloat, overload

from tracking_client import active_experiment, checks, measured
from tracking_client.active_experiment import set_experiment
from tracking_client.errors import InvalidArgument
from tracking_client.mlflow_client import MlflowClient
from tracking_client.run import ActiveRun
from tracking_client.starting import active_run, at_hand, attached, end_run, last_active_run, start_run
from tracking_client.tracking_uri import get_tracking_uri, is_tracking_uri_set, set_tracking_uri
from tracking_client.wire.entities import ViewType

if TYPE_CHECKING:
    import pandas as pd

    from tracking_client.wire.entities import Experiment, Run

SEARCH_RUNS_MAX_RESULTS = 100_000


class RunOperations:
    """What was logged with `synchronous=False`, to be waited for."""

    def __init__(self, run: ActiveRun) -> None:
        self._run = run

    def wait(self) -> None:
        """Waits until the server has it. Raises the ApiError of what it refused, or why it took nothing."""
        self._run.wait()


def _target(run_id: str | None) -> ActiveRun:
    return at_hand() if run_id is None else attached(run_id)


def _told(run: ActiveRun, synchronous: bool | None) -> RunOperations | None:
    if synchronous:
        run.wait()
    return RunOperations(run) if synchronous is False else None


def log_param(key: str, value: Any, synchronous: bool | None = None) -> Any:
    """Logs one parameter and returns its value. Another value than before is an InvalidArgument."""
    run = at_hand()
    run.log_params({key: value})
    pending = _told(run, synchronous)
    return value if pending is None else pending


def log_params(
    params: Mapping[str, Any], synchronous: bool | None = None, run_id: str | None = None
) -> RunOperations | None:
    """Logs parameters."""
    run = _target(run_id)
    run.log_params(params)
    return _told(run, synchronous)


def log_metric(
    key: str,
    value: SupportsFloat,
    step: int | None = None,
    synchronous: bool | None = None,
    timestamp: int | None = None,
    run_id: str | None = None,
    model_id: str | None = None,
    dataset: Any = None,
) -> RunOperations | None:
    """Logs one value at `step` (0) and `timestamp` in ms since the epoch (now).

    It belongs to the logged model `model_id`, by default to the active model (see `set_active_model`), else
    to those that the run logged at this step; and it may be measured on `dataset`. Both are recorded as read
    by the run, unless it made the model.
    """
    run = at_hand() if run_id is None else attached(run_id)
    models = measured.models_measured(run, model_id, step or 0)
    if models is measured.OF_THE_RUN and dataset is None:
        run.log_metric(key, value, step, timestamp)
    else:
        measured.log_measured(run, [checks.metric(key, value, timestamp, step)], models, dataset)
    return None if synchronous is None else _told(run, synchronous)


def log_metrics(
    metrics: Mapping[str, SupportsFloat],
    step: int | None = None,
    synchronous: bool | None = None,
    run_id: str | None = None,
    timestamp: int | None = None,
    model_id: str | None = None,
    dataset: Any = None,
) -> RunOperations | None:
    """Logs values that belong to one step and moment, and as in `log_metric` to models and a data set."""
    run = _target(run_id)
    models = measured.models_measured(run, model_id, step or 0)
    if models is measured.OF_THE_RUN and dataset is None:
        run.log_metrics(metrics, step, timestamp)
    else:
        at_ms = checks.now_ms() if timestamp is None else timestamp
        points = [checks.metric(key, value, at_ms, step) for key, value in metrics.items()]
        measured.log_measured(run, points, models, dataset)
    return _told(run, synchronous)


def set_tag(key: str, value: Any, synchronous: bool | None = None) -> RunOperations | None:
    """Sets one tag."""
    return set_tags({key: value}, synchronous)


def set_tags(tags: Mapping[str, Any], synchronous: bool | None = None) -> RunOperations | None:
    """Sets tags."""
    run = at_hand()
    run.set_tags(tags)
    return _told(run, synchronous)


def delete_tag(key: str) -> None:
    """Removes one tag of the run at hand. Raises NotFound where it is not set."""
    at_hand().delete_tag(key)


def flush_async_logging() -> None:
    """Waits until the server has all that this process logged. Raises the ApiError of what it refused."""
    MlflowClient().flush()


def get_run(run_id: str) -> Run:
    """The run as it is now. Raises NotFound."""
    return MlflowClient().get_run(run_id)


def get_parent_run(run_id: str) -> Run | None:
    """The run that `run_id` is nested in, or None."""
    return MlflowClient().get_parent_run(run_id)


def delete_run(run_id: str) -> None:
    """Puts the run into the bin."""
    MlflowClient().delete_run(run_id)


def restore_run(run_id: str) -> None:
    """Takes the run out of the bin."""
    MlflowClient().restore_run(run_id)


def create_experiment(
    name: str, artifact_location: str | None = None, tags: dict[str, Any] | None = None
) -> str:
    """Creates an experiment and returns its id. Raises AlreadyExists."""
    return MlflowClient().create_experiment(name, artifact_location, tags)


def get_experiment(experiment_id: str) -> Experiment:
    """The experiment. Raises NotFound."""
    return MlflowClient().get_experiment(experiment_id)


def get_experiment_by_name(name: str) -> Experiment | None:
    """The experiment of that name, in the bin or not; None where there is none."""
    return MlflowClient().get_experiment_by_name(name)


def delete_experiment(experiment_id: str) -> None:
    """Puts the experiment and its runs into the bin."""
    MlflowClient().delete_experiment(experiment_id)


def restore_experiment(experiment_id: str) -> None:
    """Takes the experiment and its runs out of the bin."""
    MlflowClient().restore_experiment(experiment_id)


def set_experiment_tag(key: str, value: Any) -> None:
    """Sets one tag of the experiment that new runs go to."""
    client = MlflowClient()
    client.set_experiment_tag(_experiment_id(client), key, value)


def set_experiment_tags(tags: Mapping[str, Any]) -> None:
    """Sets tags of the experiment that new runs go to."""
    for key, value in tags.items():
        set_experiment_tag(key, value)


def delete_experiment_tag(key: str) -> None:
    """Removes one tag of the experiment that new runs go to. Raises NotFound where it is not set."""
    client = MlflowClient()
    client.delete_experiment_tag(_experiment_id(client), key)


def search_experiments(
    view_type: int = ViewType.ACTIVE_ONLY,
    max_results: int | None = None,
    filter_string: str | None = None,
    order_by: Sequence[str] | None = None,
) -> list[Experiment]:
    """All experiments that match, up to `max_results`."""
    client = MlflowClient()
    return list(client.find_experiments(view_type, filter_string, order_by, max_results))


@overload
def search_runs(
    experiment_ids: Sequence[str] | None = ...,
    filter_string: str = ...,
    run_view_type: int = ...,
    max_results: int = ...,
    order_by: Sequence[str] | None = ...,
    *,
    output_format: Literal["list"],
    search_all_experiments: bool = ...,
    experiment_names: Sequence[str] | None = ...,
) -> list[Run]: ...
@overload
def search_runs(
    experiment_ids: Sequence[str] | None = ...,
    filter_string: str = ...,
    run_view_type: int = ...,
    max_results: int = ...,
    order_by: Sequence[str] | None = ...,
    output_format: str | None = ...,
    search_all_experiments: bool = ...,
    experiment_names: Sequence[str] | None = ...,
) -> list[Run] | pd.DataFrame: ...
def search_runs(
    experiment_ids: Sequence[str] | None = None,
    filter_string: str = "",
    run_view_type: int = ViewType.ACTIVE_ONLY,
    max_results: int = SEARCH_RUNS_MAX_RESULTS,
    order_by: Sequence[str] | None = None,
    output_format: str | None = None,
    search_all_experiments: bool = False,
    experiment_names: Sequence[str] | None = None,
) -> list[Run] | pd.DataFrame:
    """All runs that match, by default of the experiment that new runs go to.

    `output_format` is "pandas" (a row per run, columns `metrics.*`, `params.*`, `tags.*`) or "list"; by
    default pandas where it is installed, as MLflow's.
    """
    if experiment_ids and experiment_names:
        raise InvalidArgument("Only experiment_ids or experiment_names can be used, but not both")
    if output_format not in (None, "list", "pandas"):
        raise InvalidArgument(
            f"Unsupported output format: {output_format}. Supported string values are 'pandas' or 'list'"
        )
    client = MlflowClient()
    if experiment_names:
        named = [client.get_experiment_by_name(name) for name in experiment_names]
        searched = [experiment.experiment_id for experiment in named if experiment is not None]
    elif experiment_ids:
        searched = [str(experiment_id) for experiment_id in experiment_ids]
    elif search_all_experiments:
        searched = [experiment.experiment_id for experiment in client.find_experiments()]
    else:
        searched = [_experiment_id(client)]
    found = (
        list(client.find_runs(searched, filter_string, run_view_type, order_by, max_results))
        if searched
        else []
    )
    if output_format == "list":
        return found
    from tracking_client.table import runs_table

    return runs_table(found, required=output_format == "pandas")


def _experiment_id(client: MlflowClient) -> str:
    return active_experiment.chosen_id(client) or active_experiment.DEFAULT_EXPERIMENT_ID


__all__ = [
    "active_run",
    "create_experiment",
    "delete_experiment",
    "delete_experiment_tag",
    "delete_run",
    "delete_tag",
    "end_run",
    "flush_async_logging",
    "get_experiment",
    "get_experiment_by_name",
    "get_parent_run",
    "get_run",
    "get_tracking_uri",
    "is_tracking_uri_set",
    "last_active_run",
    "log_metric",
    "log_metrics",
    "log_param",
    "log_params",
    "restore_experiment",
    "restore_run",
    "search_experiments",
    "search_runs",
    "set_experiment",
    "set_experiment_tag",
    "set_experiment_tags",
    "set_tag",
    "set_tags",
    "set_tracking_uri",
    "start_run",
]

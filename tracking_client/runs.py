"""The client's calls about runs: their life, what they log, and finding them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, SupportsFloat

from tracking_client import checks
from tracking_client.errors import InvalidArgument
from tracking_client.transport import Transport
from tracking_client.wire import limits, names
from tracking_client.wire.entities import (
    Metric,
    PagedList,
    Param,
    Run,
    RunInfo,
    RunStatus,
    RunTag,
    ViewType,
)
from tracking_client.wire.paging import every_item

if TYPE_CHECKING:
    from tracking_client.wire.entities import DatasetInput, LoggedModelInput, LoggedModelOutput

_API = "/api/2.0/mlflow/runs"
RUNS_PER_PAGE = 1000


class RunCalls:
    """Runs of one tracking server. Every method raises ApiError and TransportError.

    What is sent twice because an answer was lost has the effect of once: the ids and times are chosen here.
    """

    transport: Transport

    def create_run(
        self,
        experiment_id: str,
        start_time: int | None = None,
        tags: dict[str, Any] | None = None,
        run_name: str | None = None,
        *,
        run_id: str | None = None,
        params: Sequence[Param] = (),
    ) -> Run:
        """Creates a run in the state RUNNING; `start_time` is in ms since the epoch.

        `run_id` is the wish for an id, by default a new one. A server of this project takes it, so that a
        retry cannot make a second run; MLflow's does not know the field: use the id of the returned run.
        Nor does it know `params`, which a run is made with: `data.params` says which of them it has, and
        the others are to be logged. The server takes 100.
        """
        wanted = checks.tags(tags)
        user_ids = [tag.value for tag in wanted if tag.key == names.USER]
        body: dict[str, Any] = {
            "experiment_id": str(experiment_id),
            "user_id": user_ids[0] if user_ids else "unknown",
            "start_time": checks.now_ms() if start_time is None else start_time,
            "tags": [tag.to_wire() for tag in wanted],
            "run_id": _new_id() if run_id is None else checks.run_id(run_id),
        }
        if run_name:
            body["run_name"] = run_name
        if params:
            for param in params:
                checks.key(param.key, "parameter")
            checks.distinct_params(params)
            body["params"] = [param.to_wire() for param in params[: limits.MAX_PARAMS_PER_BATCH]]
        return Run.from_wire(self.transport.call("POST", f"{_API}/create", body=body)["run"])

    def get_run(self, run_id: str) -> Run:
        """The run as it is now. Raises NotFound."""
        query = {"run_uuid": checks.run_id(run_id), "run_id": run_id}
        return Run.from_wire(self.transport.call("GET", f"{_API}/get", query=query)["run"])

    def get_parent_run(self, run_id: str) -> Run | None:
        """The run that `run_id` is nested in, or None."""
        parent = self.get_run(run_id).data.tags.get(names.PARENT_RUN_ID)
        return None if parent is None else self.get_run(parent)

    def update_run(
        self, run_id: str, status: str | None = None, name: str | None = None, *, end_time: int | None = None
    ) -> RunInfo:
        """Changes state, name or end of a run."""
        body: dict[str, Any] = {"run_uuid": checks.run_id(run_id), "run_id": run_id}
        if status is not None:
            body["status"] = checked_status(status)
        if end_time is not None:
            body["end_time"] = end_time
        if name is not None:
            body["run_name"] = name
        return RunInfo.from_wire(self.transport.call("POST", f"{_API}/update", body=body)["run_info"])

    def set_terminated(self, run_id: str, status: str | None = None, end_time: int | None = None) -> None:
        """Ends a run, FINISHED and now by default; `end_time` is in ms since the epoch."""
        ended_at_ms = checks.now_ms() if end_time is None else end_time
        self.update_run(run_id, status or RunStatus.FINISHED, end_time=ended_at_ms)

    def delete_run(self, run_id: str) -> None:
        """Puts the run into the bin."""
        self.transport.call_once(f"{_API}/delete", {"run_id": checks.run_id(run_id)})

    def restore_run(self, run_id: str) -> None:
        """Takes the run out of the bin."""
        self.transport.call_once(f"{_API}/restore", {"run_id": checks.run_id(run_id)})

    def log_metric(
        self,
        run_id: str,
        key: str,
        value: SupportsFloat,
        timestamp: int | None = None,
        step: int | None = None,
        synchronous: bool | None = None,
        dataset_name: str | None = None,
        dataset_digest: str | None = None,
        model_id: str | None = None,
    ) -> None:
        """Logs one value, at `timestamp` in ms since the epoch (now) and `step` (0).

        It may be one of a logged model, and measured on a data set.
        """
        plain = checks.metric(key, value, timestamp, step)
        metric = replace(plain, model_id=model_id, dataset_name=dataset_name, dataset_digest=dataset_digest)
        self.log_batch(run_id, metrics=[metric], synchronous=synchronous)

    def log_param(self, run_id: str, key: str, value: Any, synchronous: bool | None = None) -> Any:
        """Logs one parameter and returns its value. Raises InvalidArgument where it has another value."""
        self.log_batch(run_id, params=[checks.param(key, value)], synchronous=synchronous)
        return value

    def set_tag(self, run_id: str, key: str, value: Any, synchronous: bool | None = None) -> None:
        """Sets one tag."""
        self.log_batch(run_id, tags=[checks.tag(key, value)], synchronous=synchronous)

    def delete_tag(self, run_id: str, key: str) -> None:
        """Removes one tag. Raises NotFound where it is not set."""
        self.transport.call_once(f"{_API}/delete-tag", {"run_id": checks.run_id(run_id), "key": key})

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
        synchronous: bool | None = None,
    ) -> None:
        """Logs any number of values, in as many requests as the wire's limits ask for.

        Params go first, so that a conflict is raised before the rest of the batch is written.
        `synchronous` is MLflow's; every call here returns when the server has the values.
        """
        del synchronous
        checks.run_id(run_id)
        sound = [checks.checked_metric(metric) for metric in metrics]
        for item in params:
            checks.key(item.key, "parameter")
        for tag in tags:
            checks.key(tag.key, "tag")
        checks.distinct_params(params)
        for batch in _batches(sound, params, tags):
            self.transport.call("POST", f"{_API}/log-batch", body={"run_id": run_id, **batch})

    def log_inputs(
        self,
        run_id: str,
        datasets: Sequence[DatasetInput] | None = None,
        models: Sequence[LoggedModelInput] | None = None,
    ) -> None:
        """Records the data sets and the logged models that a run used."""
        body: dict[str, Any] = {"run_id": checks.run_id(run_id)}
        if datasets:
            body["datasets"] = [item.to_wire() for item in datasets]
        if models:
            body["models"] = [item.to_wire() for item in models]
        self.transport.call("POST", f"{_API}/log-inputs", body=body)

    def log_outputs(self, run_id: str, models: Sequence[LoggedModelOutput]) -> None:
        """Records the logged models that a run made, each at a step of it. Raises NotFound."""
        body = {"run_id": checks.run_id(run_id), "models": [item.to_wire() for item in models]}
        self.transport.call("POST", f"{_API}/outputs", body=body)

    def get_metric_history(self, run_id: str, key: str) -> list[Metric]:
        """Every value of a metric, in the order of timestamp and step."""
        return list(self._metric_history(run_id, key))

    def _metric_history(self, run_id: str, key: str) -> Iterator[Metric]:
        query: dict[str, str | int | list[str] | None] = {
            "run_uuid": checks.run_id(run_id),
            "run_id": run_id,
            "metric_key": key,
            "max_results": limits.MAX_METRIC_HISTORY_PAGE,
        }
        while True:
            reply = self.transport.call("GET", "/api/2.0/mlflow/metrics/get-history", query=query)
            yield from (Metric.from_wire(item) for item in reply.get("metrics") or ())
            token = reply.get("next_page_token")
            if not token:
                return
            query["page_token"] = token

    def search_runs(
        self,
        experiment_ids: Sequence[str],
        filter_string: str = "",
        run_view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int = RUNS_PER_PAGE,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Run]:
        """One page of the runs that match; `.token` fetches the next."""
        if isinstance(experiment_ids, (str, int)):
            experiment_ids = [str(experiment_ids)]
        body: dict[str, Any] = {
            "experiment_ids": [str(experiment_id) for experiment_id in experiment_ids],
            "filter": filter_string or "",
            "run_view_type": ViewType.to_string(run_view_type),
            "max_results": max_results,
        }
        if order_by:
            body["order_by"] = list(order_by)
        if page_token:
            body["page_token"] = page_token
        reply = self.transport.call("POST", f"{_API}/search", body=body)
        found = [Run.from_wire(item) for item in reply.get("runs") or ()]
        return PagedList(found, reply.get("next_page_token") or None)

    def find_runs(
        self,
        experiment_ids: Sequence[str],
        filter_string: str = "",
        run_view_type: int = ViewType.ACTIVE_ONLY,
        order_by: Sequence[str] | None = None,
        max_results: int | None = None,
    ) -> Iterator[Run]:
        """All runs that match, page by page, up to `max_results`."""

        def page_at(size: int, token: str | None) -> PagedList[Run]:
            return self.search_runs(experiment_ids, filter_string, run_view_type, size, order_by, token)

        return every_item(page_at, RUNS_PER_PAGE, max_results)


def _new_id() -> str:
    import uuid  # takes milliseconds, and a process that resumes its run needs it never

    return uuid.uuid4().hex


def checked_status(status: str) -> str:
    """`status` if it is one of a run. Raises InvalidArgument."""
    if status not in RunStatus.ALL:
        raise InvalidArgument(f"no run status is called {status!r} (known: {', '.join(RunStatus.ALL)})")
    return status


def _batches(
    metrics: Sequence[Metric], params: Sequence[Param], tags: Sequence[RunTag]
) -> Iterator[dict[str, list[dict[str, Any]]]]:
    """The bodies of log-batch requests, each within the limits for every kind and for all together."""
    small = list(
        zip_longest(
            _pages(params, limits.MAX_PARAMS_PER_BATCH), _pages(tags, limits.MAX_TAGS_PER_BATCH), fillvalue=()
        )
    )
    for param_page, tag_page in small[:-1]:
        yield _body((), param_page, tag_page)
    first = 0
    if small:
        param_page, tag_page = small[-1]
        first = limits.MAX_ENTITIES_PER_BATCH - len(param_page) - len(tag_page)
        yield _body(metrics[:first], param_page, tag_page)
    for page in _pages(metrics[first:], limits.MAX_METRICS_PER_BATCH):
        yield _body(page, (), ())


def _pages(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _body(
    metrics: Sequence[Metric], params: Sequence[Param], tags: Sequence[RunTag]
) -> dict[str, list[dict[str, Any]]]:
    body: dict[str, list[dict[str, Any]]] = {}
    if metrics:
        body["metrics"] = [metric.to_wire() for metric in metrics]
    if params:
        body["params"] = [dict(item.to_wire()) for item in params]
    if tags:
        body["tags"] = [dict(item.to_wire()) for item in tags]
    return body


__all__ = ["RUNS_PER_PAGE", "RunCalls", "checked_status"]

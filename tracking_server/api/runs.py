"""Endpoints of runs: their life, logging to them, searching them."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from tracking_client.wire import limits
from tracking_server.api.codec import Int64, required
from tracking_server.api.experiments import TagIn, text_of
from tracking_server.api.routing import Endpoint, Rpc
from tracking_server.errors import InvalidParameter
from tracking_server.services import Services
from tracking_server.store import inputs, runs, search
from tracking_server.store.inputs import UsedDataset
from tracking_server.store.metrics import MetricPoint
from tracking_server.store.records import Dataset, Tag

_CHOSEN_ID = re.compile(r"^[0-9a-f]{32}$")


class Create(msgspec.Struct):
    """runs/create. `run_id` is an extension: the client's own id makes a repeated request harmless."""

    experiment_id: str | int | None = None
    user_id: str = ""
    run_name: str = ""
    start_time: Int64 | None = None
    tags: list[TagIn] | None = None
    run_id: str | None = None


class Update(msgspec.Struct):
    """runs/update"""

    run_id: str | None = None
    run_uuid: str | None = None
    status: str | int | None = None
    end_time: Int64 | None = None
    run_name: str | None = None


class ById(msgspec.Struct):
    """runs/get, /delete, /restore"""

    run_id: str | None = None
    run_uuid: str | None = None


class Search(msgspec.Struct):
    """runs/search"""

    experiment_ids: list[str | int] = []
    filter: str = ""
    run_view_type: str | int = "ACTIVE_ONLY"
    max_results: Int64 = 1000
    order_by: list[str] = []
    page_token: str = ""


class MetricIn(msgspec.Struct):
    """A metric point as clients send it."""

    key: str | None = None
    value: float | None = None
    timestamp: Int64 | None = None
    step: Int64 = 0
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


class LogMetric(MetricIn):
    """runs/log-metric"""

    run_id: str | None = None
    run_uuid: str | None = None


class LogText(msgspec.Struct):
    """runs/log-parameter, /set-tag, /delete-tag"""

    run_id: str | None = None
    run_uuid: str | None = None
    key: str | None = None
    value: str | None = None


class LogBatch(msgspec.Struct):
    """runs/log-batch"""

    run_id: str | None = None
    metrics: list[MetricIn] = []
    params: list[TagIn] = []
    tags: list[TagIn] = []


class DatasetIn(msgspec.Struct):
    """A dataset as clients send it."""

    name: str | None = None
    digest: str | None = None
    source_type: str | None = None
    source: str | None = None
    schema: str | None = None
    profile: str | None = None


class DatasetInputIn(msgspec.Struct):
    """A dataset and what it was read for."""

    dataset: DatasetIn | None = None
    tags: list[TagIn] = []


class ModelIn(msgspec.Struct):
    """A logged model that a run read or made."""

    model_id: str | None = None
    step: Int64 = 0


class LogInputs(msgspec.Struct):
    """runs/log-inputs"""

    run_id: str | None = None
    datasets: list[DatasetInputIn] = []
    models: list[ModelIn] = []


class LogOutputs(msgspec.Struct):
    """runs/outputs"""

    run_id: str | None = None
    models: list[ModelIn] = []


def run_id_of(request: Any) -> str:
    """The run a request is about, under its new or its old name. Raises InvalidParameter."""
    run_id = str(required(request.run_id or getattr(request, "run_uuid", None), "run_id"))
    problem = limits.run_id_problem(run_id)
    if problem is not None:
        raise InvalidParameter(problem)
    return run_id


def _point(metric: MetricIn) -> MetricPoint:
    key = str(required(metric.key, "key"))
    problem = limits.key_problem(key, "metric")
    if problem is not None:
        raise InvalidParameter(problem)
    return MetricPoint(
        key=key,
        value=required(metric.value, "value"),
        timestamp_ms=required(metric.timestamp, "timestamp"),
        step=metric.step,
        model_id=metric.model_id,
        dataset_name=metric.dataset_name,
        dataset_digest=metric.dataset_digest,
    )


def _tags(tags: list[TagIn] | None) -> dict[str, str]:
    return runs.truncated(text_of(tags, "tag"), runs.MAX_TAG_LENGTH)


def _params(params: list[TagIn]) -> dict[str, str]:
    found = runs.truncated(text_of(params, "parameter"), runs.MAX_PARAM_LENGTH)
    if len(found) < len(params):
        keys = [param.key for param in params]
        twice = sorted({str(key) for key in keys if keys.count(key) > 1})
        raise InvalidParameter(
            f"Duplicate parameter keys have been submitted: {twice}. Please ensure the request contains only "
            "one param value per param key."
        )
    return found


async def create(services: Services, request: Create) -> object:
    """Make a run, or return the one that has the chosen id already."""
    if request.run_id is not None and not _CHOSEN_ID.match(request.run_id):
        raise InvalidParameter(f"Invalid run ID: '{request.run_id[:300]}'. A chosen id is 32 hex digits.")
    new = runs.NewRun(
        experiment_id=str(request.experiment_id) if request.experiment_id not in (None, "") else "0",
        user_id=request.user_id[:256],
        name=request.run_name,
        start_ms=request.start_time,
        tags=_tags(request.tags),
        run_id=request.run_id,
    )
    return {"run": await services.database.write(lambda connection: runs.create(connection, new))}


async def get(services: Services, request: ById) -> object:
    """One run, whole."""
    run_id = run_id_of(request)
    return {"run": await services.database.read(lambda connection: runs.get(connection, run_id))}


def _status(value: str | int | None) -> str | None:
    if value is None:
        return None
    # The wire's enum starts at 1: RUNNING, SCHEDULED, FINISHED, FAILED, KILLED.
    numbered = {"1": "RUNNING", "2": "SCHEDULED", "3": "FINISHED", "4": "FAILED", "5": "KILLED"}
    status = numbered.get(str(value), str(value))
    if status not in runs.STATUSES:
        raise InvalidParameter(f"Invalid status '{status[:100]}'. Known: {', '.join(runs.STATUSES)}")
    return status


async def update(services: Services, request: Update) -> object:
    """Change status, end or name of a run."""
    run_id = run_id_of(request)
    status = _status(request.status)
    info = await services.database.write(
        lambda connection: runs.change(
            connection, run_id, status=status, end_ms=request.end_time, name=request.run_name
        )
    )
    return {"run_info": info}


async def delete(services: Services, request: ById) -> object:
    """Delete a run; it can be restored."""
    run_id = run_id_of(request)
    await services.database.write(lambda connection: runs.set_deleted(connection, run_id, deleted=True))
    return {}


async def restore(services: Services, request: ById) -> object:
    """Restore a deleted run."""
    run_id = run_id_of(request)
    await services.database.write(lambda connection: runs.set_deleted(connection, run_id, deleted=False))
    return {}


async def find(services: Services, request: Search) -> object:
    """Search runs."""
    wanted = search.SearchRequest(
        filter=request.filter,
        order_by=tuple(request.order_by),
        view=search.view_of(request.run_view_type),
        max_results=search.checked_max_results(request.max_results),
        page_token=request.page_token,
    )
    ids = [str(experiment_id) for experiment_id in request.experiment_ids]
    page = await services.database.read(lambda connection: search.runs(connection, ids, wanted))
    reply: dict[str, object] = {}
    if page.items:
        reply["runs"] = page.items
    if page.next_page_token:
        reply["next_page_token"] = page.next_page_token
    return reply


async def log_metric(services: Services, request: LogMetric) -> object:
    """Log one metric point."""
    run_id = run_id_of(request)
    point = _point(request)
    await services.database.write(lambda connection: runs.log(connection, run_id, points=[point]))
    return {}


async def log_parameter(services: Services, request: LogText) -> object:
    """Log one parameter."""
    run_id = run_id_of(request)
    params = _params([TagIn(request.key, request.value)])
    await services.database.write(lambda connection: runs.log(connection, run_id, new_params=params))
    return {}


async def set_tag(services: Services, request: LogText) -> object:
    """Set one tag."""
    run_id = run_id_of(request)
    tags = _tags([TagIn(request.key, request.value)])
    await services.database.write(lambda connection: runs.log(connection, run_id, tags=tags))
    return {}


async def delete_tag(services: Services, request: LogText) -> object:
    """Remove one tag."""
    run_id = run_id_of(request)
    key = str(required(request.key, "key"))
    await services.database.write(lambda connection: runs.delete_tag(connection, run_id, key))
    return {}


async def log_batch(services: Services, request: LogBatch) -> object:
    """Log metrics, parameters and tags: all of them or none."""
    run_id = run_id_of(request)
    _check_batch(request)
    points = [_point(metric) for metric in request.metrics]
    params = _params(request.params)
    tags = _tags(request.tags)
    await services.database.write(
        lambda connection: runs.log(connection, run_id, points=points, new_params=params, tags=tags)
    )
    return {}


def _check_batch(request: LogBatch) -> None:
    counts = {
        "metrics": (len(request.metrics), limits.MAX_METRICS_PER_BATCH),
        "params": (len(request.params), limits.MAX_PARAMS_PER_BATCH),
        "tags": (len(request.tags), limits.MAX_TAGS_PER_BATCH),
    }
    for kind, (count, most) in counts.items():
        if count > most:
            raise InvalidParameter(
                f"A batch logging request can contain at most {most} {kind}. Got {count} {kind}. Please "
                f"split up {kind} across multiple requests and try again."
            )
    total = sum(count for count, _ in counts.values())
    if total > limits.MAX_ENTITIES_PER_BATCH:
        raise InvalidParameter(
            f"A batch logging request can contain at most {limits.MAX_ENTITIES_PER_BATCH} metrics, params "
            f"and tags in total. Got {total}. Please split them up across multiple requests and try again."
        )


async def log_inputs(services: Services, request: LogInputs) -> object:
    """Note the datasets and logged models that a run read."""
    run_id = run_id_of(request)
    used = [_used(dataset) for dataset in request.datasets]
    models = [str(required(model.model_id, "model_id")) for model in request.models]

    def work(connection: Any) -> None:
        run = runs.find_active(connection, run_id)
        inputs.log_datasets(connection, run, used)
        inputs.log_model_inputs(connection, run, models)

    await services.database.write(work)
    return {}


def _used(given: DatasetInputIn) -> UsedDataset:
    dataset = given.dataset
    if dataset is None:
        raise InvalidParameter("Dataset input must have a dataset associated with it.")
    for name, value, most in (
        ("name", dataset.name, 500),
        ("digest", dataset.digest, 36),
        ("source_type", dataset.source_type, 36),
        ("source", dataset.source, 65_535),
        ("schema", dataset.schema, 1_048_575),
        ("profile", dataset.profile, 16_777_215),
    ):
        if value is not None and len(value) > most:
            raise InvalidParameter(f"Dataset {name} exceeds the maximum length of {most} characters")
    tags = [Tag(str(required(tag.key, "key")), tag.value or "") for tag in given.tags]
    for tag in tags:
        if len(tag.key) > 255 or len(tag.value) > 500:
            raise InvalidParameter(
                "Dataset input tags have keys of at most 255 and values of at most 500 characters"
            )
    return UsedDataset(
        dataset=Dataset(
            name=str(required(dataset.name, "name")),
            digest=str(required(dataset.digest, "digest")),
            source_type=dataset.source_type or "",
            source=dataset.source or "",
            schema=dataset.schema,
            profile=dataset.profile,
        ),
        tags=tuple(tags),
    )


async def log_outputs(services: Services, request: LogOutputs) -> object:
    """Note the logged models that a run made."""
    run_id = run_id_of(request)
    models = [(str(required(model.model_id, "model_id")), model.step) for model in request.models]
    await services.database.write(
        lambda connection: inputs.log_model_outputs(connection, runs.find_active(connection, run_id), models)
    )
    return {}


def _post(name: str, request: type[Any], handle: Any) -> Rpc[Any]:
    return Rpc(method="POST", path=f"/mlflow/runs/{name}", request=request, handle=handle)


ENDPOINTS: list[Endpoint] = [
    _post("create", Create, create),
    _post("update", Update, update),
    Rpc(method="GET", path="/mlflow/runs/get", request=ById, handle=get),
    _post("delete", ById, delete),
    _post("restore", ById, restore),
    _post("search", Search, find),
    _post("log-metric", LogMetric, log_metric),
    _post("log-parameter", LogText, log_parameter),
    _post("set-tag", LogText, set_tag),
    _post("delete-tag", LogText, delete_tag),
    _post("log-batch", LogBatch, log_batch),
    _post("log-inputs", LogInputs, log_inputs),
    _post("outputs", LogOutputs, log_outputs),
]

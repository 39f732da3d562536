"""Endpoints that log to runs: metrics, parameters, tags, datasets and logged models."""

from __future__ import annotations

from typing import Any

import msgspec

from tracking_client.wire import limits
from tracking_server.api.codec import Int64, required
from tracking_server.api.fields import TagIn, params_of, run_id_of, tags_of
from tracking_server.api.keys import checked_key
from tracking_server.api.routing import Endpoint
from tracking_server.api.runs import post
from tracking_server.errors import InvalidParameter
from tracking_server.services import Services
from tracking_server.store import inputs, runs
from tracking_server.store.inputs import UsedDataset
from tracking_server.store.metrics import MetricPoint
from tracking_server.store.records import Dataset, Tag


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
    models: list[ModelIn] | None = None


def _point(metric: MetricIn, at: str = "") -> MetricPoint:
    """A point as it is stored; `at` is its place in the request ("metrics[3]."). Raises InvalidParameter."""
    key = checked_key(metric.key, "metric", f"{at}key")
    value: float = required(metric.value, f"{at}value")
    timestamp_ms: int = required(metric.timestamp, f"{at}timestamp")
    if timestamp_ms < 0:
        raise InvalidParameter(
            f"Invalid value {timestamp_ms} for parameter '{at}timestamp' supplied: metric '{key}' "
            f"(value={value}). Timestamp must be a nonnegative long (64-bit integer) "
        )
    return MetricPoint(
        key=key,
        value=value,
        timestamp_ms=timestamp_ms,
        step=metric.step,
        model_id=metric.model_id,
        dataset_name=metric.dataset_name,
        dataset_digest=metric.dataset_digest,
    )


def _points(metrics: list[MetricIn]) -> list[MetricPoint]:
    """The points of a batch. Raises InvalidParameter; each key is looked at once."""
    found: list[MetricPoint] = []
    checked: set[str | None] = set()
    for index, metric in enumerate(metrics):
        value, timestamp_ms = metric.value, metric.timestamp
        if metric.key not in checked or value is None or timestamp_ms is None or timestamp_ms < 0:
            found.append(_point(metric, f"metrics[{index}]."))
            checked.add(metric.key)
            continue
        found.append(
            MetricPoint(
                key=metric.key or "",
                value=value,
                timestamp_ms=timestamp_ms,
                step=metric.step,
                model_id=metric.model_id,
                dataset_name=metric.dataset_name,
                dataset_digest=metric.dataset_digest,
            )
        )
    return found


async def log_metric(services: Services, request: LogMetric) -> object:
    """Log one metric point."""
    run_id = run_id_of(request)
    point = _point(request)
    await services.database.write(lambda connection: runs.log(connection, run_id, points=[point]))
    return {}


async def log_parameter(services: Services, request: LogText) -> object:
    """Log one parameter."""
    run_id = run_id_of(request)
    params = params_of([TagIn(request.key, request.value)])
    await services.database.write(lambda connection: runs.log(connection, run_id, new_params=params))
    return {}


async def set_tag(services: Services, request: LogText) -> object:
    """Set one tag."""
    run_id = run_id_of(request)
    tags = tags_of([TagIn(request.key, request.value)])
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
    points = _points(request.metrics)
    params = params_of(request.params, "params")
    tags = tags_of(request.tags, "tags")
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
        kinds = "metrics, params, and tags"
        raise InvalidParameter(
            f"A batch logging request can contain at most {limits.MAX_ENTITIES_PER_BATCH} {kinds}. Got "
            f"{total} {kinds}. Please split up {kinds} across multiple requests and try again."
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
            raise InvalidParameter(f"'{name}' exceeds the maximum length of {most} characters")
    tags = [Tag(str(required(tag.key, "key")), tag.value or "") for tag in given.tags]
    for field, length, most in (
        ("key", max((len(tag.key) for tag in tags), default=0), 255),
        ("value", max((len(tag.value) for tag in tags), default=0), 500),
    ):
        if length > most:
            raise InvalidParameter(f"'{field}' exceeds the maximum length of {most} characters")
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
    given: list[ModelIn] = required(request.models, "models")
    models = [(str(required(model.model_id, "model_id")), model.step) for model in given]
    await services.database.write(
        lambda connection: inputs.log_model_outputs(connection, runs.find_active(connection, run_id), models)
    )
    return {}


ENDPOINTS: list[Endpoint] = [
    post("log-metric", LogMetric, log_metric),
    post("log-parameter", LogText, log_parameter),
    post("set-tag", LogText, set_tag),
    post("delete-tag", LogText, delete_tag),
    post("log-batch", LogBatch, log_batch),
    post("log-inputs", LogInputs, log_inputs),
    post("outputs", LogOutputs, log_outputs),
]

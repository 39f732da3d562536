"""What the store answers with. Field names are the wire's, so that a reply is encoded without another copy.

Optional fields that are unset are left out of the JSON, as MLflow leaves them out. Times are epoch
milliseconds. Records are values: nothing may change them once they are made.
"""

from __future__ import annotations

import math

import msgspec

MAX_FLOAT = 1.7976931348623157e308
"""What MLflow stores and returns for an infinite metric."""

WireFloat = float | str
"""A finite float, or "NaN": JSON has no such number."""


def wire_float(value: float, is_nan: bool) -> WireFloat:
    """A stored metric value as it is sent."""
    return "NaN" if is_nan else value


def stored_float(value: float) -> tuple[float, bool]:
    """`value` as (number, is NaN) for the database, which orders and indexes finite numbers only."""
    if math.isnan(value):
        return 0.0, True
    return max(-MAX_FLOAT, min(MAX_FLOAT, value)), False


class Tag(msgspec.Struct, frozen=True):
    """A tag or a parameter: a key and its text."""

    key: str
    value: str


class Experiment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An experiment with its tags."""

    experiment_id: str
    name: str
    artifact_location: str
    lifecycle_stage: str
    last_update_time: int
    creation_time: int
    tags: tuple[Tag, ...] = ()
    workspace: str | None = None


class Metric(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One point of a metric. `run_id` and `model_id` are set where the reply mixes several."""

    key: str
    value: WireFloat
    timestamp: int
    step: int
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None
    run_id: str | None = None


class RunInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A run without its data. `run_uuid` repeats `run_id`: old clients read it."""

    run_uuid: str
    experiment_id: str
    run_name: str
    user_id: str
    status: str
    start_time: int
    artifact_uri: str
    lifecycle_stage: str
    run_id: str
    end_time: int | None = None


class RunData(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was logged to a run: the latest point of each metric, parameters and tags, each sorted by key."""

    metrics: tuple[Metric, ...] = ()
    params: tuple[Tag, ...] = ()
    tags: tuple[Tag, ...] = ()


class Dataset(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A description of data that runs have read."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None
    profile: str | None = None


class DatasetInput(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A dataset as one run used it; the tags say what for."""

    dataset: Dataset
    tags: tuple[Tag, ...] = ()


class ModelInput(msgspec.Struct, frozen=True):
    """A logged model that a run read."""

    model_id: str


class ModelOutput(msgspec.Struct, frozen=True):
    """A logged model that a run made, and at which of its steps."""

    model_id: str
    step: int


class RunInputs(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a run read."""

    dataset_inputs: tuple[DatasetInput, ...] = ()
    model_inputs: tuple[ModelInput, ...] = ()


class RunOutputs(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a run made."""

    model_outputs: tuple[ModelOutput, ...] = ()


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A run, whole."""

    info: RunInfo
    data: RunData = RunData()
    inputs: RunInputs = RunInputs()
    outputs: RunOutputs = RunOutputs()


class LoggedModelInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A logged model without its parameters and metrics."""

    model_id: str
    experiment_id: str
    name: str
    creation_timestamp_ms: int
    last_updated_timestamp_ms: int
    artifact_uri: str
    status: str
    model_type: str
    source_run_id: str
    status_message: str | None = None
    tags: tuple[Tag, ...] = ()


class LoggedModelData(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Parameters of a logged model, and the points of its metrics."""

    params: tuple[Tag, ...] = ()
    metrics: tuple[Metric, ...] = ()


class LoggedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A logged model, whole."""

    info: LoggedModelInfo
    data: LoggedModelData = LoggedModelData()

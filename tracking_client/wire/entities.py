"""What the wire carries, as frozen values with MLflow's attribute names.

`from_wire` takes the JSON object of MLflow's REST API, `to_wire` gives it back. Integers may arrive as
strings (protobuf's JSON does so) and non-finite numbers always do. Times are milliseconds since the epoch.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, SupportsIndex, TypeVar, overload

Json = Mapping[str, Any]
T = TypeVar("T")


class RunStatus:
    """The states of a run, as the wire spells them."""

    RUNNING = "RUNNING"
    SCHEDULED = "SCHEDULED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"
    ALL = (RUNNING, SCHEDULED, FINISHED, FAILED, KILLED)

    @classmethod
    def is_terminated(cls, status: str) -> bool:
        """Whether a run in this state is over."""
        return status in (cls.FINISHED, cls.FAILED, cls.KILLED)

    @staticmethod
    def to_string(status: str) -> str:
        """The status itself; MLflow's has numbers and needs this."""
        return status


class ViewType:
    """Which life-cycle stages a search sees. The numbers are MLflow's, the wire wants the names."""

    ACTIVE_ONLY = 1
    DELETED_ONLY = 2
    ALL = 3
    _NAMES: Mapping[int, str] = {1: "ACTIVE_ONLY", 2: "DELETED_ONLY", 3: "ALL"}

    @classmethod
    def to_string(cls, view_type: int) -> str:
        """The wire's name. Raises KeyError for a number that is none of the three."""
        return cls._NAMES[view_type]


class LifecycleStage:
    """Whether an experiment or run is there or in the bin."""

    ACTIVE = "active"
    DELETED = "deleted"


class PagedList(list[T], Generic[T]):
    """One page of results; `token` fetches the next page and is None on the last."""

    def __init__(self, items: Iterable[T], token: str | None = None) -> None:
        super().__init__(items)
        self.token = token

    @overload
    def __getitem__(self, index: SupportsIndex) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> PagedList[T]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> T | PagedList[T]:
        """An item; or a slice, which keeps the token."""
        if isinstance(index, slice):
            return PagedList(super().__getitem__(index), self.token)
        return super().__getitem__(index)


def number_to_wire(value: float) -> float | str:
    """A double as JSON can say it: NaN and the infinities become strings."""
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _int(value: Any) -> int | None:
    return None if value is None else int(value)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Metric:
    """One measured value. MLflow's argument order is kept, so that positional use works."""

    key: str
    value: float
    timestamp: int
    step: int = 0
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None
    run_id: str | None = None

    @classmethod
    def from_wire(cls, wire: Json) -> Metric:
        """The metric of a JSON object."""
        return cls(
            key=str(wire["key"]),
            value=float(wire["value"]),
            timestamp=int(wire.get("timestamp", 0)),
            step=int(wire.get("step", 0)),
            model_id=_text(wire.get("model_id")),
            dataset_name=_text(wire.get("dataset_name")),
            dataset_digest=_text(wire.get("dataset_digest")),
            run_id=_text(wire.get("run_id")),
        )

    def to_wire(self) -> dict[str, Any]:
        """The JSON object."""
        wire: dict[str, Any] = {
            "key": self.key,
            "value": number_to_wire(self.value),
            "timestamp": self.timestamp,
            "step": self.step,
        }
        if self.model_id is not None:
            wire["model_id"] = self.model_id
        if self.dataset_name is not None:
            wire["dataset_name"] = self.dataset_name
        if self.dataset_digest is not None:
            wire["dataset_digest"] = self.dataset_digest
        return wire


@dataclass(frozen=True, slots=True)
class _Pair:
    key: str
    value: str

    def to_wire(self) -> dict[str, str]:
        """The JSON object."""
        return {"key": self.key, "value": self.value}


@dataclass(frozen=True, slots=True)
class Param(_Pair):
    """One parameter of a run; set once."""


@dataclass(frozen=True, slots=True)
class RunTag(_Pair):
    """One tag of a run."""


@dataclass(frozen=True, slots=True)
class ExperimentTag(_Pair):
    """One tag of an experiment."""


@dataclass(frozen=True, slots=True)
class InputTag(_Pair):
    """One tag of a data set's use, such as `mlflow.data.context`."""


def _pairs(wire: Json, name: str) -> dict[str, str]:
    return {str(pair["key"]): str(pair.get("value", "")) for pair in wire.get(name) or ()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """A named group of runs. `tags` is a plain dict."""

    experiment_id: str
    name: str
    artifact_location: str = ""
    lifecycle_stage: str = LifecycleStage.ACTIVE
    tags: dict[str, str] = field(default_factory=dict)
    creation_time: int | None = None
    last_update_time: int | None = None

    @classmethod
    def from_wire(cls, wire: Json) -> Experiment:
        """The experiment of a JSON object."""
        return cls(
            experiment_id=str(wire["experiment_id"]),
            name=str(wire.get("name", "")),
            artifact_location=str(wire.get("artifact_location", "")),
            lifecycle_stage=str(wire.get("lifecycle_stage", LifecycleStage.ACTIVE)),
            tags=_pairs(wire, "tags"),
            creation_time=_int(wire.get("creation_time")),
            last_update_time=_int(wire.get("last_update_time")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """A run's identity and state."""

    run_id: str
    experiment_id: str
    run_name: str | None = None
    user_id: str | None = None
    status: str = RunStatus.RUNNING
    start_time: int | None = None
    end_time: int | None = None
    lifecycle_stage: str = LifecycleStage.ACTIVE
    artifact_uri: str | None = None

    @property
    def run_uuid(self) -> str:
        """The run's id, by its oldest name."""
        return self.run_id

    @classmethod
    def from_wire(cls, wire: Json) -> RunInfo:
        """The run info of a JSON object."""
        return cls(
            run_id=str(wire.get("run_id") or wire["run_uuid"]),
            experiment_id=str(wire["experiment_id"]),
            run_name=_text(wire.get("run_name")),
            user_id=_text(wire.get("user_id")),
            status=str(wire.get("status", RunStatus.RUNNING)),
            start_time=_int(wire.get("start_time")),
            end_time=_int(wire.get("end_time")),
            lifecycle_stage=str(wire.get("lifecycle_stage", LifecycleStage.ACTIVE)),
            artifact_uri=_text(wire.get("artifact_uri")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunData:
    """What was logged: the latest value of every metric, all params, all tags."""

    metrics: dict[str, float] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_wire(cls, wire: Json) -> RunData:
        """The run data of a JSON object."""
        metrics = [Metric.from_wire(metric) for metric in wire.get("metrics") or ()]
        return cls(
            metrics={metric.key: metric.value for metric in metrics},
            params=_pairs(wire, "params"),
            tags=_pairs(wire, "tags"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A data set as MLflow records it: `source`, `schema` and `profile` are JSON texts."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None
    profile: str | None = None

    @classmethod
    def from_wire(cls, wire: Json) -> Dataset:
        """The data set of a JSON object."""
        return cls(
            name=str(wire["name"]),
            digest=str(wire["digest"]),
            source_type=str(wire.get("source_type", "")),
            source=str(wire.get("source", "")),
            schema=_text(wire.get("schema")),
            profile=_text(wire.get("profile")),
        )

    def to_wire(self) -> dict[str, Any]:
        """The JSON object."""
        return _without_none(
            {
                "name": self.name,
                "digest": self.digest,
                "source_type": self.source_type,
                "source": self.source,
                "schema": self.schema,
                "profile": self.profile,
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetInput:
    """A data set that a run used, and tags that say how."""

    dataset: Dataset
    tags: tuple[InputTag, ...] = ()

    @classmethod
    def from_wire(cls, wire: Json) -> DatasetInput:
        """The input of a JSON object."""
        tags = _pairs(wire, "tags")
        return cls(
            dataset=Dataset.from_wire(wire["dataset"]),
            tags=tuple(InputTag(key, value) for key, value in tags.items()),
        )

    def to_wire(self) -> dict[str, Any]:
        """The JSON object."""
        return {"dataset": self.dataset.to_wire(), "tags": [tag.to_wire() for tag in self.tags]}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInputs:
    """Everything a run read."""

    dataset_inputs: tuple[DatasetInput, ...] = ()

    @classmethod
    def from_wire(cls, wire: Json) -> RunInputs:
        """The inputs of a JSON object."""
        found = wire.get("dataset_inputs") or ()
        return cls(dataset_inputs=tuple(DatasetInput.from_wire(item) for item in found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A tracked run as the server had it when asked."""

    info: RunInfo
    data: RunData = field(default_factory=RunData)
    inputs: RunInputs = field(default_factory=RunInputs)

    @classmethod
    def from_wire(cls, wire: Json) -> Run:
        """The run of a JSON object."""
        return cls(
            info=RunInfo.from_wire(wire["info"]),
            data=RunData.from_wire(wire.get("data") or {}),
            inputs=RunInputs.from_wire(wire.get("inputs") or {}),
        )

    def to_dictionary(self) -> dict[str, Any]:
        """Info and data as plain dicts, shaped as MLflow's."""
        info = {name: getattr(self.info, name) for name in RunInfo.__slots__}
        data = {"metrics": self.data.metrics, "params": self.data.params, "tags": self.data.tags}
        return {"info": info, "data": data}


@dataclass(frozen=True, slots=True)
class FileInfo:
    """An artifact: `path` relative to the run's artifacts; `file_size` in bytes, None for a directory."""

    path: str
    is_dir: bool
    file_size: int | None = None

    @classmethod
    def from_wire(cls, wire: Json) -> FileInfo:
        """The file of a JSON object."""
        return cls(str(wire["path"]), bool(wire.get("is_dir")), _int(wire.get("file_size")))


__all__ = [
    "Dataset",
    "DatasetInput",
    "Experiment",
    "ExperimentTag",
    "FileInfo",
    "InputTag",
    "LifecycleStage",
    "Metric",
    "PagedList",
    "Param",
    "Run",
    "RunData",
    "RunInfo",
    "RunInputs",
    "RunStatus",
    "RunTag",
    "ViewType",
    "number_to_wire",
]

"""Logged models on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from tracking_client.wire.fields import Json, as_dictionary
from tracking_client.wire.metrics import Metric
from tracking_client.wire.notebook import Shown, moment, run_page
from tracking_client.wire.pairs import pairs_of

_ON_THE_WIRE = {
    "UNSPECIFIED": "LOGGED_MODEL_STATUS_UNSPECIFIED",
    "PENDING": "LOGGED_MODEL_PENDING",
    "READY": "LOGGED_MODEL_READY",
    "FAILED": "LOGGED_MODEL_UPLOAD_FAILED",
}


class LoggedModelStatus(str, Enum):
    """Whether a model's files are being written (PENDING), are there (READY), or will never be (FAILED)."""

    UNSPECIFIED = "UNSPECIFIED"
    PENDING = "PENDING"
    READY = "READY"
    FAILED = "FAILED"

    def __str__(self) -> str:
        return self.value

    @classmethod
    def from_wire(cls, name: Any) -> LoggedModelStatus:
        """The status that the wire calls `name`; UNSPECIFIED for a name not known here."""
        return next((status for status in cls if status.to_wire() == name), cls.UNSPECIFIED)

    def to_wire(self) -> str:
        """The wire's name."""
        return _ON_THE_WIRE[self.value]

    def to_int(self) -> int:
        """The number that MLflow's dictionaries have for it."""
        return list(LoggedModelStatus).index(self)


@dataclass(frozen=True, slots=True, repr=False)
class LoggedModel(Shown):
    """A model with an identity of its own, independent of runs. Times are in ms since the epoch.

    `metrics` are those that runs logged for it, `params` and `tags` plain dicts. MLflow's argument order.
    """

    experiment_id: str
    model_id: str
    name: str
    artifact_location: str
    creation_timestamp: int
    last_updated_timestamp: int
    model_type: str | None = None
    source_run_id: str | None = None
    status: LoggedModelStatus = LoggedModelStatus.READY
    status_message: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    metrics: tuple[Metric, ...] = ()

    def _shown_fields(self) -> Mapping[str, Any]:
        return {
            "model_id": self.model_id,
            "name": self.name,
            "status": self.status,
            "model_type": self.model_type,
            "source_run_id": self.source_run_id,
            "created": moment(self.creation_timestamp),
        }

    def _page(self) -> str | None:
        """That of the run which made it: a logged model has none of its own."""
        return run_page(self.source_run_id) if self.source_run_id else None

    @property
    def model_uri(self) -> str:
        """The URI to load or register the model by."""
        return f"models:/{self.model_id}"

    @classmethod
    def from_wire(cls, wire: Json) -> LoggedModel:
        """The model of a JSON object, which has an `info` and, with params or metrics, a `data`."""
        info, data = wire["info"], wire.get("data") or {}
        return cls(
            experiment_id=str(info["experiment_id"]),
            model_id=str(info["model_id"]),
            name=str(info.get("name", "")),
            artifact_location=str(info.get("artifact_uri", "")),
            creation_timestamp=int(info.get("creation_timestamp_ms", 0)),
            last_updated_timestamp=int(info.get("last_updated_timestamp_ms", 0)),
            model_type=str(info.get("model_type", "")),
            source_run_id=str(info.get("source_run_id", "")),
            status=LoggedModelStatus.from_wire(info.get("status")),
            status_message=str(info.get("status_message", "")),
            tags=pairs_of(info, "tags"),
            params=pairs_of(data, "params"),
            metrics=tuple(Metric.from_wire(metric) for metric in data.get("metrics") or ()),
        )

    def to_dictionary(self) -> dict[str, Any]:
        """The attributes as plain values, the status as a number, shaped as MLflow's."""
        metrics = [metric.to_dictionary() for metric in self.metrics]
        return as_dictionary(self) | {"status": self.status.to_int(), "metrics": metrics}


__all__ = ["LoggedModel", "LoggedModelStatus"]

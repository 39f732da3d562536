"""Runs on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tracking_client.wire.fields import Json, as_dictionary, text, whole
from tracking_client.wire.lifecycle import LifecycleStage
from tracking_client.wire.metrics import Metric
from tracking_client.wire.notebook import Shown, moment, run_page
from tracking_client.wire.pairs import pairs_of

# The classes of what a run read and made are made when a run comes that has any of it.
if TYPE_CHECKING:
    from tracking_client.wire.datasets import DatasetInput
    from tracking_client.wire.logged_model_uses import LoggedModelInput, LoggedModelOutput


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


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A run's identity and state, in MLflow's argument order. Times are in milliseconds since the epoch."""

    run_id: str
    experiment_id: str
    user_id: str | None = None
    status: str = RunStatus.RUNNING
    start_time: int | None = None
    end_time: int | None = None
    lifecycle_stage: str = LifecycleStage.ACTIVE
    artifact_uri: str | None = None
    run_name: str | None = None

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
            run_name=text(wire.get("run_name")),
            user_id=text(wire.get("user_id")),
            status=str(wire.get("status", RunStatus.RUNNING)),
            start_time=whole(wire.get("start_time")),
            end_time=whole(wire.get("end_time")),
            lifecycle_stage=str(wire.get("lifecycle_stage", LifecycleStage.ACTIVE)),
            artifact_uri=text(wire.get("artifact_uri")),
        )


@dataclass(frozen=True, slots=True)
class RunData:
    """What was logged: the latest value of every metric, all params, all tags.

    `latest_metrics` are the same values with their steps and times.
    """

    metrics: dict[str, float] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    latest_metrics: tuple[Metric, ...] = field(default=(), repr=False, compare=False)

    @classmethod
    def from_wire(cls, wire: Json) -> RunData:
        """The run data of a JSON object."""
        metrics = [Metric.from_wire(metric) for metric in wire.get("metrics") or ()]
        return cls(
            metrics={metric.key: metric.value for metric in metrics},
            params=pairs_of(wire, "params"),
            tags=pairs_of(wire, "tags"),
            latest_metrics=tuple(metrics),
        )


@dataclass(frozen=True, slots=True)
class RunInputs:
    """Everything a run read."""

    dataset_inputs: tuple[DatasetInput, ...] = ()
    model_inputs: tuple[LoggedModelInput, ...] = ()

    @classmethod
    def from_wire(cls, wire: Json) -> RunInputs:
        """The inputs of a JSON object."""
        datasets, models = wire.get("dataset_inputs") or (), wire.get("model_inputs") or ()
        if not datasets and not models:
            return cls()
        from tracking_client.wire.datasets import DatasetInput
        from tracking_client.wire.logged_model_uses import LoggedModelInput

        return cls(
            dataset_inputs=tuple(DatasetInput.from_wire(item) for item in datasets),
            model_inputs=tuple(LoggedModelInput.from_wire(item) for item in models),
        )

    def to_dictionary(self) -> dict[str, Any]:
        """The data sets and the models as plain dicts."""
        return {
            "model_inputs": [item.to_dictionary() for item in self.model_inputs],
            "dataset_inputs": [item.to_dictionary() for item in self.dataset_inputs],
        }


@dataclass(frozen=True, slots=True)
class RunOutputs:
    """Every logged model that a run made."""

    model_outputs: tuple[LoggedModelOutput, ...] = ()

    @classmethod
    def from_wire(cls, wire: Json) -> RunOutputs:
        """The outputs of a JSON object."""
        models = wire.get("model_outputs") or ()
        if not models:
            return cls()
        from tracking_client.wire.logged_model_uses import LoggedModelOutput

        return cls(tuple(LoggedModelOutput.from_wire(item) for item in models))

    def to_dictionary(self) -> dict[str, Any]:
        """The models as plain dicts."""
        return {"model_outputs": [item.to_dictionary() for item in self.model_outputs]}


@dataclass(frozen=True, slots=True, repr=False)
class Run(Shown):
    """A tracked run as the server had it when asked."""

    info: RunInfo
    data: RunData = field(default_factory=RunData)
    inputs: RunInputs = field(default_factory=RunInputs)
    outputs: RunOutputs = field(default_factory=RunOutputs)

    @classmethod
    def from_wire(cls, wire: Json) -> Run:
        """The run of a JSON object."""
        return cls(
            info=RunInfo.from_wire(wire["info"]),
            data=RunData.from_wire(wire.get("data") or {}),
            inputs=RunInputs.from_wire(wire.get("inputs") or {}),
            outputs=RunOutputs.from_wire(wire.get("outputs") or {}),
        )

    def _shown_fields(self) -> Mapping[str, Any]:
        info = self.info
        return {
            "run_id": info.run_id,
            "run_name": info.run_name,
            "status": info.status,
            "experiment_id": info.experiment_id,
            "started": moment(info.start_time),
            "ended": moment(info.end_time),
        }

    def _page(self) -> str:
        return run_page(self.info.run_id)

    def to_dictionary(self) -> dict[str, Any]:
        """Everything as plain dicts, shaped as MLflow's."""
        return {
            "info": as_dictionary(self.info),
            "data": {"metrics": self.data.metrics, "params": self.data.params, "tags": self.data.tags},
            "inputs": self.inputs.to_dictionary(),
            "outputs": self.outputs.to_dictionary(),
        }


__all__ = ["Run", "RunData", "RunInfo", "RunInputs", "RunOutputs", "RunStatus"]

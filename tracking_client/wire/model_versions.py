"""Versions of registered models on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tracking_client.wire.fields import Json, as_dictionary, text, whole
from tracking_client.wire.metrics import Metric
from tracking_client.wire.notebook import Shown, moment, run_page
from tracking_client.wire.pairs import LoggedModelParameter, pairs_of


class ModelVersionStatus:
    """The states of a version, as the wire spells them."""

    PENDING_REGISTRATION = "PENDING_REGISTRATION"
    FAILED_REGISTRATION = "FAILED_REGISTRATION"
    READY = "READY"


@dataclass(frozen=True, slots=True, repr=False)
class ModelVersion(Shown):
    """One version of a registered model; `version` is a number as text. Times are in ms since the epoch.

    `tags` is a plain dict. `params` and `metrics`, those of the logged model `model_id`, are None where the
    server does not tell them; MLflow's does not. What is not set is "" or None as in MLflow's, whose argument
    order this is.
    """

    name: str
    version: str
    creation_timestamp: int
    last_updated_timestamp: int | None = None
    description: str | None = None
    user_id: str | None = None
    current_stage: str | None = None
    source: str | None = None
    run_id: str | None = None
    status: str = ModelVersionStatus.READY
    status_message: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    run_link: str | None = None
    aliases: tuple[str, ...] = ()
    model_id: str | None = None
    params: tuple[LoggedModelParameter, ...] | None = None
    metrics: tuple[Metric, ...] | None = None

    def _shown_fields(self) -> Mapping[str, Any]:
        return {
            "name": self.name,
            "version": self.version,
            "status": self.status,
            "aliases": ", ".join(self.aliases),
            "run_id": self.run_id,
            "source": self.source,
            "created": moment(self.creation_timestamp),
        }

    def _page(self) -> str | None:
        """That of the run which it comes from: a version has none of its own."""
        return run_page(self.run_id) if self.run_id else None

    @classmethod
    def from_wire(cls, wire: Json) -> ModelVersion:
        """The version of a JSON object."""
        params, metrics = wire.get("model_params"), wire.get("model_metrics")
        return cls(
            name=str(wire["name"]),
            version=str(wire["version"]),
            creation_timestamp=int(wire.get("creation_timestamp", 0)),
            last_updated_timestamp=whole(wire.get("last_updated_timestamp")),
            description=str(wire.get("description", "")),
            user_id=str(wire.get("user_id", "")),
            current_stage=text(wire.get("current_stage")),
            source=text(wire.get("source")),
            run_id=str(wire.get("run_id", "")),
            status=str(wire.get("status", ModelVersionStatus.READY)),
            status_message=text(wire.get("status_message")),
            tags=pairs_of(wire, "tags"),
            run_link=str(wire.get("run_link", "")),
            aliases=tuple(str(alias) for alias in wire.get("aliases") or ()),
            model_id=text(wire.get("model_id")),
            params=None
            if params is None
            else tuple(LoggedModelParameter(str(item["key"]), str(item.get("value", ""))) for item in params),
            metrics=None if metrics is None else tuple(Metric.from_wire(item) for item in metrics),
        )

    def to_dictionary(self) -> dict[str, Any]:
        """The attributes as plain values."""
        params = None if self.params is None else {item.key: item.value for item in self.params}
        metrics = None if self.metrics is None else [item.to_dictionary() for item in self.metrics]
        return as_dictionary(self) | {"aliases": list(self.aliases), "params": params, "metrics": metrics}


__all__ = ["ModelVersion", "ModelVersionStatus"]

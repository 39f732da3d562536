"""Experiments on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tracking_client.wire.fields import Json, whole
from tracking_client.wire.lifecycle import LifecycleStage
from tracking_client.wire.notebook import Shown, experiment_page, moment
from tracking_client.wire.pairs import pairs_of


@dataclass(frozen=True, slots=True, repr=False)
class Experiment(Shown):
    """A named group of runs. `tags` is a plain dict; times are in milliseconds since the epoch."""

    experiment_id: str
    name: str
    artifact_location: str = ""
    lifecycle_stage: str = LifecycleStage.ACTIVE
    tags: dict[str, str] = field(default_factory=dict)
    creation_time: int | None = None
    last_update_time: int | None = None

    def _shown_fields(self) -> Mapping[str, Any]:
        return {
            "experiment_id": self.experiment_id,
            "name": self.name,
            "lifecycle_stage": self.lifecycle_stage,
            "artifact_location": self.artifact_location,
            "created": moment(self.creation_time),
        }

    def _page(self) -> str:
        return experiment_page(self.experiment_id)

    @classmethod
    def from_wire(cls, wire: Json) -> Experiment:
        """The experiment of a JSON object."""
        return cls(
            experiment_id=str(wire["experiment_id"]),
            name=str(wire.get("name", "")),
            artifact_location=str(wire.get("artifact_location", "")),
            lifecycle_stage=str(wire.get("lifecycle_stage", LifecycleStage.ACTIVE)),
            tags=pairs_of(wire, "tags"),
            creation_time=whole(wire.get("creation_time")),
            last_update_time=whole(wire.get("last_update_time")),
        )


__all__ = ["Experiment"]

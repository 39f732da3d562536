"""Measured values on the wire."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from tracking_client.wire.fields import Json, as_dictionary, text, without_none


def number_to_wire(value: float) -> float | str:
    """A double as JSON can say it: NaN and the infinities become strings."""
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


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
            model_id=text(wire.get("model_id")),
            dataset_name=text(wire.get("dataset_name")),
            dataset_digest=text(wire.get("dataset_digest")),
            run_id=text(wire.get("run_id")),
        )

    def to_wire(self) -> dict[str, Any]:
        """The JSON object."""
        value = {
            "key": self.key,
            "value": number_to_wire(self.value),
            "timestamp": self.timestamp,
            "step": self.step,
        }
        model = {
            "model_id": self.model_id,
            "dataset_name": self.dataset_name,
            "dataset_digest": self.dataset_digest,
        }
        return value | without_none(model)

    def to_dictionary(self) -> dict[str, Any]:
        """The attributes as a plain dict."""
        return as_dictionary(self)


__all__ = ["Metric", "number_to_wire"]

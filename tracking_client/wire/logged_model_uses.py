"""The use of logged models by runs, on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tracking_client.wire.fields import Json, as_dictionary


@dataclass(frozen=True, slots=True)
class LoggedModelInput:
    """A logged model that a run used."""

    model_id: str

    @classmethod
    def from_wire(cls, wire: Json) -> LoggedModelInput:
        """The input of a JSON object."""
        return cls(str(wire["model_id"]))

    def to_wire(self) -> dict[str, Any]:
        """The JSON object."""
        return {"model_id": self.model_id}

    def to_dictionary(self) -> dict[str, Any]:
        """The attributes as a plain dict."""
        return as_dictionary(self)


@dataclass(frozen=True, slots=True)
class LoggedModelOutput:
    """A logged model that a run made, at a step of it."""

    model_id: str
    step: int = 0

    @classmethod
    def from_wire(cls, wire: Json) -> LoggedModelOutput:
        """The output of a JSON object."""
        return cls(str(wire["model_id"]), int(wire.get("step", 0)))

    def to_wire(self) -> dict[str, Any]:
        """The JSON object."""
        return {"model_id": self.model_id, "step": self.step}

    def to_dictionary(self) -> dict[str, Any]:
        """The attributes as a plain dict."""
        return as_dictionary(self)


__all__ = ["LoggedModelInput", "LoggedModelOutput"]

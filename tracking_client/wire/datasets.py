"""Data sets, and their use by runs, on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tracking_client.wire.fields import Json, as_dictionary, text, without_none
from tracking_client.wire.pairs import InputTag, pairs_of


@dataclass(frozen=True, slots=True)
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
            schema=text(wire.get("schema")),
            profile=text(wire.get("profile")),
        )

    def to_wire(self) -> dict[str, Any]:
        """The JSON object."""
        return without_none(self.to_dictionary())

    def to_dictionary(self) -> dict[str, Any]:
        """The attributes as a plain dict."""
        return as_dictionary(self)


@dataclass(frozen=True, slots=True)
class DatasetInput:
    """A data set that a run used, and tags that say how. The tags, given as any sequence, become a tuple."""

    dataset: Dataset
    tags: Sequence[InputTag] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "tags", tuple(self.tags or ()))

    @classmethod
    def from_wire(cls, wire: Json) -> DatasetInput:
        """The input of a JSON object."""
        tags = pairs_of(wire, "tags")
        return cls(Dataset.from_wire(wire["dataset"]), [InputTag(key, value) for key, value in tags.items()])

    def to_wire(self) -> dict[str, Any]:
        """The JSON object."""
        return {"dataset": self.dataset.to_wire(), "tags": [tag.to_wire() for tag in self.tags]}

    def to_dictionary(self) -> dict[str, Any]:
        """The data set and the tags, by key, as plain dicts."""
        return {"dataset": self.dataset.to_dictionary(), "tags": {tag.key: tag.value for tag in self.tags}}


__all__ = ["Dataset", "DatasetInput"]

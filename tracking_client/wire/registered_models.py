"""Registered models on the wire."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tracking_client.wire.fields import Json, as_dictionary, whole
from tracking_client.wire.model_versions import ModelVersion
from tracking_client.wire.pairs import pairs_of


@dataclass(frozen=True, slots=True)
class RegisteredModelAlias:
    """A name for one version of a registered model."""

    alias: str
    version: str

    @classmethod
    def from_wire(cls, wire: Json) -> RegisteredModelAlias:
        """The alias of a JSON object."""
        return cls(str(wire["alias"]), str(wire["version"]))

    def to_wire(self) -> dict[str, Any]:
        """The JSON object."""
        return {"alias": self.alias, "version": self.version}


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A name with numbered versions. Times are in milliseconds since the epoch.

    `latest_versions` holds the newest version of every stage that has one; `tags` is a plain dict, `aliases`
    one from alias to version. MLflow's argument order.
    """

    name: str
    creation_timestamp: int | None = None
    last_updated_timestamp: int | None = None
    description: str | None = None
    latest_versions: tuple[ModelVersion, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_wire(cls, wire: Json) -> RegisteredModel:
        """The model of a JSON object."""
        aliases = [RegisteredModelAlias.from_wire(item) for item in wire.get("aliases") or ()]
        return cls(
            name=str(wire["name"]),
            creation_timestamp=whole(wire.get("creation_timestamp")),
            last_updated_timestamp=whole(wire.get("last_updated_timestamp")),
            description=str(wire.get("description", "")),
            latest_versions=tuple(ModelVersion.from_wire(item) for item in wire.get("latest_versions") or ()),
            tags=pairs_of(wire, "tags"),
            aliases={item.alias: item.version for item in aliases},
        )

    def to_dictionary(self) -> dict[str, Any]:
        """The attributes as plain values."""
        latest = [version.to_dictionary() for version in self.latest_versions]
        return as_dictionary(self) | {"latest_versions": latest}


__all__ = ["RegisteredModel", "RegisteredModelAlias"]

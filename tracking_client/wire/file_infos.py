"""Artifacts on the wire."""

from __future__ import annotations

from dataclasses import dataclass

from tracking_client.wire.fields import Json, whole


@dataclass(frozen=True, slots=True)
class FileInfo:
    """An artifact: `path` relative to the run's artifacts; `file_size` in bytes, None for a directory."""

    path: str
    is_dir: bool
    file_size: int | None = None

    @classmethod
    def from_wire(cls, wire: Json) -> FileInfo:
        """The file of a JSON object."""
        return cls(str(wire["path"]), bool(wire.get("is_dir")), whole(wire.get("file_size")))


__all__ = ["FileInfo"]

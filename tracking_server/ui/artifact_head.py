"""The beginning of a file among the artifacts of a run or a logged model."""

from __future__ import annotations

from dataclasses import dataclass

from tracking_server.artifacts.places import Place
from tracking_server.errors import ServerError


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The beginning of a file; `size_bytes` of all of it."""

    data: bytes
    size_bytes: int

    @property
    def is_cut(self) -> bool:
        """Whether the file is longer."""
        return self.size_bytes > len(self.data)

    @property
    def text(self) -> str:
        """As UTF-8, with marks in place of what is none."""
        return self.data.decode("utf-8", "replace")


def read(place: Place, path: str, most_bytes: int) -> Head:
    """At most `most_bytes` of a file. Raises ServerError, OSError; blocks."""
    reader, size_bytes = place.store.open_reader(place.path(path))
    with reader:
        return Head(data=reader.read(min(most_bytes, size_bytes)), size_bytes=size_bytes)


def read_if_possible(place: Place, path: str, most_bytes: int) -> Head | None:
    """As `read`; None where there is no such file, or it cannot be read."""
    try:
        return read(place, path, most_bytes)
    except (ServerError, OSError):
        return None


def split_uri(uri: str) -> tuple[str, str] | None:
    """Run and path of `runs:/RUN_ID/path`, the path "" for all of a run; None for anything else."""
    scheme, _, rest = uri.partition(":/")
    run_id, _, path = rest.strip("/").partition("/")
    return (run_id, path) if scheme == "runs" and run_id else None

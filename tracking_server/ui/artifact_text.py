"""The beginning of a text among the artifacts of a run."""

from __future__ import annotations

from dataclasses import dataclass

from tracking_server.artifacts.places import Place
from tracking_server.errors import ServerError


@dataclass(frozen=True, slots=True)
class Text:
    """What a file begins with; `is_cut` where there is more of it."""

    content: str
    is_cut: bool


def read(place: Place, path: str, most_bytes: int) -> Text | None:
    """At most `most_bytes` of a text; None where there is no such file, or it cannot be read. Blocks."""
    try:
        reader, size_bytes = place.store.open_reader(place.path(path))
        with reader:
            raw = bytearray()
            while len(raw) < most_bytes and (chunk := reader.read(most_bytes - len(raw))):
                raw += chunk
    except (ServerError, OSError):
        return None
    return Text(raw.decode("utf-8", "replace"), size_bytes > most_bytes)


def split_uri(uri: str) -> tuple[str, str] | None:
    """Run and path of `runs:/RUN_ID/path`; None for anything else."""
    scheme, _, rest = uri.partition(":/")
    run_id, _, path = rest.strip("/").partition("/")
    return (run_id, path) if scheme == "runs" and run_id and path else None

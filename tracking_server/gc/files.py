"""The artifacts of what goes: how much there is, and removing it.

Only directories that belong to the thing alone are touched: those that end with its own id and `artifacts`,
as the store makes them. A location that somebody chose by hand may hold other things, too.
"""

from __future__ import annotations

from dataclasses import dataclass

from tracking_server.artifacts.local import LocalArtifacts
from tracking_server.artifacts.local_uploads import UPLOADS
from tracking_server.artifacts.places import Places
from tracking_server.artifacts.protocol import ArtifactStore
from tracking_server.errors import ServerError


@dataclass(frozen=True, slots=True, kw_only=True)
class Belongings:
    """The artifacts of one run or model. `problem` says why they cannot be removed from here."""

    store: ArtifactStore | None = None
    directory: str = ""
    problem: str | None = None

    def measure(self) -> tuple[int, int]:
        """How many files, and their bytes. Raises OSError."""
        return (0, 0) if self.store is None else _measure(self.store, self.directory)

    def remove(self) -> None:
        """Remove them; what is gone already is no error. Raises OSError."""
        if self.store is not None:
            self.store.remove(self.directory)


def belongings(places: Places, artifact_uri: str, owner_id: str | None) -> Belongings:
    """The artifacts below the URI of a run (`…/<run id>/artifacts`) or logged model.

    `owner_id` None: an earlier collection looked at the URI already, or took it away to leave them there.
    """
    if not artifact_uri:
        return Belongings()
    try:
        place = places.of(artifact_uri)
    except (ServerError, ValueError) as error:
        return Belongings(problem=str(error))
    if isinstance(place.store, LocalArtifacts) and not place.store.root.is_dir():
        # Else their files would be taken for gone, and nobody would ever find them again.
        return Belongings(
            problem=f"there is no directory {place.store.root}: "
            "give --artifacts-destination as the server has it, or --leave-artifacts if there never were any"
        )
    parts = place.prefix.split("/")
    is_its_own = len(parts) > 1 and parts[-1] == "artifacts" and owner_id in (None, parts[-2])
    if not is_its_own or parts[0].casefold() == UPLOADS:
        return Belongings(problem=f"'{artifact_uri[:300]}' is not a directory of its own")
    return Belongings(store=place.store, directory="/".join(parts[:-1]))


def _measure(store: ArtifactStore, directory: str) -> tuple[int, int]:
    files = 0
    size_bytes = 0
    waiting = [directory]
    while waiting:
        for entry in store.entries(waiting.pop()):
            if entry.is_dir:
                waiting.append(entry.path)
            else:
                files += 1
                size_bytes += entry.file_size or 0
    return files, size_bytes

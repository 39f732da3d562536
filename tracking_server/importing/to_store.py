"""Into a store: its database, and its artifacts where it keeps them on this machine or in a bucket."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tracking_server.artifacts.places import Places
from tracking_server.artifacts.protocol import ArtifactInfo
from tracking_server.errors import ServerError
from tracking_server.importing.absorb import absorb
from tracking_server.importing.protocols import Body, Target, TargetError
from tracking_server.importing.records import Record, Reply
from tracking_server.settings import Settings
from tracking_server.store.engine import Database

_CHUNK_BYTES = 1 << 20


class StoreTarget:
    """A store opened directly; a server may work on it meanwhile. Raises StartRefused where it cannot be."""

    def __init__(self, settings: Settings) -> None:
        self._root = settings.experiment_root
        self._places = Places(settings)
        self._database = Database(settings)
        self._database.open()

    def absorb(self, records: Sequence[Record]) -> Reply:
        """See `Target.absorb`."""
        try:
            return self._database.write_and_wait(
                lambda connection: absorb(connection, records, artifact_root=self._root)
            )
        except ServerError as error:
            raise TargetError(str(error)) from error

    def entries(self, artifact_uri: str, directory: str) -> Iterator[ArtifactInfo]:
        """See `Target.entries`."""
        place = self._places.of(artifact_uri)
        for entry in place.store.entries(place.path(directory)):
            inside = entry.path[len(place.prefix) :].lstrip("/")
            yield ArtifactInfo(path=inside, is_dir=entry.is_dir, file_size=entry.file_size)

    def put(self, artifact_uri: str, path: str, body: Body) -> None:
        """See `Target.put`."""
        place = self._places.of(artifact_uri)
        writer = place.store.open_writer(place.path(path))
        try:
            while chunk := body.read(_CHUNK_BYTES):
                writer.write(chunk)
            writer.commit()
        finally:
            writer.abort()

    def close(self) -> None:
        """See `Target.close`."""
        self._database.close()


def _conforms(target: StoreTarget) -> Target:
    return target

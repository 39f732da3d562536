"""The client's calls about the artifacts of a run."""

from __future__ import annotations

import io
import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tracking_client import checks
from tracking_client.errors import ArtifactError, InvalidArgument
from tracking_client.runs import RunCalls

if TYPE_CHECKING:
    from os import PathLike

    from _typeshed import SupportsRead

    from tracking_client.artifact_stores.root import ArtifactRoot
    from tracking_client.wire.entities import FileInfo, Run

_ROOTS_KEPT = 1000
_CHUNK_BYTES = 1 << 20
_Known = TypeVar("_Known")


class ArtifactCalls(RunCalls):
    """Artifacts of the runs of one tracking server.

    Every method raises ApiError, TransportError, ArtifactError (the run's artifacts are at a place that
    cannot be reached from here) and OSError for local files.
    """

    def __init__(self) -> None:
        self._uris: dict[str, str] = {}
        self._roots: dict[str, ArtifactRoot] = {}
        self._roots_lock = threading.Lock()

    def log_artifact(
        self, run_id: str, local_path: str | PathLike[str], artifact_path: str | None = None
    ) -> None:
        """Stores a file, or a directory under its name, in the artifact directory `artifact_path`."""
        from tracking_client.artifact_stores import transfers

        source = Path(local_path)
        prefix = checks.artifact_path(artifact_path)
        if source.is_dir():
            inside = source.resolve().name
            self._put(run_id, transfers.files_under(source, f"{prefix}/{inside}" if prefix else inside))
        elif source.exists():
            self._put(run_id, [(source, f"{prefix}/{source.name}" if prefix else source.name)])
        else:
            raise FileNotFoundError(f"No such file or directory: '{source}'")

    def log_artifacts(
        self, run_id: str, local_dir: str | PathLike[str], artifact_path: str | None = None
    ) -> None:
        """Stores everything below a directory in the artifact directory `artifact_path`."""
        from tracking_client.artifact_stores import transfers

        source = Path(local_dir)
        if not source.is_dir():
            raise NotADirectoryError(f"Not a directory: '{source}'")
        self._put(run_id, transfers.files_under(source, checks.artifact_path(artifact_path)))

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        """Stores a text as the artifact `artifact_file`."""
        self.log_bytes(run_id, text.encode("utf-8", "surrogateescape"), artifact_file)

    def log_dict(self, run_id: str, dictionary: Any, artifact_file: str) -> None:
        """Stores a value as JSON, or as YAML where the name ends in .yaml or .yml and PyYAML is there."""
        if artifact_file.endswith((".yaml", ".yml")):
            self.log_text(run_id, _yaml(dictionary, artifact_file), artifact_file)
        else:
            self.log_text(run_id, json.dumps(dictionary, indent=2, default=_jsonable), artifact_file)

    def log_bytes(self, run_id: str, data: bytes, artifact_file: str) -> None:
        """Stores bytes as the artifact `artifact_file`."""
        self.log_stream(run_id, io.BytesIO(data), artifact_file)

    def log_stream(
        self, run_id: str, stream: SupportsRead[bytes] | SupportsRead[str], artifact_file: str
    ) -> None:
        """Stores what a stream of bytes or text has from here on, as the artifact `artifact_file`.

        In constant memory: a copy on disk is uploaded, since a transfer may have to be repeated.
        """
        from tracking_client.artifact_stores.temporary import scratch_directory

        path = checks.artifact_path(artifact_file)
        if not path or artifact_file.endswith("/"):
            raise InvalidArgument(f"Invalid artifact file: {artifact_file!r}. It must name a file")
        with scratch_directory("artifact-") as directory:
            local_path = Path(directory, path.rpartition("/")[2])
            with local_path.open("wb") as copy:
                while data := stream.read(_CHUNK_BYTES):
                    copy.write(data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data)
            self._put(run_id, [(local_path, path)])

    def list_artifacts(self, run_id: str, path: str | None = None) -> list[FileInfo]:
        """What is directly in an artifact directory, sorted by path."""
        return self.artifact_root(run_id).entries(checks.artifact_path(path))

    def download_artifacts(self, run_id: str, path: str, dst_path: str | PathLike[str] | None = None) -> str:
        """Fetches a file or a whole directory; returns where it is on this machine.

        It comes to `dst_path`/`path`; without `dst_path` to a new directory that is removed when the process
        ends, or nowhere at all where the artifacts are on this machine. What `dst_path` has already is not
        fetched again where the store's checksum agrees. Raises NotFound.
        """
        from tracking_client.artifact_stores import transfers

        return transfers.fetched(self.artifact_root(run_id), checks.artifact_path(path), dst_path)

    def _put(self, run_id: str, files: list[tuple[Path, str]]) -> None:
        from tracking_client.artifact_stores import transfers

        transfers.put_files(self.artifact_root(run_id), files)

    def know(self, run: Run) -> None:
        """Takes a run that a reply held, so that its artifacts need no further question where they are."""
        # A place that cannot be reached from here is complained of when something is to be stored there.
        if run.info.artifact_uri is not None:
            self._keep(self._uris, run.info.run_id, run.info.artifact_uri)

    def artifact_root(self, run_id: str) -> ArtifactRoot:
        """Where the artifacts of a run are. Raises ArtifactError where that cannot be reached from here."""
        with self._roots_lock:
            known, uri = self._roots.get(run_id), self._uris.get(run_id)
        if known is not None:
            return known
        if uri is None:
            uri = self.get_run(run_id).info.artifact_uri
        if uri is None:
            raise ArtifactError(f"the run {run_id} has no place for artifacts", uri="")
        from tracking_client.artifact_stores import places

        root = places.artifact_root(uri, self.transport)
        self._keep(self._roots, run_id, root)
        return root

    def _keep(self, known: dict[str, _Known], run_id: str, what: _Known) -> None:
        with self._roots_lock:
            if len(known) >= _ROOTS_KEPT:
                known.clear()
            known[run_id] = what


def _yaml(value: Any, artifact_file: str) -> str:
    try:
        import yaml
    except ImportError:
        raise InvalidArgument(f"writing {artifact_file} needs PyYAML: pip install PyYAML") from None
    return yaml.safe_dump(value, allow_unicode=True)


def _jsonable(value: Any) -> Any:
    for convert in ("tolist", "isoformat"):
        if hasattr(value, convert):
            return getattr(value, convert)()
    return str(value)


__all__ = ["ArtifactCalls"]

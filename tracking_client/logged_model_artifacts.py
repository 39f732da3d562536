"""The client's calls about the files of a logged model."""

from __future__ import annotations

import os
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from tracking_client import checks
from tracking_client.logged_models import LoggedModelCalls

if TYPE_CHECKING:
    from tracking_client.artifact_stores.root import ArtifactRoot
    from tracking_client.wire.entities import FileInfo


class LoggedModelArtifactCalls(LoggedModelCalls):
    """Files of the logged models of one tracking server.

    Every method raises ApiError, TransportError, ArtifactError (the files are at a place that cannot be
    reached from here) and OSError for local files.
    """

    def log_model_artifact(
        self, model_id: str, local_path: str | PathLike[str], artifact_path: str | None = None
    ) -> None:
        """Stores a file in the directory `artifact_path` of the model's files."""
        source = Path(local_path)
        if not source.is_file():
            raise FileNotFoundError(f"No such file: '{source}'")
        prefix = checks.artifact_path(artifact_path)
        name = f"{prefix}/{source.name}" if prefix else source.name
        self._put_of_model(model_id, [(source, name)])

    def log_model_artifacts(
        self, model_id: str, local_dir: str | PathLike[str], artifact_path: str | None = None
    ) -> None:
        """Stores everything below a directory in the directory `artifact_path` of the model's files."""
        from tracking_client.artifact_stores import transfers

        source = Path(local_dir)
        if not source.is_dir():
            raise NotADirectoryError(f"Not a directory: '{source}'")
        files = transfers.files_under(source, checks.artifact_path(artifact_path))
        self._put_of_model(model_id, files)

    def _put_of_model(self, model_id: str, files: list[tuple[Path, str]]) -> None:
        from tracking_client.artifact_stores import transfers

        transfers.put_files(self.model_artifact_root(model_id), files)

    def list_logged_model_artifacts(self, model_id: str, path: str | None = None) -> list[FileInfo]:
        """What is directly in a directory of the model's files, sorted by path."""
        return self.model_artifact_root(model_id).entries(checks.artifact_path(path))

    def download_logged_model_artifacts(
        self, model_id: str, path: str | None = None, dst_path: str | PathLike[str] | None = None
    ) -> str:
        """Fetches a file or directory of the model's files, by default all; returns where it is now.

        That is `dst_path`/`path`; without `dst_path` in a new directory, which is removed when the process
        ends. Raises NotFound.
        """
        from tracking_client.artifact_stores import transfers
        from tracking_client.artifact_stores.temporary import new_directory

        into = new_directory("model-") if dst_path is None else Path(os.path.abspath(dst_path))
        return str(transfers.download(self.model_artifact_root(model_id), checks.artifact_path(path), into))

    def model_artifact_root(self, model_id: str) -> ArtifactRoot:
        """Where the files of a model are. Raises NotFound; ArtifactError where that is out of reach."""
        from tracking_client.artifact_stores import places

        return places.artifact_root(self.get_logged_model(model_id).artifact_location, self.transport)


__all__ = ["LoggedModelArtifactCalls"]

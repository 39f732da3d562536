"""Artifacts of a run or logged model, through the server that has them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tracking_client.errors import TrackingError
from tracking_client.transport import Transport
from tracking_server.artifacts.protocol import ArtifactInfo
from tracking_server.importing.protocols import Body, Tree
from tracking_server.store.records import LoggedModel, Run


class ServerTree:
    """One tree of a server. For one thread."""

    def __init__(self, transport: Transport, owner: Run | LoggedModel) -> None:
        self._transport = transport
        if isinstance(owner, Run):
            self._owner = {"run_id": owner.info.run_id}
            self._list = "/api/2.0/mlflow/artifacts/list"
            self._file, self._asked = "/get-artifact", "path"
            self._directory = "path"
        else:
            self._owner = {}
            models = f"logged-models/{owner.info.model_id}/artifacts"
            self._list = f"/api/2.0/mlflow/{models}/directories"
            self._file, self._asked = f"/ajax-api/2.0/mlflow/{models}/files", "artifact_file_path"
            self._directory = "artifact_directory_path"

    def entries(self, directory: str) -> Iterator[ArtifactInfo]:
        """See `Tree.entries`."""
        token = ""
        while True:
            query: dict[str, Any] = {**self._owner}
            if directory:
                query[self._directory] = directory
            if token:
                query["page_token"] = token
            try:
                reply = self._transport.call("GET", self._list, query=query)
            except TrackingError as error:
                raise OSError(f"the server cannot list it: {error}") from error
            for file in reply.get("files", []):
                size = file.get("file_size")
                yield ArtifactInfo(
                    path=file["path"],
                    is_dir=bool(file.get("is_dir")),
                    file_size=None if size is None else int(size),
                )
            token = reply.get("next_page_token") or ""
            if not token:
                return

    @contextmanager
    def open(self, path: str) -> Iterator[Body]:
        """See `Tree.open`."""
        query: dict[str, Any] = {**self._owner, self._asked: path}
        try:
            with self._transport.send("GET", self._file, query=query, stream=True) as response:
                yield _Received(response)
        except TrackingError as error:
            raise OSError(f"the server cannot send it: {error}") from error


class _Received:
    """A response as a file. A connection that breaks raises OSError instead of ending early."""

    def __init__(self, response: Any) -> None:
        self._response = response

    def read(self, size: int, /) -> bytes:
        """See `Body.read`."""
        import urllib3

        try:
            return bytes(self._response.read(size))
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise OSError(f"the connection broke: {error}") from error


def _conforms(tree: ServerTree) -> Tree:
    return tree

"""What the URI of a model leads to, on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tracking_client.artifact_stores import transfers
from tracking_client.artifact_stores.directory import DirectoryRoot
from tracking_client.artifact_stores.places import artifact_root
from tracking_client.artifact_stores.temporary import new_directory
from tracking_client.errors import InvalidArgument, NotFound
from tracking_client.flavours.model_cache import cached
from tracking_client.fluent_registry import model_made_by
from tracking_client.mlflow_client import MlflowClient
from tracking_client.model_uri import ModelUri, is_model_uri
from tracking_client.models.mlmodel_file import Model
from tracking_client.models.trust import Origin
from tracking_client.wire import names

_RUNS = "runs:/"
_MOST_HOPS = 10  # from a version to the version that it is a copy of


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model's directory on this machine, what its MLmodel file says, and where it comes from."""

    directory: Path
    model: Model
    origin: Origin


def local_copy(
    model_uri: str | PathLike[str], dst_path: str | PathLike[str] | None = None, *, trusted: bool = False
) -> LocalModel:
    """Fetches the model into `dst_path`. Without it, a logged model or a version comes from the cache of this
    machine, and anything else into a directory that is removed when the process ends.

    A `model_uri` is a path, `file:` and a path, `models:/<model id>`, `models:/<name>/<version, stage or
    latest>`, `models:/<name>@<alias>`, `runs:/<run id>/<path>`, or the URI of a place for artifacts. What is
    on this machine already is not copied. Raises NotFound, InvalidArgument, ApiError, TransportError,
    ArtifactError, OSError.
    """
    path = _path_of(model_uri)
    if path is not None:
        directory = path
    else:
        into = None if dst_path is None else Path(dst_path)
        directory = _fetched(str(model_uri), into)
    model = Model.load(directory)
    if (model.metadata or {}).get(names.MODEL_IS_EXTERNAL) is True:
        raise InvalidArgument(f"The files of the model {model_uri} are kept elsewhere: load it from there")
    return LocalModel(directory, model, Origin(uri=str(model_uri), is_path=path is not None, trusted=trusted))


def _path_of(model_uri: str | PathLike[str]) -> Path | None:
    """The path that the user gave, if it is one."""
    if isinstance(model_uri, PathLike):
        return Path(model_uri)
    parts = urlsplit(model_uri)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return Path(unquote(parts.path))
    return None if ":/" in model_uri else Path(model_uri)


def _fetched(uri: str, into: Path | None) -> Path:
    client = MlflowClient()
    if uri.startswith(_RUNS):
        return _of_run(client, uri, into)
    if is_model_uri(uri):
        return _of_model(client, ModelUri.parse(uri), into)
    return _of_place(client, uri, into)


def _of_model(client: MlflowClient, uri: ModelUri, into: Path | None, hops: int = 0) -> Path:
    if uri.model_id is not None:
        return _of_logged_model(client, uri.model_id, into)
    version = client.version_at(uri)
    place = client.get_model_version_download_uri(version.name, version.version)
    if is_model_uri(place) and hops < _MOST_HOPS:
        return _of_model(client, ModelUri.parse(place), into, hops + 1)
    return _kept(client, place, into)


def _of_run(client: MlflowClient, uri: str, into: Path | None) -> Path:
    run_id, _, path = uri.removeprefix(_RUNS).partition("/")
    path = path.strip("/")
    if not run_id or not path:
        raise InvalidArgument(f"Not a proper runs:/ URI: {uri[:300]}. It is runs:/<run id>/<path>")
    run = client.get_run(run_id)
    if client.list_artifacts(run_id, path):
        if into is None and isinstance(client.artifact_root(run_id), DirectoryRoot):
            return Path(client.download_artifacts(run_id, path))
        return Path(client.download_artifacts(run_id, path, into or new_directory("model-")))
    made = model_made_by(client, run, path)
    if made is None:
        raise NotFound(
            f"the run {run_id} has neither artifacts at {path!r} nor a logged model of that name",
            status=404,
            code="RESOURCE_DOES_NOT_EXIST",
        )
    return _of_logged_model(client, made.model_id, into)


def _of_logged_model(client: MlflowClient, model_id: str, into: Path | None) -> Path:
    return _kept(client, client.get_logged_model(model_id).artifact_location, into)


def _kept(client: MlflowClient, uri: str, into: Path | None) -> Path:
    """The files of a model that is not meant to change, from the cache where they are not on this machine."""
    root = artifact_root(uri, client.transport)
    if into is not None:
        return transfers.download(root, "", into)
    if isinstance(root, DirectoryRoot):
        return root.local_path("")
    return cached(root, f"{client.tracking_uri} {uri}")


def _of_place(client: MlflowClient, uri: str, into: Path | None) -> Path:
    root = artifact_root(uri, client.transport)
    if into is None and isinstance(root, DirectoryRoot):
        return root.local_path("")
    return transfers.download(root, "", into or new_directory("model-"))


__all__ = ["LocalModel", "local_copy"]

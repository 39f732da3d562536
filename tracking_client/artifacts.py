"""MLflow's `mlflow.artifacts`: artifacts by their URI, wherever they are.

runs:/<run id>/<path>                  of a run, or the files of a logged model that the run made by that name
models:/<model id>/<path>              of a logged model
models:/<name>/<version>/<path>        of a registered model; also `<stage>` and `latest`
models:/<name>@<alias>
mlflow-artifacts:/<path>               behind the tracking server
/path, file:///path, s3://, gs://, wasbs://, abfss://

All functions raise InvalidArgument for a URI that is none, NotFound, ArtifactError where artifacts cannot be
reached from here, ApiError, TransportError and OSError.
"""

from __future__ import annotations

import json
import re
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracking_client import checks
from tracking_client.artifact_stores import places, transfers
from tracking_client.artifact_stores.root import ArtifactRoot
from tracking_client.artifact_stores.temporary import scratch_directory
from tracking_client.client import TrackingClient
from tracking_client.errors import InvalidArgument, NotFound
from tracking_client.mlflow_client import MlflowClient
from tracking_client.model_uri import ModelUri, is_model_uri
from tracking_client.wire.entities import FileInfo

if TYPE_CHECKING:
    import PIL.Image

_RUNS = "runs:/"
_MODEL_ID = re.compile(r"m-[0-9a-f]{32}")


def download_artifacts(
    artifact_uri: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    dst_path: str | PathLike[str] | None = None,
    tracking_uri: str | None = None,
    registry_uri: str | None = None,
) -> str:
    """Fetches a file or directory and returns where it is on this machine.

    It is named by `artifact_uri`, or by `run_id` and `artifact_path` (by default all of the run). It comes
    by its last name into `dst_path`, which is made where it is missing; without, into a new temporary
    directory, or nowhere where it is on this machine already. `registry_uri` is the server of `models:/`
    URIs, by default `tracking_uri`.
    """
    root, path = _located(artifact_uri, run_id, artifact_path, tracking_uri, registry_uri)
    return transfers.fetched(root, path, dst_path, above=path.rpartition("/")[0])


def list_artifacts(
    artifact_uri: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    tracking_uri: str | None = None,
) -> list[FileInfo]:
    """What is directly in a directory, sorted by path; nothing for a file.

    It is named as for `download_artifacts`.
    """
    root, path = _located(artifact_uri, run_id, artifact_path, tracking_uri, None)
    return root.entries(path)


def load_text(artifact_uri: str) -> str:
    """The text of an artifact, which must be UTF-8. Raises InvalidArgument where it is not."""
    try:
        return _content(artifact_uri).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidArgument(f"Unable to form a str object from file content: {error}") from None


def load_dict(artifact_uri: str) -> Any:
    """The value of a JSON artifact. Raises InvalidArgument where it holds none."""
    try:
        return json.loads(_content(artifact_uri))
    except ValueError as error:
        raise InvalidArgument(f"Unable to form a JSON object from file content: {error}") from None


def load_image(artifact_uri: str) -> PIL.Image.Image:
    """The picture in an artifact, as Pillow's image. Raises InvalidArgument where it holds none."""
    import io

    try:
        import PIL.Image
    except ImportError:
        raise InvalidArgument("loading an image needs Pillow: pip install Pillow") from None
    try:
        image = PIL.Image.open(io.BytesIO(_content(artifact_uri)))
        image.load()
    except (OSError, ValueError, SyntaxError) as error:
        raise InvalidArgument(f"Unable to form a PIL Image object from file content: {error}") from None
    return image


def _content(artifact_uri: str) -> bytes:
    root, path = _located(artifact_uri, None, None, None, None)
    with scratch_directory("artifact-") as directory:
        local_path = Path(directory, "artifact")
        root.get(path, local_path)
        return local_path.read_bytes()


def _located(
    artifact_uri: str | None,
    run_id: str | None,
    artifact_path: str | None,
    tracking_uri: str | None,
    registry_uri: str | None,
) -> tuple[ArtifactRoot, str]:
    """A root, and the path below it of what is asked for."""
    if (run_id is None) == (artifact_uri is None):
        raise InvalidArgument("Exactly one of `run_id` or `artifact_uri` must be specified")
    if run_id is not None:
        client = MlflowClient(tracking_uri)
        return client.artifact_root(run_id), checks.artifact_path(artifact_path)
    assert artifact_uri is not None
    if artifact_path is not None:
        raise InvalidArgument("`artifact_path` cannot be specified if `artifact_uri` is specified")
    if artifact_uri.startswith(_RUNS):
        return _in_run(MlflowClient(tracking_uri), artifact_uri)
    if is_model_uri(artifact_uri):
        return _in_model(MlflowClient(registry_uri or tracking_uri), artifact_uri)
    return _by_itself(MlflowClient(tracking_uri), artifact_uri)


def _in_run(client: TrackingClient, uri: str) -> tuple[ArtifactRoot, str]:
    run_id, _, path = uri.removeprefix(_RUNS).partition("/")
    if not run_id:
        raise InvalidArgument(f"Not a proper runs:/ URI: {uri[:300]}. It is runs:/<run id>/<path>")
    path = checks.artifact_path(path)
    root = client.artifact_root(run_id)
    name, _, below = path.partition("/")
    if name and not any(entry.path == name for entry in root.entries("")):
        model_id = _model_made_by(client, run_id, name)
        if model_id is not None:
            return _of_logged_model(client, model_id), below
    return root, path


def _model_made_by(client: TrackingClient, run_id: str, name: str) -> str | None:
    if "'" in name:
        return None  # no logged model's name: servers refuse such ones
    run = client.get_run(run_id)
    wanted = f"name = '{name}' AND source_run_id = '{run_id}'"
    newest = [{"field_name": "creation_timestamp", "ascending": False}]
    try:
        found = client.search_logged_models([run.info.experiment_id], wanted, max_results=1, order_by=newest)
    except NotFound:  # a server from before there were logged models
        return None
    return found[0].model_id if found else None


def _in_model(client: TrackingClient, uri: str) -> tuple[ArtifactRoot, str]:
    parts = uri.removeprefix("models:/").split("/")
    named = 1 if _MODEL_ID.fullmatch(parts[0]) or "@" in parts[0] else 2
    model = ModelUri.parse(f"models:/{'/'.join(parts[:named])}")
    path = checks.artifact_path("/".join(parts[named:]))
    if model.model_id is not None:
        return _of_logged_model(client, model.model_id), path
    version = client.version_at(model)
    source = client.get_model_version_download_uri(version.name, version.version)
    if is_model_uri(source):
        origin = ModelUri.parse(source)
        if origin.model_id is None:
            raise InvalidArgument(f"the files of {uri} are at {source}, which is no place")
        return _of_logged_model(client, origin.model_id), path
    return places.artifact_root(source, client.transport), path


def _of_logged_model(client: TrackingClient, model_id: str) -> ArtifactRoot:
    return places.artifact_root(client.get_logged_model(model_id).artifact_location, client.transport)


def _by_itself(client: TrackingClient, uri: str) -> tuple[ArtifactRoot, str]:
    """The root is the directory that the last name of the URI is in: it may be a file's."""
    start, slash, name = uri.rstrip("/").rpartition("/")
    if not name or start.endswith(("/", ":")) or not slash:
        return places.artifact_root(uri, client.transport), ""
    return places.artifact_root(start, client.transport), checks.artifact_path(_plain(start, name))


def _plain(start: str, name: str) -> str:
    """The name as its store has it: URIs of files and of the tracking server are quoted."""
    from urllib.parse import unquote

    return unquote(name) if start.startswith(("file:", "mlflow-artifacts:")) else name


__all__ = ["download_artifacts", "list_artifacts", "load_dict", "load_image", "load_text"]

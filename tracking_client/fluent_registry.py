"""MLflow's fluent functions for the model registry.

All raise ApiError for what the server refuses and TransportError where it does not answer in time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tracking_client import notice
from tracking_client.errors import AlreadyExists, InvalidArgument, NotFound
from tracking_client.mlflow_client import MlflowClient
from tracking_client.model_uri import ModelUri, is_model_uri
from tracking_client.model_versions import AWAIT_CREATION_S
from tracking_client.noted_versions import note_version
from tracking_client.wire.entities import LoggedModel, ModelVersion, RegisteredModel, Run

_RUNS = "runs:/"


def register_model(
    model_uri: str,
    name: str,
    await_registration_for: int | None = AWAIT_CREATION_S,
    *,
    tags: Mapping[str, Any] | None = None,
) -> ModelVersion:
    """Makes the next version of the registered model `name`, created where it does not exist.

    `model_uri` is `models:/<model id>`, `models:/<name>/<version>`, `models:/<name>@<alias>`,
    `runs:/<run id>/<path>` (files of the run, or a logged model of that name that the run made), or the URI
    of an object store. Waits up to `await_registration_for` seconds until the version is READY.
    Raises InvalidArgument for any other URI, NotFound, TrackingError where the registration fails.
    """
    client = MlflowClient()
    source = _source(client, model_uri)
    try:
        client.create_registered_model(name)
    except AlreadyExists:
        pass  # a further version of it is made
    version = client.create_model_version(
        name, tags=tags, await_creation_for=await_registration_for, **source
    )
    notice.say(f"version {version.version} of the registered model {name!r} is made of {model_uri}")
    if source.get("model_id"):
        note_version(client, source["model_id"], version)
    return version


def search_registered_models(
    max_results: int | None = None,
    filter_string: str | None = None,
    order_by: Sequence[str] | None = None,
) -> list[RegisteredModel]:
    """All registered models that match, up to `max_results`."""
    return list(MlflowClient().find_registered_models(filter_string, order_by, max_results))


def search_model_versions(
    max_results: int | None = None,
    filter_string: str | None = None,
    order_by: Sequence[str] | None = None,
) -> list[ModelVersion]:
    """All versions of registered models that match, up to `max_results`."""
    return list(MlflowClient().find_model_versions(filter_string, order_by, max_results))


def set_model_version_tag(
    name: str, version: str | int | None = None, key: str | None = None, value: Any = None
) -> None:
    """Sets one tag of a version. Raises NotFound, InvalidArgument."""
    MlflowClient().set_model_version_tag(name, version, key, value)


def delete_model_version_tag(name: str, version: str | int | None = None, key: str | None = None) -> None:
    """Removes one tag of a version; one that is not set is no error. Raises NotFound, InvalidArgument."""
    MlflowClient().delete_model_version_tag(name, version, key)


def set_registered_model_alias(name: str, alias: str, version: str | int) -> None:
    """Makes `alias` point at a version of a registered model. Raises NotFound, InvalidArgument."""
    MlflowClient().set_registered_model_alias(name, alias, version)


def delete_registered_model_alias(name: str, alias: str) -> None:
    """Removes an alias of a registered model; one that is not there is no error. Raises NotFound."""
    MlflowClient().delete_registered_model_alias(name, alias)


def _source(client: MlflowClient, model_uri: str) -> dict[str, Any]:
    """What `create_model_version` is told about where the files are."""
    if model_uri.startswith(_RUNS):
        return _source_in_run(client, model_uri)
    if not is_model_uri(model_uri):
        return {"source": model_uri}
    uri = ModelUri.parse(model_uri)
    if uri.model_id is not None:
        return {"source": model_uri, "model_id": uri.model_id}
    origin = client.version_at(uri)
    return {"source": f"models:/{origin.name}/{origin.version}"}


def _source_in_run(client: MlflowClient, model_uri: str) -> dict[str, Any]:
    run_id, _, path = model_uri.removeprefix(_RUNS).partition("/")
    if not run_id or not path.strip("/"):
        raise InvalidArgument(
            f"Not a proper runs:/ URI: {model_uri[:300]}. It is runs:/<run id>/<path of the model>"
        )
    path = path.strip("/")
    run = client.get_run(run_id)
    if client.list_artifacts(run_id, path):
        root = (run.info.artifact_uri or "").rstrip("/")
        return {"source": f"{root}/{path}", "run_id": run_id}
    model = model_made_by(client, run, path)
    if model is None:
        raise NotFound(
            f"the run {run_id} has neither artifacts at {path!r} nor a logged model of that name",
            status=404,
            code="RESOURCE_DOES_NOT_EXIST",
        )
    return {"source": model.model_uri, "run_id": run_id, "model_id": model.model_id}


def model_made_by(client: MlflowClient, run: Run, name: str) -> LoggedModel | None:
    if "'" in name:
        return None  # no logged model's name: servers refuse such ones
    wanted = f"name = '{name}' AND source_run_id = '{run.info.run_id}'"
    newest = [{"field_name": "creation_timestamp", "ascending": False}]
    found = client.search_logged_models([run.info.experiment_id], wanted, max_results=1, order_by=newest)
    return found[0] if found else None


__all__ = [
    "delete_model_version_tag",
    "delete_registered_model_alias",
    "register_model",
    "search_model_versions",
    "search_registered_models",
    "set_model_version_tag",
    "set_registered_model_alias",
]
